package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// lockNumber is Atlas's own (FNV-1 of "atlas_migrate_execute"), so that an
// atlas run by hand and we exclude each other.
const lockNumber = 2686470616

// A killed client's session keeps the lock until the server notices, so even a
// stranger's lock is waited for a little.
const strangerPatience = 10 * time.Second

// Lock takes the advisory lock for the life of the session, asking again and
// again: a session that waits inside pg_advisory_lock would deadlock with the
// holder's CREATE INDEX CONCURRENTLY. While the holder runs the plan of digest
// itself, it waits until the deadline of ctx, so as to join; for anybody else
// ten seconds. It returns the holder where the lock was not to be had, nil
// where it was. The error is a *migration.Failure.
func (s *Session) Lock(ctx context.Context, digest migration.Digest) (*migration.Peer, error) {
	strangers := time.Now().Add(strangerPatience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		locked, err := s.tryLock(ctx)
		if err != nil {
			return nil, s.failure(err)
		}
		if locked {
			s.locked = true
			return nil, nil
		}
		holder, err := s.Holder(ctx)
		if err != nil {
			return nil, err
		}
		if holder == nil { // given back in between, or kept by a prepared transaction, which has no session
			sleep(ctx, pause)
			continue
		}
		ours := runs(*holder, digest)
		if !ours && time.Now().Add(pause).After(strangers) || timeLeft(ctx, 0) < 2*pause && hasDeadline(ctx) {
			return holder, nil
		}
		if !sleep(ctx, pause) {
			return holder, nil
		}
	}
}

// Runs says that a session runs the plan of a digest.
func runs(p migration.Peer, digest migration.Digest) bool {
	return digest != (migration.Digest{}) && strings.HasPrefix(p.Application+" ", ApplicationName(digest, "")+" ")
}

// Joins says that holder runs the plan of digest.
func Joins(holder *migration.Peer, digest migration.Digest) bool {
	return holder != nil && runs(*holder, digest)
}

func (s *Session) tryLock(ctx context.Context) (locked bool, err error) {
	// The timeouts come with the lock: a client that freezes before its first
	// file must not keep it either.
	err = s.conn.QueryRow(ctx, fmt.Sprintf(`SELECT CASE WHEN pg_catalog.pg_try_advisory_lock(%d) THEN pg_catalog.pg_try_advisory_lock(%[1]d) ELSE false END FROM (SELECT
		pg_catalog.set_config('idle_session_timeout', $1, false), pg_catalog.set_config('idle_in_transaction_session_timeout', $2, false)
		OFFSET 0) AS timeouts`, lockNumber), milliseconds(idleSession), milliseconds(idleTransaction)).Scan(&locked)
	return locked, err
}

// stillLocked is a condition that holds where the session holds the lock. It is
// taken twice, so that one of the two can be given back and taken again: nobody
// else gets at it in between. That takes microseconds; pg_locks holds up
// everybody's locks to copy them, for milliseconds on a busy server.
var stillLocked = fmt.Sprintf(`CASE WHEN pg_catalog.pg_advisory_unlock(%d) THEN pg_catalog.pg_try_advisory_lock(%[1]d) ELSE false END`, lockNumber)

const lockLost = "aurora-migrate: the advisory lock was given back by what runs in this session "

// unlocked says that a row was refused because the session no longer holds the
// lock: what a file calls can give it back, with pg_advisory_unlock_all.
func unlocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == invalidText && strings.Contains(pg.Message, lockLost)
}

// placeUnlocked says so.
func placeUnlocked(f *migration.Failure) {
	f.SQLState, f.Hint = "", ""
	f.Message = "the advisory lock is gone: something that this file calls gave back all locks of the session (pg_advisory_unlock_all), so that another migration could have begun"
	f.Next = "Find what does it (SELECT oid::regprocedure FROM pg_proc WHERE prosrc ~* 'advisory_unlock';), have it give back its own locks only, by their numbers, and plan again."
}

// peerColumns describes sessions a of pg_stat_activity.
const peerColumns = `a.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(pg_catalog.host(a.client_addr), ''),
	coalesce(a.state, ''), coalesce(pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - a.xact_start)::text, '')`

var holderSQL = fmt.Sprintf(`SELECT %s
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %d AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`, peerColumns, lockNumber)

func scanPeer(row pgx.CollectableRow) (migration.Peer, error) {
	var p migration.Peer
	err := row.Scan(&p.PID, &p.User, &p.Application, &p.Client, &p.State, &p.Transaction)
	return p, err
}

// Holder is who holds the lock, nil where nobody does.
func (s *Session) Holder(ctx context.Context) (*migration.Peer, error) {
	rows, err := s.conn.Query(ctx, holderSQL)
	if err != nil {
		return nil, s.failure(err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPeer)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.failure(err)
	}
	return &p, nil
}

func hasDeadline(ctx context.Context) bool {
	_, ok := ctx.Deadline()
	return ok
}

// sleep waits for d; false where ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
