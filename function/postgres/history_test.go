package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// atlasTable is the history as Atlas's CLI makes it, in a schema to fill in.
const atlasTable = `CREATE TABLE %s.atlas_schema_revisions (version character varying NOT NULL, description character varying NOT NULL, type bigint NOT NULL DEFAULT 2,
	applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, error text NULL, error_stmt text NULL,
	hash character varying NOT NULL, partial_hashes jsonb NULL, operator_version character varying NOT NULL, PRIMARY KEY (version))`

func makeHistory(t testing.TB, db *pgtest.DB, schema string) {
	t.Helper()
	db.Exec(t, "CREATE SCHEMA IF NOT EXISTS "+schema)
	db.Exec(t, strings.Replace(atlasTable, "%s", schema, 1))
}

func history(t testing.TB, db *pgtest.DB, settings migration.Settings) migration.History {
	t.Helper()
	s := open(t, db.URL, settings)
	h, err := s.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := s.HistoryAndHolder(t.Context())
	if diff := cmp.Diff(h, again); err != nil || diff != "" {
		t.Errorf("with the holder it is another: %v\n%s", err, diff)
	}
	return h
}

// The table that we make is the one that Atlas makes, column for column, and
// only the first thing that runs makes it.
func TestHistory_tableIsAtlas(t *testing.T) {
	const columns = `SELECT column_name, data_type, is_nullable, column_default, character_maximum_length, datetime_precision, collation_name, is_identity, is_generated
		FROM information_schema.columns WHERE table_name = 'atlas_schema_revisions' AND table_schema = $1 ORDER BY ordinal_position`
	const constraints = `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = ($1 || '.atlas_schema_revisions')::regclass AND contype <> 'n'`
	db := pgtest.New(t)
	makeHistory(t, db, "made_by_atlas")
	s := open(t, db.URL, migration.Settings{HistorySchema: "atlas_schema_revisions"})
	if h, err := s.History(t.Context()); err != nil || len(h) > 0 {
		t.Fatal(h, err)
	}
	if db.Query(t, columns, "atlas_schema_revisions") != "" {
		t.Error("reading made the table")
	}
	if _, f := run(t.Context(), s, step(t, "1.sql", "SELECT 1;")); f != nil {
		t.Fatal(f)
	}
	for _, query := range []string{columns, constraints} {
		if diff := cmp.Diff(db.Query(t, query, "made_by_atlas"), db.Query(t, query, "atlas_schema_revisions")); diff != "" {
			t.Errorf("(-Atlas +ours):\n%s", diff)
		}
	}
	want := `version|character varying|NO|NULL
description|character varying|NO|NULL
type|bigint|NO|2
applied|bigint|NO|0
total|bigint|NO|0
executed_at|timestamp with time zone|NO|NULL
execution_time|bigint|NO|NULL
error|text|YES|NULL
error_stmt|text|YES|NULL
hash|character varying|NO|NULL
partial_hashes|jsonb|YES|NULL
operator_version|character varying|NO|NULL`
	if got := db.Query(t, `SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'atlas_schema_revisions' ORDER BY ordinal_position`); got != want {
		t.Errorf("columns:\n%s", got)
	}
	if got := db.Query(t, "SELECT version, description, type, applied, total, error, error_stmt, hash, partial_hashes, operator_version FROM atlas_schema_revisions.atlas_schema_revisions"); got != "1||2|1|1|||h|null|test" {
		t.Errorf("row: %s", got)
	}
}

