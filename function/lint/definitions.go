package lint

import (
	"fmt"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Definitions as PostgreSQL writes them are read here, by its own tokens.

// parenthesis returns the first text in parentheses, with them, and what
// follows; "" where there is none.
func parenthesis(text string) (inside, behind string) {
	depth, begin := 0, 0
	for _, t := range migration.Tokens(text) {
		switch {
		case t.Kind != migration.Symbol:
		case t.Text == "(":
			if depth++; depth == 1 {
				begin = t.Pos
			}
		case t.Text == ")":
			if depth--; depth == 0 {
				return text[begin : t.Pos+1], text[t.Pos+1:]
			}
		}
	}
	return "", text
}

// namesIn returns the names at the beginning that have commas between.
func namesIn(tokens []migration.Token) (names []string) {
	for i, t := range tokens {
		switch {
		case i%2 == 1 && (t.Kind != migration.Symbol || t.Text != ","):
			return names
		case i%2 == 1:
		case !t.Name():
			return names
		default:
			names = append(names, t.Text)
		}
	}
	return names
}

// readForeignKey reads FOREIGN KEY (a, b) REFERENCES t(x, y) MATCH FULL ...; ok is
// false for what is not of this form, such as a key with PERIOD.
func readForeignKey(definition string) (own, others []string, full, ok bool) {
	inside, behind := parenthesis(definition)
	own = listed(inside)
	inside, behind = parenthesis(behind)
	others = listed(inside)
	return own, others, strings.Contains(behind, " MATCH FULL"), len(own) > 0 && len(own) == len(others)
}

// listed are the names in parentheses; none where anything but names and commas
// stands there.
func listed(inside string) []string {
	if len(inside) < 2 {
		return nil
	}
	tokens := migration.Tokens(inside[1 : len(inside)-1])
	names := namesIn(tokens)
	if len(tokens) != 2*len(names)-1 {
		return nil
	}
	return names
}

// unique is what a unique index compares.
type uniqueKey struct {
	keys      []string // expressions
	nullsSame bool
	where     string
}

// readUnique reads what stands behind USING in the definition of an index. ok is
// false for what is no btree.
func readUnique(what string) (u uniqueKey, ok bool) {
	keys, behind := parenthesis(what)
	if !strings.HasPrefix(what, "btree (") {
		return u, false
	}
	for _, k := range split(keys[1 : len(keys)-1]) {
		u.keys = append(u.keys, keyExpression(k))
	}
	options, where, partial := cutWhere(behind)
	if partial {
		u.where = where
	}
	u.nullsSame = strings.Contains(options, " NULLS NOT DISTINCT")
	return u, len(u.keys) > 0
}

// cutWhere cuts the predicate of a partial index off.
func cutWhere(text string) (before, where string, found bool) {
	for _, t := range migration.Tokens(text) {
		if t.Is("where") {
			return text[:t.Pos], text[t.Pos+len("where"):], true
		}
	}
	return text, "", false
}

// split cuts a list at its commas, but not within parentheses.
func split(list string) (parts []string) {
	depth, begin := 0, 0
	for _, t := range migration.Tokens(list) {
		switch {
		case t.Kind != migration.Symbol:
		case t.Text == "(", t.Text == "[":
			depth++
		case t.Text == ")", t.Text == "]":
			depth--
		case t.Text == "," && depth == 0:
			parts = append(parts, list[begin:t.Pos])
			begin = t.Pos + 1
		}
	}
	return append(parts, list[begin:])
}

// keyExpression is the column or expression of a part of an index, with its
// collation and without its operator class and order.
func keyExpression(part string) string {
	tokens := migration.Tokens(part)
	i := 0
	for i < len(tokens) && (tokens[i].Name() && (i == 0 || isDot(tokens[i-1])) || isDot(tokens[i])) {
		i++
	}
	end := len(part)
	if i < len(tokens) {
		end = tokens[i].Pos
	}
	if i < len(tokens) && tokens[i].Text == "(" && tokens[i].Kind == migration.Symbol {
		_, behind := parenthesis(part)
		end = len(part) - len(behind)
	}
	expression, rest := strings.TrimSpace(part[:end]), migration.Tokens(part[end:])
	if len(rest) > 1 && rest[0].Is("collate") {
		collation := quoteColumn(rest[1].Text)
		if len(rest) > 3 && isDot(rest[2]) {
			collation += "." + quoteColumn(rest[3].Text)
		}
		return "(" + expression + ") COLLATE " + collation
	}
	return expression
}

func isDot(t migration.Token) bool { return t.Kind == migration.Symbol && t.Text == "." }

// sameRows is what the number of rows with the same key is called.
const sameRows = `"rows with this key"`

// rows is SQL from FROM on that yields the rows of which another has the same key.
func (u uniqueKey) rows(from, alias string) string {
	var conditions []string
	if !u.nullsSame {
		for _, k := range u.keys {
			conditions = append(conditions, "("+k+") IS NOT NULL")
		}
	}
	if u.where != "" {
		conditions = append(conditions, "("+strings.TrimSpace(u.where)+")")
	}
	where := ""
	if len(conditions) > 0 {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	return fmt.Sprintf("FROM (SELECT *, pg_catalog.count(*) OVER (PARTITION BY %s) AS %s FROM %s%s) AS %s WHERE %[2]s > 1",
		strings.Join(u.keys, ", "), sameRows, from, where, alias)
}
