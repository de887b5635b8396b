package postgres

import (
	"regexp"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// serverFunctions read and write files of the server, or run code there.
var serverFunctions = regexp.MustCompile(`(?i)^(pg_read_(binary_)?file|pg_ls_\w+|pg_stat_file|pg_file_\w+|lo_import|lo_export|pg_reload_conf|pg_rotate_logfile|pg_(execute_server_program|read_server_files|write_server_files))$`)

// ofTheServer says that a statement reaches beyond the database, to files, programs or
// settings of the server: it is not run as a superuser, who might, so that a file that
// somebody wants judged does nothing to the machine that judges it. It goes by words, and
// keeps from accidents more than from malice: a body can put its words together. Aurora
// lets nobody do any of this.
func ofTheServer(text string) bool {
	tokens := migration.Tokens(text)
	for i, t := range tokens {
		if t.Kind == migration.Literal {
			if body := bodyOf(t.Text); body != "" && ofTheServer(body) {
				return true
			}
			continue
		}
		next := migration.Token{}
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch {
		case t.Is("program") && next.Kind == migration.Literal, t.Is("alter") && next.Is("system"):
			return true
		case t.Is("language") && (next.Is("c") || next.Is("internal") || strings.HasSuffix(strings.ToLower(next.Text), "u") || next.Is("plsh")):
			return true
		case (t.Is("from") || t.Is("to")) && next.Kind == migration.Literal && copies(tokens[:i]):
			return true
		case t.Name() && serverFunctions.MatchString(strings.Trim(t.Text, `"`)):
			return true
		}
	}
	return false
}

// copies says that the last statement of the tokens is a COPY.
func copies(tokens []migration.Token) bool {
	for i := len(tokens) - 1; i >= 0 && tokens[i].Text != ";"; i-- {
		if tokens[i].Is("copy") {
			return true
		}
	}
	return false
}

// bodyOf is what stands in a dollar quote, or in a literal that may be a statement.
func bodyOf(literal string) string {
	switch {
	case strings.HasPrefix(literal, "$"):
		if end := strings.IndexByte(literal[1:], '$'); end >= 0 {
			return strings.TrimSuffix(literal[end+2:], literal[:end+2])
		}
	case strings.HasPrefix(literal, "'") && strings.ContainsAny(literal, " \n"):
		return strings.ReplaceAll(strings.Trim(literal, "'"), "''", "'")
	}
	return ""
}
