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
		if !o.Existed || o.Change != migration.Renamed && o.Change != migration.Moved || o.Kind == "schema" {
			continue
		}
		severity := s.lesser(migration.Error, o.Name)
		covered := !s.apart() && (s.after.has(o.Name) || o.To != "" && s.before.has(o.To))
		if covered {
			severity = migration.Info
		}
		switch {
		case !isRelation(o.Kind):
		case o.Change == migration.Moved:
			s.tell(codeMoved, severity, fmt.Sprintf("moves %s to %s", o.Name, o.To), "Running code that names it fails (42P01).", s.withView(o))
		default:
			s.tell(codeRenameTable, severity, fmt.Sprintf("renames %s to %s", o.Name, o.To), "Running code that names it fails (42P01).", s.withView(o))
		}
	}
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
	return fmt.Sprintf("In the same file, leave a view under the old name, which can be written through, and drop it when nobody names it: CREATE VIEW %s AS SELECT * FROM %s;", o.Name, o.To)
}

func (s *statement) renamedColumns() {
	for _, c := range s.e.Columns {
		if c.Change != migration.Renamed || c.To == "" || s.newOnes(c) {
			continue
		}
		severity := s.lesser(migration.Error, c.Table)
		if !s.apart() && s.after.get("view", c.Table) != "" { // the table has another name, the view the old one
			severity = migration.Info
		}
		if !s.apart() && s.columnStays(c) {
			severity = migration.Info
		}
		s.tell(codeRenameColumn, severity, fmt.Sprintf("renames the column %s of %s to %s", ident(c.Column), c.Table, ident(c.To)), "Running code that names it fails (42703).",
			fmt.Sprintf("Add %[2]s, have a trigger write both, fill the old rows in batches, let the code read %[2]s, and drop %[1]s a release later. Or rename the table and leave a view with the old names under its name.", ident(c.Column), ident(c.To)))
	}
}

// newOnes says that the file itself added the column, so that nobody uses it yet.
func (s *statement) newOnes(c migration.ColumnSeen) bool {
	for _, e := range s.effects[:s.e.Statement-1] {
		if slices.ContainsFunc(e.Columns, func(o migration.ColumnSeen) bool {
			return o.Table == c.Table && o.Change == migration.Created && o.Column == c.Column
		}) {
			return s.before.table(c.Table).column(c.Column) == nil
		}
	}
	return false
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

// columnsChanged tells of columns that are dropped, or not what running code
// takes them for.
func (s *statement) columnsChanged() {
	var lost, tables, json, nulls, bare, changed []string
	for _, c := range s.e.Columns {
		at := fmt.Sprintf("%s.%s", c.Table, ident(c.Column))
		if c.Type == "json" && c.Was != "json" && c.Change != migration.Dropped && c.Change != migration.Renamed {
			json = append(json, at)
		}
		switch {
		case s.newOnes(c):
		case c.Change == migration.Dropped && s.stands(c.Table):
			lost, tables = append(lost, at), append(tables, c.Table)
		case c.Change == migration.Created || c.Change == migration.Renamed:
		case c.NullsAllowed:
			nulls = append(nulls, at)
		case c.DefaultWas != nil && c.Default == "" && c.NotNull && !c.Identity && c.Generated == "" && !s.filledOtherwise(c):
			bare = append(bare, at)
		case c.DefaultWas != nil && c.Was == "":
			changed = append(changed, at)
		}
	}
	s.droppedColumns(lost, unique(tables))
	if len(json) > 0 {
		s.tell(codeJSON, migration.Warning, "makes "+list(unique(json))+" of type json", "json has no equality: SELECT DISTINCT, UNION and GROUP BY over it fail (42883).", "Make it jsonb.")
	}
	if len(nulls) > 0 {
		s.tell(codeNullsAllowed, migration.Info, "lets "+list(unique(nulls))+" be NULL", "Code that reads it may meet NULLs for the first time.", "Let the code that reads it bear them first.")
	}
	if len(bare) > 0 {
		s.tell(codeDefaultDropped, s.lesser(migration.Warning, tables...), "takes the default of "+list(unique(bare))+", which is NOT NULL", "Running code that inserts rows without it fails (23502).", "Keep the default until all running code sends a value.")
	}
	if len(changed) > 0 {
		s.tell(codeDefaultChanged, migration.Info, "gives "+list(unique(changed))+" another default", "Code that caches defaults goes on writing the old one.", "Let the code send the value where it matters.")
	}
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
	severity := migration.Error
	if s.empty(tables) {
		severity = migration.Warning
	}
	s.tell(codeDropColumn, severity, "drops "+list(lost)+" with what is in it", sentences("Running code that names it, or cached it, fails (42703).", also, s.sizes(tables)),
		"Stop reading it, then stop writing it, and drop it a release later. Keep a copy of what is in it.")
}
