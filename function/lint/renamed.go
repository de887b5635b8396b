package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// renamed tells of names that running code still uses.
func (s *statement) renamed() {
	s.renamedSchema()
	for _, o := range s.e.Objects {
		if !o.Existed || o.Change != migration.Renamed && o.Change != migration.Moved || o.Kind == "schema" || s.newInRun(objectKey(o.Kind, o.Name)) {
			continue
		}
		severity, detail, advice := s.lesser(migration.Error, o.Name), "Running code that names it fails (42P01).", s.withView(o)
		if n := s.successor(o, severity); n != nil {
			severity, detail, advice = n.severity, n.detail, n.fix
		}
		switch {
		case !isRelation(o.Kind):
		case o.Change == migration.Moved:
			s.tell(codeMoved, severity, fmt.Sprintf("moves %s to %s", o.Name, o.To), detail, advice)
		default:
			s.tell(codeRenameTable, severity, fmt.Sprintf("renames %s to %s", o.Name, o.To), detail, advice)
		}
	}
	s.renamedNames()
	s.renamedConstraints()
	s.orphaned()
	s.renamedColumns()
}

// renamedSchema tells of a schema that has another name: one that was not there
// is altered, and one that was is gone.
func (s *statement) renamedSchema() {
	for _, o := range s.e.Objects {
		if o.Kind != "schema" || o.Change == migration.Created || o.Change == migration.Dropped {
			continue
		}
		is := o.Name
		if o.To != "" {
			is = o.To
		}
		if s.before.get("schema", is) != "" || !s.says("rename") {
			continue
		}
		for _, was := range s.before.each("schema") {
			if s.after.get("schema", was) == "" {
				s.tell(codeMoved, migration.Error, fmt.Sprintf("renames the schema %s to %s", was, is), "Running code that names it, or has it in its search_path, fails (3F000, 42P01).",
					"Make the new schema, move table by table with a view under the old name, and drop the old schema when nobody names it.")
				return
			}
		}
	}
}

func isRelation(kind string) bool {
	return isTable(kind) || kind == "view" || kind == "materialized view"
}

func (s *statement) withView(o migration.ObjectSeen) string {
	with := ""
	if t := s.before.table(o.Name); t != nil && t.secured() {
		with = " WITH (security_invoker = true)" // else its policies bind nobody
	}
	return fmt.Sprintf("In the same file, leave a view under the old name, which can be written through, and drop it when nobody names it: CREATE VIEW %s%s AS SELECT * FROM %s;%s", o.Name, with, o.To, s.regranted(o.Name))
}

func (s *statement) renamedColumns() {
	for _, c := range s.e.Columns {
		if c.Change != migration.Renamed || c.To == "" || s.newOnes(c) {
			continue
		}
		severity := s.lesser(migration.Error, c.Table)
		if !s.apart() && s.after.get("view", c.Table) != "" && slices.Contains(s.columnsOf(s.after, c.Table), ident(c.Column)) { // the table has another name, the view the old one
			severity = migration.Info
		}
		detail := "Running code that names it fails (42703)."
		swapped, takes := !s.apart() && s.columnStays(c), !s.apart() && s.takesPlace(c)
		if swapped || takes {
			severity = migration.Info
		}
		advice := "Add %[2]s, have a trigger write both, fill the old rows in batches, let the code read %[2]s, and drop %[1]s a release later. Or rename the table and leave a view with the old names under its name."
		switch {
		case swapped:
			detail = "Another column has the name when the transaction ends: running code reads and writes that one by it."
			advice = "See that the column which is called %[1]s then has what this one had: all values, the default or identity, NOT NULL, and its place in keys and indexes."
		case takes:
			detail, advice = "What still names %[1]s fails (42703): the trigger, or the code, that filled it.", "See that nothing fills it under the name %[1]s any more, and that it has what the column has whose name it takes: all values, the default or identity, NOT NULL, and its place in keys and indexes."
		case s.before.get("view", c.Table) != "":
			advice = "Leave %[1]s where it is and put %[2]s behind the other columns, with CREATE OR REPLACE VIEW; leave %[1]s out a release later, when no code reads it."
		case s.before.get("materialized view", c.Table) != "":
			advice = "Make another materialized view that calls it %[2]s, let the code read that, and drop this one a release later."
		}
		s.tell(codeRenameColumn, severity, fmt.Sprintf("renames the column %s of %s to %s", ident(c.Column), c.Table, ident(c.To)), strings.ReplaceAll(detail, "%[1]s", ident(c.Column)),
			fmt.Sprintf(advice, ident(c.Column), ident(c.To)))
	}
}

