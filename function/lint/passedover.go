package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// passedOver tells of IF NOT EXISTS where something is there that has the name and is
// not what is asked for: the statement runs and does nothing.
func (s *statement) passedOver() {
	if !s.says("if not exists") {
		return
	}
	var said []string
	a, alters := s.alter()
	for _, x := range a.actions {
		if name, typ := x.column(); alters && says(x.tokens, "if not exists") {
			if table := s.relationOf(a.head); table != nil && table.column(name) != nil && typ != "" && !sameType(table.column(name).typ, typ) {
				said = append(said, fmt.Sprintf("%s.%s is there and of type %s", table.name, ident(name), table.column(name).typ))
			}
		}
	}
	switch {
	case s.begins("create table") || s.begins("create unlogged table"):
		head, inside, ok := strings.Cut(s.text(), "(")
		t := s.relationOf(head)
		if !ok || t == nil {
			break
		}
		list, _ := parenthesis("(" + inside)
		var missing []string
		for _, part := range split(strings.TrimSuffix(strings.TrimPrefix(list, "("), ")")) {
			w := migration.Tokens(part)
			if len(w) > 1 && w[0].Name() && t.column(w[0].Text) == nil && !slices.ContainsFunc([]string{"constraint", "primary", "unique", "check", "foreign", "exclude", "like"}, w[0].Is) {
				missing = append(missing, ident(w[0].Text))
			}
		}
		if len(missing) > 0 {
			said = append(said, fmt.Sprintf("%s is there without %s", t.name, strings.Join(missing, ", ")))
		}
	case s.says("index"):
		said = append(said, s.otherIndex()...)
	}
	if len(said) > 0 {
		s.tell(codePassedOver, migration.Warning, "does nothing: "+list(said), "IF NOT EXISTS looks at the name alone, and no error says that what is there is something else.",
			"Take IF NOT EXISTS out and choose another name; or change what is there into what it shall be.")
	}
}

// otherIndex looks at an index that is there by the name of a new one, over other
// columns.
func (s *statement) otherIndex() []string {
	head, rest, ok := strings.Cut(s.text(), "(")
	words := migration.Tokens(head)
	at := slices.IndexFunc(words, func(t migration.Token) bool { return t.Is("exists") })
	if !ok || at < 0 || at+1 >= len(words) {
		return nil
	}
	name := words[at+1].Text
	keys, _ := parenthesis("(" + rest)
	want := listed(keys)
	for _, of := range s.before.each("table") {
		i := s.before.index(of, beside(of, name))
		if i != nil && i.invalid {
			return []string{fmt.Sprintf("%s is there, INVALID", ident(name))}
		}
		if i != nil && len(want) > 0 {
			has, _ := parenthesis(tail(i.definition))
			if columns := listed(has); len(columns) > 0 && !slices.Equal(columns, want) {
				return []string{fmt.Sprintf("%s is there, on %s %s", ident(name), of, has)}
			}
		}
	}
	return nil
}

// relationOf is the table of before that words name; nil for none.
func (s *statement) relationOf(head string) *table {
	w := migration.Tokens(head)
	for i := range w {
		if name := (&statement{sheet: s.sheet, tokens: w}).relation(i); w[i].Name() && name != "" {
			return s.before.table(name)
		}
	}
	return nil
}

// column is the name and the type of a column that the action adds, as written.
func (a action) column() (name, typ string) {
	t := a.tokens
	if len(t) < 3 || !t[0].Is("add") || a.adds() {
		return "", ""
	}
	at := 1
	for at < len(t) && (t[at].Is("column") || t[at].Is("if") || t[at].Is("not") || t[at].Is("exists")) {
		at++
	}
	if at >= len(t) {
		return "", ""
	}
	var text []string
	for _, x := range t[at+1:] {
		if slices.ContainsFunc([]string{"not", "null", "default", "constraint", "collate", "check", "primary", "unique", "references", "generated", "storage", "compression"}, x.Is) {
			break
		}
		text = append(text, x.Text)
	}
	return t[at].Text, strings.Join(text, " ")
}

// shortTypes are types by the names that PostgreSQL does not write.
var shortTypes = map[string]string{"int": "integer", "int4": "integer", "serial": "integer", "int8": "bigint", "bigserial": "bigint", "int2": "smallint", "smallserial": "smallint",
	"varchar": "character varying", "char": "character", "bool": "boolean", "float8": "double precision", "float": "double precision", "float4": "real", "decimal": "numeric", "dec": "numeric",
	"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone", "timetz": "time with time zone", "time": "time without time zone", "bit": "bit(1)"}

// sameType says that a type as PostgreSQL writes it and one as people do may be the
// same.
func sameType(is, written string) bool {
	plain := func(typ string) string {
		typ = strings.ToLower(strings.Join(strings.Fields(typ), ""))
		if at := strings.LastIndexByte(typ, '.'); at >= 0 {
			typ = typ[at+1:]
		}
		return strings.Trim(typ, `"`)
	}
	first, rest, _ := strings.Cut(written, " ")
	if long, ok := shortTypes[strings.ToLower(first)]; ok && !strings.HasPrefix(strings.ToLower(rest), "with") {
		written = long + " " + rest
	}
	a, b := plain(is), plain(written)
	return a == b || strings.ContainsAny(b, "()[]") && strings.ContainsAny(a, "()[]") && a[:min(4, len(a))] == b[:min(4, len(b))]
}
