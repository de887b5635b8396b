package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// timeouts are the settings of which any would leave a statement of the
// CONCURRENTLY family half done: an INVALID index, a partition pending detach.
type timeouts struct{ lock, statement, check string }

// execBare sends the statement alone, in front of a Sync of its own: anything
// else in front of that Sync would be an implicit transaction block.
func (s *Session) execBare(ctx context.Context, step migration.Step) (time.Duration, error) {
	stmt := step.File.Stmts[step.From]
	if !stmt.Outside().Kind.Concurrently() {
		return s.execStopping(ctx, stmt.Text)
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

// execStopping runs sql; when ctx ends, the server is asked to stop it.
func (s *Session) execStopping(ctx context.Context, sql string) (time.Duration, error) {
	inner, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	end := s.stopWhenDone(ctx, hangUp)
	watch := s.watchLocks()
	began := time.Now()
	_, err := s.conn.PgConn().ExecParams(inner, sql, nil, nil, nil, nil).Close()
	watch.end()
	end()
	return time.Since(began), err
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

func (s *Session) liftTimeouts(ctx context.Context) (were timeouts, err error) {
	err = s.conn.QueryRow(ctx, `SELECT pg_catalog.current_setting('lock_timeout'), pg_catalog.current_setting('statement_timeout'),
		pg_catalog.current_setting('client_connection_check_interval')`).Scan(&were.lock, &were.statement, &were.check)
	if err != nil {
		return were, err
	}
	return were, s.setTimeouts(ctx, timeouts{"0", "0", "0"})
}

func (s *Session) setTimeouts(ctx context.Context, t timeouts) error {
	_, err := s.conn.Exec(ctx, `SELECT pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.set_config('statement_timeout', $2, false),
		pg_catalog.set_config('client_connection_check_interval', $3, false)`, t.lock, t.statement, t.check)
	return err
}

// markerGone says that the row was refused because the marker was not there.
func markerGone(err error) bool {
	var stmt *statementError
	return errors.As(err, &stmt) && stmt.index < 0
}
