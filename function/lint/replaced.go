package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A routine is a function or a procedure as its callers see it.
type routine struct {
	kind, name     string // as in the catalogue: public.tot(integer)
	types          []string
	defaults       int
	returns        string
	immutable      bool
	definer        bool   // it runs as its owner
	behind, within string // the name without types; the body
}

// routine reads one from the catalogue; nil where there is none.
func (c *catalogue) routine(kind, name string) *routine {
	d := c.get(kind, name)
	if d == "" {
		return nil
	}
	head, body, _ := strings.Cut(d, "\nbody ")
	r := &routine{kind: kind, name: name, behind: bareName(name), within: strings.Join(strings.Fields(body), " "), immutable: strings.Contains(head, " volatile=i "), definer: strings.Contains(head, " definer=t ")}
	if inside, _ := parenthesis(name[len(r.behind):]); len(inside) > 2 {
		r.types = split(inside[1 : len(inside)-1])
	}
	arguments, after := parenthesis(head)
	r.defaults = strings.Count(arguments, " DEFAULT ")
	r.returns, _, _ = strings.Cut(strings.TrimPrefix(after, " returns "), " language=")
	return r
}

// bareName is the name of a function without the types of its arguments.
func bareName(name string) string {
	b, _, _ := strings.Cut(name, "(")
	return b
}

// routines of that name, whatever they take.
func (c *catalogue) routines(kind, bare string) (all []*routine) {
	for _, name := range c.each(kind) {
		if bareName(name) == bare {
			all = append(all, c.routine(kind, name))
		}
	}
	return all
}

// replaced tells of functions that callers find no more, or not as they were, and of
// views that lack a column.
func (s *sheet) replaced() {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		switch e.Kind {
		case "function", "procedure":
			was, is := s.before.routine(e.Kind, e.Name), s.after.routine(e.Kind, e.Name)
			switch {
			case was == nil && is != nil:
				s.ambiguous(is)
			case s.newInRun(objectKey(e.Kind, e.Name)):
			case was != nil && is == nil:
				s.goneRoutine(was)
			case was != nil:
				s.otherRoutine(was, is)
			}
		case "view", "materialized view":
			if s.newInRun(objectKey(e.Kind, e.Name)) {
				continue
			}
			s.viewColumns(e.Kind, e.Name)
			s.unpopulated(e.Kind, e.Name)
			s.viewOptions(e.Kind, e.Name)
		}
	}
}

// goneRoutine looks at a function that has another name, or takes something else.
func (s *sheet) goneRoutine(was *routine) {
	for _, e := range s.effects {
		st := &statement{sheet: s}
		if slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
			return o.Change == migration.Dropped && (o.Kind == "extension" || o.Kind == "schema" || o.Kind == was.kind && o.Name == was.name && (o.Cascaded || !st.remade(o)))
		}) {
			return // told of there
		}
	}
	others := s.after.routines(was.kind, was.behind)
	if slices.ContainsFunc(others, was.answeredBy) {
		return
	}
	why, fix := "is there under another name only", "Make the new one beside it, let the code call that, and drop the old one a release later."
	if len(others) > 0 {
		why, fix = "takes other arguments: "+others[0].name, "Give what it takes besides a DEFAULT, or make the new one under another name and drop the old one when nobody calls it."
	}
	s.find(s.aboutRoutine(was), codeDropCode, migration.Warning, fmt.Sprintf("the %s %s %s", was.kind, was.name, why), "Running code that calls it as before fails (42883).", fix)
}

// wider are types that values of the first are taken for without a cast.
var wider = map[string][]string{
	"smallint": {"integer", "bigint", "numeric", "real", "double precision"}, "integer": {"bigint", "numeric", "real", "double precision"},
	"bigint": {"numeric", "real", "double precision"}, "real": {"double precision"}, "character varying": {"text"}, "character": {"text"},
	"timestamp without time zone": {"timestamp with time zone"}, "date": {"timestamp without time zone", "timestamp with time zone"}, "json": {}}

// answeredBy says that the calls of one function reach the other.
func (r *routine) answeredBy(o *routine) bool {
	if len(o.types) < len(r.types) || len(o.types)-o.defaults > len(r.types)-r.defaults {
		return false
	}
	for i, t := range r.types {
		if o.types[i] != t && !slices.Contains(wider[t], o.types[i]) {
			return false
		}
	}
	return true
}

// ambiguous looks at a new function that a call may mean as well as the one that
// is there: PostgreSQL does not choose between them.
func (s *sheet) ambiguous(is *routine) {
	for _, was := range s.before.routines(is.kind, is.behind) {
		if s.after.get(was.kind, was.name) == "" {
			continue
		}
		for n := max(len(is.types)-is.defaults, len(was.types)-was.defaults); n <= min(len(is.types), len(was.types)); n++ {
			if slices.Equal(is.types[:n], was.types[:n]) && (n < len(is.types) || n < len(was.types)) {
				s.find(s.aboutRoutine(is), codeAmbiguous, migration.Error, fmt.Sprintf("%s stands beside %s: which one a call with %d arguments means is not clear", is.name, was.name, n),
					"Such calls fail from then on: the function is not unique (42725).", "Leave the DEFAULT away, or drop the old one in the same file, if the new one does its work too.")
				return
			}
		}
	}
}

