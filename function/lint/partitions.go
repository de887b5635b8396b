package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// attached tells of what ATTACH PARTITION, and whatever else makes a partition,
// reads and builds.
func (s *statement) attached() {
	s.partition = s.attachedTable()
	if s.partition != "" {
		s.attachedScan()
		s.attachedBuilds()
	}
	s.defaultScan()
}

// attachedTable is the table of before that the statement makes a partition; "" for
// none.
func (s *statement) attachedTable() string {
	if !s.says("attach partition") {
		return ""
	}
	locks := slices.Clone(s.e.Locks)
	for _, h := range s.held { // a lock that it needs may be there already
		if slices.ContainsFunc(s.tokens, func(t migration.Token) bool { return t.Name() && t.Text == last(h.Relation) }) {
			locks = append(locks, h.LockSeen)
		}
	}
	for _, l := range locks {
		if !isTable(l.Kind) {
			continue
		}
		if was, is := s.before.table(l.Relation), s.after.table(l.Relation); was != nil && is != nil && was.bound == "" && is.bound != "" {
			return l.Relation
		}
	}
	return ""
}

func (s *statement) attachedScan() {
	p := s.partition
	scanned := slices.ContainsFunc(s.e.Scans, func(r migration.ScanSeen) bool { return r.Relation == p })
	if scanned && s.justMade(p) {
		s.worksOn = true
		return
	}
	if !scanned || s.inheritedKeyOrIndex() && s.impliedBound(p) {
		return
	}
	words := "Prove first, by a CHECK that says the same as the bounds, that all of its rows belong there:"
	files := s.provenBound(p, s.after.table(p), "")
	s.work(codeAttachScan, []string{p}, fmt.Sprintf("scans all of %s under ACCESS EXCLUSIVE, to see that its rows fit the bounds", p), fix(words, files...))
}

// justMade says that a file before this one made the table, and that none put
// rows into it since.
func (s *statement) justMade(name string) bool {
	at := slices.IndexFunc(s.in.Files, func(f migration.File) bool { return f.Name == s.file.Name })
	maker := slices.IndexFunc(s.in.Files, func(f migration.File) bool {
		return slices.ContainsFunc(s.created, func(c fresh) bool { return c.name == name && c.file == f.Name })
	})
	if at < 1 || maker < 0 || maker >= at {
		return false
	}
	since := slices.Clone(s.file.Stmts[:s.e.Statement-1])
	for _, f := range s.in.Files[maker:at] {
		since = append(since, f.Stmts...)
	}
	return !slices.ContainsFunc(since, func(stmt migration.Stmt) bool { return fills(stmt, name) })
}

// inheritedKeyOrIndex says that the partition gets indexes or foreign keys, which
// are reasons of their own to read it.
func (s *statement) inheritedKeyOrIndex() bool {
	return slices.ContainsFunc(s.e.Indexes, func(i migration.IndexSeen) bool { return i.Table == s.partition }) ||
		slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool { return k.Table == s.partition && k.Kind == "foreign key" })
}

// impliedBound says that a valid CHECK of a table names its bounds.
func (s *statement) impliedBound(name string) bool {
	is := s.after.table(name)
	was := s.before.table(name)
	if is == nil || was == nil || len(is.parents) == 0 {
		return false
	}
	want := s.bound(is)
	if parent := s.after.table(is.parents[0]); parent != nil { // a column that is NOT NULL says so without the CHECK
		_, inside, _ := strings.Cut(parent.partitioned, " (")
		if c := was.column(strings.TrimSuffix(inside, ")")); c != nil && c.notNull {
			want = strings.TrimPrefix(want, c.name+" IS NOT NULL AND ")
		}
	}
	return want != "" && slices.ContainsFunc(was.constraints, func(k constraint) bool {
		return k.valid && strings.HasPrefix(k.definition, "CHECK") && sameCondition(k.definition, want)
	})
}

