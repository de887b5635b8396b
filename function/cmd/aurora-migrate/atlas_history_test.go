package main

import (
	"strings"
	"testing"

	"ariga.io/atlas-go-sdk/atlasexec"
)

// A database that has everything up to 002 is adopted by either, and the other
// goes on from there.
func TestAtlas_baselineByEither(t *testing.T) {
	adopted := "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL DEFAULT ''); CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint);"
	for _, c := range []struct {
		name  string
		adopt func(m *meeting)
		goOn  func(m *meeting)
		rows  string // of the version that was adopted
	}{
		{"Atlas with --baseline, then us", func(m *meeting) { m.theirsApply(atlasexec.MigrateApplyParams{BaselineVersion: "002", Amount: 1}) },
			func(m *meeting) { m.oursApply() }, "002|orders|1|0|0|"},
		{"Atlas with migrate set, then us", func(m *meeting) { m.set("002") },
			func(m *meeting) { m.oursApply() }, "002|orders|4|0|0|"},
		{"us, then Atlas", func(m *meeting) { m.baseline("002") },
			func(m *meeting) { m.theirsApply(atlasexec.MigrateApplyParams{}) }, "002|orders|1|0|0|"},
		{"us, then us and Atlas", func(m *meeting) { m.baseline("002") },
			func(m *meeting) { m.oursApply("--to", "003"); m.theirsApply(atlasexec.MigrateApplyParams{}) }, "002|orders|1|0|0|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := meet(t, shop())
			m.db.Exec(t, adopted)
			if _, err := m.theirs(atlasexec.MigrateApplyParams{}); err == nil || !strings.Contains(err.Error(), "not clean") {
				t.Errorf("Atlas takes a database that is not empty: %v", err)
			}
			if got := m.field("refusal.reason", 3, "plan"); got != "not_empty" {
				t.Errorf("we take a database that is not empty: %s", got)
			}
			m.db.Exec(t, "DROP SCHEMA IF EXISTS atlas_schema_revisions CASCADE") // Atlas made it before it refused
			c.adopt(m)
			m.alike(0)
			c.goOn(m)
			m.alike(0)
			if s := m.theirsStatus(); s.Status != "OK" || s.Current != "005" {
				t.Errorf("Atlas says %s at %s", s.Status, s.Current)
			}
			row := m.db.Query(t, `SELECT version, description, type, applied, total, error FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'`)
			if row != c.rows {
				t.Errorf("the row is %s, want %s", row, c.rows)
			}
			if got := m.db.Query(t, "SELECT count(*) FROM pg_class WHERE relname = 'orders_customer'"); got != "1" {
				t.Error("what follows the baseline was not applied")
			}
		})
	}
}

func (m *meeting) set(version string) {
	m.t.Helper()
	if out, err := m.cli("migrate", "set", version, "--url", m.db.URL, "--dir", "file://"+m.dir); err != nil {
		m.t.Fatalf("atlas migrate set %s: %v\n%s", version, err, out)
	}
}

// A version that we adopt has no file where it is below them all. Atlas, which
// would not write such a row, goes on from it.
func TestAtlas_baselineBelowTheFiles(t *testing.T) {
	m := meet(t, map[string]string{"017_more.sql": "CREATE TABLE more (id int);\n"})
	m.db.Exec(t, "CREATE TABLE old (id int)")
	m.baseline("016")
	m.alike(0)
	if report := m.theirsApply(atlasexec.MigrateApplyParams{}); len(report.Pending) != 1 || report.Current != "016" {
		t.Errorf("Atlas applies %v from %s", names(report.Pending), report.Current)
	}
	m.alike(0)
}

// What baseline does to a history with rows, migrate set does too: rows above
// the version go, and what has no row up to it is declared applied.
func TestAtlas_setByEither(t *testing.T) {
	for _, version := range []string{"001", "002", "004"} {
		theirs := meet(t, shop())
		theirs.theirsApply(atlasexec.MigrateApplyParams{Amount: 2})
		theirs.set(version)
		ours := theirs.again()
		ours.theirsApply(atlasexec.MigrateApplyParams{Amount: 2})
		ours.baseline(version)
		ours.alike(0)
		const rows = `SELECT version, description, type, applied, total, coalesce(error, '') FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY 1`
		if want, got := theirs.db.Query(t, rows), ours.db.Query(t, rows); got != want {
			t.Errorf("version %s: we write\n%s\nand Atlas\n%s", version, got, want)
		}
	}
}

// halfFile is outside a transaction and stops at its third statement while
// there is no table parts.
const halfFile = "-- atlas:txmode none\n\nCREATE TABLE a (id int);\nCREATE TABLE b (note text DEFAULT 'it''s');\nINSERT INTO parts VALUES (1);\nCREATE TABLE c (id int);\n"

