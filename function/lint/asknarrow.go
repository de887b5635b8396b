package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// retyped asks whether each value fits into the type that a column gets.
func (a *asker) retyped(c migration.ColumnSeen) {
	if c.Was == "" || c.Was == c.Type || c.Change == migration.Created || c.Change == migration.Dropped {
		return
	}
	name := quoteColumn(c.Column)
	n := narrowing{column: name, from: readType(c.Was), to: readType(c.Type), is: c.Type, major: a.major, explicit: a.using(c.Column) == plainCast}
	guess := a.using(c.Column) == otherwise
	fails, loses, known := n.conditions()
	say := func(code, subject, condition string, cuts bool) {
		q := migration.Question{Code: code, Subject: subject, Guess: guess, Cuts: cuts}
		from, why := a.source(c.Table, "", name)
		if q.Unasked = why; why == "" {
			q.Rows = fmt.Sprintf("FROM %s WHERE %s", from, condition)
		}
		a.ask(c.Table, subject, q)
	}
	if fails != "" {
		say(codeRowsNarrow, fmt.Sprintf("the type %s of the column %s", c.Type, c.Column), fails, false)
	}
	if loses != "" {
		say(codeRowsCut, fmt.Sprintf("the type %s of the column %s", c.Type, c.Column), loses, true)
	}
	if !known && slices.Contains(a.seen.Rewrites, c.Table) {
		a.ask(c.Table, "retyped "+c.Column, migration.Question{Code: codeNotAsked, Subject: fmt.Sprintf("the type %s of the column %s", c.Type, c.Column),
			Unasked: fmt.Sprintf("there is no test of a value of type %s without converting it", c.Was)})
	}
}

// A usingForm says what USING makes of a column.
type usingForm int

const (
	noUsing   usingForm = iota
	plainCast           // its value, cast to the type
	otherwise           // anything
)

// using is how the statement converts the column; in a DO block anything can be.
func (a *asker) using(column string) usingForm {
	tokens := migration.Tokens(a.stmt.Text)
	form := noUsing
	for i, t := range tokens {
		if !t.Is("using") {
			continue
		}
		rest := tokens[i+1:]
		for len(rest) > 0 && rest[0].Kind == migration.Symbol && rest[0].Text == "(" {
			rest = rest[1:]
		}
		if len(rest) > 3 && rest[0].Name() && rest[0].Text == column && rest[1].Text == ":" && rest[2].Text == ":" && plainType(rest[3:]) {
			form = max(form, plainCast)
			continue
		}
		form = otherwise
	}
	if a.dynamic() {
		return otherwise
	}
	return form
}

// plainType says that nothing but the name of a type stands before the next
// comma or the end.
func plainType(tokens []migration.Token) bool {
	depth := 0
	for _, t := range tokens {
		switch {
		case t.Kind == migration.Symbol && t.Text == "(":
			depth++
		case t.Kind == migration.Symbol && t.Text == ")":
			depth--
		case t.Kind == migration.Symbol && (t.Text == "," && depth <= 0 || t.Text == ";"):
			return true
		case t.Name(), t.Kind == migration.Number, t.Kind == migration.Symbol && strings.Contains(",.[]", t.Text):
		default:
			return false
		}
	}
	return true
}

// A sqlType is the name of a type as format_type writes it, with its length or
// precision and scale; both are -1 where there is none.
type sqlType struct {
	name          string
	length, scale int
}

var typeForm = regexp.MustCompile(`^([a-z ]+?)(?:\((\d+)(?:,(-?\d+))?\))?$`)

func readType(text string) sqlType {
	m := typeForm.FindStringSubmatch(text)
	if m == nil {
		return sqlType{text, -1, -1}
	}
	t := sqlType{m[1], -1, -1}
	if m[2] != "" {
		t.length, _ = strconv.Atoi(m[2])
		t.scale, _ = strconv.Atoi(m[3])
	}
	return t
}

func (t sqlType) text() bool {
	return t.name == "text" || t.name == "character varying" || t.name == "character"
}

// digits of the whole numbers; bounds of them.
var wholes = map[string]struct {
	order, digits int
	least, most   string
}{
	"smallint": {1, 5, "-32768", "32767"},
	"integer":  {2, 10, "-2147483648", "2147483647"},
	"bigint":   {3, 19, "-9223372036854775808", "9223372036854775807"},
}

