package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// seen is files with a replay.json that tells what their statements do.
func seen(t *testing.T, texts ...string) fstest.MapFS {
	t.Helper()
	w := watching(t)
	var files []string
	for _, text := range texts {
		f := w.add(text)
		files = append(files, f.Name, text)
	}
	all := dir(t, files...)
	d, _, err := migration.ReadDir(all)
	if err != nil {
		t.Fatal(err)
	}
	w.replay.Sum = d.Sum
	for i, f := range d.Files {
		w.replay.Files[i].Hash = f.Hash
	}
	text, err := migration.MarshalReplay(w.replay)
	if err != nil {
		t.Fatal(err)
	}
	all[migration.ReplayName] = &fstest.MapFile{Data: text}
	return all
}

func find(t *testing.T, r migration.Result, code string) migration.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f migration.Finding) bool { return f.Code == code })
	if i < 0 {
		t.Fatalf("no %s: %s", code, told(r))
	}
	return r.Findings[i]
}

// A plan says which rows will fail, an approval can accept it, and without them
// there is nothing to say.
func TestPlan_asksTheData(t *testing.T) {
	db := pgtest.New(t)
	files := seen(t, "CREATE TABLE t (id int PRIMARY KEY, a int);\n", "ALTER TABLE t ALTER a SET NOT NULL;\n")
	first := on(t, db.URL, files)
	plan := do(t, first, pipeline.Request{Action: migration.ActionPlan, To: "000001"})
	want(t, do(t, first, pipeline.Request{Action: migration.ActionApply, To: "000001", Plan: plan.Plan.Digest.String()}), migration.Applied)
	db.Exec(t, "INSERT INTO t VALUES (1, 1), (2, NULL), (3, NULL)")
	p := on(t, db.URL, files)
	r := do(t, p, pipeline.Request{Action: migration.ActionPlan})
	want(t, r, migration.Planned)
	f := find(t, r, "MF104")
	if f.ID != "MF104@000002_f.sql:1" || f.Severity != migration.Error || f.Summary != "2 rows of public.t fail NOT NULL of the column a" || f.Detail != "The primary keys of these rows: id = 2; id = 3" || !strings.Contains(f.Fix, `SELECT * FROM public.t WHERE "a" IS NULL;`) {
		t.Errorf("%+v", f)
	}
	var accept []string
	for _, f := range r.Findings {
		if f.Severity == migration.Error {
			accept = append(accept, f.ID)
		}
	}
	// What nobody accepted blocks: the data is asked again before anything runs.
	blocked(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String()}), migration.FindingsBlock)
	// Its rows fail: that it was accepted does not make it pass.
	again := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String(), Approval: migration.Approval{Accept: accept}})
	want(t, again, migration.Failed)
	if again.Failure.SQLState != "23502" {
		t.Errorf("%s", told(again))
	}
	db.Exec(t, "UPDATE t SET a = 0 WHERE a IS NULL")
	if r := do(t, p, pipeline.Request{Action: migration.ActionPlan}); slices.ContainsFunc(r.Findings, func(f migration.Finding) bool { return f.Code == "MF104" }) {
		t.Errorf("with the rows mended: %s", told(r))
	}
	// What was accepted of rows that are mended by now does not stand in the way.
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String(), Approval: migration.Approval{Accept: accept}}), migration.Applied)
}

// An old transaction that holds a lock on what is touched keeps a plan from
// running, is named, and no longer does when it is over.
func TestApply_behindAnOldTransaction(t *testing.T) {
	db := pgtest.New(t)
	files := seen(t, "CREATE TABLE t (id int PRIMARY KEY);\n", "ALTER TABLE t ADD a int;\n")
	first := on(t, db.URL, files)
	plan := do(t, first, pipeline.Request{Action: migration.ActionPlan, To: "000001"})
	want(t, do(t, first, pipeline.Request{Action: migration.ActionApply, To: "000001", Plan: plan.Plan.Digest.String()}), migration.Applied)
	c := db.Conn(t)
	if _, err := c.Exec(t.Context(), "BEGIN; SELECT * FROM t"); err != nil {
		t.Fatal(err)
	}
	p := on(t, db.URL, files)
	var r migration.Result
	for began := time.Now(); ; {
		r = do(t, p, pipeline.Request{Action: migration.ActionPlan})
		want(t, r, migration.Planned)
		if slices.ContainsFunc(r.Findings, func(f migration.Finding) bool { return f.Code == "AM570" }) {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not foreseen: %s", told(r))
		}
	}
	if f := find(t, r, "AM570"); f.Severity != migration.Info || !strings.Contains(f.Summary, "as things are now, apply would be refused: an old transaction holds ACCESS SHARE on public.t") {
		t.Errorf("%+v", f)
	}
	apply := pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String()}
	blocked := do(t, p, apply)
	want(t, blocked, migration.Blocked)
	if b := blocked.Refusal; b.Reason != migration.BehindTransaction || b.RetryAfter == 0 || b.Holder == nil || b.Holder.PID != int(c.PgConn().PID()) || b.Holder.State != "idle in transaction" {
		t.Errorf("%+v", b)
	}
	if n := db.Query(t, "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"); n != "0" {
		t.Error("it ran")
	}
	if _, err := c.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	want(t, do(t, p, apply), migration.Applied)
}
