package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// mayScan says that the table was seen to be read from end to end, or that it
// could not be filled, so that nobody knows.
func (s *statement) mayScan(table string) bool {
	return s.scans(table) || slices.Contains(s.e.Unfilled, table)
}

// constraints tells of CHECKs and foreign keys that are verified while others
// wait.
func (s *statement) constraints() {
	added := make(map[string][]migration.ConstraintSeen) // by code and table
	var order []string
	for _, k := range s.e.Constraints {
		code := map[string]string{"check": codeCheck, "foreign key": codeForeignKey}[k.Kind]
		if code == "" || k.Table == "" || k.Table == s.partition || s.inherited(k) || s.readded(k) {
			continue
		}
		s.unprove(k)
		read := s.mustScan(k) || s.mayScan(k.Table) || s.rewrites(k.Table) || k.References != "" && s.scans(k.References)
		if !k.Valid || k.Validated || !read || !s.blocked(k.Table) {
			continue
		}
		key := code + " " + k.Table
		if added[key] == nil {
			order = append(order, key)
		}
		added[key] = append(added[key], k)
	}
	for _, key := range order {
		if strings.HasPrefix(key, codeCheck) {
			s.check(added[key])
		} else {
			s.foreignKey(added[key])
		}
	}
}

// mustScan says that nothing but a scan can have made the constraint valid: it was
// added, in whatever way, to a plain table and to columns that were there.
func (s *statement) mustScan(k migration.ConstraintSeen) bool {
	t := s.before.table(k.Table)
	if t == nil || t.partitioned != "" || t.bound != "" || s.begins("alter") {
		return false // of an ALTER TABLE every scan was seen
	}
	return !slices.ContainsFunc(s.e.Columns, func(c migration.ColumnSeen) bool { return c.Table == k.Table })
}

// inherited says that the constraint comes from the one of the same name on a
// parent that the same statement added: of the table, or of what it refers to.
func (s *statement) inherited(k migration.ConstraintSeen) bool {
	t := s.before.table(k.Table)
	return t != nil && slices.ContainsFunc(s.e.Constraints, func(o migration.ConstraintSeen) bool {
		to := s.before.table(k.References)
		return o.Kind == k.Kind && (o.Table != k.Table && slices.Contains(t.parents, o.Table) ||
			o.Table == k.Table && to != nil && slices.Contains(to.parents, o.References))
	})
}

// readded says that the table had the constraint already: another type of a
// column makes PostgreSQL write it anew.
func (s *statement) readded(k migration.ConstraintSeen) bool {
	return !k.Validated && slices.ContainsFunc(s.e.Columns, func(c migration.ColumnSeen) bool { return c.Was != "" }) &&
		s.before.table(k.Table).constraint(k.Name) != nil
}

func constraintNames(ks []migration.ConstraintSeen) []string {
	var names []string
	for _, k := range ks {
		names = append(names, ident(k.Name))
	}
	return names
}

func (s *statement) check(ks []migration.ConstraintSeen) {
	table := ks[0].Table
	s.work(codeCheck, []string{table}, fmt.Sprintf("scans all of %s while it is locked, to verify the CHECK %s", table, list(constraintNames(ks))),
		fix("Add it NOT VALID, which reads nothing, and validate it in a transaction of its own, which stops nobody:", s.addThenValidate("check", ks)...))
}

func (s *statement) foreignKey(ks []migration.ConstraintSeen) {
	k := ks[0]
	files := s.addThenValidate("foreign", ks)
	words := "Add it NOT VALID, which reads nothing, and validate it in a transaction of its own, which lets others read and write:"
	if s.before.partitioned(k.Table) && s.in.Major < 18 {
		words = fmt.Sprintf("PostgreSQL %d refuses NOT VALID on a partitioned table (42809): add it so to each partition, validate it there, and only then add it to the parent, which then reads nothing:", s.in.Major)
		files = s.keyOfPartitions(ks)
	}
	tables := []string{k.Table, k.References}
	if s.empty(tables[:1]) {
		tables = tables[:1] // nothing is looked up
	}
	s.work(codeForeignKey, tables,
		fmt.Sprintf("scans all of %s and looks up %s while writes to both wait, to verify the foreign key %s", k.Table, k.References, list(constraintNames(ks))), fix(words, files...))
}

