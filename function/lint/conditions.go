package lint

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// What a condition says of the rows that a query reads or writes: whether an index finds
// them, or all of a table.

// keyed says that a query, as opposed to a command that has to read it all,
// finds its rows of the table by an index: it names the first column of one in its
// condition. On a dev database with few rows a scan is the way there too.
func (s *statement) keyed(table string) bool {
	if !s.queries() {
		return false
	}
	t := s.before.table(table)
	if t == nil {
		return false
	}
	return s.narrowed(t, s.relationNames(), nil)
}

// narrowed says that a column which an index of the table begins with is compared
// with something that is no column of another table of before, or with one of a
// table that is narrowed so itself: joined to all rows of another, an index leaves
// as many as that has.
func (s *statement) narrowed(t *table, names map[string]string, seen []string) bool {
	where := slices.IndexFunc(s.tokens, func(x migration.Token) bool { return x.Is("where") || x.Is("on") || x.Is("using") })
	if where < 0 || slices.Contains(seen, t.name) {
		return false
	}
	seen = append(seen, t.name)
	for _, i := range t.indexes {
		name := firstColumn(i.definition)
		if name == "" || strings.Contains(i.definition, " WHERE ") {
			continue
		}
		for _, c := range compared(s.tokens[where:], name) {
			if of, known := names[c.of]; c.of != "" && known && of != t.name {
				continue // a column of another table has the name
			}
			if loosened(t, s.tokens[where:], c.at) {
				continue
			}
			if of := s.selectedFrom(s.tokens[where:], c.at); of != nil && !s.narrowed(of, names, seen) {
				continue
			}
			with, known := names[c.with]
			if c.with == "" || !known || with == t.name {
				return true
			}
			if other := s.before.table(with); other == nil || s.narrowed(other, names, seen) {
				return true
			}
		}
	}
	return false
}

// joined says that an UPDATE or DELETE finds its rows of the table by an index, but
// for all rows of another.
func (s *statement) joined(table string) bool {
	t := s.before.table(table)
	where := slices.IndexFunc(s.tokens, func(x migration.Token) bool { return x.Is("where") })
	if t == nil || where < 0 || !s.begins("update") && !s.begins("delete") || s.keyed(table) {
		return false
	}
	names := s.relationNames()
	return slices.ContainsFunc(t.indexes, func(i index) bool {
		name := firstColumn(i.definition)
		return name != "" && slices.ContainsFunc(compared(s.tokens[where:], name), func(c comparison) bool {
			return names[c.of] == table && c.with != "" && names[c.with] != "" || s.selectedFrom(s.tokens[where:], c.at) != nil
		})
	})
}

// relationNames are the names under which a query speaks of tables of before: their
// own and their aliases.
func (s *statement) relationNames() map[string]string {
	names := make(map[string]string)
	for i, x := range s.tokens {
		if !x.Name() {
			continue
		}
		name := s.relation(i)
		if name == "" {
			continue
		}
		names[x.Text] = name
		if i+1 >= len(s.tokens) || !slices.ContainsFunc(s.tokens[max(0, i-4):i], func(p migration.Token) bool {
			return p.Is("update") || p.Is("from") || p.Is("using") || p.Is("join") || p.Is("into") || p.Text == ","
		}) {
			continue
		}
		next := s.tokens[i+1:]
		if next[0].Is("as") {
			next = next[1:]
		}
		if len(next) > 0 && next[0].Name() && (next[0].Kind == migration.QuotedIdent || !slices.Contains(reserved, next[0].Text) && !next[0].Is("set")) {
			names[next[0].Text] = name
		}
	}
	return names
}

// relation is the table of before that the token at i names, "" for none.
func (s *statement) relation(i int) string {
	x := s.tokens[i].Text
	if i > 1 && s.tokens[i-1].Text == "." {
		if name := ident(s.tokens[i-2].Text) + "." + ident(x); s.before.table(name) != nil {
			return name
		}
		return ""
	}
	if i+1 < len(s.tokens) && s.tokens[i+1].Text == "." {
		return ""
	}
	return s.before.called(x)
}

// loosened says that what is compared at a place of a condition need not hold: it stands
// behind a NOT, or beside an OR whose other arms name no column that an index begins with.
func loosened(of *table, t []migration.Token, at int) bool {
	for at > 0 {
		left, right := bounds(t, at)
		if first := firstOfPart(t, at); first > 0 && t[first-1].Is("not") {
			return true
		}
		for _, arm := range arms(t[left:right]) {
			if len(arm) < right-left && !slices.ContainsFunc(of.indexes, func(i index) bool {
				name := firstColumn(i.definition)
				return name != "" && len(compared(arm, name)) > 0
			}) {
				return true
			}
		}
		if left == 0 || t[left-1].Text != "(" {
			return false
		}
		if right+1 < len(t) && t[right+1].Is("is") {
			return true
		}
		at = left - 1
	}
	return false
}

