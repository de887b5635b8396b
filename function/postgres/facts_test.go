package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func facts(t testing.TB, url string, settings migration.Settings) migration.Facts {
	t.Helper()
	return open(t, url, settings).Facts()
}

func TestFacts_target(t *testing.T) {
	db := pgtest.New(t)
	name, url := db.Role(t, "")
	system := db.Query(t, "SELECT system_identifier FROM pg_control_system()")
	got := facts(t, db.URL, migration.Settings{Role: name}).Target
	if got.Database != db.Name || got.Role != name || got.User != "postgres" || got.Cluster != system || got.Major() != pgtest.Major(t) ||
		got.Engine != "PostgreSQL "+db.Query(t, "SELECT split_part(current_setting('server_version'), ' ', 1)") || !strings.Contains(db.URL, got.Host) {
		t.Errorf("%+v", got)
	}
	if f := facts(t, url, migration.Settings{}); f.Target.Role != name || f.Target.User != name || f.Target.Cluster != system || f.Reader || f.ReadOnly || f.Pooled {
		t.Errorf("%+v", f)
	}
	config, err := postgres.ParseURL(db.URL, "cluster-ABC")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), config, postgres.Options{Settings: migration.Settings{}.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Facts().Target.Cluster; got != "cluster-ABC" {
		t.Errorf("the cluster that was configured is %q", got)
	}
	// Who may not ask for the system identifier names the cluster by its address.
	db.Exec(t, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
	if got := facts(t, url, migration.Settings{}).Target; got.Cluster != got.Host {
		t.Errorf("without the privilege: %+v", got)
	}
}

// When sessions of others stop waiting is read of the database and of roles, and not
// of the role that asks.
func TestFacts_timeouts(t *testing.T) {
	db := pgtest.New(t)
	app, _ := db.Role(t, "")
	own, url := db.Role(t, "")
	db.Exec(t, fmt.Sprintf("ALTER ROLE %s SET lock_timeout = '2s'; ALTER ROLE %[1]s IN DATABASE %s SET statement_timeout = '1.5 min'; ALTER ROLE %s SET lock_timeout = '7s'", app, db.Name, own))
	db.Exec(t, fmt.Sprintf("ALTER DATABASE %s SET statement_timeout = 30000", db.Name))
	got := facts(t, url, migration.Settings{}).Timeouts
	for _, want := range []migration.Timeout{{Role: app, Setting: "lock_timeout", After: 2 * time.Second}, {Role: app, Setting: "statement_timeout", After: 90 * time.Second},
		{Setting: "statement_timeout", After: 30 * time.Second}} {
		if !slices.Contains(got, want) {
			t.Errorf("%+v is not in %+v", want, got)
		}
	}
	for _, not := range got {
		if not.After == 7*time.Second {
			t.Errorf("its own: %+v", got)
		}
	}
}

func TestFacts_roles(t *testing.T) {
	db := pgtest.New(t)
	login, url := db.Role(t, "")
	owner, _ := db.Role(t, "")
	for _, c := range []struct {
		before, role       string
		missing, forbidden bool
	}{
		{"", "", false, false},
		{"", login, false, false},
		{"", "nobody_of_this_name", true, false},
		{"", owner, false, true},
		{"GRANT " + owner + " TO " + login, owner, false, false},
	} {
		if c.before != "" {
			db.Exec(t, c.before)
		}
		f := facts(t, url, migration.Settings{Role: c.role})
		if f.RoleMissing != c.missing || f.RoleForbidden != c.forbidden {
			t.Errorf("role %q: missing %v, forbidden %v", c.role, f.RoleMissing, f.RoleForbidden)
		}
	}
	db.Exec(t, "ALTER ROLE "+login+" SET default_transaction_read_only = on")
	if f := facts(t, url, migration.Settings{}); !f.ReadOnly {
		t.Error("read-only by default, and not told")
	}
}

// A database counts as empty exactly if nobody made anything in it: the history
// and what extensions bring do not count.
func TestFacts_objects(t *testing.T) {
	db := pgtest.New(t)
	makeHistory(t, db, "atlas_schema_revisions")
	for _, sql := range []string{"CREATE SCHEMA app", "CREATE EXTENSION hstore SCHEMA app", "CREATE EXTENSION pg_stat_statements SCHEMA app", "CREATE TEMP TABLE t (id int)"} {
		db.Exec(t, sql)
	}
	if got := facts(t, db.URL, migration.Settings{}).Objects; len(got) > 0 {
		t.Errorf("an empty database holds %q", got)
	}
	for _, c := range []struct{ sql, want, undo string }{
		{`CREATE TABLE app."T t" (id int)`, `table app."T t"`, `DROP TABLE app."T t"`},
		{"CREATE TABLE app.p (id int) PARTITION BY LIST (id)", "table app.p", "DROP TABLE app.p"},
		{"CREATE VIEW app.v AS SELECT 1 AS a", "view app.v", "DROP VIEW app.v"},
		{"CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS a", "materialized view app.m", "DROP MATERIALIZED VIEW app.m"},
		{"CREATE SEQUENCE public.s", "sequence public.s", "DROP SEQUENCE public.s"},
		{"CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function app.f", "DROP FUNCTION app.f"},
		{"CREATE TYPE app.e AS ENUM ()", "type app.e", "DROP TYPE app.e"},
		{"CREATE DOMAIN app.d AS int", "type app.d", "DROP DOMAIN app.d"},
	} {
		db.Exec(t, c.sql)
		if got := facts(t, db.URL, migration.Settings{}).Objects; !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %q", c.sql, got)
		}
		db.Exec(t, c.undo)
	}
	for i := range 20 {
		db.Exec(t, fmt.Sprintf("CREATE TABLE app.t%d ()", i))
	}
	if got := facts(t, db.URL, migration.Settings{}).Objects; len(got) != 4 {
		t.Errorf("of 20 tables it names %d", len(got))
	}
}

