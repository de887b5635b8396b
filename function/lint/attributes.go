package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// attributes tells of those that a composite type has no more, or under another
// name, where columns are of the type.
func (s *sheet) attributes() {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		was, is := attributesOf(s.before.get(e.Kind, e.Name)), attributesOf(s.after.get(e.Kind, e.Name))
		if e.Kind != "composite type" || len(was) == 0 || len(is) == 0 {
			continue
		}
		columns, tables := s.columnsOfType(e.Name)
		if len(columns) == 0 {
			continue
		}
		at := s.lastOn(e.Name)
		for i, st := range s.file.Stmts {
			if says(deepTokens(st.Text), "attribute") && slices.ContainsFunc(deepTokens(st.Text), func(t migration.Token) bool { return t.Name() && t.Text == last(e.Name) }) {
				at = i + 1
			}
		}
		var gone []string
		for i, a := range was {
			switch {
			case slices.ContainsFunc(is, func(b attribute) bool { return b.name == a.name }):
			case len(is) == len(was) && is[i].typ == a.typ:
				s.find(at, codeRenameColumn, s.lesserOf(migration.Error, tables...), fmt.Sprintf("renames the attribute %s of %s to %s, which %s is of", a.name, e.Name, is[i].name, list(columns)), "Running code that names it fails (42703).",
					fmt.Sprintf("Add %s beside it, let the code write both and read the new one, and drop %s a release later.", is[i].name, a.name))
			default:
				gone = append(gone, a.name)
			}
		}
		if len(gone) > 0 {
			s.find(at, codeDropColumn, (&statement{sheet: s}).lost(tables), fmt.Sprintf("drops the attribute %s of %s with what is in it in %s", list(gone), e.Name, list(columns)), "Running code that names it fails (42703), and what the rows have in it can no longer be read.",
				"Stop reading it, then stop writing it, and drop it a release later. Keep a copy of what is in it.")
		}
	}
}

type attribute struct{ name, typ string }

func attributesOf(definition string) (all []attribute) {
	for line := range strings.SplitSeq(definition, "\n") {
		if rest, ok := strings.CutPrefix(line, "attribute "); ok {
			name, rest := firstName(rest)
			typ, _, _ := strings.Cut(rest, " collation=")
			all = append(all, attribute{name, strings.TrimSpace(typ)})
		}
	}
	return all
}

// columnsOfType are the columns of before that are of a type, or arrays of it.
func (s *sheet) columnsOfType(name string) (columns, tables []string) {
	for _, of := range s.before.each("table") {
		for _, c := range s.before.table(of).columns {
			if c.typ == name || c.typ == name+"[]" {
				columns, tables = append(columns, of+"."+c.name), append(tables, of)
			}
		}
	}
	return columns, tables
}