// firstOfPart is where the name begins that ends at a place: a qualifier comes before it.
func firstOfPart(t []migration.Token, at int) int {
	if at > 1 && t[at-1].Text == "." {
		return at - 2
	}
	return at
}

// bounds are those of the condition around a place, up to its parentheses or clauses.
func bounds(t []migration.Token, at int) (left, right int) {
	clause := func(x migration.Token) bool {
		return slices.ContainsFunc([]string{"where", "on", "using", "having", "when", "then", "set", "returning", "order", "limit", "group", "end", "loop"}, x.Is) || x.Text == ";"
	}
	depth := 0
	for left = at; left > 0; left-- {
		x := t[left-1]
		switch {
		case x.Text == ")":
			depth++
		case x.Text == "(":
			depth--
		}
		if depth < 0 || depth == 0 && clause(x) {
			break
		}
	}
	depth = 0
	for right = at; right < len(t); right++ {
		x := t[right]
		switch {
		case x.Text == "(":
			depth++
		case x.Text == ")":
			depth--
		}
		if depth < 0 || depth == 0 && clause(x) {
			break
		}
	}
	return left, right
}

// arms are the parts of a condition between its ORs; one where it has none.
func arms(t []migration.Token) (all [][]migration.Token) {
	depth, begin := 0, 0
	for i, x := range t {
		switch {
		case x.Text == "(":
			depth++
		case x.Text == ")":
			depth--
		case depth == 0 && x.Is("or"):
			all = append(all, t[begin:i])
			begin = i + 1
		}
	}
	return append(all, t[begin:])
}

// selectedFrom is the table of before that a column is compared with all of by IN; nil
// for anything else, and where a LIMIT stands in it.
func (s *statement) selectedFrom(t []migration.Token, at int) *table {
	if at+3 >= len(t) || !t[at+1].Is("in") || t[at+2].Text != "(" || !t[at+3].Is("select") {
		return nil
	}
	_, right := bounds(t, at+3)
	for right < len(t) && t[right].Text != ")" { // a clause of it ends there
		_, right = bounds(t, right+1)
	}
	inside := t[at+3 : right]
	if says(inside, "limit") || says(inside, "fetch") {
		return nil
	}
	from := slices.IndexFunc(inside, func(x migration.Token) bool { return x.Is("from") })
	if from < 0 || from+1 >= len(inside) {
		return nil
	}
	name := inside[from+1].Text
	if from+3 < len(inside) && inside[from+2].Text == "." {
		return s.before.table(ident(name) + "." + ident(inside[from+3].Text))
	}
	return s.before.table(s.before.called(name))
}

// A comparison is one of a column, which stands at a place, by the names before their
// dots: "" for none.
type comparison struct {
	of, with string
	at       int
}

// compared are the comparisons of a column by which an index helps.
func compared(t []migration.Token, name string) (all []comparison) {
	qualifier := func(i int) string { // of the name at i
		if i > 1 && t[i-1].Text == "." {
			return t[i-2].Text
		}
		return ""
	}
	for i, x := range t {
		if !x.Name() || ident(x.Text) != name || i+1 >= len(t) && i < 2 {
			continue
		}
		c, before := comparison{of: qualifier(i), at: i}, i-1
		if c.of != "" {
			before = i - 3
		}
		if i+1 < len(t) {
			next := t[i+1]
			if next.Is("in") || next.Is("between") || next.Kind == migration.Symbol && strings.Contains("=<>", next.Text) && !(next.Text == "<" && i+2 < len(t) && t[i+2].Text == ">") {
				if next.Text == "=" && i+3 < len(t) && t[i+2].Name() && t[i+3].Text == "." {
					c.with = t[i+2].Text
				}
				all = append(all, c)
				continue
			}
		}
		if before >= 0 && t[before].Text == "=" {
			if before > 2 && t[before-2].Text == "." && t[before-1].Name() {
				c.with = t[before-3].Text
			}
			all = append(all, c)
		}
	}
	return all
}

// firstColumn is the first column of an index, "" for an expression.
func firstColumn(definition string) string {
	_, after, ok := strings.Cut(definition, " USING ")
	if !ok {
		return ""
	}
	_, inside, ok := strings.Cut(after, "(")
	if !ok || strings.HasPrefix(inside, "(") {
		return ""
	}
	end := strings.IndexAny(inside, ",) ")
	if strings.HasPrefix(inside, `"`) {
		name, _ := firstName(inside)
		return name
	}
	if end < 0 || strings.Contains(inside[:end], "(") {
		return ""
	}
	return inside[:end]
}

// queries says that it is a query or writes rows, by itself or in a DO block.
func (s *statement) queries() bool {
	for _, w := range []string{"select", "insert", "update", "delete", "with", "merge", "do", "call"} {
		if s.begins(w) {
			return true
		}
	}
	return false
}