// newOnes says that the file itself added the column, or an earlier one of the run, so
// that nobody uses it yet.
func (s *statement) newOnes(c migration.ColumnSeen) bool {
	if s.newInRun(columnKey(c.Table, c.Column)) {
		return true
	}
	for _, e := range s.effects[:s.e.Statement-1] {
		if slices.ContainsFunc(e.Columns, func(o migration.ColumnSeen) bool {
			return o.Table == c.Table && o.Change == migration.Created && o.Column == c.Column
		}) {
			return s.before.table(c.Table).column(c.Column) == nil
		}
	}
	return false
}

// leftTree says that the table was a partition and is none any more: its identities and
// what else it had of its parent go, and rows come by the parent.
func (s *statement) leftTree(name string) bool {
	was, is := s.before.table(name), s.after.table(name)
	return was != nil && is != nil && was.bound != "" && is.bound == ""
}

// stands says that the relation is there when the file ends, by whatever name.
func (s *statement) stands(name string) bool {
	for _, e := range s.effects {
		for _, o := range e.Objects {
			if o.Name == name && (o.Change == migration.Renamed || o.Change == migration.Moved) {
				return true
			}
		}
	}
	return s.after.has(name)
}

// columnStays says that there is a column of the old name when the file ends:
// names were swapped.
func (s *statement) columnStays(c migration.ColumnSeen) bool {
	return s.after.table(c.Table).column(c.Column) != nil
}

// takesPlace says that the column was made to replace the one whose name it takes,
// going by its name: the last step of giving a column another type. The file has
// renamed or dropped that one, which is told of there.
func (s *statement) takesPlace(c migration.ColumnSeen) bool {
	is, was := strings.Trim(ident(c.To), `"`), strings.Trim(ident(c.Column), `"`)
	made := slices.ContainsFunc([]string{"_new", "_next", "_big", "_bigint", "_int8", "_tmp", "_v2"}, func(ending string) bool {
		return was == is+ending || was == strings.Trim(named(is, "", ending), `"`)
	}) || was == "new_"+is
	return made && slices.ContainsFunc(s.effects[:s.e.Statement-1], func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Columns, func(o migration.ColumnSeen) bool {
			return o.Table == c.Table && ident(o.Column) == ident(c.To) && (o.Change == migration.Renamed || o.Change == migration.Dropped)
		})
	})
}

// columnsChanged tells of columns that are dropped, or not what running code
// takes them for.
func (s *statement) columnsChanged() {
	var lost, tables, json, nulls, of, bare, bereft, changed, expressions []string
	for _, c := range s.e.Columns {
		at := fmt.Sprintf("%s.%s", c.Table, ident(c.Column))
		if c.Type == "json" && c.Was != "json" && c.Change != migration.Dropped && c.Change != migration.Renamed {
			json = append(json, at)
		}
		switch {
		case s.newOnes(c), s.leftTree(c.Table):
		case c.Change == migration.Dropped && s.stands(c.Table):
			lost, tables = append(lost, at), append(tables, c.Table)
		case c.Change == migration.Created || c.Change == migration.Renamed:
		case c.NullsAllowed:
			nulls = append(nulls, at)
		case (c.DefaultWas != nil && c.Default == "" && !s.generated(c) || s.hadIdentity(c)) && c.NotNull && !c.Identity && c.Generated == "" && !s.filledOtherwise(c):
			bare, of = append(bare, at), append(of, c.Table)
		case c.DefaultWas != nil && c.Generated == "" && s.generated(c) && !s.filledByTrigger(c):
			bereft, of = append(bereft, at), append(of, c.Table)
		case c.DefaultWas != nil && s.generated(c):
			verb := "drops"
			if c.Generated != "" {
				verb = "changes"
			}
			expressions = append(expressions, fmt.Sprintf("%s the expression that %s is generated by", verb, at))
		case c.DefaultWas != nil && c.Was == "" && !s.movesSequence(*c.DefaultWas, c.Default):
			changed = append(changed, at)
		}
	}
	s.droppedColumns(lost, unique(tables))
	s.widenedKey()
	if len(json) > 0 {
		s.tell(codeJSON, migration.Warning, "makes "+list(unique(json))+" of type json", "json has no equality: SELECT DISTINCT, UNION and GROUP BY over it fail (42883).", "Make it jsonb.")
	}
	if len(nulls) > 0 {
		s.tell(codeNullsAllowed, migration.Info, "lets "+list(unique(nulls))+" be NULL", "Code that reads it may meet NULLs for the first time.", "Let the code that reads it bear them first.")
	}
	if len(bare) > 0 {
		s.tell(codeDefaultDropped, s.lesser(migration.Warning, of...), "takes the value that "+list(unique(bare))+" gets by itself, and it is NOT NULL", "Running code that inserts rows without it fails (23502).", "Keep the default, or what else fills it, until all running code sends a value.")
	}
	if len(bereft) > 0 {
		s.tell(codeDefaultDropped, s.lesser(migration.Warning, of...), "drops the expression that "+list(unique(bereft))+" is generated by", "Running code sends no value for it (428C9): new rows have NULL there, or are refused where it is NOT NULL (23502).",
			"Have a trigger fill it, in the same file, until all running code sends a value.")
	}
	if len(expressions) > 0 {
		s.tell(codeDefaultChanged, migration.Info, list(unique(expressions)), "Code that reads it meets other values; without an expression new rows have NULL, unless the code sends a value.", "Let the code that reads it bear both first.")
	}
	if len(changed) > 0 {
		s.tell(codeDefaultChanged, migration.Info, "gives "+list(unique(changed))+" another default", "Code that caches defaults goes on writing the old one.", "Let the code send the value where it matters.")
	}
}

