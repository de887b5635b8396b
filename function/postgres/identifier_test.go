package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Whatever a role or a schema is called, be it a word of SQL itself: PostgreSQL
// takes what is printed of it for that name.
func TestIdentifier_asPostgreSQLReadsIt(t *testing.T) {
	db := pgtest.New(t)
	c := db.Conn(t)
	names := append(strings.Split(db.Query(t, "SELECT word FROM pg_get_keywords()"), "\n"),
		"app_owner", "App", "my-db", "9a", `a"b`, "a b", "a.b", "a$b", "público", "ção", "'", `\`, strings.Repeat("x", migration.MaxIdentifier))
	if len(names) < 400 {
		t.Fatalf("only %d names", len(names))
	}
	for _, name := range names {
		if name == "none" { // of which PostgreSQL makes no role
			continue
		}
		var same bool
		id := migration.Identifier(name)
		_, err := c.Exec(t.Context(), fmt.Sprintf("BEGIN; CREATE ROLE %s; CREATE SCHEMA %[1]s AUTHORIZATION %[1]s; GRANT USAGE ON SCHEMA %[1]s TO %[1]s; GRANT %[1]s TO CURRENT_USER", id))
		if err == nil {
			err = c.QueryRow(t.Context(), "SELECT count(*) = 1 FROM pg_namespace n JOIN pg_roles r ON r.oid = nspowner WHERE nspname = $1::text AND rolname = $1::text", name).Scan(&same)
		}
		if err != nil || !same {
			t.Errorf("%q as %s: %v, the same: %t", name, id, err, same)
		}
		if _, err := c.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}
