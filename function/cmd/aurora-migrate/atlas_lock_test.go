package main

import (
	"strings"
	"testing"
	"time"

	"ariga.io/atlas-go-sdk/atlasexec"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// While we hold the lock Atlas runs nothing, and says that it is for the lock.
func TestAtlas_waitsForOurLock(t *testing.T) {
	m := meet(t, shop())
	config, err := postgres.ParseURL(m.db.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := postgres.Open(t.Context(), config, postgres.Options{Name: "aurora-migrate"})
	if err != nil {
		t.Fatal(err)
	}
	if holder, err := session.Lock(t.Context(), migration.Digest{}); holder != nil || err != nil {
		t.Fatalf("held by %v: %v", holder, err)
	}
	apply := []string{"migrate", "apply", "--url", m.db.URL, "--dir", "file://" + m.dir, "--lock-timeout", "300ms"}
	if out, err := m.cli(apply...); err == nil || !strings.Contains(out, "acquiring database lock") {
		t.Errorf("atlas migrate apply: %v\n%s", err, out)
	}
	if got := m.tables(); got != "" {
		t.Errorf("and yet there is\n%s", got)
	}
	session.Close()
	if out, err := m.cli(apply...); err != nil {
		t.Errorf("atlas migrate apply, once the lock is free: %v\n%s", err, out)
	}
}

// While Atlas applies, we are blocked by it by name, and status goes on.
func TestAtlas_holdsUsOff(t *testing.T) {
	m := meet(t, map[string]string{"1_wait.sql": "SELECT pg_advisory_xact_lock(4711);\nCREATE TABLE waited (id int);\n", "2_next.sql": "CREATE TABLE next (id int);\n"})
	gate := m.db.Conn(t)
	if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_lock(4711)"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := m.atlas.MigrateApply(t.Context(), &atlasexec.MigrateApplyParams{URL: m.db.URL, DirURL: "file://" + m.dir, Amount: 1})
		done <- err
	}()
	for began := time.Now(); m.db.Query(t, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted") != "1"; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("Atlas does not get as far as its file")
		}
	}
	if got := m.field("lock.pid", 0, "status"); got == "" {
		t.Error("status does not say who holds the lock")
	}
	report := m.ours(3, "apply", "--approval", "none", "--timeout", "3s", "--output", "json")
	for path, want := range map[string]string{"outcome": "blocked", "refusal.reason": "locked"} {
		if got, err := at([]byte(report), path); got != want || err != nil {
			t.Errorf("%s is %q, want %q: %v", path, got, want, err)
		}
	}
	if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_unlock(4711)"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("atlas migrate apply: %v", err)
	}
	m.oursApply()
	m.alike(0)
}
