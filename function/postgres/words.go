package postgres

import (
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// words are PostgreSQL's primary message and its hint without secrets and
// without values of rows. What stands in sql, the text of the file that failed,
// is no value of a row; it is "" where the error is not about a file.
//
// Values of rows come with three kinds of errors. In class 22 (data exception)
// what stands in quotes is one. Names that somebody made of a row (EXECUTE, a
// cast to regclass) are not there, or are no syntax; such an error has no
// position in the file, and the file has no such name. What code of the
// database raises can be anything.
func words(pg *pgconn.PgError, sql string) (message, hint string) {
	message, hint = migration.Mask(pg.Message), migration.Mask(pg.Hint)
	switch {
	case raised(pg):
		message, hint = asWritten(pg.Message, sql), asWritten(pg.Hint, sql)
		if message == "" {
			message = "what was raised" + raisedAt(pg) + " is withheld, since it can hold values of rows; with MIGRATE_SHOW_DETAIL=true or --show-detail it is told"
		}
	case strings.HasPrefix(pg.Code, "22"):
		message, hint = withholdData(message), withholdQuoted(hint)
	case pg.Position == 0 && sql != "" && namesNothing[pg.Code] && !standsIn(sql, message):
		message, hint = withholdQuoted(message)+raisedAt(pg), withholdQuoted(hint)
	case strings.HasPrefix(pg.Code, "XX"): // extensions explain themselves with the value at fault
		hint = withholdQuoted(hint)
	}
	return message, hint
}

const withheld = `"(value withheld)"`

// withholdQuoted replaces what stands between the first double quote and the
// last one behind it; values can hold quotes themselves.
func withholdQuoted(m string) string {
	first, last := strings.IndexByte(m, '"'), strings.LastIndexByte(m, '"')
	if first < 0 || first == last {
		return m
	}
	return m[:first] + withheld + m[last+1:]
}

var (
	parameter = regexp.MustCompile(`^invalid value for parameter "[a-z_.]+": `) // names a setting, then the value
	byteCodes = regexp.MustCompile(`0x[0-9a-f]{2}( 0x[0-9a-f]{2})*`)
)

// withholdData is withholdQuoted for class 22, where bytes of a value can stand
// without quotes too.
func withholdData(m string) string {
	named := parameter.FindString(m)
	return named + withholdQuoted(byteCodes.ReplaceAllString(m[len(named):], "(bytes withheld)"))
}

// namesNothing are the codes of a name that is not there, and of no syntax.
var namesNothing = map[string]bool{
	"42601": true, "42602": true, "42703": true, "42704": true, "42883": true, "42P01": true, "3D000": true, "3F000": true,
	"58P01": true, // a file of the server
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// standsIn says that every name in quotes stands in sql, each part of a
// qualified one by itself. An odd number of quotes is of a name with one in it.
func standsIn(sql, m string) bool {
	sql = strings.ToLower(sql)
	names := quoted.FindAllString(m, -1)
	if strings.Contains(m, "syntax error") && len(names) > 1 { // it is always one
		return false
	}
	for _, q := range names {
		for part := range strings.SplitSeq(strings.ToLower(strings.Trim(q, `"`)), ".") {
			if !strings.Contains(sql, part) {
				return false
			}
		}
	}
	return strings.Count(m, `"`)%2 == 0 && !strings.Contains(m, `""`)
}

// raised says that the words are not PostgreSQL's own: RAISE or ASSERT in
// PL/pgSQL, with whatever SQLSTATE, or what another language throws.
func raised(pg *pgconn.PgError) bool {
	return pg.Routine == "exec_stmt_raise" || pg.Routine == "exec_stmt_assert" || pg.Code == "P0001" || pg.Code == "P0004"
}

var raiser = regexp.MustCompile(`(?m)^PL/pgSQL function (.+) line (\d+) at `)

// raisedAt is the innermost PL/pgSQL function that the error came from, " in
// function f(integer), line 3", or "" where it came from none.
func raisedAt(pg *pgconn.PgError) string {
	at := raiser.FindStringSubmatch(pg.Where)
	switch {
	case at == nil:
		return ""
	case at[1] == "inline_code_block":
		return " in DO, line " + at[2]
	}
	return " in function " + at[1] + ", line " + at[2]
}

// asWritten is what was raised as its author wrote it in sql, with (value
// withheld) in the place of each %; "" where no string of sql has its form.
func asWritten(m, sql string) string {
	if m == "" {
		return ""
	}
	best := ""
	for _, format := range literals(sql) {
		parts := strings.Split(strings.ReplaceAll(format, "%%", "\x00"), "%")
		for i := range parts {
			parts[i] = strings.ReplaceAll(parts[i], "\x00", "%")
		}
		if shown := strings.Join(parts, "(value withheld)"); len(strings.Join(parts, "")) > 0 && len(format) > len(best) && fits(m, parts) {
			best = shown
		}
	}
	return migration.Mask(best)
}

// fits says that m is made of the parts, in order, with anything in between.
func fits(m string, parts []string) bool {
	rest, ok := strings.CutPrefix(m, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := parts[len(parts)-1]
	rest, ok = strings.CutSuffix(rest, last)
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return ok
}

// literals are the strings in single quotes that stand in sql, those in bodies
// of functions too.
func literals(sql string) []string {
	var found []string
	for _, t := range migration.Tokens(sql) {
		switch {
		case t.Kind != migration.Literal:
		case strings.HasPrefix(t.Text, "'"):
			found = append(found, strings.ReplaceAll(strings.Trim(t.Text, "'"), "''", "'"))
		case strings.HasPrefix(t.Text, "$"):
			tag := t.Text[:strings.IndexByte(t.Text[1:], '$')+2]
			found = append(found, literals(strings.TrimSuffix(strings.TrimPrefix(t.Text, tag), tag))...)
		}
	}
	return found
}
