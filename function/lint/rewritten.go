package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// rewritten tells of tables whose file is rewritten, by reason.
func (s *statement) rewritten() {
	var rest []string
	names := s.roots(s.e.Rewrites)
	for _, name := range names {
		if slices.ContainsFunc(names, func(o string) bool { return s.touchesColumns(o) && slices.Contains(s.before.heirs(o), name) }) {
			continue // told of with what it inherits from
		}
		if !s.newColumns(name) && !s.refreshes(name) && !slices.ContainsFunc(s.e.Columns, retypes(name)) {
			rest = append(rest, name)
		}
	}
	if len(rest) == 0 {
		return
	}
	tables := list(rest)
	switch {
	case s.begins("refresh"):
		return
	case s.says("vacuum"):
		s.work(codeVacuumFull, rest, fmt.Sprintf("VACUUM FULL rewrites %s and its indexes under ACCESS EXCLUSIVE", tables),
			"VACUUM without FULL lets the room be used again and stops nobody. To give it back, pg_repack does the same work beside the running database.")
	case s.says("cluster") && !s.begins("alter"):
		s.work(codeVacuumFull, rest, fmt.Sprintf("CLUSTER rewrites %s and its indexes under ACCESS EXCLUSIVE", tables),
			"pg_repack puts the rows in the order of an index beside the running database. They come out of that order again as rows are written.")
	case s.expressed(rest) != "":
		s.work(codeGenerated, rest, fmt.Sprintf("SET EXPRESSION rewrites %s and its indexes under ACCESS EXCLUSIVE, to fill %s by another expression", tables, s.expressed(rest)),
			"Add a plain column, have a trigger fill it for new rows by the new expression, fill the old ones in batches, and swap the names in one short transaction.")
	case s.says("set unlogged"):
		s.work(codeLogged, rest, fmt.Sprintf("SET UNLOGGED rewrites %s and its indexes under ACCESS EXCLUSIVE; its rows are lost in a crash or a failover, and on Aurora readers cannot read it", tables),
			"Leave it logged. Where its rows may be lost and no reader needs them, create a new unlogged table, copy the rows in batches, and swap the names in one short transaction.")
	case s.says("set logged"):
		s.work(codeLogged, rest, fmt.Sprintf("SET LOGGED rewrites %s and its indexes under ACCESS EXCLUSIVE", tables),
			"Create a new table of that kind, copy the rows in batches, and swap the names in one short transaction.")
	case s.says("tablespace"):
		s.work(codeTablespace, rest, fmt.Sprintf("SET TABLESPACE copies %s under ACCESS EXCLUSIVE", tables),
			"Leave it where it is: Aurora has one storage volume. Elsewhere pg_repack moves a table beside the running database.")
	case s.says("access method"):
		s.work(codeAccessMethod, rest, fmt.Sprintf("SET ACCESS METHOD rewrites %s under ACCESS EXCLUSIVE", tables),
			"Create a new table USING the other access method, copy the rows in batches, and swap the names in one short transaction.")
	default:
		s.work(codeWork, rest, fmt.Sprintf("rewrites %s and its indexes while others wait", tables),
			"Make a new table or a new column beside it, fill it in batches, and swap the names in one short transaction.")
	}
}

// expressed is the stored generated column of one of the tables that gets another
// expression, "" for none.
func (s *statement) expressed(tables []string) string {
	if !s.says("set expression") {
		return ""
	}
	for _, c := range s.e.Columns {
		if c.Change == migration.Altered && c.Generated == "stored" && slices.Contains(tables, c.Table) {
			return c.Table + "." + ident(c.Column)
		}
	}
	return ""
}

// roots are the relations, partitions replaced by the table that they belong to
// where that is what the statement is about.
func (s *statement) roots(names []string) []string {
	var found []string
	for _, name := range names {
		if root := s.before.root(name); root != name && (s.touchesColumns(root) || s.locks(root)) {
			name = root
		}
		found = append(found, name)
	}
	return unique(found)
}

func (s *statement) touchesColumns(name string) bool {
	return slices.ContainsFunc(s.e.Columns, func(c migration.ColumnSeen) bool { return c.Table == name })
}

func (s *statement) locks(name string) bool {
	return slices.ContainsFunc(s.e.Locks, func(l migration.LockSeen) bool { return l.Relation == name && blocks(l) })
}

// newColumns tells of new columns of a table that is rewritten; false where
// it has none.
func (s *statement) newColumns(table string) bool {
	kinds := map[string][]migration.ColumnSeen{}
	found := false
	for _, c := range s.e.Columns {
		if c.Table != table || c.Change != migration.Created {
			continue
		}
		code := ""
		switch {
		case c.Generated == "stored":
			code = codeGenerated
		case c.Identity || strings.HasPrefix(c.Default, "nextval("):
			code = codeSerial
		case s.domainOf(c) != "":
			code = codeDomainColumn
		case c.Default != "", s.domainDefault(c) != "":
			code = codeVolatileDefault
		default:
			continue
		}
		kinds[code] = append(kinds[code], c)
		found = true
	}
	// a constant beside what has the table written is not the reason
	if volatile := kinds[codeVolatileDefault]; len(volatile) > 0 {
		moving := slices.DeleteFunc(slices.Clone(volatile), func(c migration.ColumnSeen) bool {
			return c.Default != "" && !strings.Contains(c.Default, "(")
		})
		if len(moving) > 0 || len(kinds) > 1 || slices.ContainsFunc(s.e.Columns, retypes(table)) {
			kinds[codeVolatileDefault] = moving
		}
	}
	for code, columns := range kinds {
		if len(columns) > 0 {
			s.newColumn(code, table, columns)
		}
	}
	return found
}

