package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// oldTransaction is from when on a transaction that is in the way is not waited
// for. A younger one is: lock_timeout bounds each wait, and the file is tried
// again.
const oldTransaction = 10 * time.Second

// How long to wait before the same request is worth another try.
const (
	retryTransaction = 30 * time.Second
	retryVacuum      = 5 * time.Minute
	retryBlueGreen   = 10 * time.Minute
)

// Needs is what a draft is still going to lock and to wait for, as far as it is
// known beforehand.
type Needs struct {
	locks     map[string][]need // by relation
	snapshots string            // the first statement that waits for older snapshots; "" for none
	changes   bool              // it may change the schema
}

type need struct {
	mode  migration.LockMode
	place string
}

// NeedsOf says what the statements that are still to run need. Without a replay
// that knows their file nothing is known of their locks: then only the
// CONCURRENTLY family is, whose words say it.
func NeedsOf(d migration.Draft, replay *migration.Replay) Needs {
	n := Needs{locks: map[string][]need{}}
	for _, f := range d.Todo() {
		seen, known := replay.Find(f.Name)
		n.changes = n.changes || !known
		for i := f.Applied(); i < len(f.Stmts); i++ {
			var e migration.Effects
			if known && i < len(seen.Statements) {
				e = seen.Statements[i]
			}
			n.add(f, f.Stmts[i], e)
		}
	}
	return n
}

func (n *Needs) add(f migration.Pending, stmt migration.Stmt, e migration.Effects) {
	place := fmt.Sprintf("%s:%d", f.Name, stmt.Line)
	n.changes = n.changes || e.Unobserved != "" || len(e.Objects) > 0 || len(e.Columns) > 0 || len(e.Constraints) > 0 || len(e.Indexes) > 0
	waits := migration.LockMode("")
	if f.TxMode == migration.TxNone {
		switch stmt.Outside().Kind {
		case migration.CreateIndex, migration.Reindex:
			waits = migration.Share
			if n.snapshots == "" {
				n.snapshots = place
			}
		case migration.DropIndex, migration.DetachPartition:
			waits = migration.AccessExclusive
		}
	}
	for _, l := range e.Locks {
		n.locks[l.Relation] = append(n.locks[l.Relation], need{l.Mode, place})
		if waits != "" && l.Mode == migration.ShareUpdateExclusive { // it waits for who has a lock without asking for one
			n.locks[l.Relation] = append(n.locks[l.Relation], need{waits, place})
		}
	}
}

// Relations are the names of those that will be locked, sorted.
func (n Needs) Relations() []string { return slices.Sorted(maps.Keys(n.locks)) }

// NoGo refuses to begin while something stands in the way that would make the
// plan wait while others wait behind it, or that it would break: a Blue/Green
// deployment, a vacuum that does not yield, an old transaction with a lock that
// conflicts, an old snapshot that CONCURRENTLY would wait for. It returns nil
// where nothing of that kind was seen.
func NoGo(n Needs, o migration.Obstacles) *migration.Refusal {
	if n.changes {
		if i := slices.IndexFunc(o.Replicating, migration.BlueGreen); i >= 0 {
			return &migration.Refusal{Reason: migration.UnderBlueGreen, RetryAfter: retryBlueGreen,
				Summary: fmt.Sprintf("by the name of %s a Blue/Green deployment replicates this database: a change of the schema breaks it", o.Replicating[i]),
				Next:    "Wait until it has switched over, or delete the deployment; then run the same command again."}
		}
	}
	var vacuums, transactions []held
	for _, l := range o.Locks {
		first, conflict := n.conflict(l)
		switch {
		case !conflict, l.Yields:
		case l.Wraparound:
			vacuums = append(vacuums, held{l, first})
		case l.Age >= oldTransaction:
			transactions = append(transactions, held{l, first})
		}
	}
	switch {
	case len(vacuums) > 0:
		return behindVacuum(vacuums[0])
	case len(transactions) > 0:
		return behindTransaction(transactions)
	case n.snapshots != "":
		return behindSnapshot(n.snapshots, o.Snapshots)
	}
	return nil
}

// held is a lock in the way, and what it is in the way of.
type held struct {
	migration.HeldLock
	need need
}

// conflict is the strongest need that waits for a lock.
func (n Needs) conflict(l migration.HeldLock) (strongest need, found bool) {
	for _, one := range n.locks[l.Relation] {
		if one.mode.Conflicts(l.Mode) && one.mode.Strength() > strongest.mode.Strength() {
			strongest, found = one, true
		}
	}
	return strongest, found
}

func behindVacuum(h held) *migration.Refusal {
	return &migration.Refusal{Reason: migration.BehindVacuum, Holder: &h.Holder, RetryAfter: retryVacuum,
		Summary: fmt.Sprintf("autovacuum works on %s against the wraparound of transaction IDs and does not yield; %s waits for %s on it: %s", h.Relation, h.need.place, h.need.mode, h.Holder),
		Next:    "Wait until it is through (pg_stat_progress_vacuum shows how far it is), then run the same command again. To end it would only put it off."}
}

func behindTransaction(all []held) *migration.Refusal {
	h := all[0]
	who, end := h.Holder.String(), fmt.Sprintf("SELECT pg_terminate_backend(%d)", h.Holder.PID)
	if h.Prepared != "" {
		name := "'" + strings.ReplaceAll(h.Prepared, "'", "''") + "'"
		who, end = fmt.Sprintf("the prepared transaction %s of %s, open for %s", name, h.Holder.User, h.Holder.Transaction), "ROLLBACK PREPARED "+name
	}
	return &migration.Refusal{Reason: migration.BehindTransaction, Holder: &h.Holder, RetryAfter: retryTransaction,
		Summary: fmt.Sprintf("an old transaction holds %s on %s, and %s waits for %s, with everybody else behind it: %s%s", h.Mode, h.Relation, h.need.place, h.need.mode, who, others(all)),
		Next:    fmt.Sprintf("Wait until it ends, or have it ended by who knows what it does (%s;), then run the same command again.", end)}
}

// others says how many holders there are beside the first.
func others(all []held) string {
	who := map[string]bool{}
	for _, h := range all {
		who[fmt.Sprint(h.Holder.PID, h.Prepared)] = true
	}
	if len(who) == 1 {
		return ""
	}
	return fmt.Sprintf("; and %d more", len(who)-1)
}

func behindSnapshot(place string, all []migration.OpenSnapshot) *migration.Refusal {
	for _, s := range all {
		if s.Age >= oldTransaction {
			return &migration.Refusal{Reason: migration.BehindSnapshot, Holder: &s.Holder, RetryAfter: retryTransaction,
				Summary: fmt.Sprintf("%s runs CONCURRENTLY and would wait for every older snapshot in this database; the oldest: %s", place, s.Holder),
				Next:    fmt.Sprintf("Wait until it ends, or have it ended by who knows what it does (SELECT pg_terminate_backend(%d);), then run the same command again.", s.Holder.PID)}
		}
	}
	return nil
}

// Foreseen is a refusal of NoGo as a plan tells it: what stands in the way now
// may be gone when the plan is applied.
func Foreseen(r *migration.Refusal) []migration.Finding {
	if r == nil {
		return nil
	}
	f := migration.Finding{Code: "AM570", Severity: migration.Info, Summary: "as things are now, apply would be refused: " + r.Summary, Fix: r.Next}
	return []migration.Finding{f.Identified()}
}

// Known says that there is something that the draft is known to lock or to wait for.
func (n Needs) Known() bool { return len(n.locks) > 0 || n.snapshots != "" }
