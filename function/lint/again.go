package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// again tells of what commits as it goes and changes rows by what they were: cut off
// half-way, it cannot be run again from its beginning.
func (s *statement) again() {
	if !s.apart() {
		return
	}
	for _, body := range s.bodies() {
		if !says(body, "commit") {
			continue
		}
		table, column := s.accumulates(body)
		if table == "" {
			continue
		}
		said := fmt.Sprintf("commits as it goes and changes %s.%s by what it was: cut off half-way, it cannot be run again", table, column)
		if s.stmt.Rerunnable {
			said = fmt.Sprintf("is marked to be run again after a cut, and changes %s.%s by what it was", table, column)
		}
		s.tell(codeNotAgain, s.lesser(migration.Warning, table), said, "A second run begins anew: it changes once more each row that the first has committed, and nothing tells which these are.",
			"Have each batch say which rows are done: set a column with it that the WHERE asks for, or write the new values to a column of their own where that is still NULL; and write -- aurora:rerunnable above it.")
		return
	}
}

// bodies are what a DO block does, or the procedures of before that a CALL names.
func (s *statement) bodies() (all [][]migration.Token) {
	switch {
	case s.begins("do"):
		all = append(all, s.tokens)
	case s.begins("call"):
		words := migration.Words(s.text())
		for _, name := range s.before.each("procedure") {
			if slices.Contains(words, last(bareName(name))) {
				_, body, _ := strings.Cut(s.before.get("procedure", name), "\nbody ")
				all = append(all, deepTokens(body))
			}
		}
	}
	return all
}

// accumulates is the first column of a table of before that an UPDATE of a body changes
// by an operator from its old value, where nothing in the body asks which rows are done:
// no column that the UPDATE sets stands elsewhere in it, and no other table is written.
func (s *statement) accumulates(body []migration.Token) (table, column string) {
	for at, t := range body {
		if !t.Is("update") || at > 0 && (body[at-1].Is("for") || body[at-1].Is("key")) || says(body, "insert into") {
			continue
		}
		set := slices.IndexFunc(body[at:], func(x migration.Token) bool { return x.Is("set") })
		name := updated(body[at+1:])
		t := s.before.table(s.before.called(name))
		if set < 0 || t == nil || writesOther(body, name) {
			continue
		}
		end := at + set + 1 + ends(body[at+set+1:])
		outside := slices.Concat(body[:at], body[end:])
		assigned := assignments(body[at+set+1 : end])
		if slices.ContainsFunc(assigned, func(a assignment) bool { return inTokens(outside, a.column) }) {
			continue
		}
		for _, a := range assigned {
			if c := t.column(a.column); c != nil && c.typ != "jsonb" && a.operates() {
				return t.name, c.name
			}
		}
	}
	return "", ""
}

// updated is the name of the table, without its schema, that stands behind UPDATE.
func updated(t []migration.Token) string {
	if len(t) > 0 && t[0].Is("only") {
		t = t[1:]
	}
	switch {
	case len(t) > 2 && t[1].Text == ".":
		return t[2].Text
	case len(t) > 0:
		return t[0].Text
	}
	return ""
}

// writesOther says that a body updates another table too: it may keep there how far it
// has come.
func writesOther(body []migration.Token, name string) bool {
	for i, t := range body {
		if t.Is("update") && !(i > 0 && (body[i-1].Is("for") || body[i-1].Is("key"))) && updated(body[i+1:]) != name {
			return true
		}
	}
	return false
}

// ends is where the assignments of an UPDATE end that tokens begin with.
func ends(t []migration.Token) int {
	depth := 0
	for i, x := range t {
		switch {
		case x.Kind == migration.Symbol && x.Text == "(":
			depth++
		case x.Kind == migration.Symbol && x.Text == ")":
			depth--
		case depth == 0 && (x.Is("where") || x.Is("from") || x.Is("returning") || x.Text == ";"):
			return i
		}
	}
	return len(t)
}

// An assignment is what a column is set to.
type assignment struct {
	column string
	value  []migration.Token
}

func assignments(t []migration.Token) (all []assignment) {
	depth, begin := 0, 0
	add := func(one []migration.Token) {
		if len(one) > 2 && one[0].Name() && one[1].Text == "=" {
			all = append(all, assignment{one[0].Text, one[2:]})
		}
	}
	for i, x := range t {
		switch {
		case x.Kind != migration.Symbol:
		case x.Text == "(":
			depth++
		case x.Text == ")":
			depth--
		case x.Text == "," && depth == 0:
			add(t[begin:i])
			begin = i + 1
		}
	}
	add(t[begin:])
	return all
}

// operates says that the value is made from the old one by an operator. What COALESCE
// gives to a column that has a value is that.
func (a assignment) operates() bool {
	if a.value[0].Is("coalesce") || !inTokens(a.value, a.column) {
		return false
	}
	for i, x := range a.value {
		sign := i == 0 || a.value[i-1].Kind == migration.Symbol && a.value[i-1].Text != ")"
		if x.Kind == migration.Symbol && strings.Contains("+-*/%|^", x.Text) && (!sign || x.Text == "|") {
			return true
		}
	}
	return false
}

func inTokens(t []migration.Token, name string) bool {
	return slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && x.Text == name })
}
