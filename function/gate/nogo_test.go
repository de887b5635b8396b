package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// needing is a draft of one file whose only statement takes locks, and what was
// seen of it.
func needing(mode migration.TxMode, sql string, locks ...migration.LockSeen) (migration.Draft, *migration.Replay) {
	f := migration.File{Name: "2_f.sql", Version: "2", TxMode: mode, Stmts: []migration.Stmt{{Text: sql, Line: 3}}}
	seen := migration.FileReplay{Name: f.Name, Statements: []migration.Effects{{Statement: 1, Line: 3, Locks: locks, Objects: []migration.ObjectSeen{{Kind: "table", Name: "public.t", Change: migration.Altered}}}}}
	return migration.Draft{Files: []migration.Pending{{File: f}}}, &migration.Replay{Files: []migration.FileReplay{seen}}
}

func holding(mode migration.LockMode, age time.Duration) migration.HeldLock {
	return migration.HeldLock{Relation: "public.t", Mode: mode, Age: age,
		Holder: migration.Peer{PID: 4711, User: "app", Application: "worker", State: "idle in transaction", Transaction: "00:04:12"}}
}

// Only what a plan would wait for, and what does not end by itself soon, is in
// its way.
func TestNoGo(t *testing.T) {
	alter, seen := needing(migration.TxFile, "ALTER TABLE t ADD a int;", migration.LockSeen{Relation: "public.t", Mode: migration.AccessExclusive})
	update, wrote := needing(migration.TxFile, "UPDATE t SET a = 1;", migration.LockSeen{Relation: "public.t", Mode: migration.RowExclusive})
	build, built := needing(migration.TxNone, "CREATE INDEX CONCURRENTLY i ON t (a);", migration.LockSeen{Relation: "public.t", Mode: migration.ShareUpdateExclusive})
	drop, dropped := needing(migration.TxNone, "DROP INDEX CONCURRENTLY i;", migration.LockSeen{Relation: "public.t", Mode: migration.ShareUpdateExclusive})
	old := time.Minute
	edit := func(l migration.HeldLock, f func(*migration.HeldLock)) migration.HeldLock { f(&l); return l }
	locks := func(all ...migration.HeldLock) migration.Obstacles { return migration.Obstacles{Locks: all} }
	snapshot := func(age time.Duration) migration.Obstacles {
		return migration.Obstacles{Snapshots: []migration.OpenSnapshot{{Holder: migration.Peer{PID: 12, User: "report"}, Age: age}}}
	}
	for _, c := range []struct {
		name      string
		draft     migration.Draft
		replay    *migration.Replay
		obstacles migration.Obstacles
		reason    migration.Reason
		says      []string
	}{
		{"nothing", alter, seen, migration.Obstacles{}, "", nil},
		{"an old reader behind ALTER", alter, seen, locks(holding(migration.AccessShare, old)), migration.BehindTransaction,
			[]string{"ACCESS SHARE on public.t", "2_f.sql:3 waits for ACCESS EXCLUSIVE", "pid 4711 (app, worker), idle in transaction, transaction open for 00:04:12", "pg_terminate_backend(4711)"}},
		{"a young one", alter, seen, locks(holding(migration.AccessShare, 9*time.Second)), "", nil},
		{"one whose age is not to be seen", alter, seen, locks(holding(migration.AccessShare, 0)), "", nil},
		{"an old reader behind UPDATE", update, wrote, locks(holding(migration.AccessShare, old)), "", nil},
		{"an old writer behind UPDATE", update, wrote, locks(holding(migration.RowExclusive, old)), "", nil},
		{"an old writer behind CREATE INDEX CONCURRENTLY", build, built, locks(holding(migration.RowExclusive, old)), migration.BehindTransaction, []string{"waits for SHARE"}},
		{"an old reader behind CREATE INDEX CONCURRENTLY", build, built, locks(holding(migration.AccessShare, old)), "", nil},
		{"an old reader behind DROP INDEX CONCURRENTLY", drop, dropped, locks(holding(migration.AccessShare, old)), migration.BehindTransaction, nil},
		{"an old snapshot behind CREATE INDEX CONCURRENTLY", build, built, snapshot(old), migration.BehindSnapshot, []string{"pid 12 (report)", "pg_terminate_backend(12)"}},
		{"a young snapshot", build, built, snapshot(time.Second), "", nil},
		{"an old snapshot behind DROP INDEX CONCURRENTLY", drop, dropped, snapshot(old), "", nil},
		{"an old snapshot behind ALTER", alter, seen, snapshot(old), "", nil},
		{"an old snapshot, and no replay", build, nil, snapshot(old), migration.BehindSnapshot, nil},
		{"an old reader, and no replay", alter, nil, locks(holding(migration.AccessShare, old)), "", nil},
		{"two old ones", alter, seen, locks(holding(migration.AccessShare, old), edit(holding(migration.AccessShare, old), func(l *migration.HeldLock) { l.Holder.PID = 1 }), holding(migration.RowShare, old)),
			migration.BehindTransaction, []string{"; and 1 more"}},
		{"a prepared transaction", alter, seen, locks(edit(holding(migration.RowExclusive, old), func(l *migration.HeldLock) { l.Prepared = "it's" })), migration.BehindTransaction,
			[]string{"prepared transaction 'it''s' of app", "ROLLBACK PREPARED 'it''s'"}},
		{"an autovacuum", alter, seen, locks(edit(holding(migration.ShareUpdateExclusive, old), func(l *migration.HeldLock) { l.Yields = true })), "", nil},
		{"one against wraparound", alter, seen, locks(edit(holding(migration.ShareUpdateExclusive, time.Second), func(l *migration.HeldLock) { l.Wraparound = true })), migration.BehindVacuum, []string{"does not yield", "pid 4711"}},
		{"one against wraparound behind UPDATE", update, wrote, locks(edit(holding(migration.ShareUpdateExclusive, old), func(l *migration.HeldLock) { l.Wraparound = true })), "", nil},
		{"a lock on something else", alter, seen, locks(edit(holding(migration.AccessShare, old), func(l *migration.HeldLock) { l.Relation = "public.u" })), "", nil},
		{"Blue/Green", alter, seen, migration.Obstacles{Replicating: []string{"cdc", "rdsbg_1"}}, migration.UnderBlueGreen, []string{"rdsbg_1"}},
		{"a publication of one's own", alter, seen, migration.Obstacles{Replicating: []string{"cdc"}}, "", nil},
		{"Blue/Green, and no replay", alter, nil, migration.Obstacles{Replicating: []string{"app_blue_green"}}, migration.UnderBlueGreen, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := gate.NoGo(gate.NeedsOf(c.draft, c.replay), c.obstacles)
			if r == nil {
				if c.reason != "" {
					t.Fatalf("nothing in the way, want %s", c.reason)
				}
				return
			}
			if r.Reason != c.reason || r.RetryAfter == 0 || r.Next == "" {
				t.Errorf("%+v, want %q", r, c.reason)
			}
			for _, s := range c.says {
				if !strings.Contains(r.Summary+"\n"+r.Next, s) {
					t.Errorf("it does not say %q: %s\n%s", s, r.Summary, r.Next)
				}
			}
		})
	}
}

// What ran already needs nothing any more, and data alone does not break a
// Blue/Green deployment.
func TestNoGo_ofWhatIsStillToRun(t *testing.T) {
	draft, seen := needing(migration.TxFile, "ALTER TABLE t ADD a int;", migration.LockSeen{Relation: "public.t", Mode: migration.AccessExclusive})
	draft.Files[0].Done = true
	if r := gate.NoGo(gate.NeedsOf(draft, seen), migration.Obstacles{Locks: []migration.HeldLock{holding(migration.AccessShare, time.Hour)}, Replicating: []string{"rds_1"}}); r != nil {
		t.Errorf("done, and %+v", r)
	}
	draft.Files[0].Done, seen.Files[0].Statements[0].Objects = false, nil
	if r := gate.NoGo(gate.NeedsOf(draft, seen), migration.Obstacles{Replicating: []string{"rds_1"}}); r != nil {
		t.Errorf("no change of the schema, and %+v", r)
	}
}
