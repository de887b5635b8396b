package pipeline_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A half-applied file may be mended by taking out what did not run: what ran is
// then all of it, and the history says so.
func TestApply_fileCutToWhatRan(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001.sql", outside+"CREATE TABLE a ();\nSELECT 1 / 0;\n"))
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)}), migration.Failed)
	p = on(t, db.URL, dir(t, "001.sql", outside+"CREATE TABLE a ();\n"))
	digest := planned(t, p)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Applied)
	if got := db.Query(t, "SELECT applied, total, error, error_stmt, partial_hashes FROM atlas_schema_revisions.atlas_schema_revisions"); got != "1|1|||null" {
		t.Errorf("row %s", got)
	}
	want(t, do(t, p, pipeline.Request{Action: migration.ActionPlan}), migration.NothingToDo)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Applied)
}

// A statement in doubt that cannot be settled by looking is taken out of the
// file by whoever has looked: neither it nor what stands in its place is in
// doubt then. Where it is said to be rerunnable, it runs again.
func TestApply_statementInDoubtIsTakenOut(t *testing.T) {
	const a, call, z = "CREATE TABLE a ();\n", "CALL p();\n", "CREATE TABLE z ();\n"
	for name, c := range map[string]struct{ mended, row, calls string }{
		"as the last one":       {a, "1|1|", "0"},
		"before others":         {a + z, "2|2|", "0"},
		"said to be rerunnable": {a + "-- aurora:rerunnable\n" + call + z, "3|3|", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, "CREATE TABLE called (); CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; INSERT INTO called DEFAULT VALUES; END'")
			baselined(t, db)
			// CALL is refused at once, which leaves a row; the doubt is staged.
			p := on(t, db.URL, dir(t, "002.sql", outside+a+call+z))
			want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)}), migration.Failed)
			db.Exec(t, "UPDATE atlas_schema_revisions.atlas_schema_revisions SET applied = 1, error = 'in doubt: staged', error_stmt = 'CALL p();' WHERE version = '002'")
			r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
			if r.Outcome != migration.Failed || !strings.Contains(r.Next, "take it out of the file") {
				t.Fatalf("%s: %s", r.Outcome, told(r))
			}
			applied(t, on(t, db.URL, dir(t, "002.sql", outside+c.mended)))
			if got := db.Query(t, "SELECT applied, total, error FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'"); got != c.row {
				t.Errorf("row %s, want %s", got, c.row)
			}
			if got := db.Query(t, "SELECT count(*) FROM called"); got != c.calls {
				t.Errorf("called %s times, want %s", got, c.calls)
			}
		})
	}
}

// The author's word that a statement may run twice takes none of the care away
// that the CONCURRENTLY family needs: a timeout would leave an INVALID index,
// which IF NOT EXISTS passes over.
func TestApply_rerunnableIndexHasNoTimeouts(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", outside+"-- aurora:rerunnable\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id);\n"))
	p.Settings.LockTimeout = 50 * time.Millisecond
	digest := planned(t, p)
	release := hold(t, db, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM t")
	ended := make(chan migration.Result, 1)
	go func() {
		ended <- p.Do(context.Background(), pipeline.Request{Action: migration.ActionApply, Plan: digest})
	}()
	until(t, db, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > '200 ms'`)
	release()
	want(t, <-ended, migration.Applied)
	if got := db.Query(t, "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass"); got != "t" {
		t.Errorf("index valid: %s", got)
	}
}

// Who holds the lock is named of a statement outside a transaction too.
func TestApply_namesWhoBlocksOutside(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE busy (id int)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", outside+"VACUUM busy;\n"))
	p.Settings.LockTimeout = 150 * time.Millisecond
	digest := planned(t, p)
	defer hold(t, db, "SET application_name = 'nightly load'; LOCK TABLE busy")()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r := p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Blocked)
	if len(r.Failure.Blockers) != 1 || r.Failure.Blockers[0].Application != "nightly load" || !strings.Contains(r.Next, "nightly load") {
		t.Errorf("failure %+v", r.Failure)
	}
}

// A baseline whose COMMIT is not answered does not say that nothing was
// changed, and the same request ends it.
func TestBaseline_unanswered(t *testing.T) {
	files := dir(t, "001.sql", "CREATE TABLE t ();\n")
	unanswered := 0
	for at := int64(1); ; at++ {
		db := pgtest.New(t)
		db.Exec(t, "CREATE TABLE t ()")
		request := pipeline.Request{Action: migration.ActionBaseline, Version: "001"}
		request.Plan = do(t, on(t, db.URL, files), request).Plan.Digest.String()
		life := &mortal{at: at, after: true}
		r := do(t, mortalPipeline(t, db.URL, files, life), request)
		if r.Outcome == migration.Unfinished {
			unanswered++
			if !strings.Contains(told(r), "It is not known whether the history was written") || !strings.Contains(r.Next, "again") {
				t.Errorf("message %d: %s", at, told(r))
			}
		} else if r.Outcome == migration.Failed && db.Query(t, "SELECT to_regclass('atlas_schema_revisions.atlas_schema_revisions') IS NOT NULL") == "t" {
			t.Errorf("message %d: the history is there, and told is: %s", at, told(r))
		}
		want(t, do(t, on(t, db.URL, files), request), migration.Baselined)
		if r.Outcome == migration.Baselined {
			break
		}
	}
	if unanswered == 0 {
		t.Error("no COMMIT went without an answer")
	}
}

// cutAfter breaks the connection once a statement has left that goes alone, so
// that its answer is lost.
type cutAfter struct {
	net.Conn
	statement string
}

func (c cutAfter) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.Contains(b, []byte(c.statement)) && !bytes.Contains(b, []byte("BEGIN")) {
		_ = c.Close()
	}
	return n, err
}

// An index that somebody made under the name of the file's is not taken for the
// file's own, although the answer that says so is lost.
func TestApply_indexOfAnotherIsNotOurs(t *testing.T) {
	const create = "CREATE INDEX CONCURRENTLY t_id ON t (id)"
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int, other int); CREATE INDEX t_id ON t (other)")
	baselined(t, db)
	files := dir(t, "002.sql", outside+create+";\n")
	p := on(t, db.URL, files)
	request := pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)}
	config, err := p.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config = config.WithDial(func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		return cutAfter{c, create}, err
	})
	cut := on(t, db.URL, files)
	cut.Connect = func(context.Context) (postgres.Config, error) { return config, nil }
	want(t, do(t, cut, request), migration.Unfinished)
	r := do(t, p, request)
	want(t, r, migration.Failed)
	if r.Failure.SQLState != "42P07" {
		t.Errorf("told: %s", told(r))
	}
}
