package lint_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Batches are advised with what lets them run again after a cut, and only where
// that changes no row twice.
func TestCheck_batchesRunAgain(t *testing.T) {
	before := []string{"CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, c text);\n"}
	for sql, again := range map[string]bool{
		"UPDATE t SET a = 1;\n":                                 true,
		"UPDATE t SET a = b, c = lower('X');\n":                 true,
		"UPDATE t SET a = 1 WHERE a IS NULL;\n":                 true,
		"UPDATE t SET c = now() WHERE c IS NULL;\n":             true,
		"UPDATE t SET c = now();\n":                             false,
		"UPDATE t SET c = gen_random_uuid() WHERE a = 1;\n":     false,
		"UPDATE t SET a = a + 1;\n":                             false,
		"UPDATE t SET b = 0, c = upper(c);\n":                   false,
		"UPDATE t SET a = b, b = a;\n":                          false,
		"UPDATE t SET (a, b) = (1, 2);\n":                       false,
		"UPDATE t AS x SET a = x.a * 2;\n":                      false,
		"UPDATE t SET a = CASE WHEN b > 0 THEN a ELSE 0 END;\n": false,
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			found := judge(t, before, []string{sql}).loud()
			if len(found) == 0 {
				t.Fatal("nothing was found")
			}
			rewrite, ok := lint.ParseRewrite(found[0].Fix)
			if ok != again {
				t.Errorf("a rewrite: %v\n%s", ok, told(found))
			}
			if ok && !strings.HasPrefix(rewrite.Files[0].SQL, "-- aurora:rerunnable\nDO ") {
				t.Errorf("without what lets it run again:\n%s", told(found))
			}
		})
	}
}

// Batches that fill a column of the file pass over what has a value by now: running
// code wrote it, or a batch before the cut.
func TestCheck_batchesFillOnce(t *testing.T) {
	before := []string{"CREATE TABLE t (id bigint PRIMARY KEY, gone boolean);\n"}
	for _, where := range []string{"", " WHERE gone OR gone IS NULL"} {
		found := judge(t, before, []string{"ALTER TABLE t ADD COLUMN gone_at timestamptz;\nUPDATE t SET gone_at = now()" + where + ";\n"}).loud()
		want := " BETWEEN low AND high AND (gone_at IS NULL);"
		if where != "" {
			want = " BETWEEN low AND high AND ((gone OR gone IS NULL) AND gone_at IS NULL);"
		}
		if !strings.Contains(told(found), want) {
			t.Errorf("not %q:\n%s", want, told(found))
		}
	}
}

// Batches on a table without a key leave alone what has its value already, in
// whatever partition it is: running code may have handed that out.
func TestCheck_batchesLeaveTheRestAlone(t *testing.T) {
	before := `CREATE TABLE t (a bigint, b bigint) PARTITION BY LIST (b);
CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);
CREATE TABLE t_2 PARTITION OF t FOR VALUES IN (2);
`
	found := judge(t, []string{before}, []string{"ALTER TABLE t ADD COLUMN u uuid DEFAULT gen_random_uuid();\n"}).loud()
	rewrite, ok := lint.ParseRewrite(found[0].Fix)
	if !ok {
		t.Fatalf("no rewrite:\n%s", told(found))
	}
	conn, err := pgx.Connect(t.Context(), pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	const mine = "11111111-1111-1111-1111-111111111111"
	for _, sql := range []string{before, "INSERT INTO t SELECT g, p FROM generate_series(1, 3) AS g, generate_series(1, 2) AS p", rewrite.Files[0].SQL,
		"UPDATE t SET u = '" + mine + "' WHERE b = 2", "VACUUM FULL t_2", rewrite.Files[1].SQL} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	var kept, filled int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE b = 2 AND u = $1), count(u) FROM t", mine).Scan(&kept, &filled); err != nil {
		t.Fatal(err)
	}
	if kept != 3 || filled != 6 {
		t.Errorf("%d of 3 rows kept their value, %d of 6 have one, after\n%s", kept, filled, rewrite.Files[1].SQL)
	}
}

// Batches by a key of several columns, and on tables that inherit, reach each row once.
func TestCheck_batchesReachAll(t *testing.T) {
	for name, before := range map[string]string{
		"a unique index of several columns": `CREATE TABLE t (a bigint NOT NULL, b text NOT NULL, c bigint UNIQUE);
CREATE UNIQUE INDEX ON t (a, b);
INSERT INTO t SELECT g % 120, g, g FROM generate_series(1, 12000) AS g;
`,
		"tables that inherit": `CREATE TABLE t (a bigint PRIMARY KEY);
CREATE TABLE t_1 (PRIMARY KEY (a)) INHERITS (t);
CREATE TABLE t_2 () INHERITS (t_1);
INSERT INTO t SELECT generate_series(1, 6000);
INSERT INTO t_1 SELECT generate_series(1, 6000);
INSERT INTO t_2 SELECT generate_series(1, 6000);
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := judge(t, []string{before}, []string{"ALTER TABLE t ADD COLUMN u uuid DEFAULT gen_random_uuid();\n"}).loud()
			rewrite, ok := lint.ParseRewrite(found[0].Fix)
			if !ok {
				t.Fatalf("no rewrite:\n%s", told(found))
			}
			conn, err := pgx.Connect(t.Context(), pgtest.New(t).URL)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			stmts, err := migration.Split(rewrite.Files[1].SQL)
			if err != nil {
				t.Fatal(err)
			}
			run := []string{before, rewrite.Files[0].SQL}
			for _, s := range stmts {
				run = append(run, s.Text)
			}
			for _, sql := range run {
				if _, err := conn.Exec(t.Context(), sql); err != nil {
					t.Fatalf("%v\n%s", err, sql)
				}
			}
			var missing int
			if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM t WHERE u IS NULL").Scan(&missing); err != nil {
				t.Fatal(err)
			}
			if bare := name == "tables that inherit"; strings.Contains(rewrite.Files[1].SQL, "ctid") != bare {
				t.Errorf("by ctid, which reads past all that is done each time: %v, want it only for the table without a key\n%s", !bare, rewrite.Files[1].SQL)
			}
			if missing > 0 {
				t.Errorf("%d rows were not reached by\n%s", missing, rewrite.Files[1].SQL)
			}
		})
	}
}