func TestHistory_isFound(t *testing.T) {
	for name, c := range map[string]struct {
		schemas []string // with Atlas's table and one row, that is named after the schema
		also    string
		setting string
		want    string
	}{
		"none":                       {},
		"where Atlas makes it":       {schemas: []string{"atlas_schema_revisions"}, want: "atlas_schema_revisions"},
		"beside the tables":          {schemas: []string{"public"}, want: "public"},
		"in a schema of any name":    {schemas: []string{`"Some ""Schema"`}, want: `"Some ""Schema"`},
		"two, one named":             {schemas: []string{"a", "b"}, setting: "b", want: "b"},
		"one, another named":         {schemas: []string{"a"}, setting: "b"},
		"another shape":              {also: "CREATE TABLE atlas_schema_revisions (version text, note text)"},
		"another shape elsewhere":    {schemas: []string{"a"}, also: "CREATE TABLE atlas_schema_revisions (version text, note text)", want: "a"},
		"a view of it":               {schemas: []string{"a"}, also: "CREATE VIEW atlas_schema_revisions AS SELECT * FROM a.atlas_schema_revisions", want: "a"},
		"a column more":              {schemas: []string{"a"}, also: "ALTER TABLE a.atlas_schema_revisions ADD COLUMN note text", want: "a"},
		"a column of it was dropped": {schemas: []string{"a"}, also: "ALTER TABLE a.atlas_schema_revisions DROP COLUMN error_stmt"},
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.New(t)
			for _, schema := range c.schemas {
				makeHistory(t, db, schema)
				db.Exec(t, "INSERT INTO "+schema+".atlas_schema_revisions VALUES ('1', '"+strings.ReplaceAll(schema, "'", "''")+"', 2, 1, 1, now(), 5, '', '', 'h', 'null', 'x')")
			}
			if c.also != "" {
				db.Exec(t, c.also)
			}
			h := history(t, db, migration.Settings{HistorySchema: c.setting})
			if c.want == "" && len(h) > 0 || c.want != "" && (len(h) != 1 || h[0].Description != c.want) {
				t.Errorf("read %+v, want the row of %q", h, c.want)
			}
		})
	}
}

// Of two histories nobody can tell which one counts.
func TestHistory_two(t *testing.T) {
	db := pgtest.New(t)
	makeHistory(t, db, "a")
	makeHistory(t, db, "b")
	s := open(t, db.URL, migration.Settings{})
	_, err := s.History(t.Context())
	_, _, with := s.HistoryAndHolder(t.Context())
	for _, err := range []error{err, with} {
		var f *migration.Failure
		if !errors.As(err, &f) || f.Kind != migration.Refused || f.State == "" ||
			f.Message != `there are 2 history tables, in the schemas ["a" "b"]: it cannot be told which one counts` ||
			f.Next != "Name the schema of the one that counts (MIGRATE_HISTORY_SCHEMA or --history-schema), or drop the other table." {
			t.Errorf("says %+v", err)
		}
	}
}

