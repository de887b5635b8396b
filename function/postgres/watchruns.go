package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// runs runs the statements and takes them back, as often as it takes: a file in a
// transaction as a whole, one outside statement by statement.
func (m *measuring) runs(ctx context.Context) error {
	if m.file.TxMode != migration.TxNone {
		_, err := m.repeat(ctx, 0, len(m.file.Stmts))
		return err
	}
	for i := range m.file.Stmts {
		ran, err := m.repeat(ctx, i, i+1)
		if err != nil || !ran {
			return err
		}
		if m.effects[i].Alone {
			continue // it stays as it was run last
		}
		if err := m.timer.exec(ctx, m.file.Stmts[i].Text); err != nil {
			return ignoreCode(err)
		}
	}
	return nil
}

// repeat runs statements until their times are known well; false where one of them fails.
func (m *measuring) repeat(ctx context.Context, from, to int) (ran bool, err error) {
	began := time.Now()
	for n := 0; n < fewestRuns || n < mostRuns && (n < leastRuns || !m.well(from, to)) && time.Since(began) < measureTime; n++ {
		if err := m.sample(ctx); err != nil {
			return false, err
		}
		if m.effects[from].Alone && to == from+1 {
			ran, err = m.alone(ctx, from, n == 0)
		} else {
			ran, err = m.together(ctx, from, to)
		}
		if err != nil || !ran || !m.works(from, to) {
			return ran, err
		}
	}
	return true, nil
}

// works says that there is something to measure.
func (m *measuring) works(from, to int) bool {
	for _, e := range m.effects[from:to] {
		if len(e.Works()) > 0 {
			return true
		}
	}
	return false
}

func (m *measuring) well(from, to int) bool {
	for i := from; i < to; i++ {
		if _, off := migration.Median(m.times[i]); len(m.times[i]) > 0 && off > wellKnown {
			return false
		}
	}
	return true
}

// together runs statements in a transaction of a session of their own, as an apply
// does, which first has to map the memory that it uses, and takes it back.
func (m *measuring) together(ctx context.Context, from, to int) (bool, error) {
	own, err := m.openTimer(ctx)
	if err != nil {
		return false, err
	}
	defer own.close(ctx)
	if err := own.exec(ctx, begin); err != nil {
		return false, err
	}
	ran, wrote := true, false
	for i := from; i < to && ran; i++ {
		if ran, err = m.timed(ctx, own, i); err != nil {
			return false, err
		}
		wrote = wrote || len(m.effects[i].Rows) > 0
	}
	if err := own.exec(ctx, "ROLLBACK"); err != nil || !wrote {
		return ran, err
	}
	for _, r := range m.filled { // what was taken back lies there dead
		if err := m.vacuum(ctx, r); err != nil {
			return false, err
		}
	}
	return ran, nil
}

// alone runs a statement that cannot run in a transaction, after the indexes are
// dropped that it built the last time.
func (m *measuring) alone(ctx context.Context, i int, first bool) (bool, error) {
	for _, x := range m.effects[i].Indexes {
		if first || x.Rebuilt {
			continue
		}
		schema, name := migration.SplitQualified(x.Index)
		if err := m.timer.exec(ctx, "DROP INDEX "+pgx.Identifier{schema, name}.Sanitize()); err != nil {
			return false, ignoreCode(err)
		}
	}
	own, err := m.openTimer(ctx)
	if err != nil {
		return false, err
	}
	defer own.close(ctx)
	return m.timed(ctx, own, i)
}

// timed runs one statement; false where it fails.
func (m *measuring) timed(ctx context.Context, own *timer, i int) (bool, error) {
	used, _, err := own.run(ctx, m.file.Stmts[i].Text)
	if err != nil {
		return false, ignoreCode(err)
	}
	if len(m.effects[i].Works()) > 0 && used > 0 {
		m.times[i] = append(m.times[i], float64(used)/float64(time.Millisecond))
	}
	return true, nil
}

// ignoreCode is nil for what the server answered with an error: the statement
// cannot be measured then, which is all that follows.
func ignoreCode(err error) error {
	if _, failed := pgCode(err); failed {
		return nil
	}
	return err
}

func pgCode(err error) (code string, failed bool) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code, true
	}
	return "", false
}
