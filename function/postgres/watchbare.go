package postgres

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

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

// bare runs a statement that cannot run inside a transaction. A third session
// holds an old snapshot and a weak lock on what the statement names, so that it
// has to wait, and what it has locked by then can be seen; then it is let go.
func (w *Watcher) bare(ctx context.Context, a *attempt, at int) (seen, error) {
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
	release, err := w.holdBack(ctx, about)
	if err != nil {
		return s, err
	}
	w.notices = nil
	done := make(chan error, 1)
	go func() { done <- w.exec(ctx, stmt.Text) }()
	taken, err := w.sample(ctx, done, release)
	if err != nil {
		return s, err
	}
	s.notices, s.released = w.notices, taken
	w.notices = nil
	held := locks{}
	held.add(taken)
	asked := slices.Concat(about, besides(s.notices), slices.Collect(maps.Keys(held)))
	var text string
	if err := w.conn.QueryRow(ctx, "SELECT "+watchSchema+".state(VARIADIC $1::pg_catalog.oid[])", asked).Scan(&text); err != nil {
		return s, err
	}
	var now []*relation
	if err := json.Unmarshal([]byte(text), &now); err != nil {
		return s, err
	}
	a.undo, a.fresh = states{}, map[uint32]bool{}
	w.note(a, &s, now, asked)
	return s, nil
}

// holdBack begins to hold what a statement will have to wait for.
func (w *Watcher) holdBack(ctx context.Context, about []uint32) (release func(), err error) {
	if _, err := w.hold.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return nil, err
	}
	release = func() { _, _ = w.hold.Exec(context.WithoutCancel(ctx), "ROLLBACK") }
	if _, err := w.hold.Exec(ctx, "SELECT FROM pg_catalog.pg_class LIMIT 1"); err != nil {
		release()
		return nil, err
	}
	for _, oid := range about {
		if r := w.known.all[oid]; r != nil && (r.Kind == "r" || r.Kind == "p") {
			if _, err := w.hold.Exec(ctx, "LOCK TABLE "+pgx.Identifier{r.Schema, r.Name}.Sanitize()+" IN ACCESS SHARE MODE"); err != nil {
				release()
				return nil, err
			}
		}
	}
	return release, nil
}

const sampleSQL = `SELECT relation, mode, granted, locktype FROM pg_catalog.pg_locks WHERE pid = $1 AND (locktype = 'relation' AND relation >= 16384 OR NOT granted)`

// sample looks at the locks of the session that runs until it is done. Once it
// waits, what it waits for is let go.
func (w *Watcher) sample(ctx context.Context, done <-chan error, release func()) (taken []lockPair, err error) {
	found := map[lockPair]bool{}
	holding := true
	for {
		rows, failed := w.side.Query(ctx, sampleSQL, w.pid)
		waiting := false
		var relation *uint32
		var mode, kind string
		var granted bool
		if failed == nil {
			_, failed = pgx.ForEachRow(rows, []any{&relation, &mode, &granted, &kind}, func() error {
				waiting = waiting || !granted
				if kind == "relation" && relation != nil {
					found[lockPair{*relation, mode}] = true
				}
				return nil
			})
		}
		if holding && (waiting || failed != nil) {
			release()
			holding = false
		}
		select {
		case err := <-done:
			if holding {
				release()
			}
			pairs := slices.SortedFunc(maps.Keys(found), func(a, b lockPair) int {
				if a.Relation != b.Relation {
					return int(a.Relation) - int(b.Relation)
				}
				return strings.Compare(a.Mode, b.Mode)
			})
			return pairs, err
		default:
		}
	}
}