// A file that stopped half-way is finished by whoever comes next, from the
// statement that failed on, and no statement runs twice.
func TestAtlas_halfAppliedFile(t *testing.T) {
	const progress = `SELECT version, type, applied, total, error <> '', error_stmt, jsonb_array_length(partial_hashes)
		FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '2'`
	apply := map[string]func(m *meeting, succeeds bool){
		"Atlas": func(m *meeting, succeeds bool) {
			if _, err := m.theirs(atlasexec.MigrateApplyParams{}); (err == nil) != succeeds {
				m.t.Fatalf("atlas migrate apply: %v", err)
			}
		},
		"we": func(m *meeting, succeeds bool) {
			if succeeds {
				m.oursApply()
			} else {
				m.ours(1, "apply", "--approval", "none")
			}
		},
	}
	for _, c := range [][2]string{{"Atlas", "we"}, {"we", "Atlas"}, {"we", "we"}, {"Atlas", "Atlas"}} {
		t.Run(c[0]+" begin, "+c[1]+" finish", func(t *testing.T) {
			m := meet(t, map[string]string{"1_first.sql": "CREATE TABLE first (id int);\n", "2_half.sql": halfFile, "3_last.sql": "CREATE TABLE last (id int);\n"})
			apply[c[0]](m, false)
			if got := m.db.Query(t, progress); got != "2|2|2|4|t|INSERT INTO parts VALUES (1);|2" {
				t.Errorf("half-way the row is %s", got)
			}
			m.alike(0)
			apply[c[1]](m, false)
			m.alike(0)
			m.db.Exec(t, "CREATE TABLE parts (id int)")
			apply[c[1]](m, true)
			m.alike(0)
			if got := m.db.Query(t, `SELECT version, type, applied, total FROM atlas_schema_revisions.atlas_schema_revisions WHERE version >= '2' ORDER BY 1`); got != "2|2|4|4\n3|2|1|1" {
				t.Errorf("in the end the rows are\n%s", got)
			}
			// Atlas leaves the error in the row of a file that it has finished.
			if got := m.db.Query(t, `SELECT error || error_stmt FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '2'`); c[1] == "we" && got != "" {
				t.Errorf("we left an error in the row of a file that is whole: %s", got)
			}
			if got := m.field("outcome", 0, "plan"); got != "nothing_to_do" {
				t.Errorf("in the end we plan: %s", got)
			}
			if got := m.db.Query(t, "SELECT count(*) FROM parts"); got != "1" {
				t.Errorf("the statement that failed ran %s times", got)
			}
		})
	}
}

// Atlas cuts BEGIN ATOMIC at its semicolons, which PostgreSQL does not, so how
// far its count got is not to be told: it is named, and nothing runs.
func TestAtlas_halfAppliedFileCutOtherwise(t *testing.T) {
	m := meet(t, map[string]string{"1_half.sql": "-- atlas:txmode none\n\nCREATE TABLE a (id int);\nCREATE FUNCTION one() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;\nCREATE TABLE b (id int);\n"})
	if _, err := m.theirs(atlasexec.MigrateApplyParams{}); err == nil {
		t.Fatal("Atlas applies what it cuts wrongly")
	}
	if got := m.field("findings.0.code", 3, "plan"); got != "AM205" {
		t.Errorf("plan names %s, want AM205", got)
	}
	if got := m.field("findings.0.code", 3, "status"); got != "AM205" {
		t.Errorf("status names %s, want AM205", got)
	}
	if got := m.field("outcome", 3, "apply", "--approval", "none"); got != "blocked" {
		t.Errorf("apply: %s", got)
	}
	if got := m.db.Query(t, "SELECT count(*) FROM pg_class WHERE relname = 'b'"); got != "0" {
		t.Error("we went on with it")
	}
}

// Where the statements that ran of a half-applied file were changed, both refuse.
func TestAtlas_halfAppliedFileChanged(t *testing.T) {
	m := meet(t, map[string]string{"2_half.sql": halfFile})
	if _, err := m.theirs(atlasexec.MigrateApplyParams{}); err == nil {
		t.Fatal("it does not stop half-way")
	}
	m.write("2_half.sql", strings.Replace(halfFile, "TABLE a", "TABLE other", 1))
	m.hash()
	if _, err := m.theirs(atlasexec.MigrateApplyParams{}); err == nil || !strings.Contains(err.Error(), "history changed") {
		t.Errorf("Atlas: %v", err)
	}
	if got := m.field("findings.0.code", 3, "plan"); got != "AM205" {
		t.Errorf("we name %s", got)
	}
}

// A file that was edited after it was applied is refused by both while atlas.sum
// is the old one. With a new one Atlas sees nothing any more; we do.
func TestAtlas_editedFile(t *testing.T) {
	for _, who := range []string{"Atlas", "we"} {
		t.Run(who+" applied it", func(t *testing.T) {
			m := meet(t, shop())
			if who == "Atlas" {
				m.theirsApply(atlasexec.MigrateApplyParams{Amount: 3})
			} else {
				m.oursApply("--to", "003")
			}
			m.write("002_orders.sql", m.read("002_orders.sql")+"ALTER TABLE orders ADD COLUMN sneaked int;\n")
			if _, err := m.theirs(atlasexec.MigrateApplyParams{}); err == nil || !strings.Contains(err.Error(), "checksum mismatch") {
				t.Errorf("Atlas: %v", err)
			}
			if out, err := m.cli("migrate", "validate", "--dir", "file://"+m.dir); err == nil {
				t.Errorf("atlas migrate validate: %s", out)
			}
			if got := m.field("findings.0.code", 3, "plan") + " " + m.field("findings.0.file", 3, "plan"); got != "AM103 002_orders.sql" {
				t.Errorf("we say %s", got)
			}
			m.hash()
			if s := m.theirsStatus(); s.Status != "PENDING" || s.Next != "004" {
				t.Errorf("Atlas has learnt to see it: %s, next %s", s.Status, s.Next)
			}
			if got := m.field("findings.0.code", 3, "plan") + " " + m.field("findings.0.file", 3, "plan"); got != "AM201 002_orders.sql" {
				t.Errorf("we say %s", got)
			}
		})
	}
}