// sameCondition compares what two conditions are about: their names and values,
// without parentheses and casts.
func sameCondition(a, b string) bool {
	words := func(text string) string {
		var kept []string
		for _, t := range migration.Tokens(text) {
			if t.Kind == migration.Literal || t.Kind == migration.Number || t.Name() && !t.Is("check") {
				kept = append(kept, strings.Trim(t.Text, "'"))
			}
		}
		return strings.Join(kept, " ")
	}
	x, y := words(a), words(b)
	return x == y || len(y) > 0 && strings.Contains(x, strings.Split(y, " ")[0]) && containsAll(strings.Fields(x), strings.Fields(y))
}

func containsAll(all, some []string) bool {
	for _, w := range some {
		if !slices.Contains(all, w) {
			return false
		}
	}
	return true
}

// bound is the condition that the rows of a partition meet; "" where it cannot be
// written: the key is an expression, has several columns or is hashed.
func (s *statement) bound(p *table) string {
	if p == nil || len(p.parents) == 0 {
		return ""
	}
	parent := s.after.table(p.parents[0])
	if parent == nil {
		return ""
	}
	method, inside, _ := strings.Cut(parent.partitioned, " (")
	key := strings.TrimSuffix(inside, ")")
	if parent.column(key) == nil {
		return ""
	}
	values := strings.TrimPrefix(p.bound, "FOR VALUES ")
	conditions := []string{key + " IS NOT NULL"}
	switch method {
	case "RANGE":
		from, to, ok := strings.Cut(strings.TrimPrefix(values, "FROM "), " TO ")
		if !ok {
			return ""
		}
		if from != "(MINVALUE)" {
			conditions = append(conditions, key+" >= "+strings.Trim(from, "()"))
		}
		if to != "(MAXVALUE)" {
			conditions = append(conditions, key+" < "+strings.Trim(to, "()"))
		}
	case "LIST":
		if !strings.HasPrefix(values, "IN (") || strings.Contains(values, "NULL") {
			return ""
		}
		conditions = append(conditions, key+" "+values)
	default:
		return ""
	}
	return strings.Join(conditions, " AND ")
}

