package lint

import (
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// sessionOnly tells of what lives in the session alone, in a file that several
// sessions may run: outside a transaction another invocation goes on behind the last
// statement that ended, and it does not have it.
func (s *statement) sessionOnly() {
	if s.file.TxMode != migration.TxNone || s.e.Statement == len(s.file.Stmts) {
		return
	}
	what, fix := "", "Make an ordinary table of it, and drop that in the last statement of the file."
	switch {
	case s.begins("create temp"), s.begins("create temporary"), s.begins("create local temp"), s.begins("create local temporary"),
		s.says("into temp"), s.says("into temporary"):
		what = "what it makes is temporary"
	case s.begins("prepare"):
		what, fix = "a prepared statement is the session's own", "Write out the statement where it is executed."
	case s.begins("declare") && s.says("with hold"):
		what, fix = "a cursor is the session's own", "Read what the cursor reads in the statement that uses it."
	default:
		return
	}
	s.tell(codeSessionOnly, migration.Warning, what+", and the statements behind it may run in another session",
		"Where the file is cut off in between, the next invocation goes on behind the last statement that ended, and fails: what it needs is not there.", fix)
}
