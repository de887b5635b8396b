package devdb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// attach takes the server that o.URL names, if it answers and is of the asked major.
// Errors name it without its password.
func attach(ctx context.Context, o Options) (*Server, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// url.Parse quotes its input, password and all: its error is not passed on.
		return nil, errors.New("the URL of the dev server (MIGRATE_DEV_URL) does not have the form postgres://user:password@host:port/database")
	}
	s := &Server{base: *u}
	if err := s.ask(ctx); err != nil {
		return nil, fmt.Errorf("dev server %s (MIGRATE_DEV_URL): %w", u.Redacted(), err)
	}
	if o.Major != 0 && o.Major != s.major {
		return nil, fmt.Errorf("dev server %s (MIGRATE_DEV_URL) is PostgreSQL %s, and %d was asked for: name a server of that major, or none, to have one started",
			u.Redacted(), s.version, o.Major)
	}
	return s, nil
}

// ask connects once and learns the server's version.
func (s *Server) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return s.do(ctx, func(c *pgx.Conn) error {
		var number int
		err := c.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&number)
		s.major, s.version = number/10000, fmt.Sprintf("%d.%d", number/10000, number%10000)
		return err
	})
}

func (s *Server) do(ctx context.Context, f func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, s.URL(""))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	return f(c)
}

// CreateDatabase creates an empty database and returns its URL. The name "" makes one
// up. It is copied from template0, so that it is empty also where someone put things
// into template1. A name that exists is an error (SQLSTATE 42P04).
func (s *Server) CreateDatabase(ctx context.Context, name string) (string, error) {
	if name == "" {
		name = "dev_" + randomHex(5)
	}
	err := s.do(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create dev database %s: %w", name, err)
	}
	return s.URL(name), nil
}

// DropDatabase drops a database, cutting off who is connected. One that does not exist
// is no error.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	err := s.do(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		return err
	})
	if err != nil {
		return fmt.Errorf("drop dev database %s: %w", name, err)
	}
	return nil
}

// RolesMissing returns those of the names that no role of the server has.
func (s *Server) RolesMissing(ctx context.Context, names []string) (missing []string, err error) {
	err = s.do(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, "SELECT name FROM pg_catalog.unnest($1::text[]) AS name EXCEPT SELECT rolname FROM pg_catalog.pg_roles ORDER BY 1", names)
		if err != nil {
			return err
		}
		missing, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the roles of the dev server: %w", err)
	}
	return missing, nil
}

// DropRole drops a role that nothing on the server needs; one that something needs is an
// error (SQLSTATE 2BP01), one that does not exist is none.
func (s *Server) DropRole(ctx context.Context, name string) error {
	err := s.do(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "DROP ROLE IF EXISTS "+pgx.Identifier{name}.Sanitize())
		return err
	})
	if err != nil {
		return fmt.Errorf("drop role %s of the dev server: %w", name, err)
	}
	return nil
}

// randomHex returns n random bytes, as 2n hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
