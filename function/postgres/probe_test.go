package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func opened(t *testing.T, db *pgtest.DB) *postgres.Session {
	t.Helper()
	c, err := postgres.ParseURL(db.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), c, postgres.Options{Settings: migration.Settings{LockTimeout: 100 * time.Millisecond}.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A transaction counts as old from the age that was asked for, and whose it is
// is told.
func TestProbe_oldTransactions(t *testing.T) {
	db := pgtest.New(t)
	s := opened(t, db)
	idle := db.Conn(t)
	for _, sql := range []string{"SET application_name = 'worker'", "BEGIN", "SELECT 1"} {
		if _, err := idle.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if old := s.Probe(t.Context(), postgres.ProbeOptions{Old: time.Hour}).Old; len(old) != 0 {
		t.Errorf("an hour old: %v", old)
	}
	for began := time.Now(); ; {
		old := s.Probe(t.Context(), postgres.ProbeOptions{Old: 50 * time.Millisecond}).Old
		if len(old) == 1 && old[0].Application == "worker" && old[0].State == "idle in transaction" && old[0].PID == int(idle.PgConn().PID()) {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("older than 50 ms: %v", old)
		}
	}
}

// A probe that fails costs its own link and no other.
func TestProbe_oneFails(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE orders (id serial); SELECT setval('orders_id_seq', 2000000000); CREATE PUBLICATION p")
	c := db.Conn(t)
	for _, sql := range []string{"BEGIN", "ALTER SEQUENCE orders_id_seq OWNED BY NONE", "DROP SEQUENCE orders_id_seq CASCADE"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	live := opened(t, db).Probe(t.Context(), postgres.ProbeOptions{Old: time.Minute})
	if why := live.Missed[migration.LinkKeys]; len(live.Missed) != 1 || !strings.Contains(why, "55P03") {
		t.Errorf("missed: %v", live.Missed)
	}
	if len(live.Publications) != 1 || live.Size == "" || live.Age.Transactions == 0 {
		t.Errorf("the others: %+v", live)
	}
}

// Where the connection breaks, every link is missed, and nothing hangs.
func TestProbe_connectionBreaks(t *testing.T) {
	db := pgtest.New(t)
	s := opened(t, db)
	db.Exec(t, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	live := s.Probe(t.Context(), postgres.ProbeOptions{Old: time.Minute})
	for _, link := range []migration.Link{migration.LinkClock, migration.LinkPrivileges, migration.LinkLock, migration.LinkTransactions, migration.LinkKeys, migration.LinkRoom} {
		if live.Missed[link] == "" {
			t.Errorf("%s was not missed", link)
		}
	}
	if !strings.Contains(live.Lost, "the connection was lost") {
		t.Errorf("lost: %q", live.Lost)
	}
	if _, err := s.ProbeHistory(t.Context()); err == nil {
		t.Error("the history was looked at all the same")
	}
}

// Aurora has functions of its own, and says its readers by them.
func TestProbe_aurora(t *testing.T) {
	db := pgtest.On(t, pgtest.Private(t, nil))
	db.Exec(t, `SET allow_system_table_mods = on;
		CREATE FUNCTION pg_catalog.aurora_version() RETURNS text LANGUAGE sql AS $$ SELECT '17.4.2' $$;
		CREATE FUNCTION pg_catalog.aurora_replica_status() RETURNS TABLE (server_id text, session_id text, replica_lag_in_msec double precision)
			LANGUAGE sql AS $$ VALUES ('writer', 'MASTER_SESSION_ID', NULL), ('reader', 'd5b5', 12345.0) $$`)
	live := opened(t, db).Probe(t.Context(), postgres.ProbeOptions{Old: time.Minute})
	if len(live.Missed) > 0 || len(live.Replicas) != 1 || live.Replicas[0] != (migration.Replica{Name: "reader", Lag: 12345 * time.Millisecond}) {
		t.Errorf("missed %v, replicas %v", live.Missed, live.Replicas)
	}
}
