package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// frees is what an application may have to clean up behind its own locks.
const frees = `CREATE FUNCTION frees() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_unlock_all(); END';
CREATE PROCEDURE frees_and_commits() LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_unlock_all(); COMMIT; CREATE TABLE IF NOT EXISTS c (); END';
CREATE PROCEDURE commits_and_frees() LANGUAGE plpgsql AS 'BEGIN COMMIT; CREATE TABLE IF NOT EXISTS c (); PERFORM pg_advisory_unlock_all(); END';
CREATE FUNCTION frees_and_fails() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_unlock_all(); PERFORM 1 / 0; END';
`

// A run that no longer holds the advisory lock writes nothing more: neither the
// file nor a word of it, since another run may have begun by then.
func TestApply_lockGivenBackByWhatItCalls(t *testing.T) {
	const gone = "the advisory lock is gone"
	for name, c := range map[string]struct{ second, error, state, stays, row string }{
		"in a transaction": {"CREATE TABLE b ();\nSELECT frees();\nCREATE TABLE c ();\n",
			"002.sql: " + gone, "Nothing of this file was kept: it ran in one transaction, which was rolled back.", "001:0", ""},
		"outside of one": {outside + "CREATE TABLE b ();\nSELECT frees();\nCREATE TABLE c ();\n",
			"002.sql: " + gone, "Statements 1 to 1 of this file are in the database; they ran outside a transaction and stay. Statement 2 is not.", "001:0 002:1 b", ""},
		"by what fails": {outside + "CREATE TABLE b ();\nSELECT frees_and_fails();\n",
			"002.sql:4: statement 2 of 2: ERROR: division by zero (SQLSTATE 22012)", "Statement 2 is not.", "001:0 002:1 b", ""},
		"by what commits": {outside + "CREATE TABLE b ();\n-- aurora:rerunnable\nCALL frees_and_commits();\nSELECT 1;\n",
			"002.sql: " + gone, "Statement 2 is not.", "001:0 002:1 b", ""},
		"by what has committed": {outside + "CREATE TABLE b ();\n-- aurora:rerunnable\nCALL commits_and_frees();\nSELECT 1;\n",
			"002.sql:5: statement 2 of 3: " + gone, "Statement 2 ran outside a transaction and stays; the history says that it is in doubt.", "001:0 002:1 b c", "in doubt: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, frees)
			baselined(t, db)
			p := on(t, db.URL, dir(t, "002.sql", c.second))
			r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
			want(t, r, migration.Failed)
			if !strings.HasPrefix(r.Failure.Error(), c.error) || !strings.Contains(r.Failure.State, c.state) {
				t.Errorf("told: %s", told(r))
			}
			if strings.Contains(c.error, gone) && !strings.Contains(r.Next, "have it give back its own locks only") {
				t.Errorf("next: %s", r.Next)
			}
			if got := db.Query(t, `SELECT concat_ws(' ', (SELECT string_agg(version || ':' || applied, ' ' ORDER BY version) FROM atlas_schema_revisions.atlas_schema_revisions), to_regclass('b'), to_regclass('c'))`); got != c.stays {
				t.Errorf("stays %s, want %s", got, c.stays)
			}
			if got := db.Query(t, "SELECT error FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'"); !strings.HasPrefix(got, c.row) || c.row == "" && got != "" {
				t.Errorf("the history says %q", got)
			}
			db.Exec(t, strings.NewReplacer("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", "CREATE PROCEDURE", "CREATE OR REPLACE PROCEDURE", "PERFORM pg_advisory_unlock_all();", "", "1 / 0", "1").Replace(frees))
			applied(t, p)
			if got := db.Query(t, "SELECT bool_and(applied = total), count(*), to_regclass('b') FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'"); got != "t|1|b" {
				t.Errorf("once that is mended: %s", got)
			}
		})
	}
}

// The lock is lost where somebody else has it now, too: what runs meanwhile is
// rolled back, and what the other one wrote stays as it is.
func TestApply_lockGivenBackAndTaken(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE counted (); "+frees)
	baselined(t, db)
	p := on(t, db.URL, dir(t, "002.sql", "INSERT INTO counted DEFAULT VALUES;\nSELECT frees();\nSELECT pg_sleep(1);\n"))
	digest := planned(t, p)
	ended := make(chan migration.Result, 2)
	apply := func() { ended <- do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}) }
	go apply()
	until(t, db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'")
	go apply()
	for range 2 {
		want(t, <-ended, migration.Failed)
	}
	if got := db.Query(t, "SELECT count(*) FROM counted"); got != "0" {
		t.Errorf("%s rows of a file that nobody applied", got)
	}
}

// A file may take locks of its own and give them back, and the run holds its own
// from the first file to the last: whoever asks for it all the while never gets it.
func TestApply_holdsTheLockThroughout(t *testing.T) {
	db := pgtest.New(t)
	const own = "SELECT pg_advisory_lock(7);\nSELECT pg_advisory_unlock(7);\n"
	files := []string{"000.sql", "SELECT pg_sleep(1) AS first;\n", "998.sql", outside + own + "VACUUM;\n", "999.sql", "SELECT pg_sleep(2) AS last;\n"}
	for v := 1; v < 300; v++ {
		files = append(files, fmt.Sprintf("%03d.sql", v), own)
	}
	p := on(t, db.URL, dir(t, files...))
	digest := planned(t, p)
	ended := make(chan migration.Result, 1)
	go func() { ended <- do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}) }()
	runs := "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(_) AS %s;'"
	until(t, db, fmt.Sprintf(runs, "first"))
	c := db.Conn(t)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		_, err := c.Exec(ctx, "DO $$ BEGIN WHILE NOT pg_try_advisory_lock(2686470616) LOOP END LOOP; END $$")
		got <- err
	}()
	until(t, db, fmt.Sprintf(runs, "last"))
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("somebody else got the lock: %v", err)
	}
	want(t, <-ended, migration.Applied)
}