// addThenValidate are the files that add constraints NOT VALID and validate them;
// nil where it cannot be told how. A foreign key locks what it refers to as well:
// each such table has a file of its own.
func (s *statement) addThenValidate(kind string, ks []migration.ConstraintSeen) []RewriteFile {
	before, ok := s.beyond(kind, ks)
	if !ok {
		return nil
	}
	var to []string // what is referred to, in the order in which it is
	add := make(map[string][]string)
	var validate []string
	for _, k := range ks {
		if add[k.References] == nil {
			to = append(to, k.References)
		}
		add[k.References] = append(add[k.References], fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID", k.Table, ident(k.Name), k.Definition))
		validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", k.Table, ident(k.Name)))
		for _, part := range s.e.Constraints { // what refers to the partitions is not validated with it
			if to := s.before.table(part.References); part.Table == k.Table && to != nil && slices.Contains(to.parents, k.References) {
				validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", k.Table, ident(part.Name)))
			}
		}
	}
	if s.dropsConstraints() && len(before) == 1 && before[0] != "" && len(to) == 1 {
		// What takes the place of a constraint comes in the statement that drops it.
		for _, k := range ks {
			before[0] += fmt.Sprintf(", ADD CONSTRAINT %s %s NOT VALID", ident(k.Name), k.Definition)
		}
		return []RewriteFile{one(before...), one(validate...)}
	}
	if kind != "foreign" {
		return []RewriteFile{one(append(before, add[""]...)...), one(validate...)}
	}
	files := []RewriteFile{one(before...)}
	for _, name := range to {
		files = append(files, one(add[name]...))
	}
	return append(files, one(validate...))
}

func (s *statement) keyOfPartitions(ks []migration.ConstraintSeen) []RewriteFile {
	var add, validate, finish []string
	for _, k := range ks {
		for _, leaf := range s.before.leaves(k.Table) {
			add = append(add, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID", leaf, ident(k.Name), k.Definition))
			validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", leaf, ident(k.Name)))
		}
		finish = append(finish, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", k.Table, ident(k.Name), k.Definition))
	}
	before, ok := s.beyond("foreign", ks)
	if !ok {
		return nil
	}
	return []RewriteFile{one(before...), one(add...), one(validate...), one(finish...)}
}

// beyond is what the statement does beyond adding these constraints of one
// table. One that stands within ADD COLUMN has its column added by itself; false
// where more stands there than can be told.
func (s *statement) beyond(kind string, ks []migration.ConstraintSeen) ([]string, bool) {
	a, ok := s.alter()
	apart := 0
	for _, x := range a.actions {
		if x.addsConstraint(kind) {
			apart++
		}
	}
	ours := func(x action) bool { return x.addsConstraint(kind) || x.validates(constraintNames(ks)...) }
	if ok && apart >= len(ks) {
		return []string{s.without(ours)}, true
	}
	var names, columns []string
	for _, c := range s.e.Columns {
		if c.Table != ks[0].Table || c.Change != migration.Created {
			continue
		}
		names = append(names, c.Column)
		columns = append(columns, s.addColumn(a, c))
		if c.Identity || c.Generated != "" {
			return nil, false
		}
	}
	for _, o := range s.e.Constraints { // of another kind, within ADD COLUMN as well
		among := slices.ContainsFunc(ks, func(k migration.ConstraintSeen) bool { return k.Name == o.Name })
		on, _, _ := strings.Cut(o.Definition, " REFERENCES ")
		if o.Table == ks[0].Table && !among && o.Kind != "not null" && slices.ContainsFunc(names, func(n string) bool { return mentions(on, n) }) {
			return nil, false
		}
	}
	rest := s.without(func(x action) bool { return ours(x) || x.addsColumn(names...) })
	return append(columns, rest), true
}

// addColumn is the statement that adds a column without its constraints.
func (s *statement) addColumn(a alter, c migration.ColumnSeen) string {
	exists, collation := "", ""
	for _, x := range a.actions {
		if !x.addsColumn(c.Column) {
			continue
		}
		if says(x.tokens, "if not exists") {
			exists = "IF NOT EXISTS "
		}
		for i, t := range x.tokens[:len(x.tokens)-1] {
			if t.Is("collate") {
				collation = " COLLATE " + ident(x.tokens[i+1].Text)
				if i+3 < len(x.tokens) && x.tokens[i+2].Text == "." {
					collation += "." + ident(x.tokens[i+3].Text)
				}
			}
		}
	}
	text := fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s%s %s%s", c.Table, exists, ident(c.Column), c.Type, collation)
	if c.Default != "" && c.Generated == "" {
		text += " DEFAULT " + c.Default
	}
	if c.NotNull {
		text += " NOT NULL"
	}
	return text
}

// domains tells of constraints of domains, for which the tables that use them
// are read under SHARE.
func (s *statement) domains() {
	name := ""
	for _, k := range s.e.Constraints {
		if k.Domain != "" && (k.Valid || k.Validated) {
			name = k.Domain
		}
	}
	if name == "" && s.begins("alter domain") {
		name = "of the statement"
	}
	if name == "" || len(s.e.Scans) == 0 || len(s.own()) == 0 {
		return
	}
	s.work(codeDomain, s.scanned(), fmt.Sprintf("reads %s while writes wait, to verify a constraint of the domain %s", list(s.scanned()), name),
		"ADD ... NOT VALID reads nothing and is kept for new values, but VALIDATE has writes to all tables that use the domain wait. Give each table a CHECK of its own, NOT VALID first and then validated.")
}

// nullsEnded tells of columns that become NOT NULL by a scan.
func (s *statement) nullsEnded() {
	tables := make(map[string][]string)
	for _, c := range s.e.Columns {
		table := c.Table
		if t := s.before.root(table); s.touchesColumns(t) {
			table = t
		}
		if c.Change == migration.Created || !c.NullsEnded || table == s.partition || s.rewrites(c.Table) || !s.blocked(c.Table) {
			continue
		}
		if !s.scans(c.Table) && (!slices.Contains(s.e.Unfilled, c.Table) || s.proved(c.Table, c.Column)) {
			continue
		}
		tables[table] = unique(append(tables[table], c.Column))
	}
	below := make(map[string][]string)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		switch above := s.inheritsNullsEnd(table, tables[table]); {
		case above == "":
			s.nullsEndedIn(table, tables[table])
		case tables[above] == nil: // else its CHECK is inherited, and what proves it above does so here
			below[table] = tables[table]
		}
	}
	if len(below) > 0 {
		s.nullsEndedBelow(below)
	}
}

// inheritsNullsEnd is the table that a table, which is no partition, inherits NOT NULL
// of the columns from by this statement; "" for none.
func (s *statement) inheritsNullsEnd(table string, columns []string) string {
	t := s.before.table(table)
	if t == nil || t.bound != "" {
		return ""
	}
	for _, above := range t.parents {
		if slices.ContainsFunc(s.e.Columns, func(c migration.ColumnSeen) bool {
			return c.Table == above && c.NullsEnded && slices.Contains(columns, c.Column)
		}) {
			return above
		}
	}
	return ""
}

// nullsEndedBelow tells of tables that are scanned because what proves NOT NULL of the
// table that they inherit from does not hold for them.
func (s *statement) nullsEndedBelow(tables map[string][]string) {
	names := slices.Sorted(maps.Keys(tables))
	var files []RewriteFile
	var validate, columns []string
	finish := []string{s.text()}
	for _, table := range names {
		var add []string
		for _, c := range tables[table] { // a NOT NULL of its own would stay when the parent's goes
			name := named(table, c, "_not_null")
			add = append(add, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", table, name, ident(c)))
			validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", table, name))
			finish = append(finish, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table, name))
			columns = append(columns, c)
		}
		files = append(files, one(add...)) // each with a lock of its own
	}
	s.work(codeNotNull, names, fmt.Sprintf("SET NOT NULL scans all of %s under ACCESS EXCLUSIVE, for %s: what proves it for the table that they inherit from proves nothing there", list(names), list(unique(columns))),
		fix("Prove it there too, by a CHECK that is validated while others work:", append(files, one(validate...), one(finish...))...))
}

func (s *statement) nullsEndedIn(table string, columns []string) {
	for _, k := range s.e.Constraints {
		if k.Kind != "primary key" || k.Table != table {
			continue
		}
		if !slices.ContainsFunc(s.e.Indexes, func(i migration.IndexSeen) bool { return i.Table == table && i.Primary }) {
			s.work(codeNullableKey, []string{table}, fmt.Sprintf("the primary key makes %s NOT NULL, and scans all of %s under ACCESS EXCLUSIVE for it", list(columns), table),
				fix("Prove first that there are no nulls:", append(s.notNull(table, columns), one(s.text()))...))
		}
		return // else told of with the index
	}
	relations := []string{table}
	for _, heir := range s.before.heirs(table) {
		if s.scans(heir) {
			relations = append(relations, heir)
		}
	}
	rest := s.without(func(a action) bool { return a.alters("set not null", columns...) || a.addsConstraint("not") })
	if rest != "" && !slices.ContainsFunc(columns, func(c string) bool { return !s.proved(table, c) }) {
		var set []string
		for _, c := range columns {
			set = append(set, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", table, ident(c)))
		}
		s.work(codeNotNull, relations, fmt.Sprintf("SET NOT NULL scans all of %s under ACCESS EXCLUSIVE, for %s: ALTER TABLE drops first, and the CHECK that proves it is gone by then", list(relations), list(columns)),
			fix("Drop it in a statement behind:", one(append(set, rest)...)))
		return
	}
	words := fmt.Sprintf("SET NOT NULL scans all of %s under ACCESS EXCLUSIVE, for %s", list(relations), list(columns))
	if proofs := s.provable(table, columns); len(proofs) > 0 {
		var validate []string
		for _, name := range proofs {
			validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", table, name))
		}
		s.work(codeNotNull, relations, words, fix(fmt.Sprintf("What proves that there are no nulls is there, NOT VALID: %s. Validate it first, which lets others work:", list(proofs)), one(validate...), one(s.text())))
		return
	}
	s.work(codeNotNull, relations, words,
		fix("Prove first, by a CHECK that is validated while others work, that there are no nulls:", append([]RewriteFile{one(rest)}, s.notNull(table, columns)...)...))
}

// proved says that a valid CHECK has no nulls in the column.
func (s *statement) proved(table, name string) bool {
	t := s.before.table(table)
	return t != nil && slices.ContainsFunc(t.constraints, func(k constraint) bool {
		return k.valid && strings.Contains(k.definition, "("+ident(name)+" IS NOT NULL)")
	})
}

// provable are constraints that are there NOT VALID and that prove, once they are
// validated, that the columns have no nulls; none where one of the columns lacks
// such a constraint.
func (s *statement) provable(table string, columns []string) []string {
	t := s.before.table(table)
	if t == nil {
		return nil
	}
	var names []string
	for _, c := range columns {
		i := slices.IndexFunc(t.constraints, func(k constraint) bool {
			words := migration.Tokens(k.definition)
			sure := !slices.ContainsFunc(words, func(x migration.Token) bool { return x.Is("or") || x.Is("case") }) && !says(words, "not (")
			return !k.valid && (sure && strings.Contains(k.definition, "("+ident(c)+" IS NOT NULL)") || k.definition == "NOT NULL "+ident(c)+" NOT VALID")
		})
		if i < 0 {
			return nil
		}
		names = append(names, t.constraints[i].name)
	}
	return unique(names)
}

// notNull are the files that make columns NOT NULL without a scan that others
// wait for.
func (s *statement) notNull(table string, columns []string) []RewriteFile {
	var add, validate, set []string
	for _, c := range columns {
		name := named(table, c, "_not_null")
		for _, k := range s.e.Constraints {
			if k.Table == table && k.Kind == "not null" && k.Definition == "NOT NULL "+ident(c) {
				name = ident(k.Name)
			}
		}
		definition := fmt.Sprintf("CHECK (%s IS NOT NULL)", ident(c))
		if s.in.Major >= 18 {
			definition = "NOT NULL " + ident(c)
		}
		add = append(add, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID", table, name, definition))
		validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", table, name))
		if s.in.Major < 18 {
			set = append(set, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", table, ident(c)), fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table, name))
		}
	}
	return []RewriteFile{one(add...), one(validate...), one(set...)}
}
