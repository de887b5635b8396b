package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// hold runs sql in a transaction of another session, which stays open until the
// function returned is called.
func hold(t testing.TB, db *pgtest.DB, sql string) (release func()) {
	t.Helper()
	c := db.Conn(t)
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = tx.Rollback(context.Background()) })
}

// until polls a query until it says t.
func until(t testing.TB, db *pgtest.DB, sql string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); db.Query(t, sql) != "t"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never true: %s", sql)
		}
	}
}

func TestApply_triesAgainUntilTheLockIsFree(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE busy (id int)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", "CREATE TABLE other ();\nALTER TABLE busy ADD COLUMN x int;\n"))
	p.Settings.LockTimeout = 100 * time.Millisecond
	digest := planned(t, p)
	release := hold(t, db, "SELECT count(*) FROM busy")
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		time.Sleep(700 * time.Millisecond)
		release()
	}()
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	<-waited
	want(t, r, migration.Applied)
}

// baselined gives a database that has objects a history, at version 001.
func baselined(t testing.TB, db *pgtest.DB) {
	t.Helper()
	p := on(t, db.URL, dir(t))
	r := do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "001"})
	want(t, r, migration.Planned)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "001", Plan: r.Plan.Digest.String()}), migration.Baselined)
}

// A lock that is never free ends the run as blocked, names who holds it, and
// keeps nothing; readers of the table were never held up for longer than one
// lock_timeout.
func TestApply_namesWhoBlocks(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE busy (id int)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", "CREATE TABLE other ();\nALTER TABLE busy ADD COLUMN x int;\n"))
	p.Settings.LockTimeout = 150 * time.Millisecond
	digest := planned(t, p)
	defer hold(t, db, "SET application_name = 'nightly report'; SELECT count(*) FROM busy")()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r := p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Blocked)
	if len(r.Failure.Blockers) != 1 || r.Failure.Blockers[0].Application != "nightly report" || r.Failure.RetryAfter == 0 || r.Failure.SQLState != "55P03" {
		t.Errorf("failure %+v", r.Failure)
	}
	if !strings.Contains(r.Failure.State, "Nothing of this file was kept") {
		t.Errorf("state %q", r.Failure.State)
	}
	if got := db.Query(t, "SELECT to_regclass('other') IS NULL"); got != "t" {
		t.Error("something of the file stayed")
	}
}

// A file that holds a lock which stops others may not go on waiting for more:
// the budget ends it, although no single wait is longer than lock_timeout.
func TestApply_budgetBoundsWaitsUnderLock(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE held (); CREATE TABLE b1 (); CREATE TABLE b2 (); CREATE TABLE b3 ()")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", "ALTER TABLE held ADD COLUMN x int;\nALTER TABLE b1 ADD COLUMN x int;\nALTER TABLE b2 ADD COLUMN x int;\nALTER TABLE b3 ADD COLUMN x int;\n"))
	p.Settings.LockTimeout, p.Settings.LockBudget = 30*time.Second, 300*time.Millisecond
	digest := planned(t, p)
	release := hold(t, db, "SELECT FROM b1")
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began := time.Now()
	r := p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Blocked)
	if !strings.Contains(r.Failure.Message, "canceling") || len(r.Failure.Blockers) == 0 {
		t.Errorf("after %s: %+v", time.Since(began), r.Failure)
	}
}

// Five equal requests at once end in one run and five answers that are equal in
// all but times.
func TestApply_fiveAtOnce(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t,
		"001.sql", "CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);\nSELECT pg_sleep(0.5);\n",
		"002.sql", "-- atlas:txmode none\n\nINSERT INTO a VALUES (2);\nCREATE INDEX CONCURRENTLY a_n ON a (n);\n"))
	digest := planned(t, p)
	results := make([]migration.Result, 5)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}) })
	}
	wg.Wait()
	for _, r := range results {
		want(t, r, migration.Applied)
		if r.Plan.Digest != results[0].Plan.Digest || r.Version != "002" || len(r.Files) != 2 || r.Next != results[0].Next {
			t.Errorf("answers differ: %+v", r)
		}
		for i, f := range r.Files {
			if f.Row.Version != results[0].Files[i].Row.Version || !f.Row.ExecutedAt.Equal(results[0].Files[i].Row.ExecutedAt) || f.Row.Applied != f.Row.Total {
				t.Errorf("file %s: %+v and %+v", f.Name, f.Row, results[0].Files[i].Row)
			}
		}
	}
	if got := db.Query(t, "SELECT count(*) FROM a"); got != "2" {
		t.Errorf("a has %s rows: something ran twice", got)
	}
}

