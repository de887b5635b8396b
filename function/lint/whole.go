package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A fresh is a table that a file created.
type fresh struct {
	name            string
	file            string
	line, statement int
}

// An unproven is a constraint that was added NOT VALID.
type unproven struct {
	name, table     string
	file            string
	line, statement int
}

// unprove keeps a constraint that the statement adds NOT VALID.
func (s *statement) unprove(k migration.ConstraintSeen) {
	if !k.Valid && !k.Validated && k.Table != "" {
		s.unproven = append(s.unproven, unproven{k.Name, k.Table, s.file.Name, s.stmt.Line, s.e.Statement})
	}
}

// find adds a finding of the statement of that number.
func (s *sheet) find(statement int, code string, severity migration.Severity, summary, detail, fix string) {
	line := 0
	if statement > 0 && statement <= len(s.file.Stmts) {
		line = s.file.Stmts[statement-1].Line
	}
	if slices.ContainsFunc(s.findings, func(f migration.Finding) bool { return f.Code == code && f.Statement == statement }) {
		return
	}
	s.findings = append(s.findings, migration.Finding{Code: code, Severity: severity, File: s.file.Name, Line: line, Statement: statement, Summary: summary, Detail: detail, Fix: fix})
}

// whole tells of what the catalogue shows after the file.
func (s *sheet) whole() {
	for _, name := range s.tablesTold() {
		is := s.after.table(name)
		if is == nil {
			continue
		}
		was := s.before.table(name)
		if was == nil { // another name makes it no other table
			was = s.before.table(s.origin(name))
		}
		at := s.lastOn(name)
		s.settings(at, name, was, is)
		s.constraintsOf(at, name, was, is)
		s.frozen(name, was, is)
		if was == nil {
			s.newTable(at, name, is)
			if made := s.madeAt(name); made > 0 {
				s.sequences(made, name, nil, is)
			}
			continue
		}
		s.refusesValues(at, name, was, is)
		s.required(name, was, is)
		s.leftOut(name, was, is)
		s.uniquenessLeft(name)
		s.security(at, name, was, is)
		s.triggers(name, was, is)
		s.sequences(at, name, was, is)
	}
	for _, name := range s.after.each("materialized view") {
		s.uniquenessLeft(name)
	}
	s.between()
	s.bounded()
	s.writesBroken()
	s.writesDiscarded()
	s.publications()
	s.replaced()
	s.viewsShow()
	s.attributes()
	s.privileges()
	s.forEverybody()
	s.laterForEverybody()
	s.ungrants()
	s.owners()
	s.sequencesOfInserts()
	s.functions()
}

// origin is the name that a relation had when the file began, where it has another
// now; "" for one that has not.
func (s *sheet) origin(name string) string {
	for _, e := range s.effects {
		for _, o := range e.Objects {
			if o.To == name && o.Existed && (o.Change == migration.Renamed || o.Change == migration.Moved) {
				return o.Name
			}
		}
	}
	return ""
}

// tablesTold are the tables that the catalogue has anew or changed.
func (s *sheet) tablesTold() []string {
	seen, _ := s.in.Replay.Find(s.file.Name)
	var names []string
	for _, e := range seen.Catalogue {
		if !e.Gone && (e.Kind == "table" || e.Kind == "foreign table") {
			names = append(names, e.Name)
		}
	}
	return names
}

// lastOn is the last statement, from 1, that has to do with an object; the first
// of the file where none says so.
func (s *sheet) lastOn(name string) int {
	at := 1
	for _, e := range s.effects {
		about := slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == name || o.To == name || o.On == name }) ||
			slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool { return c.Table == name }) ||
			slices.ContainsFunc(e.Locks, func(l migration.LockSeen) bool { return l.Relation == name && !l.Collateral && blocks(l) })
		if about {
			at = e.Statement
		}
	}
	return at
}

