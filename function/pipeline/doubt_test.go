package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Statements that no transaction may hold, each cut off while it waits for an
// old snapshot: by the end of its session, which leaves its work half done, and
// by the end of our time, after which the server goes on by itself. The same
// request, made again, ends where an undisturbed run ends.
var cutOff = []struct {
	name, before, statement, after string // after is a query that says t at the end
	waits                          bool   // the statement waits for the snapshot that is held
}{
	{"create index", "CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 100)",
		"CREATE INDEX CONCURRENTLY t_id ON t (id)", "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass", true},
	{"create unique index in a schema, quoted", `CREATE SCHEMA "S x"; CREATE TABLE "S x"."T y" (id int)`,
		`CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "I z" ON ONLY "S x"."T y" USING btree (id)`, `SELECT indisvalid FROM pg_index WHERE indexrelid = '"S x"."I z"'::regclass`, true},
	{"drop index", "CREATE TABLE t (id int); CREATE INDEX t_id ON t (id)",
		"DROP INDEX CONCURRENTLY t_id", "SELECT to_regclass('t_id') IS NULL", true},
	{"reindex index", "CREATE TABLE t (id int); CREATE INDEX t_id ON t (id)",
		"REINDEX INDEX CONCURRENTLY t_id", "SELECT count(*) = 1 AND bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass", true},
	{"reindex index whose name is cut within a character", "CREATE TABLE t (id int); CREATE INDEX a" + umlauts + " ON t (id)",
		"REINDEX INDEX CONCURRENTLY a" + umlauts, "SELECT count(*) = 1 AND bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass", true},
	{"create index with a name longer than PostgreSQL keeps", "CREATE TABLE t (id int)",
		"CREATE INDEX CONCURRENTLY " + umlauts + umlauts + " ON t (id)", "SELECT count(*) = 1 AND bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass", true},
	{"create index that is said to be rerunnable", "CREATE TABLE t (id int)",
		"-- aurora:rerunnable\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id)", "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass", true},
	{"reindex table", "CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, long text)",
		"REINDEX (VERBOSE) TABLE CONCURRENTLY t", "SELECT count(*) = 2 AND bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass", true},
	{"detach partition", "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (9)",
		"ALTER TABLE p DETACH PARTITION t CONCURRENTLY", "SELECT NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = 't'::regclass)", true},
}

const umlauts = "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüü" // 60 bytes

const outside = "-- atlas:txmode none\n\n"

