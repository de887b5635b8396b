// Package pgtest gives tests real databases.
//
// Each test process starts one server of its own when the first test asks for it; from an
// initialised cluster that takes a fifth of a second. The server and its files go when
// the process does, also when that is killed. Two variables say which one it is:
// MIGRATE_TEST_MAJOR (15 to 18, 17 if unset) and MIGRATE_DEV_URL (a running server, on
// which each test makes a database and drops it). A test that fails keeps its database
// and logs the URL; MIGRATE_TEST_KEEP=10m lets the server outlive the tests for so long.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// cleanupTimeout bounds what is done for a test after its context has ended.
const cleanupTimeout = 30 * time.Second

// DB is a database of one test. Its methods may be called from the test's goroutine
// only, since they end the test on an error.
type DB struct {
	URL  string // as a superuser
	Name string

	server *devdb.Server
}

// New returns a fresh empty database. It is dropped when t ends; if t has failed by then,
// it stays and its URL is logged.
func New(t testing.TB) *DB {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start a server for tests: %v", err)
	}
	return On(t, s)
}

// On is New for a server of one's own.
func On(t testing.TB, s *devdb.Server) *DB {
	t.Helper()
	name := "test_" + unique()
	u, err := s.CreateDatabase(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	db := &DB{URL: u, Name: name, server: s}
	t.Cleanup(func() {
		if t.Failed() {
			db.keep(t)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := s.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return db
}

// keep says where the database of a failed test is found. The password in the URL opens
// nothing but a server that listens on this machine alone, or one that the developer named.
func (db *DB) keep(t testing.TB) {
	wish := os.Getenv("MIGRATE_TEST_KEEP")
	if wish == "" || db.server.Pid() == 0 {
		t.Logf("database kept: %s\n(a server that the tests started ends with them: set MIGRATE_TEST_KEEP=10m, or MIGRATE_DEV_URL to one of yours)", db.URL)
		return
	}
	d, err := time.ParseDuration(wish)
	if err == nil {
		err = db.server.Linger(d)
	}
	if err != nil {
		t.Logf("MIGRATE_TEST_KEEP: %v", err)
		return
	}
	t.Logf("database kept for %s after the tests: %s", wish, db.URL)
}

// Exec runs sql, several statements too if there are no args, on a connection of its own.
func (db *DB) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	c, done := db.connect(t)
	defer done()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
}

// Query returns the rows of one statement as text: columns joined by "|", rows by "\n",
// NULL for a null, "" for no rows.
func (db *DB) Query(t testing.TB, sql string, args ...any) string {
	t.Helper()
	c, done := db.connect(t)
	defer done()
	// The simple protocol, because it has every type as text.
	rows, err := c.Query(t.Context(), sql, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	if err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	var lines []string
	for rows.Next() {
		lines = append(lines, joined(rows.RawValues()))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	return strings.Join(lines, "\n")
}

func joined(values [][]byte) string {
	var columns []string
	for _, v := range values {
		if v == nil {
			columns = append(columns, "NULL")
		} else {
			columns = append(columns, string(v))
		}
	}
	return strings.Join(columns, "|")
}

// connect returns a connection for the length of one call: a test may make more calls
// than the server takes connections.
func (db *DB) connect(t testing.TB) (c *pgx.Conn, done func()) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c, func() { c.Close(context.Background()) }
}

// Conn returns a new connection as the superuser. It is closed when t ends.
func (db *DB) Conn(t testing.TB) *pgx.Conn {
	t.Helper()
	return Connect(t, db.URL)
}

// Connect returns a new connection to url. It is closed when t ends.
func Connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// As returns the URL of this database for another user.
func (db *DB) As(user, password string) string {
	u, err := url.Parse(db.URL)
	if err != nil {
		panic(err) // devdb made it
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// Major returns the major version of the server that New uses.
func Major(t testing.TB) int {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start a server for tests: %v", err)
	}
	return s.Major()
}

// shared is the server of this process. It is not closed: it ends with the process.
var shared = sync.OnceValues(func() (*devdb.Server, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	o.URL = os.Getenv("MIGRATE_DEV_URL")
	return start(o)
})

// options are for a server that is started here, whatever MIGRATE_DEV_URL says.
func options() (devdb.Options, error) {
	o := devdb.Options{Progress: os.Stderr}
	if v := os.Getenv("MIGRATE_TEST_MAJOR"); v != "" {
		major, err := strconv.Atoi(v)
		if err != nil {
			return o, fmt.Errorf("MIGRATE_TEST_MAJOR: %w", err)
		}
		o.Major = major
	}
	return o, nil
}

func start(o devdb.Options) (*devdb.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may have to fetch
	defer cancel()
	return devdb.Start(ctx, o)
}

func unique() string {
	b := make([]byte, 5)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
