package replay

import (
	"context"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Measurer runs the files before one, and then that one over tables with rows.
// postgres has one.
type Measurer interface {
	// Plain runs files of which everything is known.
	Plain(ctx context.Context, files []migration.File) error
	// Measure times the statements of the next file, by their number from 1. It is
	// the last that is asked.
	Measure(ctx context.Context, f migration.File, effects []migration.Effects, rows int) (map[int]migration.Measured, error)
	// Close ends it.
	Close()
}

// Rows are how many each table has when statements are measured.
var Rows = [2]int{100_000, 300_000}

// RowsJoined are those where a foreign key is verified. That joins two tables by a
// hash table, and a row costs several times as much once this is larger than the
// caches of the processor: 0.15 µs at 150,000 rows, 0.2 at 300,000, 0.35 at
// 600,000 and 0.45 at 1,200,000 on one machine.
var RowsJoined = [2]int{300_000, 900_000}

// rowsFor is how many rows the statements of a file are measured with.
func rowsFor(effects []migration.Effects) [2]int {
	for _, e := range effects {
		for _, k := range e.Constraints {
			if k.References != "" && k.Valid && len(e.Works()) > 0 {
				return RowsJoined
			}
		}
	}
	return Rows
}

// RatesOptions say what is measured, and where.
type RatesOptions struct {
	Dir    *migration.Dir
	Replay migration.Replay // of Dir
	// Known are earlier rates. What they tell of files that are still the same is
	// taken over.
	Known migration.Rates
	// Latest: of so many files at the end of Dir alone there are rates, since those
	// before are applied everywhere. 0: 5.
	Latest int
	// Rows of each table, at the two sizes. {0, 0}: Rows, RowsJoined for a file that
	// verifies a foreign key.
	Rows [2]int
	// Open makes a fresh, empty database.
	Open func(ctx context.Context) (Measurer, error)
}

// Measure returns the rates of the last files of a directory whose statements
// work through rows. What cannot be measured, since it fails where there are rows
// for example, has none.
func Measure(ctx context.Context, o RatesOptions) (migration.Rates, error) {
	if o.Latest == 0 {
		o.Latest = 5
	}
	rates := migration.Rates{Format: migration.RatesFormat, Statements: []migration.Rate{}}
	for i := max(0, len(o.Dir.Files)-o.Latest); i < len(o.Dir.Files); i++ {
		f := o.Dir.Files[i]
		seen, ok := o.Replay.Find(f.Name)
		if !ok || len(seen.Statements) != len(f.Stmts) || !worksThrough(seen.Statements) {
			continue
		}
		known := o.Known.Of(f)
		if len(known) == 0 {
			var err error
			if known, err = o.measure(ctx, o.Dir.Files[:i], f, seen.Statements); err != nil {
				return rates, err
			}
		}
		rates.Statements = append(rates.Statements, known...)
	}
	return rates, nil
}

func worksThrough(effects []migration.Effects) bool {
	return slices.ContainsFunc(effects, func(e migration.Effects) bool { return len(e.Works()) > 0 })
}

// measure measures one file at both sizes, each on a database of its own.
func (o RatesOptions) measure(ctx context.Context, before []migration.File, f migration.File, effects []migration.Effects) ([]migration.Rate, error) {
	var at [2]map[int]migration.Measured
	sizes := o.Rows
	if sizes == [2]int{} {
		sizes = rowsFor(effects)
	}
	for i, rows := range sizes {
		var err error
		if at[i], err = o.measureAt(ctx, before, f, effects, rows); err != nil {
			return nil, err
		}
	}
	var rates []migration.Rate
	for i, e := range effects {
		small, ok := at[0][i+1]
		large, too := at[1][i+1]
		if ok && too && small.Rows < large.Rows {
			rates = append(rates, migration.Rate{File: f.Name, Hash: f.Hash, Statement: i + 1, Relations: e.Works(), Writes: e.Wrote(),
				Sizes: []migration.Measured{small, large}})
		}
	}
	return rates, nil
}

func (o RatesOptions) measureAt(ctx context.Context, before []migration.File, f migration.File, effects []migration.Effects, rows int) (map[int]migration.Measured, error) {
	m, err := o.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.Plain(ctx, before); err != nil {
		return nil, err
	}
	return m.Measure(ctx, f, effects, rows)
}
