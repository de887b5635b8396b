package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func answer(t *testing.T, s *postgres.Session, table, condition string) migration.Answered {
	t.Helper()
	all := s.Answer(t.Context(), []migration.Question{{Table: table, Subject: "it", Rows: "FROM " + table + " WHERE " + condition}})
	if len(all) != 1 {
		t.Fatalf("%d answers", len(all))
	}
	return all[0]
}

// The keys of a few rows that fail are told, as a person would write them, where
// they are numbers, UUIDs or short texts; and no other value is.
func TestAnswer_keys(t *testing.T) {
	db := pgtest.New(t)
	s := opened(t, db)
	for i, c := range []struct{ columns, values, want string }{
		{"id int PRIMARY KEY", "(7)", "id = 7"},
		{`"a B" bigint, b smallint, PRIMARY KEY (b, "a B")`, "(1, 2)", `b = 2, "a B" = 1`},
		{"id uuid PRIMARY KEY", "('00000000-0000-0000-0000-00000000000a')", "id = 00000000-0000-0000-0000-00000000000a"},
		{"id text PRIMARY KEY", "('it''s')", "id = 'it''s'"},
		{"id varchar PRIMARY KEY", "(repeat('x', 64))", "id = '" + strings.Repeat("x", 64) + "'"},
		{"id text PRIMARY KEY", "(repeat('x', 65))", ""},
		{"id text, n int, PRIMARY KEY (n, id)", "(repeat('x', 65), 1)", ""},
		{"id date PRIMARY KEY", "('2026-01-01')", ""},
		{"id int, at timestamptz, PRIMARY KEY (id, at)", "(1, now())", ""},
		{"id int UNIQUE", "(1)", ""},
		{`"%s'\" int PRIMARY KEY`, "(1)", `"%s'\" = 1`},
	} {
		table := fmt.Sprintf("public.t%d", i)
		db.Exec(t, fmt.Sprintf("CREATE TABLE %s (%s)", table, c.columns))
		db.Exec(t, fmt.Sprintf("INSERT INTO %s VALUES %s", table, c.values))
		a := answer(t, s, table, "true")
		if a.Fail != 1 || a.AtLeast || a.Unchecked != "" || strings.Join(a.Keys, "; ") != c.want {
			t.Errorf("%s: %+v, want %q", c.columns, a, c.want)
		}
	}
	db.Exec(t, "INSERT INTO t0 SELECT generate_series(8, 30)")
	if a := answer(t, s, "public.t0", "id > 6"); a.Fail != 24 || a.AtLeast || len(a.Keys) != 5 {
		t.Errorf("of 24 rows: %+v", a)
	}
	if a := answer(t, s, "public.t0", "id < 0"); a.Fail != 0 || a.Keys != nil || a.Empty {
		t.Errorf("of none: %+v", a)
	}
}

// Who may not see all rows does not say how many there are.
func TestAnswer_rowSecurity(t *testing.T) {
	db := pgtest.New(t)
	name, url := db.Role(t, "")
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, NULL); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE TABLE secret (a int)")
	db.Exec(t, "GRANT SELECT ON t TO "+name)
	s := open(t, url, migration.Settings{})
	if a := answer(t, s, "public.t", "a IS NULL"); a.Unchecked != "row level security hides rows from this role" || a.Fail != 0 || a.Empty {
		t.Errorf("%+v", a)
	}
	if a := answer(t, s, "public.secret", "a IS NULL"); !strings.Contains(a.Unchecked, "permission denied for table secret") || !a.Empty {
		t.Errorf("%+v", a)
	}
	if a := answer(t, opened(t, db), "public.t", "a IS NULL"); a.Fail != 1 || strings.Join(a.Keys, "") != "id = 1" {
		t.Errorf("who may see them all: %+v", a)
	}
	// As the role that files run as, which may be let see more.
	owner, _ := db.Role(t, "")
	db.Exec(t, fmt.Sprintf("ALTER TABLE t OWNER TO %s; GRANT %[1]s TO %s", owner, name))
	if a := answer(t, open(t, url, migration.Settings{Role: owner}), "public.t", "a IS NULL"); a.Fail != 1 {
		t.Errorf("as the owner: %+v", a)
	}
}

