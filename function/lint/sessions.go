package lint

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// otherSessions tells of statements that end what others do, or take a lock that the
// session keeps.
func (s *statement) otherSessions() {
	if s.begins("create") || s.begins("comment") || s.begins("alter") || s.begins("drop") {
		return
	}
	for _, name := range []string{"pg_terminate_backend", "pg_cancel_backend"} {
		if calls(s.tokens, name) {
			s.tell(codeEndsSessions, migration.Warning, "ends what other sessions do, by "+name, "Whoever is cut off loses a transaction, and code that does not begin it again loses work; whichever sessions there are when it runs, nobody has looked at them.",
				"Leave it out: a migration waits for its locks by a short lock_timeout and tries again. Where one session has to end, end it by hand, by its pid.")
		}
	}
	for _, name := range []string{"pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock_shared"} {
		released := slices.ContainsFunc(s.file.Stmts, func(stmt migration.Stmt) bool {
			return slices.ContainsFunc(deepTokens(stmt.Text), func(t migration.Token) bool { return t.Name() && strings.HasPrefix(t.Text, "pg_advisory_unlock") })
		})
		if calls(s.tokens, name) && !released {
			s.tell(codeAdvisoryLock, migration.Info, name+" takes a lock that the session keeps when its transaction has ended", "Whoever asks for it waits until the run is over; and a run that goes on in another session does not have it.",
				"Take one that ends with the transaction: pg_advisory_xact_lock.")
		}
	}
}

// calls says that a function of that name is called.
func calls(t []migration.Token, name string) bool {
	for i := range max(0, len(t)-1) {
		if t[i].Name() && t[i].Text == name && t[i+1].Text == "(" {
			return true
		}
	}
	return false
}
