package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// rated is files with the replay and the rates that a dev database gives of them.
func rated(t testing.TB, files fstest.MapFS) fstest.MapFS {
	t.Helper()
	d, _, err := migration.ReadDir(files)
	if err != nil {
		t.Fatal(err)
	}
	server := pgtest.Private(t, nil)
	open := func() *postgres.Watcher {
		w, err := postgres.OpenWatcher(t.Context(), pgtest.On(t, server).URL)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := open()
	defer w.Close()
	r := migration.Replay{Format: migration.ReplayFormat, Sum: d.Sum, Major: pgtest.Major(t)}
	for _, f := range d.Files {
		seen, err := w.Watch(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		r.Files = append(r.Files, seen)
	}
	rates := migration.Rates{Format: migration.RatesFormat, Statements: ratesOf(t, open, d, r)}
	if files[migration.ReplayName], err = marshalled(migration.MarshalReplay(r)); err != nil {
		t.Fatal(err)
	}
	if files[migration.RatesName], err = marshalled(migration.MarshalRates(rates)); err != nil {
		t.Fatal(err)
	}
	return files
}

func marshalled(text []byte, err error) (*fstest.MapFile, error) {
	return &fstest.MapFile{Data: text}, err
}

// ratesOf measures the statements of the last file.
func ratesOf(t testing.TB, open func() *postgres.Watcher, d *migration.Dir, r migration.Replay) (rates []migration.Rate) {
	t.Helper()
	n := len(d.Files) - 1
	last, effects := d.Files[n], r.Files[n].Statements
	var at []map[int]migration.Measured
	for _, rows := range []int{2000, 6000} {
		w := open()
		defer w.Close()
		if err := w.Plain(t.Context(), d.Files[:n]); err != nil {
			t.Fatal(err)
		}
		told, err := w.Measure(t.Context(), last, effects, rows)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, told)
	}
	for i, e := range effects {
		if small, ok := at[0][i+1]; ok {
			rates = append(rates, migration.Rate{File: last.Name, Hash: last.Hash, Statement: i + 1, Relations: e.Works(), Writes: e.Wrote(),
				Sizes: []migration.Measured{small, at[1][i+1]}})
		}
	}
	return rates
}

// findingOf returns the finding with an ID.
func findingOf(t testing.TB, r migration.Result, id string) migration.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("%s is not found: %s", id, told(r))
	return migration.Finding{}
}

// On a table in use, the plan says how long the statement takes there and under
// which lock; what has no rates, or stale ones, is judged by its size. The digest is
// the same either way, and a plan that was accepted with its forecast runs.
func TestPlan_forecasts(t *testing.T) {
	files := rated(t, dir(t,
		"001_t.sql", "CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);\n",
		"002_i.sql", "CREATE INDEX t_a ON t (a);\nALTER TABLE t ALTER COLUMN a SET NOT NULL;\n"))
	db := pgtest.New(t)
	first := on(t, db.URL, dir(t, "001_t.sql", string(files["001_t.sql"].Data)))
	applied(t, first)
	db.Exec(t, "INSERT INTO t SELECT i, i, repeat('x', 20) FROM generate_series(1, 40000) i")
	db.Exec(t, "VACUUM ANALYZE t")

	p := on(t, db.URL, files)
	r := do(t, p, pipeline.Request{Action: migration.ActionPlan})
	want(t, r, migration.Planned)
	for id, says := range map[string][]string{
		"PG101@002_i.sql:1": {"the forecast is about ", " under SHARE for 40,000 rows", "rows of public.t here"},
		"PG303@002_i.sql:2": {"the forecast is about ", " under ACCESS EXCLUSIVE for 40,000 rows", "Not measured: "},
	} {
		for _, say := range says {
			if f := findingOf(t, r, id); !strings.Contains(f.Detail, say) {
				t.Errorf("%s does not say %q: %s", id, say, f.Detail)
			}
		}
	}

	stale := fstest.MapFS{}
	for name, f := range files {
		stale[name] = f
	}
	for name, text := range map[string]string{"stale": strings.ReplaceAll(string(files[migration.RatesName].Data), `"hash":"`, `"hash":"0`), "unreadable": "{", "missing": ""} {
		stale[migration.RatesName] = &fstest.MapFile{Data: []byte(text)}
		without := do(t, on(t, db.URL, stale), pipeline.Request{Action: migration.ActionPlan})
		want(t, without, migration.Planned)
		if f := findingOf(t, without, "PG101@002_i.sql:1"); strings.Contains(f.Detail, "forecast") {
			t.Errorf("%s rates are used: %s", name, f.Detail)
		}
		if without.Plan.Digest != r.Plan.Digest {
			t.Errorf("%s rates change the digest", name)
		}
	}

	var accept []string
	for _, f := range r.Findings {
		if f.Severity == migration.Error {
			accept = append(accept, f.ID)
		}
	}
	r = do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String(), Approval: migration.Approval{Accept: accept}})
	want(t, r, migration.Applied)
}

