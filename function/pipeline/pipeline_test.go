package pipeline_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// dir is a directory with a valid atlas.sum, from name, text, name, text, ...
func dir(t testing.TB, namesAndTexts ...string) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		m[namesAndTexts[i]] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
	}
	sum, err := migration.HashDir(m)
	if err != nil {
		t.Fatal(err)
	}
	m["atlas.sum"] = &fstest.MapFile{Data: sum}
	return m
}

// on is a pipeline over files and the database at url.
func on(t testing.TB, url string, files fs.FS) *pipeline.Pipeline {
	t.Helper()
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	return &pipeline.Pipeline{
		Directory: files, Release: "v0.0.0",
		Connect: func(context.Context) (postgres.Config, error) { return config, nil },
	}
}

func do(t testing.TB, p *pipeline.Pipeline, r pipeline.Request) migration.Result {
	t.Helper()
	return p.Do(t.Context(), r)
}

// planned plans and returns the digest.
func planned(t testing.TB, p *pipeline.Pipeline) string {
	t.Helper()
	r := do(t, p, pipeline.Request{Action: migration.ActionPlan})
	want(t, r, migration.Planned)
	return r.Plan.Digest.String()
}

// applied plans and applies.
func applied(t testing.TB, p *pipeline.Pipeline) migration.Result {
	t.Helper()
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
	want(t, r, migration.Applied)
	return r
}

func want(t testing.TB, r migration.Result, o migration.Outcome) {
	t.Helper()
	if r.Outcome != o {
		t.Fatalf("outcome %s, want %s: %s", r.Outcome, o, told(r))
	}
}

// told is all that a result says about why it is what it is.
func told(r migration.Result) string {
	var said []string
	if r.Failure != nil {
		said = append(said, r.Failure.Error(), r.Failure.State, r.Failure.Hint)
	}
	if r.Refusal != nil {
		said = append(said, string(r.Refusal.Reason)+": "+r.Refusal.Summary)
	}
	for _, f := range r.Findings {
		said = append(said, f.ID+": "+f.Summary)
	}
	return strings.Join(append(said, r.Next), "\n")
}

func TestDo_straightLine(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t,
		"001_users.sql", "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nCREATE INDEX users_name ON users (name);\n",
		"002_more.sql", "ALTER TABLE users ADD COLUMN email text;\n"))

	r := do(t, p, pipeline.Request{Action: migration.ActionStatus})
	want(t, r, migration.Outstanding)
	digest := planned(t, p)
	if n := db.Query(t, "SELECT count(*) FROM pg_class WHERE relname = 'atlas_schema_revisions'"); n != "0" {
		t.Errorf("plan made a history: it must only read")
	}
	if again := planned(t, p); again != digest {
		t.Errorf("two plans of one state have two digests: %s, %s", digest, again)
	}
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply}), migration.Blocked)
	r = do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, r, migration.Applied)
	again := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	want(t, again, migration.Applied)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionPlan}), migration.NothingToDo)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply}), migration.NothingToDo)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionStatus}), migration.Current)
	rows := db.Query(t, `SELECT version, description, type, applied, total, error, error_stmt, partial_hashes FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY 1`)
	if rows != "001|users|2|2|2|||null\n002|more|2|1|1|||null" {
		t.Errorf("history:\n%s", rows)
	}
}

func TestDo_outsideTransaction(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t,
		"001_users.sql", "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nINSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 1000) g;\n",
		"002_index.sql", "-- atlas:txmode none\n\nSET lock_timeout = '3s';\nCREATE INDEX CONCURRENTLY users_name ON users (name);\nVACUUM users;\nALTER TABLE users ADD COLUMN x int;\n"))
	r := applied(t, p)
	if len(r.Files) != 2 || len(r.Files[1].Ran) != 4 {
		t.Errorf("files: %+v", r.Files)
	}
	if v := db.Query(t, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_name'::regclass"); v != "t" {
		t.Errorf("index valid: %s", v)
	}
	rows := db.Query(t, `SELECT version, applied, total, error, partial_hashes FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY 1`)
	if rows != "001|2|2||null\n002|4|4||null" {
		t.Errorf("history:\n%s", rows)
	}
}
