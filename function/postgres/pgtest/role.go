package pgtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Role makes a role that may log in, with attrs as in CREATE ROLE ("CREATEDB NOINHERIT",
// or ""), and returns its name, which no other role of the server has, and the URL of
// this database for it. When t ends, the role goes with all that it owns here, unless
// the test failed and its database stays.
func (db *DB) Role(t testing.TB, attrs string) (name, url string) {
	t.Helper()
	name, password := "role_"+unique(), unique()
	db.Exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' %s", name, password, attrs))
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if err := db.dropRole(name); err != nil {
			t.Errorf("drop role %s: %v", name, err)
		}
	})
	return name, db.As(name, password)
}

func (db *DB) dropRole(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	c, err := pgx.Connect(ctx, db.URL)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	// Its sessions may hold locks on what it owns.
	if _, err := c.Exec(ctx, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1", name); err != nil {
		return err
	}
	// The database itself can be its own, and DROP OWNED would not drop that.
	_, err = c.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s OWNER TO CURRENT_USER; DROP OWNED BY %s CASCADE; DROP ROLE %[2]s", db.Name, name))
	return err
}
