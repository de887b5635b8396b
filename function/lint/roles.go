package lint

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// aboutRoles says that the statement is about roles, or about whose a thing is.
func (s *statement) aboutRoles() bool {
	for _, words := range []string{"alter role", "alter user", "drop role", "drop user", "drop owned", "reassign owned", "owner to"} {
		if s.says(words) {
			return true
		}
	}
	return (s.begins("grant") || s.begins("revoke")) && !s.says("on")
}

// roles tells of what a role may do no more, and of settings that sessions begin
// with: no table shows it.
func (s *statement) roles() {
	tokens := slices.Clone(s.tokens)
	for _, t := range s.tokens { // what a block executes
		if t.Kind == migration.Literal && strings.HasPrefix(strings.ToLower(t.Text), "'alter ") {
			tokens = append(tokens, migration.Tokens(strings.Trim(t.Text, "'"))...)
		}
	}
	role := says(tokens, "alter role") || says(tokens, "alter user")
	switch {
	case (role || says(tokens, "alter database")) && (says(tokens, "set") || says(tokens, "reset")):
		s.tell(codeRole, migration.Warning, "changes a setting that sessions begin with", "Whoever connects from then on has it; sessions of a pool have it one by one, as they are made anew, far from this file.",
			"Set it in the file that needs it, by SET LOCAL; what all sessions shall have, set by itself, with a look at each program that connects.")
	case role && (says(tokens, "nologin") || says(tokens, "connection limit") || says(tokens, "valid until") || says(tokens, "noinherit") || says(tokens, "nobypassrls")):
		s.tell(codeRole, migration.Warning, "takes from a role what running code may need to connect or to work", "Sessions that are there go on; the next one fails, far from this file.", "See first, in pg_stat_activity over some days, that nobody connects as it.")
	case s.begins("revoke") && !s.says("on") && s.says("from"):
		s.tell(codeRole, migration.Warning, "takes membership of a role away, and with it all that the role is granted", "Running code of the member fails from then on (42501).", "Grant the member first by itself what it needs.")
	}
}
