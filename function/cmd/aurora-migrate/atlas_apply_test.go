package main

import (
	"strings"
	"testing"

	"ariga.io/atlas-go-sdk/atlasexec"
	"github.com/google/go-cmp/cmp"
)

// Whoever applies which files of a directory, and in whatever turns: the tables
// and the history end up the same, each says of the other's rows what the other
// says, and neither finds anything left to do.
func TestAtlas_applyInTurns(t *testing.T) {
	m := meet(t, shop())
	m.theirsApply(atlasexec.MigrateApplyParams{})
	wantHistory, wantTables := m.history(), m.tables()
	for _, turns := range [][]string{
		{"ours", "ours", "ours", "ours", "ours"},
		{"ours", "ours", "theirs", "theirs", "theirs"},
		{"theirs", "theirs", "theirs", "ours", "ours"},
		{"ours", "theirs", "ours", "theirs", "ours"},
		{"theirs", "ours", "theirs", "ours", "theirs"},
	} {
		t.Run(strings.Join(turns, " "), func(t *testing.T) {
			m := m.again()
			m.t = t
			m.alike(0)
			for i, who := range turns {
				if who == "ours" {
					m.oursApply("--to", sorted(shop())[i][:3])
				} else {
					m.theirsApply(atlasexec.MigrateApplyParams{Amount: 1})
				}
				m.alike(0)
			}
			if got := m.history(); got != wantHistory {
				t.Errorf("the history is\n%s\nand Atlas alone writes\n%s", got, wantHistory)
			}
			if got := m.tables(); got != wantTables {
				t.Errorf("the tables are\n%s\nand Atlas alone makes\n%s", got, wantTables)
			}
			if got := m.field("outcome", 0, "plan"); got != "nothing_to_do" {
				t.Errorf("we find something to do: %s", got)
			}
			if report := m.theirsApply(atlasexec.MigrateApplyParams{}); len(report.Pending) > 0 {
				t.Errorf("Atlas finds something to do: %v", names(report.Pending))
			}
		})
	}
}

// The table that we make is the one that Atlas makes, column for column.
func TestAtlas_historyTable(t *testing.T) {
	const shape = `SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), c.relpersistence, c.relkind
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.oid = 'atlas_schema_revisions.atlas_schema_revisions'::regclass AND a.attnum > 0 ORDER BY 1`
	const keys = `SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conrelid = 'atlas_schema_revisions.atlas_schema_revisions'::regclass AND contype <> 'n' ORDER BY 1`
	theirs := meet(t, shop())
	theirs.theirsApply(atlasexec.MigrateApplyParams{})
	ours := theirs.again()
	ours.oursApply()
	for _, q := range []string{shape, keys} {
		if diff := cmp.Diff(theirs.db.Query(t, q), ours.db.Query(t, q)); diff != "" {
			t.Errorf("Atlas -, ours +\n%s", diff)
		}
	}
	if got := ours.db.Query(t, `SELECT count(*) FROM atlas_schema_revisions.atlas_schema_revisions WHERE partial_hashes = 'null'`); got != "5" {
		t.Errorf("partial_hashes is JSON null in %s of 5 rows", got)
	}
}

// A URL that is bound to a schema has its history there; we find it.
func TestAtlas_historyInAnotherSchema(t *testing.T) {
	m := meet(t, shop())
	bound := *m.db
	bound.URL += "&search_path=public"
	b := *m
	b.db = &bound
	b.theirsApply(atlasexec.MigrateApplyParams{Amount: 2})
	if got := m.db.Query(t, "SELECT count(*) FROM public.atlas_schema_revisions"); got != "2" {
		t.Fatalf("%s rows where the URL is bound to", got)
	}
	m.oursApply()
	if got := m.db.Query(t, "SELECT count(*) FROM public.atlas_schema_revisions"); got != "5" {
		t.Errorf("%s rows after we applied the rest, want 5", got)
	}
	if s := b.theirsStatus(); s.Status != "OK" {
		t.Errorf("Atlas finds %v pending", names(s.Pending))
	}
}

