package migration_test

import (
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func TestParseTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2s": 2 * time.Second, "500": 500 * time.Millisecond, "500ms": 500 * time.Millisecond, "1.5 min": 90 * time.Second, "1h": time.Hour,
		"2d": 48 * time.Hour, "100us": 100 * time.Microsecond, "0": 0, "": 0, "s": 0, "1 week": 0, "-1": 0, "1e300d": 0, "NaN": 0,
	} {
		if got, ok := migration.ParseTimeout(text); got != want || ok != (want > 0) {
			t.Errorf("%q: %s %v, want %s", text, got, ok, want)
		}
	}
}
