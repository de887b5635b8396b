package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A successor is what takes the name of a relation that the same transaction gives
// another name.
type successor struct {
	// severity of what is left to say; detail and fix say it.
	severity    migration.Severity
	detail, fix string
}

// successor returns what takes the old name; nil where nothing does.
func (s *statement) successor(o migration.ObjectSeen, severity migration.Severity) *successor {
	switch {
	case s.apart():
		return nil
	case s.after.has(o.Name):
	case o.To != "" && s.before.has(o.To):
		return &successor{migration.Info, fmt.Sprintf("It takes the place of what %s was.", o.To), "See that it has all that the other had: rows, privileges, indexes, constraints, triggers, and foreign keys that refer to it."}
	default:
		return nil
	}
	missing := s.missing(o.Name)
	if len(missing) > 0 {
		return &successor{severity, fmt.Sprintf("What has the name %s from then on lacks %s: running code that names them fails (42703).", o.Name, list(missing)),
			fmt.Sprintf("Let the view under the old name show all of its columns: CREATE VIEW %s AS SELECT * FROM %s;", o.Name, o.To)}
	}
	if view := s.after.get("view", o.Name); view != "" {
		return s.successorView(o, view)
	}
	return s.successorTable(o, severity)
}

// missing are the columns of before of a relation that it has no more.
func (s *statement) missing(name string) (names []string) {
	is := s.columnsOf(s.after, name)
	for _, c := range s.columnsOf(s.before, name) {
		if !slices.Contains(is, c) {
			names = append(names, c)
		}
	}
	return names
}

// columnsOf are the columns of a table or a view.
func (s *statement) columnsOf(c *catalogue, name string) (names []string) {
	t := c.table(name)
	if t == nil {
		t = readTable(name, c.get("view", name))
	}
	for _, column := range t.columns {
		names = append(names, column.name)
	}
	return names
}

func (s *statement) successorView(o migration.ObjectSeen, view string) *successor {
	if isTable(o.Kind) && !writable(view) {
		return &successor{s.lesser(migration.Warning, o.Name), fmt.Sprintf("The view %s can be read, but not written through: INSERT, UPDATE and DELETE of running code fail (55000).", o.Name),
			fmt.Sprintf("Make it a view that can be written through: CREATE VIEW %s AS SELECT * FROM %s;", o.Name, o.To)}
	}
	return &successor{migration.Info, fmt.Sprintf("The view %s has all of its columns, and running code goes on.", o.Name), "Drop the view a release later, when no code names it any more."}
}

// writable says that rows can be written through a view: it selects from one
// relation and neither groups, sorts out nor counts; or triggers or rules do it.
func writable(definition string) bool {
	if strings.Contains(definition, "\ntrigger ") && strings.Contains(definition, " INSTEAD OF ") || strings.Contains(definition, " DO INSTEAD ") {
		return true
	}
	_, query, ok := strings.Cut(definition, "\nas ")
	if !ok {
		return false
	}
	if at := strings.Index(query, ";"); at >= 0 {
		query = query[:at]
	}
	depth, from := 0, false
	for _, t := range migration.Tokens(query) {
		switch {
		case t.Kind == migration.Symbol && t.Text == "(":
			depth++
		case t.Kind == migration.Symbol && t.Text == ")":
			depth--
		case depth > 0:
		case t.Is("with"), t.Is("distinct"), t.Is("group"), t.Is("having"), t.Is("limit"), t.Is("offset"), t.Is("fetch"),
			t.Is("union"), t.Is("intersect"), t.Is("except"), t.Is("over"), t.Is("join"), t.Is("values"):
			return false
		case t.Is("from"):
			from = true
		case t.Is("where"):
			return from
		case from && t.Kind == migration.Symbol && t.Text == ",":
			return false
		}
	}
	return from
}

