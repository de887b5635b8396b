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
	r := &routine{kind: kind, name: name, behind: bareName(name), within: strings.Join(strings.Fields(body), " "), definer: strings.Contains(head, " definer=t ")}
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
	case was.within != is.within:
		s.staleIndexes(is)
	}
}

// staleIndexes tells of indexes, CHECKs and generated columns over what a function
// used to return.
func (s *sheet) staleIndexes(is *routine) {
	var stale, tables, unproven, again []string
	calls := func(text string) bool { return strings.Contains(text, is.behind+"(") }
	for _, name := range s.before.each("table") {
		t := s.before.table(name)
		for _, c := range t.columns {
			if column := name + "." + c.name; c.stored && calls(c.fallback) && !s.computed(name) {
				stale, tables = append(stale, column), append(tables, name)
				again = append(again, fmt.Sprintf("%s by an UPDATE of its rows in batches", column))
			}
		}
		for _, k := range t.constraints {
			if k.valid && strings.HasPrefix(k.definition, "CHECK ") && calls(k.definition) && t.bound == "" && !s.proved(name, k.name) {
				unproven, tables = append(unproven, fmt.Sprintf("the CHECK %s of %s", k.name, name)), append(tables, name)
			}
		}
		if t.partitioned != "" {
			continue
		}
		for _, x := range t.indexes {
			_, after, _ := strings.Cut(x.definition, "INDEX ")
			first, _ := firstName(after)
			if index := beside(name, strings.Trim(first, `"`)); calls(x.definition) && !s.rebuilt(index) {
				stale, tables = append(stale, index), append(tables, name)
				again = append(again, "REINDEX INDEX CONCURRENTLY "+index)
			}
		}
	}
	for _, name := range s.before.each("domain") {
		for line := range strings.SplitSeq(s.before.get("domain", name), "\n") {
			if rest, ok := strings.CutPrefix(line, "constraint "); ok && calls(rest) && strings.Contains(line, " valid=t") {
				unproven = append(unproven, "a CHECK of the domain "+name)
			}
		}
	}
	if len(stale)+len(unproven) == 0 {
		return
	}
	var said, why, advice []string
	if len(stale) > 0 {
		said = append(said, list(stale)+" was built with what it returned before")
		why = append(why, "Rows are kept under the old values: queries by them miss rows, and a unique index lets duplicates in, with no error.")
		advice = append(advice, "Make the function under a new name, and build with that beside the old what stands on it: an index CONCURRENTLY. Or, where a while of wrong answers is bearable, in a file of its own outside a transaction, right behind: "+strings.Join(again, "; ")+".")
	}
	if len(unproven) > 0 {
		said = append(said, list(unproven)+" was verified with what it returned before")
		why = append(why, "Rows of before are not verified again: one that breaks it now stays, is refused at its next UPDATE (23514), and a dump of it cannot be restored.")
		advice = append(advice, "Make the function under a new name, add a CHECK that calls it NOT VALID, validate that in a later file, and drop the old one.")
	}
	severity := s.lesserOf(migration.Warning, tables...)
	s.find(s.aboutRoutine(is), codeStaleIndex, severity, fmt.Sprintf("%s is another function, and %s", is.name, strings.Join(said, "; ")), sentences(why...), sentences(advice...))
}

// computed says that this file or one behind it writes the whole table anew, or
// updates its rows: of a block that commits as it goes, no effect tells which.
func (s *sheet) computed(table string) bool {
	if s.fromHereOn(func(e migration.Effects) bool { return slices.Contains(e.Rewrites, table) }) {
		return true
	}
	return slices.ContainsFunc(s.in.Files, func(f migration.File) bool {
		return f.Name >= s.file.Name && slices.ContainsFunc(f.Stmts, func(stmt migration.Stmt) bool {
			return slices.ContainsFunc(writes(deepTokens(stmt.Text), table), func(w []migration.Token) bool { return says(w, "update") })
		})
	})
}

// proved says that this file or one behind it adds or validates a constraint of that
// name, or drops it.
func (s *sheet) proved(table, name string) bool {
	return s.fromHereOn(func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Constraints, func(k migration.ConstraintSeen) bool {
			return k.Table == table && ident(k.Name) == name && (k.Valid || k.Validated)
		}) ||
			slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
				return o.On == table && ident(o.Name) == name && strings.HasSuffix(o.Kind, " constraint") && o.Change == migration.Dropped
			})
	})
}

// rebuilt says that this file or one behind it builds the index again, or drops it.
func (s *sheet) rebuilt(index string) bool {
	return s.fromHereOn(func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Indexes, func(x migration.IndexSeen) bool { return x.Index == index }) ||
			slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == index && o.Change == migration.Dropped })
	})
}

// fromHereOn says that a statement of this file, or of one behind it, did something.
func (s *sheet) fromHereOn(did func(migration.Effects) bool) bool {
	for _, f := range s.in.Files {
		if f.Name < s.file.Name {
			continue
		}
		seen, _ := s.in.Replay.Find(f.Name)
		if slices.ContainsFunc(seen.Statements, did) {
			return true
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