func (s *sheet) settings(at int, name string, was, is *table) {
	came := func(what string) bool {
		return strings.Contains(is.facts, what) && (was == nil || !strings.Contains(was.facts, what))
	}
	if was == nil && is.persistence == "u" {
		s.find(at, codeUnlogged, migration.Warning, name+" is unlogged", "Its rows are lost in a crash, and on Aurora readers cannot read it.", "Make it a plain table.")
	}
	if came("autovacuum_enabled=false") || came("autovacuum_enabled=off") {
		of := name
		if !strings.Contains(is.fact("options"), "autovacuum_enabled=") {
			of = "the TOAST table of " + name
		}
		s.find(at, codeAutovacuum, migration.Warning, "switches autovacuum off for "+of, "Dead rows and old transaction ids stay, until an anti-wraparound vacuum comes at the worst time.", "Tune autovacuum_vacuum_scale_factor or autovacuum_vacuum_cost_delay instead.")
	}
	if came("identity=f") || came("identity=n") {
		s.find(at, codeReplicaIdentity, migration.Warning, "changes the replica identity of "+name+" to FULL or NOTHING", "FULL writes each old row to the WAL and has subscribers search for it; with NOTHING, UPDATE and DELETE of a published table fail (55000).",
			"Use an index: ALTER TABLE "+name+" REPLICA IDENTITY USING INDEX ...;")
	}
	if is.triggersOff && (was == nil || !was.triggersOff) {
		s.find(at, codeTriggersOff, migration.Warning, "leaves a foreign key of "+name+" without the triggers that keep it", "Rows that refer to nothing get in, and stay.", "Switch them on again: ALTER TABLE "+name+" ENABLE TRIGGER ALL;")
	}
}

var moving = regexp.MustCompile(`(?i)\b(now|random|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|gen_random_uuid)\(|\bCURRENT_(DATE|TIME|TIMESTAMP)\b|\bLOCAL(TIME|TIMESTAMP)\b`)

func (s *sheet) constraintsOf(at int, name string, was, is *table) {
	var bare []constraint // foreign keys without an index
	for _, k := range is.constraints {
		if was.constraint(k.name) != nil {
			continue
		}
		if strings.HasPrefix(k.definition, "CHECK") && moving.MatchString(k.definition) {
			s.find(at, codeVolatileCheck, migration.Warning, fmt.Sprintf("the CHECK %s of %s depends on the clock or on chance", k.name, name), "Rows that were right turn wrong, and a dump of them cannot be restored.", "Check it in a trigger, when the row is written, or compare with a column.")
		}
		if strings.Contains(k.definition, " NOT ENFORCED") {
			s.find(at, codeNotEnforced, migration.Warning, fmt.Sprintf("the constraint %s of %s is NOT ENFORCED", k.name, name), "PostgreSQL refuses nothing by it: it is a comment.", "Leave NOT ENFORCED away, or the constraint.")
		}
		if strings.HasPrefix(k.definition, "FOREIGN KEY") {
			s.narrowKey(at, name, was, is, k)
			if s.newKey(at, name, is, k) {
				bare = append(bare, k)
			}
		}
	}
	if len(bare) > 0 {
		s.unindexed(at, name, bare)
	}
}

// newKey looks at a foreign key that is new, and says that no index begins with its
// first column.
func (s *sheet) newKey(at int, name string, is *table, k constraint) bool {
	if strings.Contains(k.definition, " ON DELETE CASCADE") {
		s.find(at, codeCascadingKey, migration.Info, fmt.Sprintf("deleting a row that %s of %s refers to deletes rows of %s with it", k.name, name, name), "A delete of many such rows becomes one of very many.", "Delete in batches.")
	}
	return !is.indexed(k)
}

