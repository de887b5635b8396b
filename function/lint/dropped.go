package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A gap is an index that was dropped.
type gap struct {
	file            string
	line, statement int
	index, table    string
	on              string // the first column, or the whole of an expression
}

// droppedIndexes tells of indexes that are dropped by name.
func (s *statement) droppedIndexes() {
	var stopping, used, tables, bare []string
	partitioned := false
	for _, o := range s.e.Objects {
		if !isIndex(o.Kind) || o.Change != migration.Dropped || !o.Existed || o.Cascaded || !s.after.has(o.On) {
			continue
		}
		if s.before.table(o.On).constraint(last(o.Name)) != nil {
			continue // told of as a constraint
		}
		was := s.before.index(o.On, o.Name)
		if was == nil || !was.invalid {
			s.dropped = append(s.dropped, gap{s.file.Name, s.stmt.Line, s.e.Statement, o.Name, o.On, firstOf(was)})
		}
		if keys := s.unserved(o.On, was); len(keys) > 0 {
			bare = append(bare, fmt.Sprintf("%s, and no other index of %s begins with the columns of %s", o.Name, o.On, list(keys)))
		}
		if l, ok := s.lockOn(o.On); ok && l.Mode.StopsReads() {
			stopping = append(stopping, o.Name)
			tables = append(tables, o.On)
			partitioned = partitioned || s.before.partitioned(o.On)
		}
		if f := s.in.Facts[o.On].Indexes[o.Name]; f.Scans > 0 {
			used = append(used, fmt.Sprintf("%s (%s scans)", o.Name, grouped(f.Scans)))
		}
	}
	if len(stopping) > 0 {
		var lines []string
		for _, name := range stopping {
			lines = append(lines, "DROP INDEX CONCURRENTLY "+name)
		}
		words, files, severity := "Drop it CONCURRENTLY, in a file of its own outside a transaction:", []RewriteFile{alone(lines...)}, migration.Warning
		if again := s.builtAgain(stopping); again > 0 {
			words, files = fmt.Sprintf("Leave it to what is said of statement %d, which builds one of that name: the new one is built under another name first, and this one dropped then, CONCURRENTLY.", again), nil
		}
		if partitioned {
			words, files, severity = "CONCURRENTLY is refused for the index of a partitioned table, and the lock is on each of the partitions too: keep the transaction to this one statement.", nil, migration.Info
		}
		s.tell(codeDropIndex, s.lesser(severity, tables...), fmt.Sprintf("DROP INDEX takes ACCESS EXCLUSIVE on %s, to drop %s", list(unique(tables)), list(stopping)), s.waiting(), fix(words, files...))
	}
	if len(bare) > 0 {
		s.tell(codeKeyWithoutIndex, s.lesser(migration.Warning, tables...), "drops "+strings.Join(bare, "; "), "Each DELETE of a row that such a foreign key refers to, and each change of its key, scans the whole table.",
			"Leave it, or build the one that takes its place first, CONCURRENTLY.")
	}
	if len(used) > 0 {
		s.tell(codeIndexUsed, migration.Warning, "drops an index that queries use: "+list(used),
			"Counted since the statistics were reset, on this server; readers count their own.", "Find the queries that use it, and give them another index first.")
	}
}

// builtAgain is the later statement of the file that builds an index of one of these
// names; 0 for none.
func (s *statement) builtAgain(names []string) int {
	for _, e := range s.effects[s.e.Statement:] {
		if slices.ContainsFunc(e.Indexes, func(i migration.IndexSeen) bool { return slices.Contains(names, i.Index) }) {
			return e.Statement
		}
	}
	return 0
}

// unserved are the foreign keys of a table that no index serves when the file ends,
// and that the dropped one did.
func (s *statement) unserved(on string, dropped *index) (names []string) {
	is := s.after.table(on)
	if is == nil || dropped == nil {
		return nil
	}
	for _, k := range is.constraints {
		if strings.HasPrefix(k.definition, "FOREIGN KEY") && (&table{indexes: []index{*dropped}}).indexed(k) && !is.indexed(k) {
			names = append(names, k.name)
		}
	}
	return names
}

