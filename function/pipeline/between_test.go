package pipeline_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Two files that run in one session end as they do in two: a run that died
// between them is gone on with in another session.
func TestApply_filesDoNotMeetInTheSession(t *testing.T) {
	for name, c := range map[string]struct{ first, second, sqlstate string }{
		"read only by default":     {"SET default_transaction_read_only = on;\n", "CREATE TABLE b ();\n", ""},
		"serializable by default":  {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n", "SELECT 1 / (current_setting('transaction_isolation') = 'read committed')::int;\n", ""},
		"a temporary table again":  {"CREATE TEMP TABLE x ();\n", "CREATE TEMP TABLE x ();\n", ""},
		"a temporary table used":   {"CREATE TEMP TABLE x ();\n", "SELECT FROM x;\n", "42P01"},
		"a cursor":                 {"DECLARE c CURSOR WITH HOLD FOR SELECT 1;\n", "DECLARE c CURSOR WITH HOLD FOR SELECT 1;\n", ""},
		"a prepared statement":     {"PREPARE q AS SELECT 1;\n", "PREPARE q AS SELECT 1;\n", ""},
		"a prepared one executed":  {"PREPARE q AS SELECT 1;\n", "EXECUTE q;\n", "26000"},
		"one prepared outside":     {outside + "PREPARE q AS SELECT 1;\n", "PREPARE q AS SELECT 1;\n", ""},
		"the value of a sequence":  {"CREATE SEQUENCE s;\nSELECT nextval('s');\n", "SELECT currval('s');\n", "55000"},
		"the encoding":             {"SET client_encoding = 'LATIN1';\n", "CREATE TABLE b ();\n", ""},
		"the encoding, outside it": {outside + "SET client_encoding = 'LATIN1';\nVACUUM;\n", "CREATE TABLE b ();\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge := func(db *pgtest.DB, r migration.Result) {
				t.Helper()
				switch {
				case c.sqlstate == "":
					want(t, r, migration.Applied)
				case r.Outcome != migration.Failed || r.Failure.SQLState != c.sqlstate:
					t.Errorf("%s: %s, want SQLSTATE %s", r.Outcome, told(r), c.sqlstate)
				}
				if got := db.Query(t, "SELECT description FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '001'"); got != "criação" {
					t.Errorf("the history calls the first file %s", got)
				}
			}
			one, both := dir(t, "001_criação.sql", c.first), dir(t, "001_criação.sql", c.first, "002_b.sql", c.second)
			together := pgtest.New(t)
			p := on(t, together.URL, both)
			judge(together, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)}))
			apart := pgtest.New(t)
			applied(t, on(t, apart.URL, one))
			p = on(t, apart.URL, both)
			judge(apart, do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)}))
		})
	}
}

// What a file leaves for COMMIT runs in the file's own session: its names are
// found, and it is the role of the file that does it.
func TestApply_deferredTriggersRunAsInTheFile(t *testing.T) {
	db := pgtest.New(t)
	owner, _ := db.Role(t, "")
	db.Exec(t, "GRANT CREATE ON SCHEMA public TO "+owner)
	p := on(t, db.URL, dir(t, "001.sql", `CREATE TABLE a (id int);
CREATE TABLE seen (n bigint, by text);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen SELECT count(*), current_user FROM a; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER looks AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look();
`, "002.sql", "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\n", "003.sql", outside+"INSERT INTO a VALUES (3);\n"))
	p.Settings.Role = owner
	applied(t, p)
	if got, want := db.Query(t, "SELECT n, by FROM seen"), strings.Join([]string{"2|" + owner, "2|" + owner, "3|" + owner}, "\n"); got != want {
		t.Errorf("the triggers saw\n%s\nwant\n%s", got, want)
	}
}
