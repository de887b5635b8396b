package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// failing is a test that has failed, as its helpers see it.
type failing struct {
	testing.TB
	log      strings.Builder
	cleanups []func()
}

func (f *failing) Failed() bool { return true }

func (f *failing) Logf(format string, args ...any) { fmt.Fprintf(&f.log, format+"\n", args...) }

func (f *failing) Cleanup(g func()) { f.cleanups = append(f.cleanups, g) }

func (f *failing) end() {
	for len(f.cleanups) > 0 {
		last := len(f.cleanups) - 1
		f.cleanups[last]()
		f.cleanups = f.cleanups[:last]
	}
}

func exists(t *testing.T, watch *pgtest.DB, database string) bool {
	t.Helper()
	return watch.Query(t, "SELECT count(*) FROM pg_database WHERE datname = $1", database) == "1"
}

func TestNew_isEmptyAndGoesWithTheTest(t *testing.T) {
	watch := pgtest.New(t)
	var name string
	t.Run("inner", func(t *testing.T) {
		db := pgtest.New(t)
		name = db.Name
		if !exists(t, watch, name) || db.Name == watch.Name {
			t.Fatalf("%s is not a new database", name)
		}
		if got := db.Query(t, "SELECT current_database(), count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); got != name+"|0" {
			t.Errorf("database, relations: %s", got)
		}
		if got, want := db.Query(t, "SELECT current_setting('server_version_num')::int / 10000"), fmt.Sprint(pgtest.Major(t)); got != want {
			t.Errorf("PostgreSQL %s, and Major says %s", got, want)
		}
		if want := os.Getenv("MIGRATE_TEST_MAJOR"); want != "" && want != fmt.Sprint(pgtest.Major(t)) {
			t.Errorf("PostgreSQL %d, and %s was asked for", pgtest.Major(t), want)
		}
		// Someone who stays connected does not keep it.
		c, err := pgx.Connect(t.Context(), db.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
	})
	if exists(t, watch, name) {
		t.Errorf("%s is still there", name)
	}
}

// A failed test keeps everything that a look at its database needs, and says where it is.
func TestNew_staysWhenTheTestFails(t *testing.T) {
	watch := pgtest.New(t)
	f := &failing{TB: t}
	db := pgtest.New(f)
	role, _ := db.Role(f, "")
	db.Exec(f, "CREATE TABLE evidence ()")
	f.end()
	if !strings.Contains(f.log.String(), "database kept: "+db.URL) {
		t.Errorf("the URL was not logged: %s", f.log.String())
	}
	if got := db.Query(t, "SELECT to_regclass('evidence'), to_regrole($1)", role); got != "evidence|"+role {
		t.Errorf("table and role: %s", got)
	}
	watch.Exec(t, "DROP DATABASE "+db.Name+" WITH (FORCE)")
	watch.Exec(t, "DROP ROLE "+role)
}

func TestNew_lingersOnRequest(t *testing.T) {
	s := pgtest.Private(t, nil)
	for wish, want := range map[string]string{
		"90s":  "database kept for 90s after the tests: " + s.URL("test_"),
		"soon": `MIGRATE_TEST_KEEP: time: invalid duration "soon"`,
	} {
		t.Setenv("MIGRATE_TEST_KEEP", wish)
		f := &failing{TB: t}
		pgtest.On(f, s)
		f.end()
		want, _, _ = strings.Cut(want, "?") // up to the name of the database
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("%s:\ngot  %s\nwant %s", wish, f.log.String(), want)
		}
	}
}

func TestQuery(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (n int, at date); INSERT INTO t VALUES (1, '2026-02-28'), (2, NULL)")
	db.Exec(t, "INSERT INTO t VALUES ($1, $2)", 3, "2026-03-01")
	for sql, want := range map[string]string{
		"SELECT * FROM t ORDER BY n":   "1|2026-02-28\n2|NULL\n3|2026-03-01",
		"SELECT true, ARRAY[1, 2], ''": "t|{1,2}|",
		"SELECT n FROM t WHERE n > 3":  "",
	} {
		if got := db.Query(t, sql); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", sql, got, want)
		}
	}
}

func TestRole(t *testing.T) {
	db := pgtest.New(t)
	outer, name := t, ""
	t.Run("inner", func(t *testing.T) {
		var u string
		name, u = db.Role(t, "CREATEDB")
		c := pgtest.Connect(outer, u) // stays open beyond the role
		var user string
		var super, createDB bool
		if err := c.QueryRow(t.Context(), "SELECT rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user").Scan(&user, &super, &createDB); err != nil {
			t.Fatal(err)
		}
		if user != name || super || !createDB {
			t.Errorf("user %s, superuser %v, createdb %v", user, super, createDB)
		}
		_, err := c.Exec(t.Context(), "CREATE TABLE t ()")
		if pg := (*pgconn.PgError)(nil); !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("CREATE in public without the privilege: %v", err)
		}
		// It owns things, has privileges, and holds a lock in an open transaction.
		db.Exec(t, "GRANT CREATE ON SCHEMA public TO "+name+"; ALTER DATABASE "+db.Name+" OWNER TO "+name)
		if _, err := c.Exec(t.Context(), "CREATE TABLE t (); BEGIN; LOCK TABLE t"); err != nil {
			t.Fatal(err)
		}
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if password, _ := parsed.User.Password(); db.As(name, password) != u {
			t.Error("As differs from the URL of Role")
		}
	})
	if got := db.Query(t, "SELECT to_regrole($1), to_regclass('t')", name); got != "NULL|NULL" {
		t.Errorf("role and its table afterwards: %s", got)
	}
}

func TestPrivate(t *testing.T) {
	s := pgtest.Private(t, map[string]string{"max_prepared_transactions": "2"})
	db := pgtest.On(t, s)
	if got := db.Query(t, "SHOW max_prepared_transactions"); got != "2" {
		t.Errorf("max_prepared_transactions %s", got)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := db.Query(t, "SHOW max_prepared_transactions"); got != "2" {
		t.Errorf("after a restart: max_prepared_transactions %s", got)
	}
	if s.URL("") == pgtest.New(t).URL {
		t.Error("the server is the shared one")
	}
}

func TestStandby(t *testing.T) {
	c := pgtest.Connect(t, pgtest.Standby(t))
	var recovering bool
	if err := c.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&recovering); err != nil || !recovering {
		t.Errorf("in recovery: %v, %v", recovering, err)
	}
	_, err := c.Exec(t.Context(), "CREATE TABLE t ()")
	if pg := (*pgconn.PgError)(nil); !errors.As(err, &pg) || pg.Code != "25006" {
		t.Errorf("CREATE TABLE: %v", err)
	}
}

func BenchmarkNew(b *testing.B) {
	for range b.N {
		pgtest.New(b)
	}
}
