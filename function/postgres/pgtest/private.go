package pgtest

import (
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// Private starts a server for one test, which may restart it and give it settings. It
// ends with the test; MIGRATE_DEV_URL does not matter to it. A failed test gets the end
// of its log.
func Private(t testing.TB, settings map[string]string) *devdb.Server {
	t.Helper()
	return private(t, devdb.Options{Settings: settings})
}

// Standby starts a server in recovery, read-only as an Aurora reader is, and returns the
// URL of its database postgres. It ends with the test.
func Standby(t testing.TB) string {
	t.Helper()
	return private(t, devdb.Options{Standby: true}).URL("")
}

func private(t testing.TB, o devdb.Options) *devdb.Server {
	t.Helper()
	from, err := options()
	if err != nil {
		t.Fatal(err)
	}
	o.Major, o.Progress = from.Major, from.Progress
	s, err := start(o)
	if err != nil {
		t.Fatalf("start a server for one test: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the test's own server:\n%s", s.Log())
		}
		if err := s.Close(); err != nil {
			t.Errorf("close the test's own server: %v", err)
		}
	})
	return s
}