// What atlas migrate apply reports, --output atlas reports of the same work:
// files, statements, where it began and ended, and what failed.
func TestAtlas_applyReport(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		prior  uint64 // files applied before
		mend   string // what lets a file go on that stopped half-way before
		code   int
	}{
		{name: "all of it"},
		{name: "the rest", prior: 2},
		{name: "nothing", prior: 5},
		{name: "failure in a transaction", code: 1,
			change: map[string]string{"003_touch.sql": "CREATE TABLE kept (id int);\nCREATE TABLE customers (id int);\n"}},
		{name: "failure outside a transaction", code: 1,
			change: map[string]string{"004_index.sql": "-- atlas:txmode none\n\nCREATE TABLE kept (id int);\nCREATE TABLE more (id int);\nCREATE TABLE customers (id int);\nCREATE TABLE never (id int);\n"}},
		{name: "the rest of a file", change: map[string]string{"004_index.sql": halfFile}, mend: "CREATE TABLE parts (id int)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			theirs := meet(t, shop())
			for name, text := range c.change {
				theirs.write(name, text)
			}
			theirs.hash()
			ours := theirs.again()
			if c.prior > 0 {
				theirs.theirsApply(atlasexec.MigrateApplyParams{Amount: c.prior})
				ours.theirsApply(atlasexec.MigrateApplyParams{Amount: c.prior})
			}
			for _, m := range []*meeting{theirs, ours} {
				if c.mend == "" {
					break
				}
				if _, err := m.theirs(atlasexec.MigrateApplyParams{}); err == nil {
					t.Fatal("it does not stop half-way")
				}
				m.db.Exec(t, c.mend)
			}
			want, err := theirs.theirs(atlasexec.MigrateApplyParams{})
			if failed, ok := err.(*atlasexec.MigrateApplyError); ok {
				want, err = failed.Result[0], nil
			}
			if err != nil {
				t.Fatal(err)
			}
			var got atlasexec.MigrateApply
			decode(t, ours.ours(c.code, "apply", "--approval", "none", "--output", "atlas"), &got)
			if diff := cmp.Diff(essence(want), essence(&got)); diff != "" {
				t.Errorf("Atlas -, ours +\n%s", diff)
			}
			if got.Env.Driver != want.Env.Driver || got.Env.URL.Host != want.Env.URL.Host || got.Env.Dir != want.Env.Dir || got.End.Before(got.Start) {
				t.Errorf("environment %+v %s, and Atlas says %+v %s; from %s to %s", got.Env, got.Env.URL.Host, want.Env, want.Env.URL.Host, got.Start, got.End)
			}
			ours.alike(0)
		})
	}
}

// A reported is what two reports of one piece of work have to have in common.
type reported struct {
	Pending, Applied []string
	Statements       [][]string
	Skipped          []int
	FailedStatement  string
	Failed           bool
	Current, Target  string
	Summary          string // of the SDK, without its time
}

func essence(a *atlasexec.MigrateApply) reported {
	r := reported{Pending: names(a.Pending), Current: a.Current, Target: a.Target, Failed: a.Error != ""}
	for _, f := range a.Applied {
		r.Applied = append(r.Applied, f.Name+" "+f.Version+" "+f.Description)
		r.Statements = append(r.Statements, f.Applied)
		r.Skipped = append(r.Skipped, f.Skipped)
		if f.Error != nil {
			r.FailedStatement = f.Error.Stmt
		}
	}
	_, r.Summary, _ = strings.Cut(a.Summary(""), "\n")
	return r
}

// Nothing is begun without an approval, and the report says so in its error;
// a command that Atlas has no report for says which have one.
func TestAtlas_outputOfWhatDidNotRun(t *testing.T) {
	m := meet(t, shop())
	var blocked atlasexec.MigrateApply
	decode(t, m.ours(3, "apply", "--output", "atlas"), &blocked)
	if !strings.Contains(blocked.Error, "has not been approved") || len(blocked.Applied) > 0 {
		t.Errorf("%+v", blocked)
	}
	for _, words := range [][]string{{"plan"}, {"hash"}, {"version"}, {"baseline", "001"}} {
		if out := m.refused(append(words, "--output", "atlas")); !strings.Contains(out, "only status and apply have a report") {
			t.Errorf("%q: %s", words, out)
		}
	}
	away := *m.db
	away.URL = "postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable&connect_timeout=1"
	m.db = &away
	if out := m.ours(1, "status", "--output", "atlas", "--timeout", "5s"); out != "" {
		t.Errorf("of a status that could not be had, stdout gets %s", out)
	}
}
