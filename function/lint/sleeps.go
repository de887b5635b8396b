package lint

import (
	"fmt"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// sleeps tells of a wait by the clock while others wait for a lock.
func (s *statement) sleeps() {
	if s.apart() || !s.begins("select") && !s.begins("do") || !slices.ContainsFunc(s.tokens, func(t migration.Token) bool {
		return t.Name() && (t.Text == "pg_sleep" || t.Text == "pg_sleep_for" || t.Text == "pg_sleep_until")
	}) {
		return
	}
	var names []string
	for _, h := range s.earlier() {
		if isTable(h.Kind) {
			names = append(names, h.Relation)
		}
	}
	for _, l := range s.own() {
		if isTable(l.Kind) {
			names = append(names, l.Relation)
		}
	}
	if len(names) > 0 {
		s.tell(codeWorkUnderLock, s.lesser(migration.Warning, unique(names)...), fmt.Sprintf("sleeps while the transaction holds a lock on %s", list(unique(names))), s.waiting(),
			"Leave the wait out, or put it into a file before this one.")
	}
}
