package replay_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// What reaches beyond the database to the server is not run as a superuser, whatever it
// stands in; it is told as not observed, and what comes behind it is watched.
func TestRun_leavesTheServerAlone(t *testing.T) {
	for name, sql := range map[string]string{
		"a program":             "COPY t FROM PROGRAM 'echo 1';",
		"to a program":          "COPY t TO PROGRAM 'cat >/dev/null';",
		"a file":                "COPY t FROM '/etc/hostname';",
		"to a file":             "COPY (SELECT 1) TO '/tmp/aurora_migrate_should_not_be';",
		"in a block":            "DO $$ BEGIN COPY t FROM PROGRAM 'echo 1'; END $$;",
		"executed":              "DO $$ BEGIN EXECUTE 'COPY t FROM PROGRAM ''echo 1'''; END $$;",
		"behind an excuse":      "DO $$ BEGIN CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION f(); COPY t FROM PROGRAM 'echo 1'; END $$;",
		"a function":            "SELECT pg_read_file('/etc/hostname');",
		"an untrusted language": "CREATE FUNCTION run(text) RETURNS integer LANGUAGE c STRICT AS '/lib/x86_64-linux-gnu/libc.so.6', 'system';",
		"a setting of it":       "ALTER SYSTEM SET work_mem = '64MB';",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := ""
			if strings.HasPrefix(sql, "ALTER SYSTEM") {
				head = "-- atlas:txmode none\n\n"
			}
			r, err := replay.Run(t.Context(), replay.Options{Open: open(t), Dir: directory(t, map[string]string{
				"1_a.sql": "CREATE TABLE t (n text);\nCREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n",
				"2_b.sql": head + sql + "\nCREATE TABLE u (n text);\n",
			})})
			if err != nil {
				t.Fatal(err)
			}
			got := r.Files[1].Statements
			if !strings.Contains(got[0].Unobserved, "beyond the database") || !got[0].Privileged || len(got[1].Objects) != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}