func isIndex(kind string) bool { return kind == "index" || kind == "partitioned index" }

// index finds an index of a table by its qualified name; nil where there is none.
func (c *catalogue) index(on, name string) *index {
	t := c.table(on)
	if t == nil {
		return nil
	}
	for i, x := range t.indexes {
		_, after, _ := strings.Cut(x.definition, "INDEX ")
		if first, _ := firstName(after); first == ident(last(name)) {
			return &t.indexes[i]
		}
	}
	return nil
}

// firstOf is what an index sorts by first.
func firstOf(i *index) string {
	if i == nil {
		return ""
	}
	if c := firstColumn(i.definition); c != "" {
		return c
	}
	return tail(i.definition)
}

// droppedThings tells of what is lost, or no longer there for the code that uses it.
func (s *statement) droppedThings() {
	lost := make(map[string][]string)
	for _, o := range s.e.Objects {
		if o.Change != migration.Dropped || !o.Existed || s.newInRun(objectKey(o.Kind, o.Name)) {
			continue
		}
		switch kind := o.Kind; {
		case kind == "schema" && (o.Cascaded || s.before.get("schema", o.Name) == ""):
		case kind == "schema":
			lost[codeDropSchema] = append(lost[codeDropSchema], o.Name)
		case kind == "table" || kind == "foreign table" || kind == "partitioned table":
			lost[codeDropTable] = append(lost[codeDropTable], o.Name)
		case kind == "sequence" && !o.Cascaded && !(s.remade(o) && s.setFromRows()):
			lost[codeSequence] = append(lost[codeSequence], o.Name)
		case kind == "type" || kind == "domain" || kind == "enum" || kind == "composite type" || kind == "range":
			if !o.Cascaded && !s.remade(o) {
				lost[codeDropType] = append(lost[codeDropType], o.Name)
			}
		case kind == "extension":
			lost[codeExtension] = append(lost[codeExtension], o.Name)
		case isCode(kind) && o.Cascaded && s.ofExtension(o):
		case isCode(kind) && o.Cascaded:
			lost[codeCascade] = append(lost[codeCascade], kind+" "+o.Name)
		case isCode(kind) && !s.remade(o) && !s.fires(o):
			lost[codeDropCode] = append(lost[codeDropCode], kind+" "+o.Name)
		}
	}
	s.droppedTables(lost)
	if names := lost[codeSequence]; len(names) > 0 {
		s.tell(codeSequence, migration.Warning, "drops the sequence "+list(names)+" and how far it has counted", "", "See that no running code asks it for values. One that comes in its place goes on from setval to the largest value that is there.")
	}
	if names := lost[codeDropType]; len(names) > 0 {
		severity, unused := migration.Info, ", which nothing in the database uses"
		if slices.ContainsFunc(names, s.usedType) {
			severity, unused = migration.Warning, ""
		}
		s.tell(codeDropType, severity, "drops the type "+list(names)+unused, "Code that casts to it or has cached its oid fails.", "Drop it a release after the last code that names it.")
	}
	if names := lost[codeExtension]; len(names) > 0 {
		s.tell(codeExtension, migration.Warning, "drops the extension "+list(names)+" with all that it brought", "", "See that nothing uses its functions, types and operators; installing it again needs a role that may.")
	}
	if names := lost[codeCascade]; len(names) > 0 {
		s.tell(codeCascade, migration.Error, "drops what the statement does not name: "+list(names), "CASCADE takes whatever depends on it.", "Drop or change the dependents by name first, so that everybody can read what goes.")
	}
	if names := lost[codeDropCode]; len(names) > 0 {
		s.tell(codeDropCode, migration.Warning, "drops "+list(names), "Running code that uses it fails. Bodies of SQL functions that name it are not dependents, and fail at their next call.",
			"Let no running code use it any more, and drop it a release later.")
	}
}