// A narrowing is a change of the type of a column.
type narrowing struct {
	column   string
	from, to sqlType
	is       string // the new type as it is written
	major    int
	explicit bool // by a cast that is written out, which cuts a text silently
}

// conditions are SQL of the rows with which the change fails, and of those that
// lose a part of the value; "" for what cannot be. known is false where nothing
// can be told.
func (n narrowing) conditions() (fails, loses string, known bool) {
	source, target := wholes[n.from.name], wholes[n.to.name]
	number := source.order > 0 || n.from.name == "numeric" || n.from.name == "real" || n.from.name == "double precision"
	switch {
	case n.to.text():
		fails, loses = n.text()
		return fails, loses, true
	case n.to.name == "numeric" && number:
		fails, loses = n.numeric(source.digits)
		return fails, loses, true
	case target.order > 0 && source.order > 0:
		if source.order > target.order {
			fails = fmt.Sprintf("%s NOT BETWEEN %s AND %s", n.column, target.least, target.most)
		}
		return fails, "", true
	case target.order > 0 && number:
		return fmt.Sprintf("pg_catalog.round(%s) NOT BETWEEN %s AND %s", n.column, target.least, target.most), fmt.Sprintf("pg_catalog.round(%[1]s) <> %[1]s", n.column), true
	case n.from.text():
		return n.parsed(target.least, target.most)
	case n.to.name == "double precision" && number, n.to.name == "real" && source.order > 0, n.from.name == "json" && n.to.name == "jsonb", n.from.name == "jsonb" && n.to.name == "json":
		return "", "", true
	}
	return "", "", false
}

// text: blanks at the end do not count.
func (n narrowing) text() (fails, loses string) {
	if n.to.length < 0 || n.from.text() && n.from.length >= 0 && n.from.length <= n.to.length {
		return "", ""
	}
	long := fmt.Sprintf("pg_catalog.char_length(pg_catalog.rtrim(%s::pg_catalog.text, ' ')) > %d", n.column, n.to.length)
	if n.explicit {
		return "", long
	}
	return long, ""
}

// numeric: the value is rounded first, then its whole digits are counted.
func (n narrowing) numeric(digits int) (fails, loses string) {
	whole, source := n.to.length-n.to.scale, n.from.length-n.from.scale
	if n.to.length < 0 {
		return "", ""
	}
	if digits > 0 {
		source = digits
	}
	bounded := digits > 0 || n.from.name == "numeric" && n.from.length >= 0
	rounds := digits == 0 && !(bounded && n.from.scale <= n.to.scale)
	value := n.column + "::pg_catalog.numeric"
	// What is rounded up can become a digit longer.
	if !bounded || source > whole || source == whole && rounds {
		fails = fmt.Sprintf("(pg_catalog.abs(pg_catalog.round(%[1]s, %d)) >= %s::pg_catalog.numeric AND %[1]s <> 'NaN')", value, n.to.scale, powerOfTen(whole))
	}
	if rounds || n.to.scale < 0 {
		loses = fmt.Sprintf("pg_catalog.round(%[1]s, %d) <> %[1]s", value, n.to.scale)
	}
	return fails, loses
}

func powerOfTen(n int) string {
	if n >= 0 {
		return "1" + strings.Repeat("0", n)
	}
	return "0." + strings.Repeat("0", -n-1) + "1"
}

// parsed asks of each text whether it can be read as the type. Before 16 that
// can be told of whole numbers only.
func (n narrowing) parsed(least, most string) (fails, loses string, known bool) {
	switch {
	case n.major >= 16:
		return fmt.Sprintf("NOT pg_catalog.pg_input_is_valid(%s::pg_catalog.text, %s)", n.column, quoteLiteral(n.is)), "", true
	case least != "":
		return fmt.Sprintf(`%[1]s IS NOT NULL AND CASE WHEN %[1]s::pg_catalog.text ~ '^\s*[-+]?[0-9]+\s*$' THEN pg_catalog.btrim(%[1]s::pg_catalog.text, E' \t\n\r\f\v')::pg_catalog.numeric NOT BETWEEN %[2]s AND %[3]s ELSE true END`, n.column, least, most), "", true
	}
	return "", "", false
}

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
