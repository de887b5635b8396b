package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A lookout watches, on a connection of its own, whether our session waits for
// a lock, who holds it, and for how long a file has waited in all while it held
// locks that stop others. It begins only where a trip takes longer than any
// that does not wait.
type lookout struct {
	session  *Session
	begin    *time.Timer
	cancel   context.CancelFunc
	through  chan struct{}
	blockers []migration.Peer // as last seen
	spent    time.Duration    // waited while others were stopped by us
	over     bool             // the budget is spent; the server was asked to cancel
}

// pace is how often the lookout looks: often enough to see a wait that
// lock_timeout ends.
func (s *Session) pace() time.Duration {
	return min(200*time.Millisecond, max(s.settings.LockTimeout/4, 10*time.Millisecond))
}

func (s *Session) watchLocks() *lookout {
	ctx, cancel := context.WithCancel(context.Background())
	w := &lookout{session: s, cancel: cancel, through: make(chan struct{})}
	w.begin = time.AfterFunc(s.pace(), func() {
		defer close(w.through)
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the locks cannot be watched; lock_timeout still holds", "error", plain(err))
		}
	})
	return w
}

// end stops the lookout and waits for it: from then on its fields may be read.
func (w *lookout) end() {
	w.cancel()
	if !w.begin.Stop() {
		<-w.through
	}
}

// A lock stops others where it conflicts with writing (SHARE or stronger) and
// the relation was there before: what our transaction has made itself no other
// snapshot can see.
var lookoutSQL = fmt.Sprintf(`
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
	WHERE l.pid = $1 AND l.granted AND l.locktype = 'relation'
	  AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) AS stopping, %s
FROM pg_catalog.pg_stat_activity me
JOIN pg_catalog.pg_stat_activity a ON a.pid = ANY (pg_catalog.pg_blocking_pids($1))
WHERE me.pid = $1 AND me.wait_event_type = 'Lock'`, peerColumns)

func (w *lookout) look(ctx context.Context) error {
	conn, err := w.session.config.connect(ctx, "aurora-migrate lookout", new(atomic.Bool))
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	before := time.Now()
	for {
		stopping, blockers, err := waiting(ctx, conn, w.session.conn.PgConn().PID())
		if err != nil {
			return err
		}
		now := time.Now()
		if len(blockers) > 0 {
			w.blockers = blockers
		}
		if stopping {
			w.spent += now.Sub(before)
		}
		if w.spent > w.session.settings.LockBudget {
			w.over = true
			_, err := conn.Exec(ctx, "SELECT pg_catalog.pg_cancel_backend($1)", int(w.session.conn.PgConn().PID()))
			return err
		}
		before = now
		if !sleep(ctx, w.session.pace()) {
			return nil
		}
	}
}

func waiting(ctx context.Context, conn *pgx.Conn, pid uint32) (stopping bool, blockers []migration.Peer, err error) {
	rows, err := conn.Query(ctx, lookoutSQL, int(pid))
	if err != nil {
		return false, nil, err
	}
	blockers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p migration.Peer, err error) {
		err = row.Scan(&stopping, &p.PID, &p.User, &p.Application, &p.Client, &p.State, &p.Transaction)
		return p, err
	})
	return stopping, blockers, err
}

// explain adds to the error of a trip what the lookout saw.
func (w *lookout) explain(err error) error {
	var stmt *statementError
	if !errors.As(err, &stmt) {
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	canceled := pg.Code == queryCanceled && w.over
	if kind(pg) == migration.LockWait || canceled {
		stmt.blockers = w.blockers
	}
	if canceled {
		stmt.kind = migration.LockWait
		stmt.err = fmt.Errorf("waited for locks for %s in all while holding locks that stop others: %w", w.session.settings.LockBudget, stmt.err)
	}
	return err
}
