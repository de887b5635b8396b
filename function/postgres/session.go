package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Session is one direct connection to the database. What a run needs hangs on
// it: the advisory lock, the settings, the name under which others see us. It
// is for one goroutine.
type Session struct {
	conn     *pgx.Conn
	silent   *atomic.Bool // set to leave the server at its work when the session is given up
	config   Config
	settings migration.Settings
	release  string
	detail   bool // pass on PostgreSQL's DETAIL
	log      *slog.Logger
	facts    migration.Facts
	prepared prepared
	prepares bool // a file has had a PREPARE of its own
	locked   bool // the advisory lock was taken
	// schemaThere: the schema that a new history would be made in exists.
	schemaThere bool
}

// Options of a session.
type Options struct {
	Settings   migration.Settings // with Defaults
	Release    string             // of this program
	Name       string             // application_name; see ApplicationName
	ShowDetail bool
	Log        *slog.Logger // nil: none
}

// ApplicationName is the name of a session that runs the plan d: with it one
// run of a plan knows another. PostgreSQL cuts names at 63 bytes, so it holds
// the short form of the digest. Without a plan the name is the program's alone.
func ApplicationName(d migration.Digest, run string) string {
	name := "aurora-migrate"
	if d != (migration.Digest{}) {
		name += " " + d.Short()
	}
	if run != "" {
		name += " run " + run
	}
	return name
}

// Open connects and reads the facts of the server, in one round trip after the
// handshake. The error is a *migration.Failure. It changes nothing.
func Open(ctx context.Context, c Config, o Options) (*Session, error) {
	silent := new(atomic.Bool)
	conn, err := c.connect(ctx, o.Name, silent)
	if err != nil {
		return nil, err
	}
	s := &Session{conn: conn, silent: silent, config: c, settings: o.Settings, release: o.Release, detail: o.ShowDetail, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.readFacts(ctx); err != nil {
		s.Close()
		return nil, s.failure(err)
	}
	return s, nil
}

// Close says goodbye to the server and gives the advisory lock back with it. A
// server that does not take the goodbye within a second is hung up on.
func (s *Session) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// Facts are what the server answered when the session was opened.
func (s *Session) Facts() migration.Facts { return s.facts }

// look runs queries in one READ ONLY transaction with an empty search_path, in
// one round trip. read is called for each query in order and must consume its
// rows. It sees one moment: the isolation level is REPEATABLE READ.
func (s *Session) look(ctx context.Context, queries []query) error {
	return s.lookFor(ctx, 40*time.Second, queries)
}

// lookFor is look with a bound for each query.
func (s *Session) lookFor(ctx context.Context, longest time.Duration, queries []query) error {
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	// A table with row level security is an error then, and not one with fewer rows.
	b.Queue(`SELECT pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('row_security', 'off', true),
		pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('statement_timeout', $2, true)`,
		milliseconds(min(s.settings.LockTimeout, longest)), milliseconds(timeLeft(ctx, longest)))
	for _, q := range queries {
		b.Queue(q.sql, q.args...)
	}
	b.Queue("COMMIT")
	results := s.conn.SendBatch(ctx, &b)
	err := s.readAll(results, queries)
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil && s.conn.PgConn().TxStatus() == 'E' {
		_, rollback := s.conn.Exec(ctx, "ROLLBACK")
		if rollback != nil {
			return fmt.Errorf("%w; then the rollback: %w", err, rollback)
		}
	}
	return err
}

// A query of a look, and what reads its rows.
type query struct {
	sql  string
	args []any
	read func(pgx.Rows) error
}

func (s *Session) readAll(results pgx.BatchResults, queries []query) error {
	for range 2 { // BEGIN, set_config
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	for _, q := range queries {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		err = q.read(rows)
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			return err
		}
	}
	_, err := results.Exec()
	return err
}

// one reads exactly one row into dest.
func one(dest ...any) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		if !rows.Next() {
			return cmpErr(rows.Err(), pgx.ErrNoRows)
		}
		return rows.Scan(dest...)
	}
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// milliseconds is a duration as PostgreSQL's settings take it. 0 turns a
// timeout off, so what is shorter than a millisecond counts as one.
func milliseconds(d time.Duration) string {
	if d > 0 && d < time.Millisecond {
		d = time.Millisecond
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// timeLeft is the time until the deadline of ctx, at most longest where it is
// positive; a millisecond where the deadline has passed.
func timeLeft(ctx context.Context, longest time.Duration) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return longest
	}
	left := max(time.Until(deadline), time.Millisecond)
	if longest > 0 {
		left = min(left, longest)
	}
	return left
}