// What no invocation can finish is an error; accepted, it is tried, also where it
// is no longer foreseen.
func TestPlan_foretellsTheEnd(t *testing.T) {
	files := rated(t, dir(t,
		"001_t.sql", "CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);\n",
		"002_i.sql", "CREATE INDEX t_a ON t (a);\n"))
	rates := migration.ParseRates(files[migration.RatesName].Data)
	for i := range rates.Statements[0].Sizes {
		rates.Statements[0].Sizes[i].Milliseconds *= 1e6
	}
	text, err := migration.MarshalRates(rates)
	if err != nil {
		t.Fatal(err)
	}
	quick := files[migration.RatesName]
	files[migration.RatesName] = &fstest.MapFile{Data: text}
	db := pgtest.New(t)
	applied(t, on(t, db.URL, dir(t, "001_t.sql", string(files["001_t.sql"].Data))))
	db.Exec(t, "INSERT INTO t SELECT i, i, repeat('x', 20) FROM generate_series(1, 40000) i")
	db.Exec(t, "VACUUM ANALYZE t")
	p := on(t, db.URL, files)
	p.Time = 15 * time.Minute
	r := do(t, p, pipeline.Request{Action: migration.ActionPlan})
	want(t, r, migration.Planned)
	const id = "AM581@002_i.sql:1"
	if f := findingOf(t, r, id); f.Severity != migration.Error || !strings.Contains(f.Summary, "an invocation has 15 minutes, so that it can never finish here") {
		t.Errorf("%s: %s", f.Severity, f.Summary)
	}
	digest := r.Plan.Digest.String()
	r = do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
	blocked(t, r, migration.FindingsBlock)
	files[migration.RatesName] = quick
	r = do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest, Approval: migration.Approval{Accept: []string{id, "PG101@002_i.sql:1"}}})
	want(t, r, migration.Applied)
}

// A table that cannot be read, or is too small to say anything, gives no speed.
func TestSpeed(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE large AS SELECT i, repeat('x', 50) FROM generate_series(1, 40000) i")
	db.Exec(t, "CREATE TABLE small AS SELECT i FROM generate_series(1, 10) i")
	s := session(t, db.URL, migration.Settings{})
	facts, err := s.Relations(t.Context(), []string{"public.large", "public.small", "public.gone"})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	speed := s.Speed(t.Context(), facts)
	if speed.Relation != "public.large" || speed.Rows < 1000 || speed.Sample < 1 || speed.Sample > 1e6 || speed.Cold <= 0 || time.Since(began) > 3*time.Second {
		t.Errorf("%+v in %s", speed, time.Since(began))
	}
	delete(facts, "public.large")
	if speed := s.Speed(t.Context(), facts); speed.Known() {
		t.Errorf("of a small table: %+v", speed)
	}
	facts["public.gone"] = migration.RelationFacts{Kind: "table", Rows: 1 << 20, Bytes: 1 << 30}
	if speed := s.Speed(t.Context(), facts); speed.Known() {
		t.Errorf("of a table that is not there: %+v", speed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if speed := s.Speed(ctx, facts); speed.Known() {
		t.Errorf("without time: %+v", speed)
	}
}
