package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// worked tells of work under a lock that no other rule has told of: mostly one
// that an earlier statement of the transaction took.
func (s *statement) worked() {
	s.unfilled()
	if s.worksOn || s.begins("refresh") {
		return
	}
	relations := s.labour()
	if len(relations) == 0 {
		return
	}
	earlier := s.earlier()
	switch {
	case len(earlier) > 0 && s.validatesOwn() != "":
		s.work(codeValidateSameTx, relations,
			fmt.Sprintf("validates %s in the transaction that added it, which scans all of %s under the lock of ADD CONSTRAINT", s.validatesOwn(), list(relations)),
			fix("Commit in between: validate it in a file of its own.", one(s.text())))
	case len(earlier) > 0:
		first := earlier[0]
		words := fix("Commit in between: do this in a file of its own.", one(s.text()))
		b := s.inBatches(relations)
		switch {
		case b != "":
			words = fix("Commit in between, and write the rows in batches that each commit:", alone(b))
		case s.begins("update") || s.begins("delete"):
			words = "Commit in between, and write the rows in batches by key that each commit, in a file of its own outside a transaction (-- atlas:txmode none)."
		case s.says("attach partition"):
			words = "Prove first, by a CHECK that says the same as the bounds, added NOT VALID and validated in files before this one, that all of its rows belong there: ATTACH PARTITION then scans nothing."
		case s.begins("create materialized view"):
			words = "Build it under another name in a file before, and swap the names in one short transaction."
		}
		s.work(codeWorkUnderLock, relations,
			fmt.Sprintf("scans or writes %s while the transaction holds the lock that statement %d took on %s", list(relations), first.statement, first.Relation), words)
	case len(s.own()) > 0:
		s.work(codeWork, relations, fmt.Sprintf("scans or writes %s while others wait for the lock on %s that it holds", list(relations), list(lockedNames(s.own()))),
			"Part what takes the lock from what reads or writes the rows, and run each in a file of its own.")
	}
}

func lockedNames(locks []migration.LockSeen) []string {
	var names []string
	for _, l := range locks {
		names = append(names, l.Relation)
	}
	return unique(names)
}

// labour are the relations that it scans, rewrites, builds an
// index on or changes many rows of; not those that it empties, which is told of as
// that.
func (s *statement) labour() []string {
	names := slices.Clone(s.e.Rewrites)
	for _, r := range s.e.Scans {
		if !s.keyed(r.Relation) {
			names = append(names, r.Relation)
		}
	}
	for _, i := range s.e.Indexes {
		if !s.before.partitioned(i.Table) && !i.Rebuilt {
			names = append(names, i.Table)
		}
	}
	for _, r := range s.e.Rows {
		if (r.Update != "" || r.Delete != "") && !s.keyed(r.Table) {
			names = append(names, r.Table)
		}
	}
	return unique(slices.DeleteFunc(names, func(name string) bool { return name == s.partition || slices.Contains(s.e.Truncates, name) }))
}

// validatesOwn is the constraint that it validates and the same transaction
// added; "" for none.
func (s *statement) validatesOwn() string {
	for _, k := range s.e.Constraints {
		if !k.Validated {
			continue
		}
		for _, e := range s.effects[:s.e.Statement-1] {
			if slices.ContainsFunc(e.Constraints, func(o migration.ConstraintSeen) bool {
				return o.Name == k.Name && o.Table == k.Table && !o.Validated
			}) {
				return ident(k.Name)
			}
		}
	}
	return ""
}

// inBatches is the statement in batches where it writes one of the relations.
func (s *statement) inBatches(relations []string) string {
	for _, r := range s.e.Rows {
		if slices.Contains(relations, r.Table) && !r.Cascade && (r.Update != "" || r.Delete != "") {
			return s.batched(r.Table)
		}
	}
	return ""
}

// lockedByHand tells of LOCK TABLE.
func (s *statement) lockedByHand() {
	if !s.says("lock table") && !s.begins("lock") {
		return
	}
	locks := s.own()
	if len(locks) == 0 {
		return
	}
	l := locks[0]
	severity := s.lesser(migration.Warning, l.Relation)
	if s.apart() {
		s.tell(codeLockTable, severity, fmt.Sprintf("LOCK TABLE gives %s on %s back at once: the statement commits by itself", l.Mode, l.Relation), "What follows runs without it.",
			"Let what needs it run in one transaction: in a file of its own, without -- atlas:txmode none.")
		return
	}
	if s.takenAnyway(l) {
		severity = migration.Info
	}
	s.tell(codeLockTable, severity, fmt.Sprintf("LOCK TABLE holds %s on %s until the end of the transaction", l.Mode, l.Relation), s.waiting(),
		"Take it out: each statement takes the lock that it needs. Where two tables must stand still together, keep the transaction to a few short statements.")
}