func (s *statement) newColumn(code, table string, columns []migration.ColumnSeen) {
	var names []string
	for _, c := range columns {
		names = append(names, ident(c.Column))
	}
	tables := []string{table}
	for _, heir := range s.before.heirs(table) {
		if s.rewrites(heir) {
			tables = append(tables, heir)
		}
	}
	words := fmt.Sprintf("rewrites %s under ACCESS EXCLUSIVE, to fill the new %s", withIndexes(tables), newKind(code, columns, list(names)))
	switch code {
	case codeGenerated:
		advice := "Add a plain column, have a trigger fill it for new rows, fill the old ones in batches, and read it like the generated one."
		if s.in.Major >= 18 {
			advice = "Make it VIRTUAL, which writes nothing; or " + strings.ToLower(advice[:1]) + advice[1:]
		}
		s.work(code, tables, words, advice)
	case codeDomainColumn:
		s.work(code, tables, words+" of the domain "+s.domainOf(columns[0]),
			fmt.Sprintf("Give it the type below the domain and a CHECK of its own, NOT VALID first and then validated: "+
				"ALTER TABLE %s ADD COLUMN %s ... , ADD CONSTRAINT ... CHECK (...) NOT VALID; and ALTER TABLE %s VALIDATE CONSTRAINT ...; in the next file.", table, names[0], table))
	default:
		advice := "Add the column bare, give new rows the default, and fill the old ones in batches:"
		if slices.ContainsFunc(columns, func(c migration.ColumnSeen) bool { return c.Identity }) {
			advice = "Add the column with a 0 in each row, have it count for new rows, and number the old ones in batches:"
		}
		s.work(code, tables, words, fix(advice, s.filled(table, columns)...))
	}
}

func withIndexes(tables []string) string {
	if len(tables) > 1 {
		return list(tables) + " and their indexes"
	}
	return list(tables) + " and its indexes"
}

// newKind names new columns with what has PostgreSQL compute a value for each row.
func newKind(code string, columns []migration.ColumnSeen, names string) string {
	switch {
	case code == codeGenerated:
		return "stored generated column " + names
	case code == codeVolatileDefault:
		return "column " + names + " with its volatile default"
	case code == codeSerial && columns[0].Identity:
		return "identity column " + names
	case code == codeSerial:
		return "serial column " + names
	}
	return "column " + names
}

// domain is the definition of a domain by the name that a column has for its type, ""
// for another type.
func (s *statement) domain(typ string) string {
	for _, name := range []string{typ, strings.TrimPrefix(typ, "public.")} {
		for _, c := range []*catalogue{s.after, s.before} {
			if d := c.get("domain", name); d != "" {
				return d
			}
		}
	}
	return ""
}

// domainOf is the domain with a constraint that a column has for a type, "" for none.
func (s *statement) domainOf(c migration.ColumnSeen) string {
	if d := s.domain(c.Type); strings.Contains(d, "\nconstraint ") || strings.Contains(d, " not null collation=") {
		return c.Type
	}
	return ""
}

// domainDefault is the default that a column has from its domain, "" for none.
func (s *statement) domainDefault(c migration.ColumnSeen) string {
	for line := range strings.SplitSeq(s.domain(c.Type), "\n") {
		if _, value, ok := strings.Cut(line, " default="); ok && strings.HasPrefix(line, "domain over ") {
			return value
		}
	}
	return ""
}