// successorTable looks at a table that takes the old name.
func (s *statement) successorTable(o migration.ObjectSeen, severity migration.Severity) *successor {
	t := s.after.table(o.Name)
	fine := &successor{migration.Info, fmt.Sprintf("A table with all of its columns has the name %s from then on.", o.Name),
		"See that it has all that this one has: rows, also those that were written a moment ago, privileges, indexes, constraints, triggers, and foreign keys that refer to it."}
	made := slices.ContainsFunc(s.effects, func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Objects, func(x migration.ObjectSeen) bool {
			return isTable(x.Kind) && x.Change == migration.Created && (x.Name == o.Name || s.becomes(x.Name, o.Name))
		})
	})
	if t == nil || !isTable(o.Kind) || slices.Contains(t.children, o.To) || s.says("inherit") {
		return fine
	}
	if !made {
		if copy := s.copiedBefore(o.Name); copy != "" {
			return &successor{migration.Warning, fmt.Sprintf("The rows of %s were copied into %s by statements that committed, and no trigger keeps the copy in step: what others wrote since then stays in %s and is lost to the new table.", o.Name, copy, o.To),
				fmt.Sprintf("Before the copy begins, have a trigger on %s write to %s what INSERT, UPDATE and DELETE change. Or keep writers out: LOCK TABLE in the file that changes the names, and copy there what is missing.", o.Name, copy)}
		}
		return fine
	}
	filled := slices.ContainsFunc(s.file.Stmts, func(stmt migration.Stmt) bool {
		tokens := deepTokens(stmt.Text)
		return says(tokens, "insert into") || says(tokens, "as select") || says(tokens, "as table")
	})
	if !filled {
		return &successor{severity, fmt.Sprintf("The new table %s has no rows: those of before stay in %s, and so do views and foreign keys that refer to it.", o.Name, o.To),
			fmt.Sprintf("Leave a view under the old name: CREATE VIEW %s AS SELECT * FROM %s; or make the new table first, keep it filled by a trigger, copy the old rows in batches, and swap the names when both have the same.", o.Name, o.To)}
	}
	for _, stmt := range s.file.Stmts {
		if tokens := migration.Tokens(stmt.Text); len(tokens) > 0 && tokens[0].Is("lock") {
			return fine
		}
	}
	return &successor{severity, fmt.Sprintf("What others write to %s while the rows are copied is lost to the new table: it stays in %s, and so do views and foreign keys that refer to it.", o.Name, o.To),
		"Make the new table in a file before, have a trigger write to both, copy the old rows in batches, and swap the names in a transaction that does nothing else."}
}

// copiedBefore is the table of the run that takes the name of another, where an earlier
// file copied the rows of that into it, no trigger that stands keeps it in step, and the
// file that is judged copies nothing more; "" otherwise.
func (s *statement) copiedBefore(name string) string {
	names := func(t []migration.Token, table string) bool {
		return slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && x.Text == last(table) })
	}
	copies := func(f migration.File, to string) bool {
		return slices.ContainsFunc(f.Stmts, func(stmt migration.Stmt) bool {
			t := deepTokens(stmt.Text)
			return fills(stmt, to) && names(t, name)
		})
	}
	for _, e := range s.effects {
		for _, x := range e.Objects {
			to := x.Name
			if x.To != name || !isTable(x.Kind) || !s.newInRun(objectKey("table", to)) || copies(s.file, to) {
				continue
			}
			follows := slices.ContainsFunc(s.before.table(name).triggers, func(g trigger) bool {
				_, runs, _ := strings.Cut(g.definition, " EXECUTE FUNCTION ")
				_, body, _ := strings.Cut(s.before.get("function", bareName(runs)+"()"), "\nbody ")
				return g.on && names(deepTokens(body), to)
			})
			copied := slices.ContainsFunc(s.in.Files, func(f migration.File) bool { return f.Name < s.file.Name && copies(f, to) })
			if copied && !follows {
				return to
			}
		}
	}
	return ""
}

// becomes says that the file gives the first the name of the second.
func (s *statement) becomes(name, to string) bool {
	return slices.ContainsFunc(s.effects, func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Objects, func(x migration.ObjectSeen) bool { return x.Name == name && x.To == to })
	})
}

