package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// twoStops stops in its second file, which runs outside a transaction, until
// somebody deletes a row; a third file is left.
func twoStops() map[string]string {
	return map[string]string{
		"010_a.sql":   "CREATE TABLE a (n int, k int);\nCREATE TABLE b (n int);\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
		"012_d.sql":   "CREATE TABLE d (n int);\nCREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
		"020_out.sql": "-- atlas:txmode none\n\nALTER TABLE a ADD m int;\nCREATE UNIQUE INDEX CONCURRENTLY a_k ON a (k);\nALTER TABLE b ADD m int;\n",
		"030_end.sql": "ALTER TABLE a ADD o int;\nCREATE TABLE c (n int);\nGRANT SELECT ON c TO PUBLIC;\n",
	}
}

// A change made by hand between two invocations of one digest is caught, where
// the replay tells what should stand there; what was there before the plan was
// approved is not, and what jobs and default privileges do is not.
func TestApply_goesOnUnlessSomebodyElseHasChangedIt(t *testing.T) {
	texts := twoStops()
	first := replayed(t, dir(t, "010_a.sql", texts["010_a.sql"]))
	all := replayed(t, dir(t, "010_a.sql", texts["010_a.sql"], "012_d.sql", texts["012_d.sql"], "020_out.sql", texts["020_out.sql"], "030_end.sql", texts["030_end.sql"]))
	bare := dir(t, "010_a.sql", texts["010_a.sql"], "012_d.sql", texts["012_d.sql"], "020_out.sql", texts["020_out.sql"], "030_end.sql", texts["030_end.sql"])
	for name, c := range map[string]struct {
		before, meanwhile string
		changed           string // "" where it goes on
	}{
		"nothing":                 {"", "", ""},
		"rows":                    {"", "INSERT INTO a VALUES (7, 7); ANALYZE a", ""},
		"elsewhere":               {"", "CREATE TABLE elsewhere (n int)", ""},
		"a column":                {"", "ALTER TABLE a ADD z int", "table public.a: column z (integer) is there, and no migration makes it"},
		"of another file's":       {"", "ALTER TABLE b ALTER n TYPE bigint", "table public.b: column n is bigint, and the migrations say integer"},
		"dropped":                 {"", "DROP TABLE b", "table public.b: it is not there, and the migrations make it"},
		"a view on it":            {"", "CREATE VIEW v AS SELECT n FROM a", "view public.v: it is there, and no migration makes it"},
		"a grant":                 {"", "GRANT INSERT ON a TO pg_monitor", "table public.a: INSERT is granted to pg_monitor, and not by the migrations"},
		"the same drift":          {"ALTER TABLE a ADD z int; CREATE VIEW v AS SELECT z FROM a; GRANT INSERT ON a TO pg_monitor; DROP FUNCTION f()", "", ""},
		"drift taken back":        {"ALTER TABLE a ADD z int; ALTER TABLE b ALTER n TYPE bigint", "ALTER TABLE a DROP z; ALTER TABLE b ALTER n TYPE int", ""},
		"more drift":              {"ALTER TABLE a ADD z int", "ALTER TABLE a ADD y int", "table public.a: column y (integer) is there, and no migration makes it"},
		"default privileges":      {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC", "", ""},
		"an index by hand":        {"", "CREATE INDEX mine ON b (n)", "table public.b: index mine (CREATE INDEX mine ON public.b USING btree (n)) is there, and no migration makes it"},
		"a table that is to come": {"", "CREATE TABLE c (n int)", "table public.c: it is there, and no migration makes it"},
	} {
		for _, watched := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/replay=%v", name, watched), func(t *testing.T) {
				t.Parallel()
				db := pgtest.New(t)
				applied(t, on(t, db.URL, first))
				db.Exec(t, "INSERT INTO a VALUES (1, 1), (2, 1); "+c.before)
				p := on(t, db.URL, all)
				if !watched {
					p.Directory = bare
				}
				digest := planned(t, p)
				again := pipeline.Request{Action: migration.ActionApply, Plan: digest}
				want(t, do(t, p, again), migration.Failed)
				db.Exec(t, "DELETE FROM a WHERE n = 2; "+c.meanwhile)
				r := do(t, p, again)
				switch {
				case watched && c.changed != "":
					if r.Outcome != migration.Blocked || r.Refusal.Reason != migration.DigestDiffers || strings.Join(r.Refusal.Changed, "; ") != c.changed {
						t.Fatalf("%s: %s\nchanged: %q", r.Outcome, told(r), r.Refusal)
					}
					if !strings.Contains(r.Refusal.Summary, "(schema)") || strings.Contains(r.Refusal.Summary, "(files)") {
						t.Errorf("says %s", r.Refusal.Summary)
					}
				case c.changed == "":
					want(t, r, migration.Applied)
					want(t, do(t, p, again), migration.Applied) // and a third time
				}
			})
		}
	}
}