// narrowKey tells of a foreign key that is on a narrower integer than what it refers
// to: a warning while the column is new and can be given the other type.
func (s *sheet) narrowKey(at int, name string, was, is *table, k constraint) {
	widths := []string{"smallint", "integer", "bigint"}
	own, others, _, ok := readForeignKey(k.definition)
	_, behind, _ := strings.Cut(k.definition, ") REFERENCES ")
	referred := s.after.table(bareName(behind))
	if !ok || referred == nil {
		return
	}
	for i := range own {
		c, other := is.column(own[i]), referred.column(others[i])
		if c == nil || other == nil || slices.Index(widths, c.typ) < 0 || slices.Index(widths, c.typ) >= slices.Index(widths, other.typ) {
			continue
		}
		severity := migration.Info
		if was.column(own[i]) == nil {
			severity = migration.Warning
		}
		s.find(at, codeIntegerKey, severity, fmt.Sprintf("%s.%s is %s, and refers by %s to %s.%s, which is %s", name, c.name, c.typ, k.name, referred.name, other.name, other.typ),
			"Rows that refer to a key beyond the narrower type are refused (22003), and a wider type rewrites the table.", "Make it "+other.typ+".")
	}
}

// indexed says that an index of the table begins with the first column of a foreign
// key: one that leaves out the rows in which it is NULL serves as well.
func (t *table) indexed(k constraint) bool {
	first := firstOfKey(keyColumns(k))
	return slices.ContainsFunc(t.indexes, func(i index) bool {
		return firstColumn(i.definition) == first && !i.invalid && serves(i, first)
	})
}

// serves says that an index finds rows by a value of its first column: it has them
// all, or all but those that have none.
func serves(i index, first string) bool {
	_, where, partial := strings.Cut(i.definition, " WHERE ")
	return !partial || where == "("+first+" IS NOT NULL)"
}

// keyColumns are the columns of a foreign key, as they stand in its parentheses.
func keyColumns(k constraint) string {
	inside, _, _ := strings.Cut(strings.TrimPrefix(k.definition, "FOREIGN KEY ("), ")")
	return inside
}

func firstOfKey(columns string) string {
	first, _ := firstName(strings.Replace(columns, ",", " ", 1))
	return first
}

// unindexed tells of foreign keys of a table that no index begins with.
func (s *sheet) unindexed(at int, name string, keys []constraint) {
	severity := migration.Info
	if f, ok := s.in.Facts[name]; ok && f.Bytes >= s.in.Policy.SizeError {
		severity = migration.Warning
	}
	var on, names, build []string
	for _, k := range keys {
		columns := keyColumns(k)
		on, names = append(on, firstOfKey(columns)), append(names, k.name)
		line := fmt.Sprintf("CREATE INDEX CONCURRENTLY %s ON %s (%s)", named(name, firstOfKey(columns), "_idx"), name, columns)
		if !slices.Contains(build, line) {
			build = append(build, line)
		}
	}
	words := "which the foreign key %s is on"
	if len(keys) > 1 {
		words = "which the foreign keys %s are on"
	}
	s.find(at, codeKeyWithoutIndex, severity, fmt.Sprintf("no index of %s begins with %s, "+words, name, list(on), list(names)), fmt.Sprintf("Each DELETE of a row that it refers to scans all of %s.", name),
		s.oneIndex(name, alone(build...)))
}

// oneIndex is advice to build an index; of a partitioned table it takes several
// steps.
func (s *sheet) oneIndex(name string, file RewriteFile) string {
	if s.after.partitioned(name) {
		return "Build one on each partition CONCURRENTLY, make one ON ONLY the parent, and attach them."
	}
	return fix("Build one:", file)
}

func (s *sheet) newTable(at int, name string, is *table) {
	for i, e := range s.effects {
		if slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == name && o.Change == migration.Created }) {
			at = i + 1
			s.created = append(s.created, fresh{name, s.file.Name, s.file.Stmts[i].Line, i + 1})
			break
		}
	}
	for _, c := range is.columns {
		if c.typ == "json" {
			s.find(at, codeJSON, migration.Warning, fmt.Sprintf("%s.%s is of type json", name, c.name), "json has no equality: SELECT DISTINCT, UNION and GROUP BY over it fail (42883).", "Make it jsonb.")
		}
		counts := c.identity != "" || strings.HasPrefix(c.fallback, "nextval(")
		key := slices.ContainsFunc(is.constraints, func(k constraint) bool { return k.definition == "PRIMARY KEY ("+c.name+")" })
		if counts && key && is.bound == "" && (c.typ == "integer" || c.typ == "smallint") {
			s.find(at, codeIntegerKey, migration.Warning, fmt.Sprintf("the key %s.%s counts in %s", name, c.name, c.typ), "It ends at "+map[string]string{"integer": "2,147,483,647", "smallint": "32,767"}[c.typ]+"; inserts fail from then on (22003), and a wider type rewrites the table.", "Make it bigint.")
		}
	}
}