// renamedNames tells of sequences and types that have another name.
func (s *statement) renamedNames() {
	for _, o := range s.e.Objects {
		switch {
		case o.Kind == "sequence" && o.Existed && (o.Change == migration.Renamed || o.Change == migration.Moved):
			severity := migration.Warning
			if strings.Contains(s.before.get("sequence", o.Name), "\nowned by ") || !s.apart() && s.after.get("sequence", o.Name) != "" {
				severity = migration.Info
			}
			s.tell(codeSequence, severity, fmt.Sprintf("renames the sequence %s to %s", o.Name, o.To), "Defaults of columns go on; running code that calls nextval with its name fails (42P01).",
				"Leave the name as it is. Or let the code take the value from the default of a column, and rename it a release later.")
		case (o.Kind == "type" || o.Kind == "domain") && o.Change == migration.Altered && (s.says("alter type") || s.says("alter domain")) && (s.says("rename to") || s.says("set schema")):
			if was := s.renamedType(o.Name); was != "" && !s.newInRun(objectKey("type", was)) {
				s.tell(codeDropType, migration.Warning, fmt.Sprintf("renames the type %s to %s", was, o.Name), "Running code that casts to it by name, or has looked up its oid by name, fails (42704).",
					"Leave the name as it is, or let no running code name it before.")
			}
		}
	}
}

// renamedConstraints tells of constraints that have another name, and that ON CONFLICT
// ON CONSTRAINT can name.
func (s *statement) renamedConstraints() {
	for _, o := range s.e.Objects {
		if !isIndex(o.Kind) || o.Change != migration.Renamed || !o.Existed {
			continue
		}
		name := ident(last(o.Name))
		for _, on := range s.before.each("table") {
			if schema(on) != schema(o.Name) || s.before.table(on).constraint(name) == nil || s.before.index(on, o.Name) == nil ||
				s.after.table(on).constraint(name) != nil || s.newInRun(constraintKey(on, name)) {
				continue
			}
			severity, detail := migration.Info, "Running code that says ON CONFLICT ON CONSTRAINT and its name fails (42704); what looks for the name in errors finds it no more."
			if named := s.after.conflictsOn(name); len(named) > 0 {
				severity, detail = s.lesser(migration.Warning, on), fmt.Sprintf("%s says ON CONFLICT ON CONSTRAINT %s, and fails from then on (42704).", list(named), name)
			}
			s.tell(codeConstraintName, severity, fmt.Sprintf("renames the constraint %s of %s to %s", name, on, ident(last(o.To))), detail,
				"Leave the name as it is; or let running code, and functions, name the columns instead: ON CONFLICT (...).")
			return
		}
	}
}

// conflictsOn are the functions and procedures that say ON CONFLICT ON CONSTRAINT and
// that name.
func (c *catalogue) conflictsOn(name string) (names []string) {
	for _, kind := range []string{"function", "procedure"} {
		for _, routine := range c.each(kind) {
			_, body, _ := strings.Cut(c.get(kind, routine), "\nbody ")
			t := deepTokens("EXECUTE " + body)
			for i := range max(0, len(t)-4) {
				if says(t[i:i+4], "on conflict on constraint") && ident(t[i+4].Text) == name {
					names = append(names, routine)
					break
				}
			}
		}
	}
	return names
}

// renamedType is the name that a type of before had, "" where the type is new.
func (s *statement) renamedType(name string) string {
	for _, kind := range []string{"enum", "domain", "composite type", "range"} {
		is := s.after.get(kind, name)
		if is == "" || s.before.get(kind, name) != "" {
			continue
		}
		for _, was := range s.before.each(kind) {
			if s.after.get(kind, was) == "" && s.before.get(kind, was) == is {
				return was
			}
		}
	}
	return ""
}

// orphaned tells of tables that inherit no more: queries of the parent do not find
// their rows. A partition that is detached is not told of: that is what it is for.
func (s *statement) orphaned() {
	for _, o := range s.e.Objects {
		t := s.before.table(o.Name)
		if o.Change != migration.Altered || o.On == "" || t == nil || t.bound != "" || !slices.Contains(t.parents, o.On) || !s.says("no inherit") {
			continue
		}
		s.tell(codeOrphaned, s.lesser(migration.Warning, o.Name), fmt.Sprintf("takes %s from under %s", o.Name, o.On), "Queries of the parent no longer find its rows, nor do UPDATE and DELETE reach them.",
			"Let the code name both tables first, or take the rows over to where they shall be.")
	}
}