// A digest that is done says so whatever became of the database since.
func TestApply_doneStaysDone(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, replayed(t, dir(t, "010_a.sql", "CREATE TABLE a (n int);\n")))
	again := pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)}
	want(t, do(t, p, again), migration.Applied)
	db.Exec(t, "ALTER TABLE a ADD z int")
	r := do(t, p, again)
	want(t, r, migration.Applied)
	if said := told(r); !strings.Contains(said, "AM330") {
		t.Errorf("does not say that it has drifted: %s", said)
	}
}

// An apply ends with a look at what it touched: a difference is told, and makes
// no other outcome of it.
func TestApply_endsWithVerify(t *testing.T) {
	text := "CREATE TABLE a (n int);\nCREATE VIEW v AS SELECT n FROM a;\n"
	later := "ALTER TABLE a ADD m int;\n"
	files := replayed(t, dir(t, "010_a.sql", text, "020_b.sql", later))
	for _, c := range []struct{ byHand, want string }{
		{"", ""},
		{"ALTER TABLE a ADD z int; CREATE TABLE elsewhere (n int)", "AM330@public.a: The database is not what the migrations say: table public.a: column z (integer) is there, and no migration makes it."},
		{"CREATE INDEX mine ON a (n); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mine'::regclass", "index mine is there, and no migration makes it; it is INVALID"},
	} {
		db := pgtest.New(t)
		applied(t, on(t, db.URL, replayed(t, dir(t, "010_a.sql", text))))
		if c.byHand != "" {
			db.Exec(t, c.byHand)
		}
		r := applied(t, on(t, db.URL, files))
		said := told(r)
		if c.want == "" && strings.Contains(said, "AM330") || !strings.Contains(said, c.want) {
			t.Errorf("after %q: %s", c.byHand, said)
		}
		for _, f := range r.Findings {
			if f.Code == "AM330" && f.Severity != migration.Warning {
				t.Errorf("%s is %s", f.ID, f.Severity)
			}
		}
	}
}

// What the replay saw a file lock counts as touched, although no word names it.
func TestPlan_collateralIsTouched(t *testing.T) {
	text := "CREATE TABLE secret (n int);\nCREATE TABLE a (n int);\nCREATE FUNCTION hidden() RETURNS void LANGUAGE plpgsql AS 'BEGIN ALTER TABLE secret ADD m int; END';\n"
	db := pgtest.New(t)
	applied(t, on(t, db.URL, dir(t, "010_a.sql", text)))
	files := dir(t, "010_a.sql", text, "020_b.sql", "SELECT hidden();\n")
	with := replayed(t, files, func(r *migration.Replay) {
		r.Files[1].Statements[0].Locks = []migration.LockSeen{{Relation: "public.secret", Mode: migration.AccessExclusive, Collateral: true}}
	})
	touches := func(p *pipeline.Pipeline) bool {
		r := do(t, p, pipeline.Request{Action: migration.ActionPlan})
		want(t, r, migration.Planned)
		for _, m := range r.Plan.Touched {
			if m.Name == "public.secret" {
				return true
			}
		}
		return false
	}
	if touches(on(t, db.URL, files)) || !touches(on(t, db.URL, with)) {
		t.Error("touched does not follow the replay")
	}
}
