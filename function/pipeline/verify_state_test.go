package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func verified(t testing.TB, p *pipeline.Pipeline, o migration.Outcome) migration.Result {
	t.Helper()
	r := do(t, p, pipeline.Request{Action: migration.ActionVerify})
	if r.Outcome != o {
		t.Fatalf("verify is %s, want %s: %s\n%s", r.Outcome, o, drifts(r), told(r))
	}
	return r
}

// Files that are pending do not matter, nor does what has not begun.
func TestVerify_asFarAsTheHistoryGoes(t *testing.T) {
	db := pgtest.New(t)
	files := replayed(t, dir(t, "001_a.sql", "CREATE TABLE a (n int);\n", "002_b.sql", "ALTER TABLE a ADD m int;\n", "003_c.sql", "DROP TABLE a;\n"))
	p := on(t, db.URL, files)
	verified(t, p, migration.Clean)
	for _, to := range []string{"001", "002", "003"} {
		plan := do(t, p, pipeline.Request{Action: migration.ActionPlan, To: to})
		want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, To: to, Plan: plan.Plan.Digest.String()}), migration.Applied)
		if r := verified(t, p, migration.Clean); r.Verified.Version != to {
			t.Errorf("compared up to %q, want %q", r.Verified.Version, to)
		}
	}
}

// Without a replay that fits, nobody knows what should be there; and whoever
// plans must not do it with one of other files.
func TestVerify_withoutAReplayThatFits(t *testing.T) {
	db := pgtest.New(t)
	files := dir(t, "001_a.sql", "CREATE TABLE a (n int);\n")
	applied(t, on(t, db.URL, files))
	r := verified(t, on(t, db.URL, files), migration.Blocked)
	if r.Refusal.Reason != migration.NoReplay || !strings.Contains(r.Next, "aurora-migrate replay") || !strings.Contains(r.Next, "deploy again") {
		t.Errorf("missing: %+v, next %s", r.Refusal, r.Next)
	}
	for name, text := range map[string][]byte{
		"of other files": replayed(t, dir(t, "001_a.sql", "CREATE TABLE b (n int);\n"))[migration.ReplayName].Data,
		"no JSON":        []byte("{"),
	} {
		stale := fstest.MapFS{migration.ReplayName: &fstest.MapFile{Data: text}}
		for n, f := range files {
			stale[n] = f
		}
		p := on(t, db.URL, stale)
		for _, action := range []migration.Action{migration.ActionVerify, migration.ActionPlan, migration.ActionApply} {
			r := do(t, p, pipeline.Request{Action: action})
			if r.Outcome != migration.Blocked || r.Refusal.Reason != migration.NoReplay || !strings.Contains(r.Next, "aurora-migrate replay") {
				t.Errorf("%s: %s is %s: %s; next %s", name, action, r.Outcome, told(r), r.Next)
			}
		}
		want(t, do(t, p, pipeline.Request{Action: migration.ActionStatus}), migration.Current)
		if r := do(t, p, pipeline.Request{Action: migration.ActionDoctor}); r.Outcome == migration.Blocked {
			t.Errorf("doctor: %s", told(r))
		}
	}
}

// It takes no lock: a planner answers while a run holds the lock of migrations,
// and once nobody alters what has to be read.
func TestVerify_isNotHeldUp(t *testing.T) {
	db := pgtest.New(t)
	files := replayed(t, dir(t, "001_a.sql", "CREATE TABLE a (n int DEFAULT 1 CHECK (n > 0));\nCREATE INDEX ON a (n);\nCREATE VIEW v AS SELECT n FROM a;\n"))
	p := on(t, db.URL, files)
	applied(t, p)
	p.ReadOnly, p.Settings.LockTimeout = true, 200*time.Millisecond
	conn := db.Conn(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Error(err)
		}
	}
	exec("SELECT pg_advisory_lock(2686470616)")
	if r := verified(t, p, migration.Clean); r.Lock == nil {
		t.Error("the holder of the lock is not told")
	}
	exec("BEGIN; ALTER TABLE a ADD m int DEFAULT 7")
	r := verified(t, p, migration.Failed)
	if r.Failure.RetryAfter == 0 || !strings.Contains(r.Failure.Message, "is being altered") || r.Verified != nil {
		t.Errorf("%+v", r.Failure)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for db.Query(t, "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") != "t" {
			continue
		}
		exec("ROLLBACK")
	}()
	p.Settings.LockTimeout = 2 * time.Second
	verified(t, p, migration.Clean)
	<-over
}