// otherRoutine looks at a function that is something else under the same name.
func (s *sheet) otherRoutine(was, is *routine) {
	switch {
	case was.returns != is.returns && was.returns != "void" && was.returns != "":
		s.find(s.aboutRoutine(is), codeDropCode, migration.Warning, fmt.Sprintf("the %s %s returns %s, and returned %s", is.kind, is.name, is.returns, was.returns), "Running code that reads what it returns may fail.",
			"Make the new one under another name, and drop the old one when nobody calls it.")
	case was.defaults > is.defaults:
		s.find(s.aboutRoutine(is), codeDropCode, migration.Warning, fmt.Sprintf("the %s %s has fewer defaults than before", is.kind, is.name), "Running code that leaves these arguments out fails (42883).", "Keep the defaults.")
	case was.definer && !is.definer:
		s.find(s.aboutRoutine(is), codeDropCode, migration.Warning, fmt.Sprintf("the %s %s runs with the rights of who calls it, and ran with those of its owner", is.kind, is.name), "Callers that may not do by themselves what it does fail (42501). OR REPLACE keeps nothing that is not said again.",
			"Say SECURITY DEFINER again, with SET search_path; or grant the callers what it does first.")
	case was.immutable && was.within != is.within:
		s.staleIndexes(is)
	}
}

// staleIndexes tells of indexes over what a function used to return.
func (s *sheet) staleIndexes(is *routine) {
	var stale, tables []string
	for _, name := range s.before.each("table") {
		if t := s.before.table(name); t != nil && t.partitioned == "" {
			for _, x := range t.indexes {
				_, after, _ := strings.Cut(x.definition, "INDEX ")
				first, _ := firstName(after)
				index := beside(name, strings.Trim(first, `"`))
				if strings.Contains(x.definition, is.behind+"(") && !s.rebuilt(index) {
					stale, tables = append(stale, index), append(tables, name)
				}
			}
		}
	}
	if len(stale) == 0 {
		return
	}
	var lines []string
	for _, x := range stale {
		lines = append(lines, "REINDEX INDEX CONCURRENTLY "+x)
	}
	s.find(s.aboutRoutine(is), codeStaleIndex, (&statement{sheet: s}).lesser(migration.Warning, tables...), fmt.Sprintf("%s is another function, and %s was built with what it returned before", is.name, list(stale)),
		"Rows are kept under the old values: queries by the index miss them, and a unique one lets duplicates in, with no error.",
		"Make the function under a new name, build an index with that CONCURRENTLY, and let the queries use it. Or, where a while of wrong answers is bearable, in a file of its own outside a transaction, right behind: "+strings.Join(lines, "; ")+";")
}

// rebuilt says that this file or one behind it builds the index again, or drops it.
func (s *sheet) rebuilt(index string) bool {
	for _, f := range s.in.Files {
		if f.Name < s.file.Name {
			continue
		}
		seen, _ := s.in.Replay.Find(f.Name)
		for _, e := range seen.Statements {
			if slices.ContainsFunc(e.Indexes, func(x migration.IndexSeen) bool { return x.Index == index }) ||
				slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == index && o.Change == migration.Dropped }) {
				return true
			}
		}
	}
	return false
}

// aboutRoutine is the last statement that has to do with a function of that name.
func (s *sheet) aboutRoutine(r *routine) int {
	at := 1
	for i, e := range s.effects {
		if slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Kind == r.kind && bareName(o.Name) == r.behind }) ||
			slices.ContainsFunc(deepTokens(s.file.Stmts[i].Text), func(t migration.Token) bool { return t.Name() && t.Text == last(r.behind) }) {
			at = i + 1
		}
	}
	return at
}

// viewColumns looks at a view that stands under its name and lacks a column of
// before, or has it of another type.
func (s *sheet) viewColumns(kind, name string) {
	was, is := s.before.get(kind, name), s.after.get(kind, name)
	if was == "" || is == "" {
		return
	}
	old, now := readTable(name, was), readTable(name, is)
	var gone, other []string
	for _, c := range old.columns {
		switch k := now.column(c.name); {
		case k == nil && s.renamesColumn(name, c.name): // told of there
		case k == nil:
			gone = append(gone, c.name)
		case k.typ != c.typ && !slices.Contains(wider[c.typ], k.typ) && !strings.HasPrefix(c.typ, "character varying"):
			other = append(other, fmt.Sprintf("%s is %s and was %s", c.name, k.typ, c.typ))
		}
	}
	at := s.lastOn(name)
	if len(gone) > 0 {
		for _, e := range s.effects {
			if slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == name && o.Change == migration.Created }) {
				at = e.Statement
			}
		}
		s.find(at, codeDropCode, migration.Warning, fmt.Sprintf("the view %s has no column %s any more", name, list(gone)), "Running code that reads it fails (42703).",
			"Let it keep the column until no running code reads it, and leave it out a release later. A new column goes behind the others.")
		return
	}
	if len(other) > 0 {
		s.find(at, codeDropCode, migration.Warning, fmt.Sprintf("columns of the view %s have another type: %s", name, list(other)), "Running code that reads or compares them may fail, and statements that are prepared do (0A000).",
			"Add a column of the new type behind the others, and leave the old one out a release later.")
	}
}

// unpopulated tells of a materialized view that stands under its name and has
// nothing in it, not even no rows.
func (s *sheet) unpopulated(kind, name string) {
	was, is := s.before.table(name), s.after.table(name)
	if kind != "materialized view" || was.fact("populated") != "t" || is.fact("populated") != "f" {
		return
	}
	at := s.madeAt(name)
	if at == 0 {
		at = s.lastOn(name)
	}
	s.find(at, codeDropCode, migration.Warning, fmt.Sprintf("leaves the materialized view %s unpopulated", name), "Whoever reads it before the next REFRESH fails (55000).",
		"Make the new one under another name, fill it, and swap the names in one short transaction.")
}

// renamesColumn says that a statement of the file gives the column another name.
func (s *sheet) renamesColumn(of, name string) bool {
	return slices.ContainsFunc(s.effects, func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool {
			return c.Table == of && ident(c.Column) == name && c.Change == migration.Renamed
		})
	})
}