// usedType says that something named a type when the file began: a column, an
// argument, the body of a function.
func (s *statement) usedType(name string) bool {
	word := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(last(name)) + `($|\W)`)
	for key, definition := range s.before.objects {
		if _, other, _ := strings.Cut(key, "\x00"); other != name && strings.Contains(definition, last(name)) && word.MatchString(definition) {
			return true
		}
	}
	return false
}

// fires says that the function is one that only triggers call, and none does any more:
// what they did is told of with them.
func (s *statement) fires(o migration.ObjectSeen) bool {
	return o.Kind == "function" && slices.ContainsFunc(strings.Split(s.before.get(o.Kind, o.Name), "\n"), func(line string) bool {
		return strings.Contains(line, " returns trigger ") || strings.Contains(line, " returns event_trigger ")
	})
}

// ofExtension says that an object went with the extension that had brought it,
// which the statement drops: the catalogue does not tell of it by itself.
func (s *statement) ofExtension(o migration.ObjectSeen) bool {
	return s.before.get(o.Kind, o.Name) == "" && slices.ContainsFunc(s.e.Objects, func(x migration.ObjectSeen) bool { return x.Kind == "extension" && x.Change == migration.Dropped })
}

func isCode(kind string) bool {
	return slices.Contains([]string{"view", "materialized view", "function", "procedure", "aggregate", "trigger", "policy", "rule", "operator", "cast"}, kind) && kind != "trigger" && kind != "policy" && kind != "rule"
}

// remade says that the same file makes an object of that kind and name again, or its
// transaction gives the name to another.
func (s *statement) remade(o migration.ObjectSeen) bool {
	bare := func(name string) string { b, _, _ := strings.Cut(name, "("); return b }
	for _, e := range s.effects {
		if slices.ContainsFunc(e.Objects, func(x migration.ObjectSeen) bool {
			return x.Kind == o.Kind && (x.Change == migration.Created && bare(x.Name) == bare(o.Name) ||
				!s.apart() && (x.Change == migration.Renamed || x.Change == migration.Moved) && bare(x.To) == bare(o.Name))
		}) {
			return true
		}
	}
	return false
}

func (s *statement) droppedTables(lost map[string][]string) {
	tables := lost[codeDropTable]
	var others []string
	for _, l := range s.own() {
		if isTable(l.Kind) && !slices.Contains(tables, l.Relation) && s.after.has(l.Relation) {
			others = append(others, l.Relation)
		}
	}
	collateral := ""
	if len(others) > 0 {
		collateral = fmt.Sprintf("It takes ACCESS EXCLUSIVE on %s too.", list(unique(others)))
	}
	if names := lost[codeDropSchema]; len(names) > 0 && s.begins("drop schema") && !s.says("cascade") {
		s.tell(codeDropSchema, migration.Info, "drops the schema "+list(names)+", which has to be empty", "Where it holds anything the statement fails (2BP01), and nothing is lost.", "")
	} else if len(names) > 0 {
		s.tell(codeDropSchema, migration.Error, "drops the schema "+list(names)+withTables(tables), sentences(s.sizes(tables), collateral),
			"Move what is still used to another schema, drop the rest by name, and then the empty schema. Keep a snapshot.")
		return
	}
	if len(tables) == 0 {
		return
	}
	severity := s.lost(tables)
	s.tell(codeDropTable, severity, "drops the table "+list(tables)+" with all of its rows", sentences(s.sizes(tables), collateral),
		s.dropAdvice(tables))
}