// Each tool's table is told by its columns, since several share a name.
func TestFacts_others(t *testing.T) {
	for tool, ddl := range map[string]string{
		"Flyway":          "CREATE TABLE flyway_schema_history (installed_rank int, version text)",
		"goose":           "CREATE TABLE goose_db_version (id int, version_id bigint)",
		"golang-migrate":  "CREATE TABLE schema_migrations (version bigint, dirty bool)",
		"Ecto":            "CREATE TABLE schema_migrations (version bigint, inserted_at timestamp)",
		"dbmate or Rails": "CREATE TABLE schema_migrations (version text)",
		"Liquibase":       "CREATE TABLE databasechangelog (id text, md5sum text)",
		"tern":            "CREATE TABLE schema_version (version int)",
		"Alembic":         "CREATE TABLE alembic_version (version_num text)",
		"Django":          "CREATE TABLE django_migrations (id int, app text, name text)",
		"Prisma":          "CREATE TABLE _prisma_migrations (id text, migration_name text)",
		"Knex":            "CREATE TABLE knex_migrations (id int, migration_time timestamp)",
		"sqlx":            "CREATE TABLE _sqlx_migrations (version bigint, checksum bytea)",
		"Sequelize":       `CREATE TABLE "SequelizeMeta" (name text)`,
		"":                "CREATE TABLE schema_migrations (version text, note text); CREATE TABLE databasechangelog (id int)",
	} {
		db := pgtest.New(t)
		db.Exec(t, ddl)
		var got []string
		for _, o := range facts(t, db.URL, migration.Settings{}).Others {
			got = append(got, o.Tool)
			if !strings.HasPrefix(o.Table, "public.") {
				t.Errorf("%s: table %s", tool, o.Table)
			}
		}
		if strings.Join(got, ", ") != tool {
			t.Errorf("%s: told as %q", tool, got)
		}
	}
}
