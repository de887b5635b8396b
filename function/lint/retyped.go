package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func retypes(table string) func(migration.ColumnSeen) bool {
	return func(c migration.ColumnSeen) bool { return c.Table == table && c.Was != "" }
}

// retyped tells of columns that get another type: what is written, rebuilt and
// read for it.
func (s *statement) retyped() {
	done := make(map[string]bool)
	for _, c := range s.e.Columns {
		table := s.before.root(c.Table)
		if c.Was == "" || c.Change == migration.Created || done[table] {
			continue
		}
		done[table] = true
		s.retypedTable(table)
	}
}

func (s *statement) retypedTable(table string) {
	var changed []migration.ColumnSeen
	for _, c := range s.e.Columns {
		if c.Was != "" && s.before.root(c.Table) == table && !slices.ContainsFunc(changed, func(o migration.ColumnSeen) bool { return o.Column == c.Column }) {
			changed = append(changed, c)
		}
	}
	c := s.retypings(table, changed)[0] // what costs something comes first
	what := fmt.Sprintf("%s.%s from %s to %s", table, ident(c.Column), c.Was, c.Type)
	if len(changed) > 1 {
		what += fmt.Sprintf(" and %d more", len(changed)-1)
	}
	referring := s.referring(table)
	if len(referring) > 0 {
		s.work(codeRetypedKey, append(referring, table), fmt.Sprintf("the new type of the key %s locks and reads what refers to it: %s", what, list(referring)),
			"Add a column of the new type to each of the tables, keep both filled by triggers, fill the old rows in batches, build the key and the foreign keys on the new columns (NOT VALID, then VALIDATE), and swap the names in one short transaction.")
	}
	of := func(name string) bool { return s.before.root(name) == table }
	switch {
	case slices.ContainsFunc(s.e.Rewrites, of):
		if len(referring) == 0 {
			s.work(codeRetyped, []string{table}, "rewrites "+table+" and its indexes under ACCESS EXCLUSIVE, to change "+what, s.retypeAdvice(table, changed))
		}
	case slices.ContainsFunc(s.e.Indexes, func(i migration.IndexSeen) bool { return of(i.Table) }):
		s.work(codeIndexRebuilt, []string{table}, "rebuilds "+list(s.rebuilt(of))+" under ACCESS EXCLUSIVE, to change "+what,
			"Build the indexes on a new column of the new type, CONCURRENTLY, fill it in batches, and swap the names in one short transaction.")
	case slices.ContainsFunc(s.e.Scans, func(r migration.ScanSeen) bool { return of(r.Relation) }) && len(referring) == 0:
		s.work(codeRetypedCheck, []string{table}, "scans all of "+table+" under ACCESS EXCLUSIVE, to verify its CHECKs again for the new type of "+what,
			fix("Take the CHECK away and add it again NOT VALID, then validate it:", s.recheck(table, changed)...))
	}
}

func (s *statement) rebuilt(of func(string) bool) []string {
	var names []string
	for _, i := range s.e.Indexes {
		if of(i.Table) {
			names = append(names, i.Index)
		}
	}
	return unique(names)
}

// referring are tables with a foreign key to the table that are read for it.
func (s *statement) referring(table string) []string {
	var names []string
	for _, r := range s.e.Scans {
		if s.before.root(r.Relation) == table {
			continue
		}
		t := s.before.table(r.Relation)
		if t != nil && slices.ContainsFunc(t.constraints, func(k constraint) bool { return refersTo(k.definition, table) }) {
			names = append(names, r.Relation)
		}
	}
	return unique(names)
}

// refersTo says that a definition is that of a foreign key to the table.
func refersTo(definition, table string) bool {
	_, after, ok := strings.Cut(definition, ") REFERENCES ")
	return ok && strings.HasPrefix(definition, "FOREIGN KEY") && (strings.HasPrefix(after, table+"(") || strings.HasPrefix(after, strings.TrimPrefix(table, "public.")+"("))
}

// recheck drops the CHECKs on columns, changes these, and adds them again.
func (s *statement) recheck(table string, changed []migration.ColumnSeen) []RewriteFile {
	t := s.after.table(table)
	if t == nil {
		return nil
	}
	text := s.text()
	if _, ok := s.alter(); !ok {
		var types []string
		for _, c := range changed {
			types = append(types, fmt.Sprintf("ALTER COLUMN %s TYPE %s", ident(c.Column), c.Type))
		}
		text = "ALTER TABLE " + table + " " + strings.Join(types, ", ")
	}
	var drop, add, validate []string
	for _, k := range t.constraints {
		mentions := slices.ContainsFunc(changed, func(c migration.ColumnSeen) bool {
			return slices.ContainsFunc(migration.Tokens(k.definition), func(x migration.Token) bool { return x.Name() && ident(x.Text) == ident(c.Column) })
		})
		if strings.HasPrefix(k.definition, "CHECK") && mentions {
			drop = append(drop, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table, k.name))
			add = append(add, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID", table, k.name, strings.TrimSuffix(k.definition, " NOT VALID")))
			validate = append(validate, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", table, k.name))
		}
	}
	return []RewriteFile{one(slices.Concat(drop, []string{text}, add)...), one(validate...)}
}
