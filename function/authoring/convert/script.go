package convert

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A script is one migration on its way.
type script struct {
	from    string // path in the source
	part    string // what of it, where that is not all: a changeset
	line    int    // where its text begins there, from 1
	version string // as the other tool writes it
	name    string // what it does, as part of a file name
	up      string
	down    string
	alone   bool // the other tool runs it without a transaction
	empty   bool // it holds a place only: an error says so
}

// file finishes a script.
func (s script) file(src *source) File {
	f := File{Name: s.fileName(), Version: s.version, From: s.from, Text: s.up, Down: trimmed(s.down), Vacant: s.empty}
	if s.part != "" {
		f.From += " " + s.part
	}
	if s.empty {
		return f
	}
	f.Text = trimmed(f.Text)
	if inner, wrapped := unwrapped(f.Text); wrapped && !s.alone {
		src.note(s.from, s.line, codeRewritten, "the BEGIN and COMMIT around it are gone: a file runs in one transaction anyway, together with its row in the history", "")
		f.Text = trimmed(inner)
	}
	if !s.alone && refused(f.Text) {
		src.note(s.from, s.line, codeRewritten, "it runs outside a transaction (-- atlas:txmode none), because PostgreSQL refuses a statement of it inside one", "")
		s.alone = true
	}
	if s.alone {
		f.Text = "-- atlas:txmode none\n\n" + f.Text
	}
	return f
}

func (s script) fileName() string {
	if s.name == "" {
		return s.version + ".sql"
	}
	return s.version + "_" + s.name + ".sql"
}

// placeholder makes of s a file that only holds its place, so that nothing can
// be planned before somebody has written what it was.
func (s script) placeholder(was string) script {
	s.up = fmt.Sprintf("-- %s is to be written in SQL here; then run aurora-migrate hash.\n", was)
	s.empty = true
	return s
}

// refused says that a statement cannot run in a transaction.
func refused(sql string) bool {
	stmts, _ := migration.Split(sql)
	for _, s := range stmts {
		if s.RefusedInTransaction() {
			return true
		}
	}
	return false
}

// bare says that no statement is in sql.
func bare(sql string) bool { return len(migration.Tokens(sql)) == 0 }

// trimmed is a text without empty lines around it, and with a line end at its
// end; "" where nothing is left.
func trimmed(text string) string {
	text = strings.TrimRight(text, " \t\n")
	for {
		line, rest, more := strings.Cut(text, "\n")
		if strings.TrimSpace(line) != "" || !more {
			break
		}
		text = rest
	}
	if text == "" {
		return ""
	}
	return text + "\n"
}

// terminated is sql with a semicolon behind its last statement.
func terminated(sql string) string {
	tokens := migration.Tokens(sql)
	if last := len(tokens) - 1; last < 0 || tokens[last].Kind == migration.Symbol && tokens[last].Text == ";" {
		return sql
	}
	ended := strings.TrimRight(sql, " \t\n")
	if len(migration.Tokens(ended+";")) > len(tokens) {
		return ended + ";\n"
	}
	return ended + "\n;\n" // its last line is a comment
}

// unwrapped takes the transaction from around sql, if one is there and sql
// controls none beside it.
func unwrapped(sql string) (string, bool) {
	stmts, err := migration.Split(sql)
	if err != nil || len(stmts) < 2 {
		return sql, false
	}
	first, last := stmts[0], stmts[len(stmts)-1]
	if !oneOf(first, "begin", "begin work", "begin transaction", "start transaction") ||
		!oneOf(last, "commit", "commit work", "commit transaction", "end", "end work", "end transaction") {
		return sql, false
	}
	for _, s := range stmts[1 : len(stmts)-1] {
		switch s.Keyword() {
		case "begin", "start", "commit", "end", "rollback", "abort":
			return sql, false
		}
	}
	return sql[:first.Pos] + sql[first.Pos+len(first.Text):last.Pos] + sql[last.Pos+len(last.Text):], true
}

func oneOf(s migration.Stmt, wanted ...string) bool {
	var words []string
	for _, t := range migration.Tokens(s.Text) {
		if t.Text != ";" {
			words = append(words, t.Text)
		}
	}
	text := strings.Join(words, " ")
	for _, w := range wanted {
		if text == w {
			return true
		}
	}
	return false
}

var dollarBrace = regexp.MustCompile(`\$\{[^}\n]*\}`)

// placeholders names those in sql that somebody has to write a value for; what
// stands in a comment is left there. lines are where the lines of sql stand in
// the file, nil where it is all of it.
func (s *source) placeholders(p string, lines []int, sql, who string) {
	for _, at := range dollarBrace.FindAllStringIndex(sql, -1) {
		without := sql[:at[0]] + strings.Repeat(" ", at[1]-at[0]) + sql[at[1]:]
		if sameTokens(migration.Tokens(sql), migration.Tokens(without)) {
			continue
		}
		line := lineOf(sql, at[0])
		if line <= len(lines) {
			line = lines[line-1]
		}
		s.note(p, line, codePlaceholder,
			fmt.Sprintf("%s puts a value in the place of %s, and there is nobody to do so any more", who, sql[at[0]:at[1]]),
			"Write the value into the new file, then run aurora-migrate hash. A value that differs between databases belongs into a setting of the database or of its role.")
	}
}

func sameTokens(a, b []migration.Token) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
