package atlastest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// major is the newest PostgreSQL that CLI can talk to: from 16 on, a setting
// that it reads when it connects is gone.
const major = 15

// New is pgtest.New on a server that CLI can talk to.
func New(t testing.TB) *pgtest.DB {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL %d for the Atlas CLI: %v", major, err)
	}
	return pgtest.On(t, s)
}

// shared is one server for the process. It is not closed: it ends with the process.
var shared = sync.OnceValues(func() (*devdb.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may have to fetch
	defer cancel()
	return devdb.Start(ctx, devdb.Options{Major: major, Progress: os.Stderr})
})