func TestApply_settlesWhatASessionLeftHalfDone(t *testing.T) {
	for _, c := range cutOff {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, c.before)
			baselined(t, db)
			p := on(t, db.URL, dir(t, "002.sql", outside+"CREATE TABLE first ();\n"+c.statement+";\nCREATE TABLE last ();\n"))
			digest := planned(t, p)
			release := hold(t, db, snapshotOf(db, t))
			ended := make(chan migration.Result, 1)
			go func() {
				ended <- p.Do(context.Background(), pipeline.Request{Action: migration.ActionApply, Plan: digest})
			}()
			until(t, db, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query NOT LIKE '%pg_stat_activity%'`)
			time.Sleep(20 * time.Millisecond)
			db.Query(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
			first := <-ended
			want(t, first, migration.Unfinished)
			release()
			status := do(t, p, pipeline.Request{Action: migration.ActionStatus})
			if !strings.Contains(status.Migrations[len(status.Migrations)-1].Error, "in doubt") {
				t.Errorf("status does not tell of the doubt: %+v", status.Migrations)
			}
			again := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
			want(t, again, migration.Applied)
			ends(t, db, c.after)
		})
	}
}

// snapshotOf holds a snapshot, and a lock that conflicts with nothing but the
// strongest, on every table there is.
func snapshotOf(db *pgtest.DB, t testing.TB) string {
	return "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; " + strings.ReplaceAll(
		db.Query(t, `SELECT format('LOCK TABLE %s IN ACCESS SHARE MODE;', c.oid::regclass) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
			WHERE relkind IN ('r', 'p') AND nspname !~ '^(pg_|information|atlas)'`), "\n", " ") + " SELECT 1"
}

func ends(t testing.TB, db *pgtest.DB, after string) {
	t.Helper()
	if got := db.Query(t, after); got != "t" {
		t.Errorf("%s says %q", after, got)
	}
	if got := db.Query(t, "SELECT to_regclass('first') IS NOT NULL AND to_regclass('last') IS NOT NULL"); got != "t" {
		t.Error("the statements around it are not there")
	}
	if got := db.Query(t, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"); got != "0" {
		t.Errorf("%s INVALID indexes stay", got)
	}
	if got := db.Query(t, "SELECT applied, total, error, partial_hashes FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'"); got != "3|3||null" {
		t.Errorf("row %s", got)
	}
}

func TestApply_leavesConcurrentlyToTheServer(t *testing.T) {
	for _, c := range cutOff {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, c.before)
			baselined(t, db)
			p := on(t, db.URL, dir(t, "002.sql", outside+"CREATE TABLE first ();\n"+c.statement+";\nCREATE TABLE last ();\n"))
			digest := planned(t, p)
			release := hold(t, db, snapshotOf(db, t))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			first := p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest})
			want(t, first, migration.Unfinished)
			if first.Failure == nil || first.Failure.Kind != migration.StillRunning {
				t.Fatalf("told: %s", told(first))
			}
			again := make(chan migration.Result, 1)
			go func() {
				again <- p.Do(context.Background(), pipeline.Request{Action: migration.ActionApply, Plan: digest})
			}()
			time.Sleep(100 * time.Millisecond)
			release()
			r := <-again
			want(t, r, migration.Applied)
			if ran := r.Files[0].Ran; len(ran) == 0 || !ran[0].Found && c.statement[:7] != "REINDEX" {
				t.Errorf("the statement that the server finished was run again: %+v", ran)
			}
			ends(t, db, c.after)
		})
	}
}

func TestApply_cleansUpAfterAFailedBuild(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", outside+"CREATE TABLE first ();\nCREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);\nCREATE TABLE last ();\n"))
	digest := planned(t, p)
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Failed)
	if r.Failure.SQLState != "23505" || r.Failure.Statement != 2 || !strings.Contains(r.Failure.State, "Statements 1 to 1 of this file are in the database") {
		t.Errorf("failure %+v", r.Failure)
	}
	if got := db.Query(t, "SELECT applied, total, left(error, 10), error_stmt FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'"); got != "1|3|ERROR: cou|CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);" {
		t.Errorf("row %s", got)
	}
	if got := db.Query(t, "SELECT to_regclass('t_id') IS NULL"); got != "t" {
		t.Error("an INVALID index stayed")
	}
	db.Exec(t, "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)")
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Applied)
	ends(t, db, "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass")
}

// IF NOT EXISTS would skip an INVALID index of the same name without a word.
func TestApply_refusesAnothersInvalidIndex(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)")
	baselined(t, db)
	_, err := db.Conn(t).Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id)")
	if err == nil {
		t.Fatal("the index should not build")
	}
	p := on(t, db.URL, dir(t, "002.sql", outside+"CREATE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id);\n"))
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
	want(t, r, migration.Failed)
	if !strings.Contains(told(r), "INVALID") || !strings.Contains(r.Next, "DROP INDEX CONCURRENTLY public.t_id") {
		t.Errorf("told: %s", told(r))
	}
	if got := db.Query(t, "SELECT to_regclass('t_id') IS NOT NULL"); got != "t" {
		t.Error("the index of another was dropped")
	}
}

func TestApply_commitsByItself(t *testing.T) {
	const do_ = "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$;\n"
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", outside+do_))
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
	want(t, r, migration.Failed)
	if r.Failure.SQLState != "2D000" || !strings.Contains(r.Next, "aurora:rerunnable") {
		t.Errorf("told: %s", told(r))
	}
	if got := db.Query(t, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows stay of a statement that was refused", got)
	}
	applied(t, on(t, db.URL, dir(t, "002.sql", outside+"-- aurora:rerunnable\n"+do_)))
	if got := db.Query(t, "SELECT count(*) FROM t"); got != "2" {
		t.Errorf("%s rows", got)
	}
}

// A file that failed half-way is mended behind what ran, and goes on there.
func TestApply_mendedFileGoesOn(t *testing.T) {
	db := pgtest.New(t)
	text := func(third string) string {
		return outside + "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n" + third + ";\nINSERT INTO t VALUES (4);\n"
	}
	broken := on(t, db.URL, dir(t, "001.sql", text("INSERT INTO nowhere VALUES (3)")))
	r := do(t, broken, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, broken)})
	want(t, r, migration.Failed)
	if r.Failure.SQLState != "42P01" || r.Failure.Statement != 3 || r.Failure.Line != 5 {
		t.Errorf("failure %+v", r.Failure)
	}
	rewritten := on(t, db.URL, dir(t, "001.sql", strings.Replace(text("SELECT 3"), "VALUES (1)", "VALUES (7)", 1)))
	r = do(t, rewritten, pipeline.Request{Action: migration.ActionPlan})
	want(t, r, migration.Blocked)
	if !strings.Contains(told(r), "statement 2 is not the one that ran") {
		t.Errorf("told: %s", told(r))
	}
	applied(t, on(t, db.URL, dir(t, "001.sql", text("INSERT INTO t VALUES (3)"))))
	if got := db.Query(t, "SELECT string_agg(id::text, ',' ORDER BY id) FROM t"); got != "1,3,4" {
		t.Errorf("t has %s", got)
	}
}

// Where cleaning up has to wait, the answer does not: it says what stays, and
// the next run takes it away.
func TestApply_cleaningUpDoesNotHoldUpTheAnswer(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1); CREATE TABLE other ()")
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", outside+"CREATE TABLE first ();\nCREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);\nCREATE TABLE last ();\n"))
	digest := planned(t, p)
	// The build fails in its second phase, when it has waited for the writers;
	// a reader that comes then holds up the DROP, not the build.
	writer := hold(t, db, "INSERT INTO t VALUES (2)")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	ended := make(chan migration.Result, 1)
	go func() { ended <- p.Do(ctx, pipeline.Request{Action: migration.ActionApply, Plan: digest}) }()
	until(t, db, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE UNIQUE%'`)
	reader := hold(t, db, "SELECT count(*) FROM t")
	writer()
	r := <-ended
	want(t, r, migration.Failed)
	if r.Failure.SQLState != "23505" || !strings.Contains(r.Failure.Message, "the next run does it") {
		t.Errorf("told: %s", told(r))
	}
	reader()
	db.Exec(t, "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)")
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Applied)
	ends(t, db, "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass")
}