// frozen tells of defaults that are the moment at which the migration runs: DEFAULT
// 'now' is read once, and DEFAULT now() for each row.
func (s *sheet) frozen(name string, was, is *table) {
	moments := map[string]string{"now": "now()", "today": "CURRENT_DATE", "tomorrow": "CURRENT_DATE + 1", "yesterday": "CURRENT_DATE - 1"}
	for _, c := range is.columns {
		if old := was.column(c.name); old != nil && old.fallback == c.fallback || !strings.HasPrefix(c.fallback, "'") || !strings.Contains(c.fallback, "'::time") && !strings.Contains(c.fallback, "'::date") {
			continue
		}
		for i, st := range s.file.Stmts {
			t := deepTokens(st.Text)
			for k := range max(0, len(t)-1) {
				says, ok := moments[strings.ToLower(strings.Trim(t[k+1].Text, "' "))]
				if t[k].Is("default") && t[k+1].Kind == migration.Literal && ok {
					s.find(i+1, codeFrozenDefault, migration.Warning, fmt.Sprintf("%s.%s gets for a default the moment at which the migration runs: %s", name, c.name, c.fallback), "Each new row has this one, and each database another.", "Write DEFAULT "+says+".")
					return
				}
			}
		}
	}
}

// refusesValues tells of columns that running code sends values for, and that are
// GENERATED ALWAYS from now on.
func (s *sheet) refusesValues(at int, name string, was, is *table) {
	if slices.ContainsFunc(s.created, func(f fresh) bool { return f.name == name }) {
		return // no code writes to it yet
	}
	for _, c := range is.columns {
		old := was.column(c.name)
		if old == nil || is.bound != "" || c.identity != "a" || old.identity != "d" && (old.identity != "" || old.fallback != "") {
			continue
		}
		s.find(at, codeValueRefused, s.lesserOf(migration.Warning, name), fmt.Sprintf("%s.%s is GENERATED ALWAYS from now on", name, c.name), "Running code that sends a value for it fails (428C9).",
			fmt.Sprintf("Leave it BY DEFAULT until no running code sends one: ALTER TABLE %s ALTER COLUMN %s SET GENERATED BY DEFAULT;", name, c.name))
	}
}

// madeAt is the statement that made a table, 0 where none did.
func (s *sheet) madeAt(name string) int {
	for _, e := range s.effects {
		if slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == name && o.Change == migration.Created }) {
			return e.Statement
		}
	}
	return 0
}

// sequences looks at those of columns that were widened, or that have a narrow one
// from the beginning.
func (s *sheet) sequences(at int, name string, was, is *table) {
	for _, c := range is.columns {
		old := was.column(c.name)
		if c.typ != "bigint" || old != nil && old.typ == "bigint" && old.fallback == c.fallback || !strings.HasPrefix(c.fallback, "nextval(") {
			continue
		}
		sequence := sequenceOf(c.fallback)
		for _, candidate := range []string{sequence, "public." + sequence} {
			if d := s.after.get("sequence", candidate); strings.Contains(d, "\nsequence integer ") || strings.Contains(d, "\nsequence smallint ") {
				s.find(at, codeSequenceType, migration.Warning, fmt.Sprintf("%s.%s is bigint, and its sequence %s ends where a narrower type does", name, c.name, sequence), "nextval fails there (2200H).",
					fix("Widen the sequence first:", one("ALTER SEQUENCE "+candidate+" AS bigint")))
				break
			}
		}
	}
}