// takenAnyway says that several later statements of the transaction change the relation,
// as where columns are swapped: they are to happen together and lock it themselves, and
// work that is done in between is told of there.
func (s *statement) takenAnyway(l migration.LockSeen) bool {
	n := 0
	for _, e := range s.effects[s.e.Statement:] {
		if redefines(e, l.Relation) {
			n++
		}
	}
	return n > 1
}

// redefines says that a statement changed the definition of a relation.
func redefines(e migration.Effects, relation string) bool {
	return slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool { return c.Table == relation }) ||
		slices.ContainsFunc(e.Constraints, func(k migration.ConstraintSeen) bool { return k.Table == relation }) ||
		slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
			return o.On == relation || o.Name == relation || strings.HasSuffix(o.Name, " on "+relation)
		})
}

// manyLocks tells of tables that one transaction locks one after the other, and
// of statements that lock very many at once.
func (s *statement) manyLocks() {
	relations := make(map[string]bool)
	for _, l := range s.e.Locks {
		relations[l.Relation] = true
	}
	if len(relations) >= s.in.Policy.ManyLocks {
		s.tell(codeManyLocks, migration.Warning, fmt.Sprintf("locks %d relations at once", len(relations)),
			"Room for locks is shared by all sessions (max_locks_per_transaction); where it ends, others fail with 53200.", "Do it partition by partition, each in a transaction of its own.")
	}
	if s.apart() {
		return
	}
	var before []held
	for _, h := range s.earlier() {
		if h.altered && h.Mode == migration.AccessExclusive && isTable(h.Kind) && s.stays(h.Relation) || s.refersEarlier(h) {
			before = append(before, h)
		}
	}
	for _, l := range s.own() {
		if !isTable(l.Kind) || !s.stays(l.Relation) || !s.takes(l) {
			continue
		}
		other := slices.IndexFunc(before, func(h held) bool { return s.before.root(h.Relation) != s.before.root(l.Relation) })
		if other < 0 || slices.ContainsFunc(s.held, func(h held) bool { return h.Relation == l.Relation && blocks(h.LockSeen) }) {
			continue
		}
		h := before[other]
		if s.newOnly([]string{l.Relation}) || s.newOnly([]string{h.Relation}) {
			continue // nobody waits for it, or holds it
		}
		s.tell(codeManyTables, s.lesser(migration.Warning, l.Relation, h.Relation),
			fmt.Sprintf("waits for the lock on %s while the transaction holds the one on %s that statement %d took", l.Relation, h.Relation, h.statement),
			"Whoever uses the first table waits for as long as it takes to get the second; whoever takes them the other way round ends in a deadlock.",
			fix("One table for each transaction: do this in a file of its own.", one(s.text())))
		return
	}
}

// takes says that the lock is one that counts: ACCESS EXCLUSIVE on what the
// statement names, or that on the table which a second foreign key refers to.
func (s *statement) takes(l migration.LockSeen) bool {
	if l.Mode == migration.AccessExclusive && !l.Collateral {
		return true
	}
	return slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool {
		return k.Kind == "foreign key" && !k.Validated && k.References == l.Relation
	})
}

// refersEarlier says that the lock is on a table which a foreign key of an
// earlier statement refers to.
func (s *statement) refersEarlier(h held) bool {
	if h.statement < 1 || h.statement > len(s.effects) {
		return false
	}
	adds := slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool { return k.Kind == "foreign key" && !k.Validated })
	return adds && slices.ContainsFunc(s.effects[h.statement-1].Constraints, func(k migration.ConstraintSeen) bool {
		return k.Kind == "foreign key" && !k.Validated && k.References == h.Relation
	})
}

func isTable(kind string) bool {
	return kind == "table" || kind == "partitioned table" || kind == "foreign table"
}

// stays says that the file neither drops nor renames the relation.
func (s *statement) stays(name string) bool { return s.after.has(name) }
