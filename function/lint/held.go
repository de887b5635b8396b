package lint

import (
	"fmt"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// held is a lock that an earlier statement of the transaction took.
type held struct {
	migration.LockSeen
	statement int
	// altered: the statement was about this relation, not merely about one that
	// belongs to it.
	altered bool
}

// blocks says that others who do their daily work on the relation wait for the
// lock. Nobody writes to a view or an index by itself.
func blocks(l migration.LockSeen) bool {
	switch l.Kind {
	case "materialized view", "view", "index", "partitioned index":
		return l.Mode.StopsReads()
	}
	return l.Mode.StopsWrites()
}

// hold keeps the locks of a statement up to the end of the transaction.
func (s *sheet) hold(st *statement) {
	for _, l := range st.e.Locks {
		if !l.Released {
			s.held = append(s.held, held{l, st.e.Statement, !l.Collateral})
		}
	}
}

// own are the locks of the statement itself that others wait for.
func (s *statement) own() []migration.LockSeen {
	var found []migration.LockSeen
	for _, l := range s.e.Locks {
		if blocks(l) {
			found = append(found, l)
		}
	}
	return found
}

// earlier are those of the statements before it in the transaction.
func (s *statement) earlier() []held {
	var found []held
	for _, h := range s.held {
		if blocks(h.LockSeen) {
			found = append(found, h)
		}
	}
	return found
}

// lockOn is the strongest lock on a relation while the statement runs.
func (s *statement) lockOn(name string) (migration.LockSeen, bool) {
	var best migration.LockSeen
	consider := func(l migration.LockSeen) {
		if l.Relation == name && l.Mode.Strength() > best.Mode.Strength() {
			best = l
		}
	}
	for _, l := range s.e.Locks {
		consider(l)
	}
	for _, h := range s.held {
		consider(h.LockSeen)
	}
	return best, best.Relation != ""
}

// blocked says that others wait for a lock on the relation, or on what stands
// above or below it in its tree of partitions.
func (s *statement) blocked(name string) bool {
	root := s.before.root(name)
	in := func(l migration.LockSeen) bool {
		return blocks(l) && (l.Relation == name || s.before.root(l.Relation) == root)
	}
	return slices.ContainsFunc(s.e.Locks, in) || slices.ContainsFunc(s.held, func(h held) bool { return in(h.LockSeen) })
}

// waiting says who waits, and for what.
func (s *statement) waiting() string {
	var readers, writers []string
	var stopping, letting []string // modes that stop reads, and those that let them be
	consider := func(l migration.LockSeen) {
		switch {
		case !blocks(l) || l.Kind == "index" || l.Kind == "partitioned index":
		case l.Mode.StopsReads():
			readers, stopping = append(readers, l.Relation), append(stopping, string(l.Mode))
		default:
			writers, letting = append(writers, l.Relation), append(letting, string(l.Mode))
		}
	}
	for _, l := range s.e.Locks {
		consider(l)
	}
	for _, h := range s.held {
		consider(h.LockSeen)
	}
	readers = unique(readers)
	writers = slices.DeleteFunc(unique(writers), func(name string) bool { return slices.Contains(readers, name) })
	until := "the transaction ends"
	if s.apart() {
		until = "the statement ends"
	}
	said := ""
	if len(readers) > 0 {
		said = fmt.Sprintf("Whoever reads or writes %s waits until %s (%s).", list(readers), until, list(unique(stopping)))
	}
	if len(writers) > 0 {
		said = sentences(said, fmt.Sprintf("Whoever writes to %s waits until %s (%s).", list(writers), until, list(unique(letting))))
	}
	return said
}