// A request that comes while another plan runs is refused and names the holder.
func TestApply_lockedByAnother(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001.sql", "CREATE TABLE a ();\n"))
	digest := planned(t, p)
	c := db.Conn(t)
	if _, err := c.Exec(t.Context(), "SET application_name = 'atlas by hand'; SELECT pg_advisory_lock(2686470616)", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	r := p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Blocked)
	if r.Refusal.Reason != "locked" || r.Refusal.Holder.Application != "atlas by hand" || r.Refusal.RetryAfter == 0 {
		t.Errorf("%+v", r.Refusal)
	}
	status := do(t, p, pipeline.Request{Action: migration.ActionStatus})
	want(t, status, migration.Outstanding)
	if status.Lock == nil || status.Lock.Application != "atlas by hand" {
		t.Errorf("status does not name the holder: %+v", status.Lock)
	}
}

// Near its deadline a run stops between files and goes on with the next
// request; what had all the time and needs more fails, so that nobody loops.
func TestApply_deadline(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001.sql", "CREATE TABLE a ();\nSELECT pg_sleep(1);\n", "002.sql", "CREATE TABLE b ();\nSELECT pg_sleep(2);\n", "003.sql", "CREATE TABLE c ();\n"))
	p.Time = 3 * time.Second
	digest := planned(t, p)
	apply := func() migration.Result {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		return p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	}
	r := apply()
	want(t, r, migration.Unfinished)
	if !strings.Contains(r.Failure.State, "The file before it is applied and stays") {
		t.Errorf("state %q", r.Failure.State)
	}
	want(t, apply(), migration.Applied)

	q := on(t, db.URL, dir(t, "001.sql", "CREATE TABLE a ();\nSELECT pg_sleep(1);\n", "002.sql", "CREATE TABLE b ();\nSELECT pg_sleep(2);\n", "003.sql", "CREATE TABLE c ();\n", "004.sql", "SELECT pg_sleep(20);\n"))
	q.Time = 2 * time.Second
	digest = planned(t, q)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	r = q.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Failed)
	if !strings.Contains(r.Next, "split it") {
		t.Errorf("next %q", r.Next)
	}
	if n := db.Query(t, fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE datname = '%s' AND query LIKE '%%pg_sleep(20)%%' AND state = 'active' AND pid <> pg_backend_pid()", db.Name)); n != "0" {
		t.Errorf("the server still runs the statement")
	}
}

// Who is interrupted while it waits for its next try ends as unfinished, at
// once: not as if a lock had been waited for in vain.
func TestApply_interruptedBetweenTries(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE busy (id int)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", "ALTER TABLE busy ADD COLUMN x int;\n"))
	p.Settings.LockTimeout = 10 * time.Millisecond
	digest := planned(t, p)
	defer hold(t, db, "SELECT count(*) FROM busy")()
	tries := make(chan struct{}, 100)
	p.Log = slog.New(slog.NewTextHandler(lines(func(line string) {
		if strings.Contains(line, "trying again") {
			tries <- struct{}{}
		}
	}), nil))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan migration.Result, 1)
	go func() { ended <- p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest}) }()
	for range 5 { // the pauses are long by now
		<-tries
	}
	cancel()
	r := <-ended
	want(t, r, migration.Unfinished)
	if !strings.Contains(r.Next, "interrupted") || !strings.Contains(r.Failure.State, "Nothing of this file was kept") {
		t.Errorf("told: %s", told(r))
	}
}

// lines is a writer that hands each line on.
type lines func(string)

func (f lines) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}

// A request that joined and whose time is over before the run is tells how far
// that run has come.
func TestApply_joinedTellsHowFar(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001.sql", "CREATE TABLE a ();\nCREATE TABLE b ();\n", "002.sql", "SELECT pg_sleep(3);\n"))
	digest := planned(t, p)
	ended := make(chan migration.Result, 1)
	go func() {
		ended <- p.Do(context.Background(), pipeline.Request{Action: migration.ActionApply, Plan: digest})
	}()
	until(t, db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'")
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	r := p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Unfinished)
	if len(r.Files) != 2 || r.Files[0].Row.Applied != 2 || r.Files[1].Row.Applied != 0 || r.Lock == nil {
		t.Errorf("told: %+v", r.Files)
	}
	want(t, <-ended, migration.Applied)
}
