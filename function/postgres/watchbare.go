package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Classes of objects, by the oid of their catalogue, which never changes.
const (
	classRelation   = 1259
	classType       = 1247
	classFunction   = 1255
	classConstraint = 2606
	classTrigger    = 2620
	classPolicy     = 3256
	classRule       = 2618
	classDefault    = 2604
	classStatistics = 3381
)

// bare runs a statement that cannot run inside a transaction. Two other sessions
// hold what it will have to wait for, one the lock that maintenance takes, the
// other an old snapshot and the weakest lock, both on what the statement names:
// what it has locked or asked for when it waits is what is seen, the same each
// time; then it is let go. One that commits as it goes is told piece by piece.
func (w *Watcher) bare(ctx context.Context, a *attempt, at int, commits bool) (seen, error) {
	stmt := a.file.Stmts[at]
	s := seen{alone: true, changes: map[uint32]change{}, counts: map[uint32]counted{}, privileged: a.super[at]}
	if !a.watched {
		return s, w.exec(ctx, stmt.Text)
	}
	words := migration.Words(stmt.Text)
	var about []uint32
	for _, r := range w.known.named(words) {
		about = append(about, r.OID)
		if r.isIndex() {
			about = append(about, r.On)
		}
	}
	text, taken, all := stmt.Text, []lockPair(nil), map[uint32]counted(nil)
	run := func() error {
		if a.super[at] {
			if err := w.exec(ctx, asSuperuser); err != nil {
				return err
			}
			defer func() { _ = w.exec(ctx, asRunner) }() // a broken connection shows at the next statement
		}
		holds, err := w.holdBack(ctx, about)
		if err != nil {
			return err
		}
		w.notices = nil
		done := make(chan error, 1)
		go func() { done <- w.exec(ctx, text) }()
		taken, err = w.sample(ctx, done, holds)
		return err
	}
	var err error
	if commits {
		text = marked(text)
		all, err = w.marking(ctx, stmt.Text, run)
	} else {
		err = run()
	}
	if err != nil {
		return s, err
	}
	s.notices, s.released = w.take(), taken
	a.begun()
	var pieces []seen
	if commits {
		pieces = w.pieces(a, s.notices, all)
		s.notices = slices.DeleteFunc(s.notices, func(n notice) bool { return n.Mark != nil })
	}
	held := locks{}
	held.add(taken)
	asked := slices.Concat(about, besides(s.notices), slices.Collect(maps.Keys(held)))
	if err := w.conn.QueryRow(ctx, "SELECT "+watchSchema+".state(VARIADIC $1::pg_catalog.oid[])", asked).Scan(&text); err != nil {
		return s, err
	}
	var now []*relation
	if err := json.Unmarshal([]byte(text), &now); err != nil {
		return s, err
	}
	w.note(a, &s, now, asked)
	if commits {
		together(pieces, &s)
	}
	return s, nil
}

// holdBack begins to hold, and returns what lets go, one after the other.
func (w *Watcher) holdBack(ctx context.Context, about []uint32) (holds []func(), err error) {
	for _, h := range []struct {
		conn *pgx.Conn
		mode migration.LockMode
	}{{w.guard, migration.ShareUpdateExclusive}, {w.hold, migration.AccessShare}} {
		holds = append(holds, func() { _, _ = h.conn.Exec(context.WithoutCancel(ctx), "ROLLBACK") })
		if err := w.holdOne(ctx, h.conn, h.mode, about); err != nil {
			for _, let := range holds {
				let()
			}
			return nil, err
		}
	}
	return holds, nil
}

func (w *Watcher) holdOne(ctx context.Context, conn *pgx.Conn, mode migration.LockMode, about []uint32) error {
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return err
	}
	if mode == migration.AccessShare { // a snapshot too, and no lock, which VACUUM FULL of a whole database would wait for
		if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
			return err
		}
	}
	for _, oid := range about {
		if r := w.known.all[oid]; r != nil && (r.Kind == "r" || r.Kind == "p") {
			if _, err := conn.Exec(ctx, "LOCK TABLE ONLY "+pgx.Identifier{r.Schema, r.Name}.Sanitize()+" IN "+string(mode)+" MODE"); err != nil {
				return err
			}
		}
	}
	return nil
}

const waitingSQL = `SELECT relation, mode, granted, locktype FROM pg_catalog.pg_locks WHERE pid = $1 AND (locktype = 'relation' AND relation >= 16384 OR NOT granted)`

// sample waits until the session that runs is done. Each time that it waits, its
// locks are noted, and the next of what it waits for is let go.
func (w *Watcher) sample(ctx context.Context, done <-chan error, holds []func()) (taken []lockPair, err error) {
	found := map[lockPair]bool{}
	for {
		now, waiting, failed := w.glance(ctx)
		if len(holds) > 0 && (waiting || failed != nil) {
			for _, p := range now {
				found[p] = true
			}
			holds[0]()
			holds = holds[1:]
		}
		select {
		case err := <-done:
			for _, let := range holds {
				let()
			}
			return slices.SortedFunc(maps.Keys(found), func(a, b lockPair) int {
				return cmp.Or(cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Mode, b.Mode))
			}), err
		default:
		}
	}
}

// glance reads the locks of the session that runs, those that it waits for too.
func (w *Watcher) glance(ctx context.Context) (now []lockPair, waiting bool, err error) {
	rows, err := w.side.Query(ctx, waitingSQL, w.pid)
	if err != nil {
		return nil, false, err
	}
	var relation *uint32
	var mode, kind string
	var granted bool
	_, err = pgx.ForEachRow(rows, []any{&relation, &mode, &granted, &kind}, func() error {
		waiting = waiting || !granted
		if kind == "relation" && relation != nil {
			now = append(now, lockPair{*relation, mode})
		}
		return nil
	})
	return now, waiting, err
}