// What a baseline adopted is not of the migrations, and no drift; but what they
// made, changed or dropped is theirs.
func TestVerify_afterABaseline(t *testing.T) {
	db := pgtest.New(t)
	files := replayed(t, dir(t, "010_a.sql", "CREATE TABLE a (n int);\n", "011_b.sql", "CREATE TABLE gone (n int);\n", "012_c.sql", "DROP TABLE gone;\n"))
	db.Exec(t, "CREATE TABLE old (n int); CREATE FUNCTION old_f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
	p := on(t, db.URL, files)
	plan := do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "009"})
	want(t, do(t, p, pipeline.Request{Action: migration.ActionBaseline, Version: "009", Plan: plan.Plan.Digest.String()}), migration.Baselined)
	applied(t, p)
	if r := verified(t, p, migration.Clean); r.Verified.Before != 2 {
		t.Errorf("%d objects of before, want 2", r.Verified.Before)
	}
	db.Exec(t, "CREATE TABLE gone (n int); ALTER TABLE a ADD m int; CREATE TABLE later (n int)")
	r := verified(t, p, migration.Drifted)
	if got := drifts(r); got != "changed table public.a: column m (integer) is there, and no migration makes it; extra table public.gone" {
		t.Errorf("got %s", got)
	}
}

// Of a file that is half done, each thing may be as it is before it or after it;
// what the file does not speak of is compared.
func TestVerify_halfDone(t *testing.T) {
	db := pgtest.New(t)
	files := replayed(t, dir(t, "001_a.sql", "CREATE TABLE a (n int, k int);\nCREATE TABLE b (n int);\nINSERT INTO a VALUES (1, 1);\n",
		"002_out.sql", "-- atlas:txmode none\n\nALTER TABLE a ADD CONSTRAINT positive CHECK (n > 0);\nCREATE INDEX CONCURRENTLY a_n ON a (n);\nALTER TABLE a ALTER k TYPE bigint;\nCREATE UNIQUE INDEX CONCURRENTLY a_k ON a (k);\nALTER TABLE b ADD m int;\n"))
	p := on(t, db.URL, files)
	plan := do(t, p, pipeline.Request{Action: migration.ActionPlan, To: "001"})
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, To: "001", Plan: plan.Plan.Digest.String()}), migration.Applied)
	db.Exec(t, "INSERT INTO a VALUES (2, 1)")
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
	want(t, r, migration.Failed)
	r = verified(t, p, migration.Clean)
	if !strings.Contains(r.Verified.Half, "002_out.sql (3 of 5 statements)") {
		t.Errorf("half done: %q", r.Verified.Half)
	}
	db.Exec(t, "ALTER TABLE a ADD z int; ALTER TABLE b ADD y int")
	r = verified(t, p, migration.Drifted)
	if got := drifts(r); got != "changed table public.a: column z (integer) is there, and no migration makes it; changed table public.b: column y (integer) is there, and no migration makes it" {
		t.Errorf("got %s", got)
	}
}

// What the replay did not see is not compared, and said to be so; a replay of
// another major version says that too, and what it writes otherwise is no drift.
func TestVerify_whatTheReplayDidNotSee(t *testing.T) {
	db := pgtest.New(t)
	sql := "CREATE TABLE a (n int NOT NULL);\nCREATE TABLE b (n int);\n"
	files := replayed(t, dir(t, "001_a.sql", sql), func(r *migration.Replay) {
		f := &r.Files[0]
		f.Statements[1].Unobserved = "there was no such extension"
		kept := f.Catalogue[:0]
		for _, e := range f.Catalogue {
			if e.Name != "public.b" {
				kept = append(kept, e)
			}
		}
		f.Catalogue = kept
		r.Major++
	})
	p := on(t, db.URL, files)
	applied(t, p)
	r := verified(t, p, migration.Clean)
	if r.Verified.Missed != 1 || r.Verified.Other == 0 {
		t.Errorf("%+v", r.Verified)
	}
}

// A database without a history that holds something is not judged.
func TestVerify_noHistory(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE old (n int)")
	r := verified(t, on(t, db.URL, replayed(t, dir(t, "001_a.sql", "CREATE TABLE a (n int);\n"))), migration.Blocked)
	if r.Refusal.Reason != migration.NotEmpty {
		t.Errorf("%+v", r.Refusal)
	}
}

// What the migrations make belongs to the role that is configured.
func TestVerify_asTheConfiguredRole(t *testing.T) {
	db := pgtest.New(t)
	owner, _ := db.Role(t, "")
	db.Exec(t, "GRANT CREATE ON SCHEMA public TO "+owner)
	p := on(t, db.URL, replayed(t, dir(t, "001_a.sql", "CREATE TABLE a (n int);\nGRANT SELECT ON a TO PUBLIC;\nALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;\n")))
	p.Settings.Role = owner
	db.Exec(t, "GRANT CREATE ON DATABASE "+db.Name+" TO "+owner)
	applied(t, p)
	verified(t, p, migration.Clean)
	db.Exec(t, "ALTER TABLE a OWNER TO CURRENT_USER")
	if got := drifts(verified(t, p, migration.Drifted)); !strings.Contains(got, "its owner is") || !strings.Contains(got, "the migrations say "+owner) {
		t.Errorf("got %s", got)
	}
}
