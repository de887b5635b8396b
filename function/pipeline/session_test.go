package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// What a file does to its session must not reach the next file, nor the row of
// its own: the settings are asked of the server from within the files.
func TestApply_sessionIsMadeReadyForEachFile(t *testing.T) {
	db := pgtest.New(t)
	files := dir(t,
		"001.sql", `CREATE TABLE seen (f text, name text, value text);
CREATE FUNCTION see(f text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO public.seen SELECT f, name, setting FROM pg_catalog.pg_settings WHERE name IN
	('lock_timeout', 'statement_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'client_connection_check_interval', 'search_path', 'work_mem', 'DateStyle')
$$;
SELECT see('1');
`,
		"002_dump.sql", "SELECT pg_catalog.set_config('search_path', '', false); SET work_mem = '7MB'; SET lock_timeout = 0; SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo';\nCREATE TABLE public.two ();\n",
		"003_role.sql", "CREATE ROLE r3 NOLOGIN; GRANT CREATE ON SCHEMA public TO r3; SET ROLE r3; CREATE TABLE three ();\n",
		"004_auth.sql", "SET SESSION AUTHORIZATION r3; CREATE TABLE four ();\n",
		"005_after.sql", "SELECT see('5'); CREATE TABLE five (); DROP OWNED BY r3; DROP ROLE r3;\n")
	applied(t, on(t, db.URL, files))

	for _, f := range []string{"1", "5"} {
		got := db.Query(t, "SELECT name, value FROM seen WHERE f = $1 AND name <> 'statement_timeout' ORDER BY name COLLATE \"C\"", f)
		want := strings.Join([]string{`DateStyle|ISO, MDY`, `client_connection_check_interval|1000`, `idle_in_transaction_session_timeout|10000`,
			`idle_session_timeout|60000`, `lock_timeout|2000`, `search_path|"$user", public`, `work_mem|4096`}, "\n")
		if got != want {
			t.Errorf("in file %s the session has\n%s\nwant\n%s", f, got, want)
		}
	}
	if owner := db.Query(t, "SELECT relowner::regrole FROM pg_class WHERE relname = 'five'"); owner != "postgres" {
		t.Errorf("five belongs to %s", owner)
	}
}

// What a file outside a transaction SETs holds for the statements behind it,
// also where another session goes on with it, and not in the next file.
func TestApply_settingsOfAFileEndWithIt(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE seen (at serial, f text, statement text, lock text); CREATE TABLE may (n int)")
	baselined(t, db)
	see := func(f string) string {
		return "INSERT INTO seen (f, statement, lock) SELECT '" + f + "', current_setting('statement_timeout'), current_setting('lock_timeout');\n"
	}
	p := on(t, db.URL, dir(t,
		"002.sql", outside+"SET statement_timeout = 0;\nSET LOCAL lock_timeout = '5s';\nSET lock_timeout = '7s';\n"+see("2")+"VACUUM;\n"+see("2")+"SELECT 1 / (SELECT count(*) FROM may);\n"+see("2"),
		"003.sql", see("3"), "004.sql", outside+see("4")))
	p.Settings.StatementTimeout = 90 * time.Second
	digest := planned(t, p)
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Failed)
	db.Exec(t, "INSERT INTO may VALUES (1)")
	want(t, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Applied)
	got := db.Query(t, "SELECT f, statement, lock FROM seen ORDER BY at")
	if want := "2|0|7s\n2|0|7s\n2|0|7s\n3|90s|2s\n4|90s|2s"; got != want {
		t.Errorf("the files saw\n%s\nwant\n%s", got, want)
	}
}

// The login role keeps the history, the configured role owns what files make;
// neither is a superuser.
func TestApply_asRoleThatOwnsLittle(t *testing.T) {
	db := pgtest.New(t)
	owner, _ := db.Role(t, "")
	login, url := db.Role(t, "")
	db.Exec(t, "GRANT "+owner+" TO "+login)
	db.Exec(t, "GRANT CREATE ON DATABASE "+db.Name+" TO "+login)
	db.Exec(t, "GRANT CREATE ON SCHEMA public TO "+owner)
	p := on(t, url, dir(t,
		"001.sql", "CREATE TABLE a (id int PRIMARY KEY);\n",
		"002.sql", "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY a_i ON a (id);\nALTER TABLE a ADD COLUMN b int;\n"))
	p.Settings.Role = owner
	applied(t, p)
	if got := db.Query(t, "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relname IN ('a', 'a_i')"); got != owner {
		t.Errorf("a belongs to %s, want %s", got, owner)
	}
	if got := db.Query(t, "SELECT relowner::regrole FROM pg_class WHERE relname = 'atlas_schema_revisions'"); got != login {
		t.Errorf("the history belongs to %s, want %s", got, login)
	}
}

func TestApply_failureInTransactionKeepsNothing(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001.sql", "CREATE TABLE a ();\nCREATE TABLE b ();\n\nSELECT 1 FRM a;\nCREATE TABLE c ();\nCREATE TABLE d ();\n"))
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
	want(t, r, migration.Failed)
	f := r.Failure
	if f.File != "001.sql" || f.Line != 4 || f.Column != 14 || f.Statement != 3 || f.Of != 5 || f.SQLState != "42601" {
		t.Errorf("failure %+v", f)
	}
	if !strings.Contains(f.Excerpt, "SELECT 1 FRM a;\n             ^") || !strings.Contains(f.State, "Nothing of this file was kept") {
		t.Errorf("excerpt %q, state %q", f.Excerpt, f.State)
	}
	if n := db.Query(t, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname NOT LIKE 'pg%' AND nspname <> 'information_schema'"); n != "0" {
		t.Errorf("%s relations stayed", n)
	}
}

func TestApply_deferredConstraintFailsAtCommit(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t,
		"001.sql", "CREATE TABLE a (id int PRIMARY KEY);\nCREATE TABLE b (a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);\n",
		"002.sql", "INSERT INTO b VALUES (4711);\n"))
	r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
	want(t, r, migration.Failed)
	if r.Failure.SQLState != "23503" || strings.Contains(told(r), "4711") {
		t.Errorf("told: %s", told(r))
	}
	if got := db.Query(t, "SELECT (SELECT count(*) FROM b), (SELECT string_agg(version, ',') FROM atlas_schema_revisions.atlas_schema_revisions)"); got != "0|001" {
		t.Errorf("stays %s", got)
	}
}