// filled are the files that add columns without writing the table in one go; nil
// where it cannot be told how.
func (s *statement) filled(table string, columns []migration.ColumnSeen) []RewriteFile {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Column
	}
	about := func(x migration.Token) bool {
		return x.Name() && slices.ContainsFunc(names, func(n string) bool { return ident(n) == ident(x.Text) })
	}
	moved := func(a action) bool {
		return a.addsColumn(names...) || a.adds() && slices.ContainsFunc(a.tokens, about)
	}
	rest := s.without(moved)
	if slices.ContainsFunc(migration.Tokens(rest), about) {
		return nil // it goes on about columns that are not there yet
	}
	first := []string{rest}
	var sets, missing, required []string
	for i, c := range columns {
		name := ident(c.Column)
		if c.Identity {
			identity := s.asIdentity(table, c)
			if identity == "" {
				return nil
			}
			first = append(first, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT 0", table, name, c.Type),
				fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", table, name), fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s ADD %s", table, name, identity))
			sets = append(sets, name+" = DEFAULT")
			missing = append(missing, name+" = 0")
			continue
		}
		if c.Default == "" { // NULL in place of the default of the domain, for the rows that are there
			value := s.domainDefault(c)
			if value == "" {
				return nil
			}
			first = append(first, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s DEFAULT NULL", table, name, c.Type), fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", table, name))
			sets, missing = append(sets, fmt.Sprintf("%s = %s", name, value)), append(missing, name+" IS NULL")
			if c.NotNull {
				required = append(required, names[i])
			}
			continue
		}
		sequence := ""
		if strings.HasPrefix(c.Default, "nextval(") && s.makes("sequence", sequenceOf(c.Default)) {
			sequence = sequenceOf(c.Default)
			first = append(first, fmt.Sprintf("CREATE SEQUENCE %s AS %s", sequence, c.Type))
		}
		first = append(first, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", table, name, c.Type), fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", table, name, c.Default))
		if sequence != "" {
			first = append(first, fmt.Sprintf("ALTER SEQUENCE %s OWNED BY %s.%s", sequence, table, name))
		}
		sets = append(sets, fmt.Sprintf("%s = %s", name, c.Default))
		missing = append(missing, name+" IS NULL")
		if c.NotNull {
			required = append(required, names[i])
		}
	}
	constrain, ok := s.constrain(table, names)
	if !ok {
		return nil
	}
	files := []RewriteFile{one(first...), alone(s.batches(table, "UPDATE "+table+" SET "+strings.Join(sets, ", "), strings.Join(missing, " AND ")))}
	if len(required) > 0 {
		files = append(files, s.notNull(table, required)...)
	}
	return append(files, constrain...)
}

// makes says that the statement itself creates the object, as serial does with a
// sequence.
func (s *statement) makes(kind, name string) bool {
	return slices.ContainsFunc(s.e.Objects, func(o migration.ObjectSeen) bool {
		return o.Kind == kind && o.Change == migration.Created && (o.Name == name || o.Name == "public."+name)
	})
}

// asIdentity is GENERATED ... AS IDENTITY of a new column, with its options; "" where
// these cannot be told.
func (s *statement) asIdentity(table string, c migration.ColumnSeen) string {
	always := "BY DEFAULT"
	if col := s.after.table(table).column(c.Column); col != nil && col.identity == "a" {
		always = "ALWAYS"
	}
	a, ok := s.alter()
	if !ok && !s.says("execute") && !s.says("identity (") {
		return "GENERATED " + always + " AS IDENTITY"
	}
	for _, x := range a.actions {
		if !x.addsColumn(c.Column) {
			continue
		}
		at := slices.IndexFunc(x.tokens, func(t migration.Token) bool { return t.Is("identity") })
		if at < 0 {
			return ""
		}
		options := ""
		if at+1 < len(x.tokens) && x.tokens[at+1].Text == "(" {
			start := x.tokens[at+1].Pos - x.tokens[0].Pos
			end := strings.IndexByte(x.text[start:], ')')
			if end < 0 {
				return ""
			}
			options = " " + x.text[start:start+end+1]
		}
		return "GENERATED " + always + " AS IDENTITY" + options
	}
	return ""
}

// constrain are the files that put onto new columns the constraints that the
// statement gives them, without stopping anybody; false where it cannot be told
// how.
func (s *statement) constrain(table string, names []string) ([]RewriteFile, bool) {
	var build, add, validate []string
	for _, k := range s.e.Constraints {
		on, _, _ := strings.Cut(k.Definition, " REFERENCES ")
		if k.Table != table || k.Kind == "not null" || !slices.ContainsFunc(names, func(n string) bool { return mentions(on, n) }) {
			continue
		}
		constraint := fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s ", table, ident(k.Name))
		switch k.Kind {
		case "check", "foreign key":
			if k.Kind == "foreign key" && s.before.partitioned(table) {
				return nil, false
			}
			add = append(add, constraint+strings.TrimSuffix(k.Definition, " NOT VALID")+" NOT VALID")
			if k.Valid {
				validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", table, ident(k.Name)))
			}
		case "primary key", "unique":
			at := slices.IndexFunc(s.e.Indexes, func(i migration.IndexSeen) bool { return i.Table == table && i.Constraint == k.Name })
			if at < 0 || s.before.partitioned(table) {
				return nil, false
			}
			kind := map[string]string{"primary key": "PRIMARY KEY", "unique": "UNIQUE"}[k.Kind]
			build = append(build, concurrentIndex(s.e.Indexes[at].Definition))
			add = append(add, constraint+kind+" USING INDEX "+ident(last(s.e.Indexes[at].Index))+deferred(k.Definition))
		default:
			return nil, false
		}
	}
	files := []RewriteFile{alone(build...)}
	for _, a := range add { // each with locks of its own
		files = append(files, one(a))
	}
	return append(files, one(validate...)), true
}

// sequenceOf is the sequence in nextval('public.t_id_seq'::regclass).
func sequenceOf(value string) string {
	_, after, _ := strings.Cut(value, "'")
	name, _, _ := strings.Cut(after, "'")
	return name
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