func (s *statement) dropAdvice(tables []string) string {
	for _, name := range tables {
		if t := s.before.table(name); t != nil && t.bound != "" && len(t.parents) == 1 {
			return fmt.Sprintf("See that nobody reads it through %[1]s any more: ALTER TABLE %[1]s DETACH PARTITION %[2]s CONCURRENTLY; in a file of its own outside a transaction, and drop it a release later. Keep a snapshot.", t.parents[0], name)
		}
	}
	return "See that nobody reads it any more: rename it away, wait a release, and drop it then; foreign keys first, one for each transaction. Keep a snapshot."
}

// lost is how severe it is that tables, or columns of them, go with what is in them:
// code may use them that holds nothing yet, but not what is not there yet.
func (s *statement) lost(tables []string) migration.Severity {
	switch {
	case !s.empty(tables):
		return migration.Error
	case slices.ContainsFunc(tables, func(name string) bool { return !s.pending(name) }):
		return migration.Warning
	}
	return migration.Info
}

func withTables(tables []string) string {
	if len(tables) == 0 {
		return ""
	}
	return " with the tables " + list(tables) + " and all of their rows"
}

// droppedConstraints tells of rules that hold no more.
func (s *statement) droppedConstraints() {
	var keys, rules, unique, tables []string
	for _, o := range s.e.Objects {
		if !strings.HasSuffix(o.Kind, " constraint") || o.Change != migration.Dropped || !o.Existed || !s.after.has(o.On) {
			continue
		}
		t := s.before.table(o.On)
		k := t.constraint(o.Name)
		if k == nil || s.needless(t, k) || s.newInRun(constraintKey(o.On, o.Name)) {
			continue
		}
		tables = append(tables, o.On)
		if strings.HasPrefix(k.definition, "FOREIGN KEY") {
			keys = append(keys, fmt.Sprintf("%s of %s", k.name, o.On))
		} else {
			rules = append(rules, fmt.Sprintf("%s of %s, %s", k.name, o.On, k.definition))
			if columns := primary(*k); columns != "" {
				unique = append(unique, fmt.Sprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)", named(o.On, strings.ReplaceAll(columns, ", ", "_"), "_key"), o.On, columns))
			}
		}
	}
	if len(keys) > 0 {
		s.tell(codeDropForeignKey, s.lesser(migration.Warning, tables...), "drops the foreign key "+list(keys), sentences("Rows that refer to nothing are no longer refused.", s.waiting()),
			"Put the one that takes its place there first, NOT VALID, and VALIDATE it; or make sure that the code keeps the rule. Both tables are locked for an instant: leave it alone in its transaction.")
	}
	if len(rules) > 0 {
		detail, advice := "Rows that break it are no longer refused.", "Make sure that the code keeps the rule, or put the one that takes its place there first."
		if len(unique) > 0 {
			detail, advice = detail+" ON CONFLICT on its columns fails (42P10).", "Make sure that nothing relies on it. Where something does, build a unique index like it first, under another name, in a file of its own outside a transaction: "+strings.Join(unique, "; ")+"; A table has one primary key: the one that takes its place is added in the statement that drops it."
		}
		s.tell(codeDropConstraint, s.lesser(migration.Warning, tables...), "drops the constraint "+list(rules), detail, advice)
	}
}

