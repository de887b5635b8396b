package lint

import (
	"fmt"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// copied tells of a table of before that one statement copies whole, into a new
// table or one that is there.
func (s *statement) copied() {
	into := "a new table"
	switch {
	case s.says("create temp"), s.says("create temporary"), s.says("with no data"):
		return
	case s.begins("create table"), s.begins("create unlogged table"):
	case s.begins("insert"):
		into = "another table"
	default:
		return
	}
	if s.worksOn || s.narrows() {
		return
	}
	names := slices.DeleteFunc(s.scanned(), func(name string) bool {
		t := s.before.table(name)
		return t == nil || !slices.ContainsFunc(s.tokens, func(x migration.Token) bool { return x.Name() && x.Text == last(name) })
	})
	if len(names) == 0 {
		return
	}
	severity := s.weigh(names)
	if severity == migration.Error {
		severity = migration.Warning
	}
	severity = s.lesser(severity, names...)
	s.tell(codeCopied, severity, fmt.Sprintf("copies all of %s into %s by one statement", list(names), into),
		sentences("One snapshot is held for as long as it takes, so that nothing can be vacuumed; it writes as much WAL at once; and what others write meanwhile is not in the copy.", s.sizes(names)),
		"Copy ranges of the key that each commit, in a file of its own outside a transaction (-- atlas:txmode none), ON CONFLICT DO NOTHING; and have a trigger copy what is written meanwhile. As a backup, copy the rows that will change, or keep a snapshot of the cluster.")
}

// narrows says that a query yields fewer rows than it reads: it has a condition,
// or it counts them.
func (s *statement) narrows() bool {
	for _, word := range []string{"where", "limit", "fetch", "group", "having", "distinct", "tablesample", "join"} {
		if s.says(word) {
			return true
		}
	}
	for i, t := range s.tokens {
		call := i+1 < len(s.tokens) && s.tokens[i+1].Kind == migration.Symbol && s.tokens[i+1].Text == "("
		if call && slices.Contains([]string{"count", "max", "min", "sum", "avg", "bool_and", "bool_or", "every", "array_agg", "string_agg", "json_agg", "jsonb_agg"}, t.Text) {
			return true
		}
	}
	return false
}

// lookedFor tells of tables that are read from end to end for rows that refer to
// what is deleted: no index of theirs begins with the foreign key.
func (s *statement) lookedFor() {
	var tables, of []string
	for _, r := range s.e.Rows {
		if r.Delete == "" && r.Update == "" {
			continue
		}
		for _, name := range s.scanned() {
			t := s.before.table(name)
			if t == nil || name == r.Table || slices.ContainsFunc(s.tokens, func(x migration.Token) bool { return x.Name() && x.Text == last(name) }) {
				continue
			}
			for _, k := range t.constraints {
				if kindOf(k.definition) == "FOREIGN" && refersTo(k.definition, r.Table) && !t.indexed(k) {
					tables, of = append(tables, name), append(of, r.Table)
				}
			}
		}
	}
	if tables, of = unique(tables), unique(of); len(tables) > 0 {
		s.tell(codeKeyWithoutIndex, s.lesser(migration.Warning, tables...), fmt.Sprintf("scans all of %s for each row of %s that it writes: a foreign key refers to it, and no index begins with that", list(tables), list(of)),
			s.sizes(tables), "Build an index on the foreign key first, CONCURRENTLY, in a file of its own.")
	}
}
