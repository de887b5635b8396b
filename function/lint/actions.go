package lint

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// An alter is an ALTER TABLE taken apart: what comes before its actions, and
// each of them.
type alter struct {
	head    string
	actions []action
}

type action struct {
	text   string
	tokens []migration.Token
}

// alter takes the statement apart; false where it is no ALTER TABLE.
func (s *statement) alter() (alter, bool) {
	text := s.text()
	t := migration.Tokens(text)
	if !says(t[:min(2, len(t))], "alter table") {
		return alter{}, false
	}
	at := 2
	for at < len(t) && (t[at].Is("if") || t[at].Is("exists") || t[at].Is("only")) {
		at++
	}
	at++ // the name, and what qualifies it
	for at+1 < len(t) && t[at].Text == "." && t[at].Kind == migration.Symbol {
		at += 2
	}
	if at < len(t) && t[at].Text == "*" {
		at++
	}
	if at >= len(t) {
		return alter{}, false
	}
	a := alter{head: strings.TrimSpace(text[:t[at].Pos])}
	depth, start := 0, at
	for i := at; i <= len(t); i++ {
		switch {
		case i == len(t) || depth == 0 && t[i].Kind == migration.Symbol && t[i].Text == ",":
			if i > start {
				end := len(text)
				if i < len(t) {
					end = t[i].Pos
				}
				a.actions = append(a.actions, action{strings.TrimSpace(text[t[start].Pos:end]), t[start:i]})
			}
			start = i + 1
		case t[i].Kind == migration.Symbol && (t[i].Text == "(" || t[i].Text == "["):
			depth++
		case t[i].Kind == migration.Symbol && (t[i].Text == ")" || t[i].Text == "]"):
			depth--
		}
	}
	return a, len(a.actions) > 0
}

// without is the statement without some of its actions, "" where none is left,
// or where it is no ALTER TABLE.
func (s *statement) without(skip func(action) bool) string {
	a, ok := s.alter()
	if !ok {
		return ""
	}
	var kept []string
	for _, x := range a.actions {
		if !skip(x) {
			kept = append(kept, x.text)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return a.head + " " + strings.Join(kept, ", ")
}

// addsConstraint says that the action adds a constraint of that kind to the
// table: "check", "foreign", "unique", "primary", "exclude".
func (a action) addsConstraint(kind string) bool {
	t := a.tokens
	if len(t) < 2 || !t[0].Is("add") {
		return false
	}
	return t[1].Is(kind) || len(t) > 3 && t[1].Is("constraint") && t[3].Is(kind)
}

// adds says that it adds a constraint of whatever kind.
func (a action) adds() bool {
	return slices.ContainsFunc([]string{"check", "foreign", "unique", "primary", "exclude"}, a.addsConstraint)
}

func (a action) dropsConstraint() bool {
	return len(a.tokens) > 1 && a.tokens[0].Is("drop") && a.tokens[1].Is("constraint")
}

// validates says that it validates one of the constraints.
func (a action) validates(names ...string) bool {
	t := a.tokens
	return len(t) == 3 && says(t, "validate constraint") && slices.Contains(names, ident(t[2].Text))
}

// addsColumn says that it adds a column of one of these names.
func (a action) addsColumn(names ...string) bool {
	t := a.tokens
	if len(t) < 3 || !t[0].Is("add") {
		return false
	}
	at := 1
	for at < len(t) && (t[at].Is("column") || t[at].Is("if") || t[at].Is("not") || t[at].Is("exists")) {
		at++
	}
	return at < len(t) && slices.ContainsFunc(names, func(n string) bool { return ident(n) == ident(t[at].Text) })
}

// alters says that it begins with ALTER [COLUMN] name, one of these, and then the
// key words.
func (a action) alters(words string, names ...string) bool {
	t := a.tokens
	if len(t) < 3 || !t[0].Is("alter") {
		return false
	}
	at := 1
	if t[at].Is("column") {
		at++
	}
	n := len(strings.Fields(words))
	return at+1+n <= len(t) && says(t[at+1:at+1+n], words) &&
		slices.ContainsFunc(names, func(n string) bool { return ident(n) == ident(t[at].Text) })
}
