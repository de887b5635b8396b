package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// How often a file is run to be measured: until its times are known well, or it
// has taken long.
const (
	fewestRuns  = 2 // one says nothing of its error; whatever time they take
	leastRuns   = 5
	mostRuns    = 25
	measureTime = 4 * time.Second
	wellKnown   = 0.03 // error of a median
)

// A measuring is a file whose statements are timed over tables with rows. The
// time is that of the processor, which does not depend on what else the machine
// does; in memory and without a disk to wait for it is all there is.
type measuring struct {
	*Watcher
	timer   *timer
	file    migration.File
	effects []migration.Effects
	filled  map[string]*relation
	largest string      // of these
	samples []float64   // nanoseconds a row of the sample query
	times   [][]float64 // milliseconds, of each statement
}

// Measure fills the tables that the statements of the next file work through with
// that many rows each, and runs and times these statements several times. It
// returns what was measured of each statement, nothing of those that do not work
// through rows, that fail where there are rows and what comes behind these in
// the file. Nothing can be watched after it.
func (w *Watcher) Measure(ctx context.Context, f migration.File, effects []migration.Effects, rows int) (map[int]migration.Measured, error) {
	if len(effects) != len(f.Stmts) {
		return nil, fmt.Errorf("measure %s: its effects are of %d statements, and it has %d", f.Name, len(effects), len(f.Stmts))
	}
	for _, sql := range watchRemove {
		if _, err := w.side.Exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	timer, err := w.openTimer(ctx)
	if err != nil {
		return nil, err
	}
	defer timer.close(ctx)
	m := &measuring{Watcher: w, timer: timer, file: f, effects: effects, filled: map[string]*relation{}, times: make([][]float64, len(f.Stmts))}
	if err := m.fillAll(ctx, rows); err != nil || len(m.filled) == 0 {
		return nil, err
	}
	sizes, err := m.sizes(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.runs(ctx); err != nil {
		return nil, err
	}
	return m.told(sizes), nil
}

// fillAll fills the tables, each without triggers and checks of foreign keys, and
// leaves them as they are after a VACUUM.
func (m *measuring) fillAll(ctx context.Context, rows int) error {
	for _, r := range m.tables() {
		filled, err := m.fillMany(ctx, r, rows)
		if err != nil {
			return err
		}
		if !filled {
			continue
		}
		m.filled[r.Qualified] = r
		if err := m.vacuum(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// tables are those that the statements work through, and those that foreign keys
// among them refer to.
func (m *measuring) tables() (all []*relation) {
	var names []string
	for _, e := range m.effects {
		names = append(names, e.Works()...)
		for _, k := range e.Constraints {
			if k.References != "" {
				names = append(names, k.References)
			}
		}
	}
	for _, r := range m.known.all {
		if r.Kind == "r" && (slices.Contains(names, r.Qualified) || slices.Contains(names, m.rootOf(r))) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *relation) int { return int(a.OID) - int(b.OID) })
	return all[:min(len(all), mostRelated)]
}

// rootOf is the table that a partition is a part of, itself for any other.
func (m *measuring) rootOf(r *relation) string {
	for r.Parent != 0 && m.known.all[r.Parent] != nil {
		r = m.known.all[r.Parent]
	}
	return r.Qualified
}

// fillMany fills one table in the first way that it takes; false for none. Where some
// of the keys collide, since their type is short for example, it gets the others.
func (m *measuring) fillMany(ctx context.Context, r *relation, rows int) (bool, error) {
	for try := range 8 {
		way := try % 4
		sql := manySQL(r, way, rows, m.bound(ctx, r, way))
		if try >= 4 {
			sql += " ON CONFLICT DO NOTHING"
		}
		err := m.timer.exec(ctx, "BEGIN; SET LOCAL session_replication_role = replica; "+sql+"; COMMIT")
		if err == nil {
			return true, nil
		}
		if _, failed := pgCode(err); !failed {
			return false, err
		}
		if err := m.timer.exec(ctx, "ROLLBACK"); err != nil {
			return false, err
		}
	}
	return false, nil
}

// manySQL is insertSQL for more rows than a narrow type can count.
func manySQL(r *relation, way, rows int, bound string) string {
	narrow := *r
	narrow.Columns = slices.Clone(r.Columns)
	sql := insertSQL(&narrow, way, rows, bound)
	return strings.ReplaceAll(sql, "i::text::smallint", "(i % 32768)::smallint")
}

func (m *measuring) vacuum(ctx context.Context, r *relation) error {
	return m.timer.exec(ctx, "VACUUM (ANALYZE) "+quotedName(r))
}

func quotedName(r *relation) string { return pgx.Identifier{r.Schema, r.Name}.Sanitize() }

// sized is how much a table holds.
type sized struct{ rows, bytes int64 }

func (m *measuring) sizes(ctx context.Context) (map[string]sized, error) {
	sizes := map[string]sized{}
	for name, r := range m.filled {
		var s sized
		sql := "SELECT pg_catalog.count(*), pg_catalog.pg_table_size('" + strings.ReplaceAll(quotedName(r), "'", "''") + "'::pg_catalog.regclass) FROM ONLY " + quotedName(r)
		if err := m.conn.QueryRow(ctx, sql).Scan(&s.rows, &s.bytes); err != nil {
			return nil, err
		}
		sizes[name] = s
		if l := sizes[m.largest]; s.bytes > l.bytes || s.bytes == l.bytes && name < m.largest {
			m.largest = name
		}
	}
	return sizes, nil
}

// sample runs the sample query once, on the largest table.
func (m *measuring) sample(ctx context.Context) error {
	used, rows, err := m.timer.run(ctx, strings.ReplaceAll(sampleSQL(quotedName(m.filled[m.largest])), "$1", "100"))
	if err == nil && used > 0 && rows > 0 {
		m.samples = append(m.samples, float64(used)/float64(rows))
	}
	return err
}

// told is what was measured of each statement, by its number from 1.
func (m *measuring) told(sizes map[string]sized) map[int]migration.Measured {
	told := map[int]migration.Measured{}
	for i, times := range m.times {
		if len(times) < fewestRuns {
			continue
		}
		var all migration.Measured
		works := m.effects[i].Works()
		for name, r := range m.filled {
			if slices.Contains(works, name) || slices.Contains(works, m.rootOf(r)) {
				all.Rows += sizes[name].rows
				all.Bytes += sizes[name].bytes
			}
		}
		if all.Rows == 0 {
			continue
		}
		all.Milliseconds, all.Error = migration.Median(times)
		all.Sample, _ = migration.Median(m.samples)
		told[i+1] = all
	}
	return told
}