// provenBound are the files that prove by a CHECK on a table what the bounds of
// the partition p demand, its negation where not is "NOT ", and then run the
// statement.
func (s *statement) provenBound(on string, p *table, not string) []RewriteFile {
	condition := s.bound(p)
	if condition == "" {
		return nil
	}
	name := named(on, "", "_bounds")
	if not != "" {
		condition = "NOT (" + condition + ")"
	}
	return []RewriteFile{
		one(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID", on, name, condition)),
		one(fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", on, name)),
		one(s.text(), fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", on, name)),
	}
}

// attachedBuilds tells of indexes and foreign keys that a partition gets from its
// parent at that moment.
func (s *statement) attachedBuilds() {
	p := s.partition
	var build, use, add, validate, what []string
	for _, i := range s.e.Indexes {
		if i.Table != p {
			continue
		}
		what = append(what, i.Index)
		build = append(build, concurrentIndex(i.Definition))
		kind := ""
		switch {
		case i.Primary:
			kind = "PRIMARY KEY"
		case i.Constraint != "":
			kind = "UNIQUE"
		default:
			continue
		}
		use = append(use, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s", p, ident(i.Constraint), kind, ident(last(i.Index))))
	}
	for _, k := range s.e.Constraints {
		if k.Table == p && k.Kind == "foreign key" && k.Valid && s.scans(p) {
			what = append(what, ident(k.Name))
			add = append(add, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID", p, ident(k.Name), k.Definition))
			validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", p, ident(k.Name)))
		}
	}
	if len(what) == 0 {
		return
	}
	s.work(codeAttachBuilds, []string{p}, fmt.Sprintf("builds or verifies %s on %s while it is locked, and while writes to what it refers to wait", list(what), p),
		fix("Give it the indexes and foreign keys of its parent first, without stopping anybody:", alone(build...), one(append(use, add...)...), one(validate...), one(s.text())))
}

// defaultScan tells of the default partition, which is read when another one
// takes rows from its range.
func (s *statement) defaultScan() {
	for _, r := range s.e.Scans {
		t := s.before.table(r.Relation)
		if t == nil || t.bound != "DEFAULT" || len(t.parents) == 0 || !s.blocked(r.Relation) || r.Relation == s.partition {
			continue
		}
		p := s.newPartition(t.parents[0])
		if p == nil {
			continue
		}
		words := "Prove first, by a CHECK on the default partition, that it has none:"
		files := s.provenBound(r.Relation, p, "NOT ")
		if s.partitionOf(p) {
			words = "Prove first, by a CHECK on the default partition, that it has none; and create the table apart, and attach it, which lets others use the parent:"
			files = s.apartOfDefault(t.parents[0], p)
		}
		s.work(codeDefaultScan, []string{r.Relation}, fmt.Sprintf("scans all of the default partition %s under ACCESS EXCLUSIVE, to see that it has no rows for %s", r.Relation, p.name),
			fix(words, files...))
		return
	}
}

// newPartition is the partition of a parent that the statement makes; nil for none.
func (s *statement) newPartition(parent string) *table {
	if s.says("attach partition") {
		return s.after.table(s.newChild(parent))
	}
	for _, o := range s.e.Objects {
		if o.Kind == "table" && o.Change == migration.Created {
			if t := s.after.table(o.Name); t != nil && slices.Contains(t.parents, parent) {
				return t
			}
		}
	}
	return nil
}

// newChild is the partition that a parent has at the end of the file and had not
// at its beginning; of several, the one that the statement names.
func (s *statement) newChild(parent string) string {
	is, was := s.after.table(parent), s.before.table(parent)
	if is == nil || was == nil {
		return ""
	}
	found := ""
	for _, child := range is.children {
		if slices.Contains(was.children, child) {
			continue
		}
		if slices.ContainsFunc(s.tokens, func(t migration.Token) bool { return t.Name() && t.Text == last(child) }) {
			return child
		}
		found = child
	}
	return found
}

// partitions tells of the short lock on a parent that everybody uses.
func (s *statement) partitions() {
	for _, l := range s.own() {
		if !s.before.partitioned(l.Relation) || !l.Mode.StopsReads() {
			continue
		}
		if p := s.newPartition(l.Relation); p != nil && s.partition == "" && !s.says("attach partition") {
			s.tell(codePartitionOf, s.lesser(migration.Warning, l.Relation), fmt.Sprintf("CREATE TABLE ... PARTITION OF takes ACCESS EXCLUSIVE on %s", l.Relation),
				s.waiting(), s.partitionAdvice(l.Relation, p))
			return
		}
		if p := s.detachedTable(l.Relation); p != "" {
			s.detached(l.Relation, p)
			return
		}
	}
}

// partitionOf says that the statement creates the partition as one.
func (s *statement) partitionOf(p *table) bool {
	return p != nil && s.partition == "" && s.begins("create table") && s.says("partition of")
}

// defaultOf is the default partition that a parent had, "" for none.
func (s *statement) defaultOf(parent string) string {
	t := s.before.table(parent)
	if t == nil {
		return ""
	}
	at := slices.IndexFunc(t.children, func(child string) bool {
		k := s.before.table(child)
		return k != nil && k.bound == "DEFAULT"
	})
	if at < 0 {
		return ""
	}
	return t.children[at]
}

func (s *statement) partitionAdvice(parent string, p *table) string {
	if other := s.defaultOf(parent); other != "" {
		return fix(fmt.Sprintf("Create the table apart, and attach it, which lets others use the parent; and prove before, by a CHECK on the default partition %s, that it has no rows for it:", other), s.apartOfDefault(parent, p)...)
	}
	return fix("Create the table apart, and attach it, which lets others read and write:", s.createdApart(parent, p)...)
}

// apartOfDefault are the files of createdApart where there is a default partition,
// which must be proved to have no rows for the new one; nil where it cannot be
// told how.
func (s *statement) apartOfDefault(parent string, p *table) []RewriteFile {
	other := s.defaultOf(parent)
	files := s.provenBound(other, p, "NOT ")
	if len(files) != 3 {
		return nil
	}
	files[2] = RewriteFile{SQL: s.createdApart(parent, p)[0].SQL + "\n" + one(fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", other, named(other, "", "_bounds"))).SQL}
	return files
}

func (s *statement) createdApart(parent string, p *table) []RewriteFile {
	like := fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY EXCLUDING STATISTICS EXCLUDING COMMENTS)", p.name, parent)
	if p.partitioned != "" {
		like += " PARTITION BY " + p.partitioned
	}
	lines := append([]string{like}, s.ownOf(parent, p)...)
	return []RewriteFile{one(append(lines, fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s %s", parent, p.name, p.bound))...)}
}

// ownOf are the statements that give a partition what it has and its parent has not:
// defaults, NOT NULL, CHECKs.
func (s *statement) ownOf(parent string, p *table) (lines []string) {
	of := s.after.table(parent)
	for _, c := range p.columns {
		from := of.column(c.name)
		if from == nil || c.identity != "" || c.stored {
			continue
		}
		if c.fallback != from.fallback {
			set := "SET DEFAULT " + c.fallback
			if c.fallback == "" {
				set = "DROP DEFAULT"
			}
			lines = append(lines, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s %s", p.name, c.name, set))
		}
		if c.notNull && !from.notNull {
			lines = append(lines, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", p.name, c.name))
		}
	}
	for _, k := range p.constraints {
		other := of.constraint(k.name)
		if kind := kindOf(k.definition); (other == nil || other.definition != k.definition) && (kind == "CHECK" || (kind == "UNIQUE" || kind == "PRIMARY" || kind == "FOREIGN") && !s.inherits(of, k)) {
			lines = append(lines, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", p.name, k.name, k.definition))
		}
	}
	return lines
}

// inherits says that a constraint of a partition is that of its parent, which
// attaching gives it.
func (s *statement) inherits(parent *table, k constraint) bool {
	return slices.ContainsFunc(parent.constraints, func(o constraint) bool { return o.definition == k.definition })
}

// detachedTable is the partition that the statement takes from its parent.
func (s *statement) detachedTable(parent string) string {
	if !s.says("detach partition") {
		return ""
	}
	for _, child := range s.before.table(parent).children {
		if t := s.after.table(child); t != nil && t.bound == "" {
			return child
		}
	}
	return ""
}

func (s *statement) detached(parent, p string) {
	words := "Detach it CONCURRENTLY, in a file of its own outside a transaction. It keeps a CHECK of its bounds, which may be dropped:"
	files := []RewriteFile{alone(fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY", parent, p))}
	for _, child := range s.before.table(parent).children {
		if t := s.before.table(child); t != nil && t.bound == "DEFAULT" {
			words, files = fmt.Sprintf("CONCURRENTLY is refused while there is a default partition (55000), here %s. Keep the transaction to this one statement.", child), nil
		}
	}
	severity := migration.Warning
	if files == nil {
		severity = migration.Info
	}
	s.tell(codeDetach, s.lesser(severity, parent), fmt.Sprintf("DETACH PARTITION takes ACCESS EXCLUSIVE on %s", parent), s.waiting(), fix(words, files...))
}

// refreshed tells of materialized views that are filled.
func (s *statement) refreshed() {
	for _, o := range s.e.Objects {
		if o.Kind == "materialized view" && o.Change == migration.Created && len(s.e.Scans) > 0 {
			advice := fix("Create it empty, and fill it in a file of its own:", one(s.text()+" WITH NO DATA"), one("REFRESH MATERIALIZED VIEW "+o.Name))
			if t := s.before.table(o.Name); t != nil {
				advice = s.matviewBeside(o.Name, t)
			}
			s.tell(codeMaterialized, s.lesser(migration.Warning, s.scanned()...), fmt.Sprintf("fills %s within the migration: the query reads %s", o.Name, list(s.scanned())), s.sizes(s.scanned()), advice)
		}
	}
	for _, l := range s.own() {
		t := s.before.table(l.Relation)
		if l.Kind != "materialized view" || t == nil || t.fact("populated") == "f" || !s.says("refresh materialized view") && !s.refreshes(l.Relation) {
			continue
		}
		if s.says("with no data") {
			s.tell(codeRefresh, migration.Error, fmt.Sprintf("empties %s: whoever reads it fails until it is filled again (55000)", l.Relation), s.waiting(), "Leave WITH NO DATA away, and refresh it CONCURRENTLY, which lets others read meanwhile.")
			continue
		}
		files := []RewriteFile{one("REFRESH MATERIALIZED VIEW CONCURRENTLY " + l.Relation)}
		words := "Refresh it CONCURRENTLY, which lets others read:"
		if !slices.ContainsFunc(t.indexes, letsRefresh) {
			words, files = "Refresh it CONCURRENTLY, which lets others read. That needs a unique index over columns, for all rows: build one CONCURRENTLY first.", nil
		}
		s.work(codeRefresh, append(s.scanned(), l.Relation), fmt.Sprintf("REFRESH runs the whole query of %s while whoever reads it waits", l.Relation), fix(words, files...))
	}
}

// refreshes says that what the statement rewrites is a materialized view, and that no
// command which rewrites tables as well does so.
func (s *statement) refreshes(name string) bool {
	return s.before.get("materialized view", name) != "" && s.rewrites(name) &&
		!slices.ContainsFunc([]string{"vacuum", "cluster", "tablespace", "access method"}, s.says)
}

// letsRefresh says that REFRESH MATERIALIZED VIEW CONCURRENTLY can go by the index: it
// is unique, over columns, for all rows.
func letsRefresh(i index) bool {
	rule, ok := uniqueRule(i)
	return ok && rule.where == "" && !i.invalid && !slices.ContainsFunc(rule.keys, func(k string) bool {
		return !plainName.MatchString(k) && !strings.HasPrefix(k, `"`)
	})
}

// matviewBeside is how a materialized view takes the place of one that is in use: that
// is read until the new one has its rows and its indexes.
func (s *statement) matviewBeside(name string, was *table) string {
	next := beside(name, strings.Trim(named(name, "", "_new"), `"`))
	indexes := "the unique index that REFRESH CONCURRENTLY needs"
	var have, rename []string
	for _, i := range was.indexes {
		_, after, _ := strings.Cut(i.definition, "INDEX ")
		first, _ := firstName(after)
		have = append(have, first)
		rename = append(rename, fmt.Sprintf("ALTER INDEX %s RENAME TO %s", beside(name, strings.Trim(named(first, "", "_new"), `"`)), first))
	}
	if len(have) > 0 {
		indexes = "indexes like " + list(have) + " on it, under other names"
	}
	swap := append([]string{"DROP MATERIALIZED VIEW " + name, fmt.Sprintf("ALTER MATERIALIZED VIEW %s RENAME TO %s", next, ident(last(name)))}, rename...)
	return fmt.Sprintf("Whoever reads it fails while it is empty (55000): make the new one beside it, and swap the names when it has its rows, each step in a file of its own:\n"+
		"1. Under the name %[1]s, WITH NO DATA.\n"+
		"2. REFRESH MATERIALIZED VIEW %[1]s;\n"+
		"3. %[2]s%[3]s, and the grants of the old one.\n"+
		"4. In one short transaction: %[4]s;", next, strings.ToUpper(indexes[:1]), indexes[1:], strings.Join(swap, "; "))
}