// What takes too long, or would wait, is not checked; and the next question is.
func TestAnswer_takesTooLong(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100); CREATE TABLE held (id int); CREATE TABLE none (id int)")
	c := db.Conn(t)
	if _, err := c.Exec(t.Context(), "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	s := opened(t, db)
	q := func(table, condition string) migration.Question {
		return migration.Question{Table: table, Rows: "FROM " + table + " WHERE " + condition}
	}
	began := time.Now()
	all := s.Answer(t.Context(), []migration.Question{
		q("public.t", "id = 0 AND false IS DISTINCT FROM (pg_catalog.pg_sleep(1) IS NULL) OR pg_catalog.pg_sleep(1) IS NULL"),
		q("public.held", "true"), q("public.t", "id < 7 OR (pg_catalog.pg_sleep(1) IS NULL)"), q("public.t", "id < 3"), q("public.gone", "true"),
		{Unasked: "nobody knows"}, q("public.none", "1 / (id - id) = 1"), q("public.t", "1 / (id - id) = 1"),
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	for i, want := range []string{"it took longer than 5s", "somebody holds the table in ACCESS EXCLUSIVE", "", "", "public.gone is not in this database", "nobody knows", "", "ERROR: division by zero (SQLSTATE 22012)"} {
		if all[i].Unchecked != want {
			t.Errorf("question %d: %q, want %q", i, all[i].Unchecked, want)
		}
	}
	if a := all[2]; a.Fail != 6 || !a.AtLeast || len(a.Keys) != 5 {
		t.Errorf("found, and not counted: %+v", a)
	}
	if all[3].Fail != 2 || !all[6].Empty || all[0].Empty {
		t.Errorf("%+v", all)
	}
}

// No value of a row is told, whatever goes wrong; and nothing can be changed.
func TestAnswer_leaksNothing(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id date PRIMARY KEY, a text); INSERT INTO t VALUES ('2026-01-01', 'MARKED'); CREATE SEQUENCE q")
	s := opened(t, db)
	for _, condition := range []string{"a::int = 1", "true", "a::pg_catalog.regclass IS NULL", "pg_catalog.nextval('public.q') > 0", "a::pg_catalog.json IS NULL", "(a || 'x')::pg_catalog.inet IS NULL"} {
		if a := answer(t, s, "public.t", condition); strings.Contains(fmt.Sprintf("%+v", a), "MARKED") {
			t.Errorf("%s: %+v", condition, a)
		}
	}
	if a := answer(t, s, "public.t", "pg_catalog.nextval('public.q') > 0"); !strings.Contains(a.Unchecked, "read-only transaction") {
		t.Errorf("%+v", a)
	}
	s.Close()
	if a := answer(t, s, "public.t", "true"); !strings.Contains(a.Unchecked, "the connection broke") {
		t.Errorf("over a connection that is gone: %+v", a)
	}
}

// A question about a domain is one about each column that has it.
func TestAnswer_domain(t *testing.T) {
	db := pgtest.New(t)
	for _, sql := range []string{
		`CREATE DOMAIN "D d" AS int`, `CREATE DOMAIN over AS "D d"`, "CREATE TABLE t (id int PRIMARY KEY, \"V v\" \"D d\", value int)", "CREATE TABLE u (o over)", "CREATE TABLE w (id int)",
		"INSERT INTO t VALUES (1, 5, 0), (2, -5, 0), (3, NULL, -1)", "INSERT INTO u VALUES (-1), (-2)", `CREATE VIEW v AS SELECT "V v" FROM t`,
	} {
		db.Exec(t, sql)
	}
	all := opened(t, db).Answer(t.Context(), []migration.Question{{Domain: `public."D d"`, Rows: "NOT (VALUE > 0)"}, {Domain: "public.none", Rows: "true"}})
	if len(all) != 2 || all[0].Table != "public.t" || all[0].Column != `"V v"` || all[0].Fail != 1 || strings.Join(all[0].Keys, "") != "id = 2" || all[1].Table != "public.u" || all[1].Fail != 2 {
		t.Errorf("%+v", all)
	}
}
