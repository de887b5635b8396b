package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A timer is a session of a superuser that is told by the server, as a notice
// behind each query, how much time of the processor that took.
type timer struct {
	conn *pgx.Conn
	last time.Duration // of the query that ran last
}

// timerSettings end what never ends, and have the server tell us and not its log.
var timerSettings = []string{"SET statement_timeout = '300s'", "SET log_min_messages = panic", "SET client_min_messages = log", "SET log_statement_stats = on"}

func (w *Watcher) openTimer(ctx context.Context) (*timer, error) {
	t := &timer{}
	c := w.conn.Config()
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { t.hear(n) }
	var err error
	if t.conn, err = pgx.ConnectConfig(ctx, c); err != nil {
		return nil, err
	}
	for _, sql := range timerSettings {
		if err := t.exec(ctx, sql); err != nil {
			t.close(ctx)
			return nil, fmt.Errorf("have the dev server tell how long statements take: %w", err)
		}
	}
	return t, nil
}

var usage = regexp.MustCompile(`(\d+\.\d+) s user, (\d+\.\d+) s system`)

func (t *timer) hear(n *pgconn.Notice) {
	if n.Message != "QUERY STATISTICS" {
		return
	}
	m := usage.FindStringSubmatch(n.Detail)
	if m == nil {
		return
	}
	user, _ := strconv.ParseFloat(m[1], 64)
	system, _ := strconv.ParseFloat(m[2], 64)
	t.last = time.Duration((user + system) * float64(time.Second))
}

// run runs one statement and returns the time of the processor that it took, 0
// where the server did not say, and the first column of its first row where that
// is a number.
func (t *timer) run(ctx context.Context, sql string) (used time.Duration, first int64, err error) {
	t.last = 0
	results, err := t.conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return 0, 0, err
	}
	if len(results) > 0 && len(results[0].Rows) > 0 && len(results[0].Rows[0]) > 0 {
		first, _ = strconv.ParseInt(string(results[0].Rows[0][0]), 10, 64)
	}
	return t.last, first, nil
}

func (t *timer) exec(ctx context.Context, sql string) error {
	_, _, err := t.run(ctx, sql)
	return err
}

func (t *timer) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = t.conn.Close(ctx)
}
