package postgres_test

import (
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A client that freezes after it took the lock, before it has run anything,
// must not keep it for ever: the server ends the idle session.
func TestLock_bringsTheIdleTimeouts(t *testing.T) {
	db := pgtest.New(t)
	s := open(t, db.URL, migration.Settings{})
	if holder, err := s.Lock(t.Context(), migration.Digest{}); holder != nil || err != nil {
		t.Fatal(holder, err)
	}
	if got := db.Query(t, "SELECT count(*) FROM pg_locks l WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); got != "1" {
		t.Errorf("the lock is held %s times", got)
	}
	probe := step(t, "1.sql", "CREATE TABLE seen AS SELECT name, setting FROM pg_settings WHERE name LIKE 'idle%';\n")
	probe.First = false // no settings are made for it
	if _, f := run(t.Context(), s, probe); f != nil {
		t.Fatal(f)
	}
	if got := db.Query(t, "SELECT name, setting FROM seen WHERE name LIKE 'idle%session_timeout' ORDER BY name"); got != "idle_in_transaction_session_timeout|10000\nidle_session_timeout|60000" {
		t.Errorf("the session that holds it has\n%s", got)
	}
}