// Rows are read for what they mean, whichever version of Atlas wrote them.
func TestHistory_rows(t *testing.T) {
	db := pgtest.New(t)
	makeHistory(t, db, "atlas_schema_revisions")
	db.Exec(t, `INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES
		('.atlas_cloud_identifier', '7ed1ee2e-8d5e-4f3c-a1b2-000000000000', 2, 0, 0, now(), 0, '', '', '', 'null', 'Atlas CLI'),
		('a', 'by 1.2.3', 2, 2, 2, '2026-03-01 12:00:00.123456+03', 1500000, '', '', 'hash=', 'null', 'Atlas CLI v1.2.3'),
		('B', 'by 0.13.1', 2, 2, 2, '2026-03-01 12:00:00+00', 1, '', '', 'hash=', '["h1:a=", "h1:b="]', 'Atlas CLI v0.13.1'),
		('9', 'half', 2, 1, 3, '2026-03-01 12:00:00+00', 1, 'ERROR: x', 'SELECT 2', 'hash=', '["h1:a="]', 'Atlas CLI v0.13.1'),
		('10', 'adopted', 1, 0, 0, '2026-03-01 12:00:00+00', 1, NULL, NULL, '', NULL, 'Atlas CLI v0.13.1'),
		('é', 'set by hand', 4, 0, 0, '2026-03-01 12:00:00+00', 1, '', '', 'hash=', '[]', 'Atlas CLI v0.13.1')`)
	var got []string
	for _, r := range history(t, db, migration.Settings{}) {
		got = append(got, strings.Join([]string{r.Version, r.Description, r.Type.String(), r.ExecutedAt.String(), r.ExecutionTime.String(), r.Error, r.ErrorStmt, r.Hash,
			strings.Join(r.PartialHashes, ","), r.OperatorVersion}, "|"))
		if (len(r.PartialHashes) > 0) != r.Partial() || r.Partial() != (r.Version == "9") {
			t.Errorf("%+v", r)
		}
	}
	// Bytewise, as Atlas orders them.
	want := []string{
		"10|adopted|baseline|2026-03-01 12:00:00 +0000 UTC|1ns|||||Atlas CLI v0.13.1",
		"9|half|applied|2026-03-01 12:00:00 +0000 UTC|1ns|ERROR: x|SELECT 2|hash=|h1:a=|Atlas CLI v0.13.1",
		"B|by 0.13.1|applied|2026-03-01 12:00:00 +0000 UTC|1ns|||hash=||Atlas CLI v0.13.1",
		"a|by 1.2.3|applied|2026-03-01 09:00:00.123456 +0000 UTC|1.5ms|||hash=||Atlas CLI v1.2.3",
		"é|set by hand|set by hand|2026-03-01 12:00:00 +0000 UTC|1ns|||hash=||Atlas CLI v0.13.1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	db.Exec(t, `UPDATE atlas_schema_revisions.atlas_schema_revisions SET partial_hashes = '{"a": 1}' WHERE version = '9'`)
	_, err := open(t, db.URL, migration.Settings{}).History(t.Context())
	if err == nil || !strings.Contains(err.Error(), "version 9: partial_hashes: ") {
		t.Errorf("hashes that are none: %v", err)
	}
}

// Who may not read the history is told what is to be granted.
func TestHistory_withoutPrivilege(t *testing.T) {
	db := pgtest.New(t)
	makeHistory(t, db, "atlas_schema_revisions")
	name, url := db.Role(t, "")
	_, err := open(t, url, migration.Settings{}).History(t.Context())
	var f *migration.Failure
	if !errors.As(err, &f) || f.SQLState != "42501" || f.State != "Nothing was changed." || !strings.Contains(f.Next, name) || !strings.Contains(f.Next, "GRANT ") {
		t.Errorf("says %+v", err)
	}
	db.Exec(t, "GRANT USAGE ON SCHEMA atlas_schema_revisions TO "+name+"; GRANT SELECT ON atlas_schema_revisions.atlas_schema_revisions TO "+name)
	if _, err := open(t, url, migration.Settings{}).History(t.Context()); err != nil {
		t.Errorf("once that is granted: %v", err)
	}
}

// Who waited for the lock finds the history that the holder made meanwhile.
func TestHistory_madeMeanwhile(t *testing.T) {
	db := pgtest.New(t)
	s := open(t, db.URL, migration.Settings{})
	makeHistory(t, db, "atlas_schema_revisions")
	db.Exec(t, "INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES ('1', 'a', 2, 1, 1, now(), 5, '', '', 'h', 'null', 'x')")
	if h, err := s.History(t.Context()); err != nil || len(h) != 1 {
		t.Errorf("read %+v, %v", h, err)
	}
}

// Rows that a policy hides would make files that ran pending again.
func TestHistory_hiddenRowsAreAnError(t *testing.T) {
	db := pgtest.New(t)
	makeHistory(t, db, "h")
	user, url := db.Role(t, "")
	db.Exec(t, `INSERT INTO h.atlas_schema_revisions VALUES ('1', '', 2, 1, 1, now(), 0, '', '', 'x', 'null', ''); GRANT USAGE ON SCHEMA h TO `+user+`;
		GRANT ALL ON h.atlas_schema_revisions TO `+user+`; ALTER TABLE h.atlas_schema_revisions ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON h.atlas_schema_revisions USING (false)`)
	h, err := open(t, url, migration.Settings{}).History(t.Context())
	var f *migration.Failure
	if !errors.As(err, &f) || f.SQLState != "42501" || !strings.Contains(f.Message, "row-level security") {
		t.Errorf("history %+v, error %v", h, err)
	}
}