// widenedKey tells of tables that are locked because they refer to a column which
// gets another type, though nothing of them is read.
func (s *statement) widenedKey() {
	var locked []string
	for _, l := range s.own() {
		t := s.before.table(l.Relation)
		refers := t != nil && l.Collateral && slices.ContainsFunc(s.e.Columns, func(c migration.ColumnSeen) bool {
			return c.Was != "" && c.Table != l.Relation && slices.ContainsFunc(t.constraints, func(k constraint) bool { return refersTo(k.definition, c.Table) })
		})
		if refers {
			locked = append(locked, l.Relation)
		}
	}
	if len(locked) > 0 && !s.worksOn {
		s.tell(codeRetypedKey, migration.Info, fmt.Sprintf("the new type of a column locks what refers to it for an instant: %s", list(unique(locked))), s.waiting(),
			"Nothing of it is read. Keep the transaction to this one statement.")
	}
}

// movesSequence says that a default counts as it did, by a sequence that only has
// another name.
func (s *statement) movesSequence(was, is string) bool {
	return strings.HasPrefix(was, "nextval(") && slices.ContainsFunc(s.e.Objects, func(o migration.ObjectSeen) bool {
		return o.Kind == "sequence" && o.To != "" && o.Name == sequenceOf(was) && o.To == sequenceOf(is)
	})
}

// generated says that the column is or was computed from others.
func (s *statement) generated(c migration.ColumnSeen) bool {
	was := s.before.table(c.Table).column(c.Column)
	return c.Generated != "" || was != nil && (was.stored || strings.HasPrefix(was.fallback, "v("))
}

// filledByTrigger says that a default or a trigger fills the column when the file
// ends.
func (s *statement) filledByTrigger(c migration.ColumnSeen) bool {
	is := s.after.table(c.Table).column(c.Column)
	return is == nil || is.fallback != "" || is.identity != "" || fillsRows(s.after.get("table", c.Table))
}

// hadIdentity says that the column was an identity and is none any more.
func (s *statement) hadIdentity(c migration.ColumnSeen) bool {
	was := s.before.table(c.Table).column(c.Column)
	return was != nil && was.identity != "" && !c.Identity && c.Default == "" && c.Change == migration.Altered
}

// filledOtherwise says that the column has a value by itself, or may be NULL,
// when the file ends.
func (s *statement) filledOtherwise(c migration.ColumnSeen) bool {
	is := s.after.table(c.Table).column(c.Column)
	return is == nil || is.identity != "" || is.fallback != "" || !is.notNull
}

func (s *statement) droppedColumns(lost, tables []string) {
	if len(lost) == 0 {
		return
	}
	var gone []string
	for _, o := range s.e.Objects {
		if o.Change == migration.Dropped && o.Existed && (o.Kind == "index" || strings.HasSuffix(o.Kind, " constraint")) && slices.Contains(tables, o.On) {
			gone = append(gone, o.Name)
		}
	}
	also := ""
	if len(gone) > 0 {
		also = "With it go " + list(unique(gone)) + "."
	}
	s.tell(codeDropColumn, s.lost(tables), "drops "+list(lost)+" with what is in it", sentences("Running code that names it, or cached it, fails (42703).", also, s.sizes(tables)),
		"Stop reading it, then stop writing it, and drop it a release later. Keep a copy of what is in it.")
}