// needless says that the rule still holds without the constraint: one like it is
// there, the column is NOT NULL, the bounds of a partition say it; or
// that the column went with it.
func (s *statement) needless(t *table, k *constraint) bool {
	kind := kindOf(k.definition)
	is := s.after.table(t.name)
	if is == nil { // a view has its name
		return false
	}
	if rule, ok := s.uniqueness(t, k); ok {
		s.deferred(t, k, rule)
		return slices.ContainsFunc(is.indexes, func(i index) bool { return !i.invalid && implies(i, rule) })
	}
	for _, other := range is.constraints {
		was := t.constraint(other.name)
		if other.name != k.name && other.valid && other.definition == strings.TrimSuffix(k.definition, " NOT VALID") {
			return true
		}
		fresh := was == nil || was.definition != other.definition || other.name == k.name
		switch {
		case kindOf(other.definition) != kind:
		case kind == "FOREIGN" && keyColumns(other) == keyColumns(*k) && (fresh || (other.valid || !k.valid) && refers(other) == refers(*k)):
			return true
		case kind != "FOREIGN" && fresh:
			return true
		}
	}
	if kind == "CHECK" && saysNotNull(is, k.definition) {
		return true
	}
	for _, c := range is.columns {
		if kind == "NOT" && c.notNull && k.definition == "NOT NULL "+c.name {
			return true
		}
	}
	for _, c := range s.e.Columns {
		if c.Table == t.name && c.Change == migration.Dropped && slices.ContainsFunc(migration.Tokens(k.definition), func(x migration.Token) bool { return x.Name() && ident(x.Text) == ident(c.Column) }) {
			return true
		}
	}
	return kind == "CHECK" && (is.bound != "" || t.bound != "")
}

// uniqueness is what a unique constraint or a primary key keeps; false for any other.
func (s *statement) uniqueness(t *table, k *constraint) (uniqueKey, bool) {
	if kind := kindOf(k.definition); kind != "UNIQUE" && kind != "PRIMARY" {
		return uniqueKey{}, false
	}
	i := s.before.index(t.name, beside(t.name, strings.Trim(k.name, `"`)))
	if i == nil {
		return uniqueKey{}, false
	}
	return uniqueRule(*i)
}

// deferred tells of uniqueness that from then on a deferrable constraint alone keeps.
func (s *statement) deferred(t *table, k *constraint, rule uniqueKey) {
	isDeferrable := func(i index) bool { return strings.Contains(i.definition, " deferrable") }
	is := s.after.table(t.name)
	if was := s.before.index(t.name, beside(t.name, strings.Trim(k.name, `"`))); was == nil || isDeferrable(*was) ||
		slices.ContainsFunc(is.indexes, func(i index) bool { return !i.invalid && implies(i, rule) && !isDeferrable(i) }) ||
		!slices.ContainsFunc(is.indexes, func(i index) bool { return implies(i, rule) }) {
		return
	}
	s.tell(codeDropConstraint, s.lesser(migration.Warning, t.name), fmt.Sprintf("leaves the uniqueness of (%s) of %s to a deferrable constraint", strings.Join(rule.keys, ", "), t.name),
		"ON CONFLICT on these columns fails (55000), and no foreign key can refer to them.", "Leave it NOT DEFERRABLE; or keep the old one until no running code has such an ON CONFLICT.")
}

// refers is what a foreign key says of columns, without what it does.
func refers(k constraint) string {
	said := k.definition
	for _, behind := range []string{" MATCH ", " ON UPDATE ", " ON DELETE ", " DEFERRABLE", " NOT VALID"} {
		said, _, _ = strings.Cut(said, behind)
	}
	return said
}

// saysNotNull says that a CHECK asks for no more than the columns of a table that
// are NOT NULL keep by themselves.
func saysNotNull(t *table, definition string) bool {
	rest := definition
	for _, c := range t.columns {
		if c.notNull {
			rest = strings.NewReplacer("("+c.name+" IS NOT NULL)", "", "(NOT ("+c.name+" IS NULL))", "").Replace(rest)
		}
	}
	if rest == definition {
		return false
	}
	asked := slices.DeleteFunc(migration.Tokens(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(rest, "CHECK"), " NOT VALID"), " NO INHERIT")), func(x migration.Token) bool { return x.Kind == migration.Symbol && (x.Text == "(" || x.Text == ")") })
	more := slices.ContainsFunc(asked, func(x migration.Token) bool { return !x.Is("and") && !x.Is("or") })
	return !more || !slices.ContainsFunc(asked, func(x migration.Token) bool { return x.Is("and") || x.Is("not") })
}

func kindOf(definition string) string {
	word, _, _ := strings.Cut(definition, " ")
	return word
}
