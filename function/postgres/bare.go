package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// patience is the settings, with their values, of which any would leave a
// statement of the CONCURRENTLY family half done: an INVALID index, a partition
// pending detach.
type patience map[string]string

func (s *Session) impatient() []string {
	names := []string{"lock_timeout", "statement_timeout", "client_connection_check_interval"}
	if s.facts.Target.Major() >= 17 {
		names = append(names, "transaction_timeout")
	}
	return names
}

// execBare sends the statement alone, in front of a Sync of its own: anything
// else in front of that Sync would be an implicit transaction block.
func (s *Session) execBare(ctx context.Context, step migration.Step) (time.Duration, error) {
	stmt := step.File.Stmts[step.From]
	if !stmt.Outside().Kind.Concurrently() {
		return s.execStopping(ctx, step)
	}
	were, err := s.liftTimeouts(ctx)
	if err != nil {
		return 0, err
	}
	took, err := s.execUnstopped(ctx, stmt.Text)
	if err != nil && s.conn.IsClosed() {
		return took, err
	}
	if restored := s.setTimeouts(context.WithoutCancel(ctx), were); err == nil {
		err = restored
	}
	return took, err
}

// execStopping runs the statement; when ctx ends, the server is asked to stop
// it. Of a lock that was not to be had the error, a *statementError, says who
// holds it.
func (s *Session) execStopping(ctx context.Context, step migration.Step) (time.Duration, error) {
	inner, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	end := s.stopWhenDone(ctx, hangUp)
	watch := s.watchLocks()
	began := time.Now()
	_, err := s.conn.PgConn().ExecParams(inner, step.File.Stmts[step.From].Text, nil, nil, nil, nil).Close()
	took := time.Since(began)
	watch.end()
	end()
	if err != nil {
		err = watch.explain(&statementError{index: step.From, err: err})
	}
	return took, err
}

// execUnstopped runs sql; when ctx ends, the session is given up and the server
// goes on: with client_connection_check_interval at 0 it does not notice, and
// what it builds comes out valid. It holds the advisory lock until then.
func (s *Session) execUnstopped(ctx context.Context, sql string) (time.Duration, error) {
	inner, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	gaveUp := false
	end := whenDone(ctx, func(<-chan struct{}) {
		gaveUp = true
		s.silent.Store(true)
		hangUp()
	})
	began := time.Now()
	_, err := s.conn.PgConn().ExecParams(inner, sql, nil, nil, nil, nil).Close()
	end()
	if err != nil && gaveUp && s.conn.IsClosed() {
		err = &migration.Failure{Message: "the time of this invocation was over; the server goes on with the statement", Kind: migration.StillRunning, Cause: err}
	}
	return time.Since(began), err
}

// liftTimeouts sets them all to 0, which means never, and returns what they
// were.
func (s *Session) liftTimeouts(ctx context.Context) (were patience, err error) {
	names := s.impatient()
	rows, err := s.conn.Query(ctx, "SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.unnest($1::text[]) AS name", names)
	if err != nil {
		return nil, err
	}
	were = make(patience)
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error { were[name] = value; return nil }); err != nil {
		return nil, err
	}
	never := make(patience)
	for _, name := range names {
		never[name] = "0"
	}
	return were, s.setTimeouts(ctx, never)
}

func (s *Session) setTimeouts(ctx context.Context, p patience) error {
	names := slices.Collect(maps.Keys(p))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = p[name]
	}
	_, err := s.conn.Exec(ctx, `SELECT pg_catalog.set_config(name, value, false) FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS t (name, value)`, names, values)
	return err
}

// markerGone says that the row was refused because the marker was not there.
func markerGone(err error) bool {
	var stmt *statementError
	return errors.As(err, &stmt) && stmt.index < 0 && strings.Contains(stmt.sent, markerLost)
}
