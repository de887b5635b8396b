// Package apply runs a plan and keeps the history true while doing so. It
// compiles the files of a plan into steps, hands them to a database, and
// decides what follows from how each one ended: go on, try again, stop.
package apply

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Database runs steps in order and yields how each one ended, up to the first
// *migration.Failure. postgres.Session is one.
type Database interface {
	Run(ctx context.Context, steps []migration.Step) iter.Seq2[migration.StepResult, error]
}

// Options of a run.
type Options struct {
	Release     string        // of this program, for the history
	LockTimeout time.Duration // of the sessions: no attempt is begun that could not wait for so long
	Whole       time.Duration // the longest that a run can ever have; 0 for any
	Progress    func(migration.FileResult)
	Log         *slog.Logger
}

// A Stop says why a run ended before the end of its plan.
type Stop struct {
	Outcome migration.Outcome
	Failure *migration.Failure
}

// Run brings the database up to the end of plan and returns what it did, also
// where it stopped: a caller that drops the files loses the only account of
// what stays. The deadline of ctx is when the last statement has to have ended.
// The stop is nil where all is done.
//
// It ends between files, or between the statements of a file outside a
// transaction, as unfinished; the same plan goes on from there. A run without a
// stop ends where an undisturbed one would have ended.
func Run(ctx context.Context, db Database, plan migration.Plan, o Options) ([]migration.FileResult, *Stop) {
	r := run{db: db, plan: plan, options: o, log: o.Log, began: time.Now()}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	var files []migration.FileResult
	for i, p := range plan.Files {
		if p.Done {
			files = append(files, migration.FileResult{Pending: p, Row: p.Row})
			continue
		}
		file, stop := r.file(ctx, p)
		files = append(files, file)
		if stop != nil {
			for _, rest := range plan.Files[i+1:] {
				files = append(files, migration.FileResult{Pending: rest, Row: rest.Row})
			}
			return files, stop
		}
		if o.Progress != nil {
			o.Progress(file)
		}
	}
	return files, nil
}

type run struct {
	db      Database
	plan    migration.Plan
	options Options
	log     *slog.Logger
	began   time.Time
	kept    int // statements that this run has committed
}

// file runs what is left of one file.
func (r *run) file(ctx context.Context, p migration.Pending) (migration.FileResult, *Stop) {
	result := migration.FileResult{Pending: p, Row: p.Row}
	for _, step := range compile(p, r.stamp(p)) {
		done, stop := r.step(ctx, step)
		result.Ran = append(result.Ran, done.Statements...)
		if stop != nil {
			r.tell(ctx, p, stop)
			return result, stop
		}
		result.Row = done.Row
		r.kept += len(done.Statements)
	}
	result.Done = true
	r.log.InfoContext(ctx, "applied", "file", p.Name, "statements", len(p.Stmts), "execution_ms", result.Row.ExecutionTime.Milliseconds())
	return result, nil
}

func (r *run) tell(ctx context.Context, p migration.Pending, stop *Stop) {
	r.log.WarnContext(ctx, "stopped", "file", p.Name, "outcome", string(stop.Outcome), "error", stop.Failure.Error())
}

// compile cuts a file into steps: one for a file in a transaction, one for each
// statement outside.
func compile(p migration.Pending, stamp migration.Stamp) []migration.Step {
	row := migration.Revision{Version: p.Version, Description: p.Description, Type: migration.Executed,
		Total: len(p.Stmts), Hash: p.Hash, OperatorVersion: stamp.String()}
	from := p.Row.Applied
	if p.TxMode == migration.TxFile {
		row.Applied = row.Total
		return []migration.Step{{File: p.File, From: from, To: len(p.Stmts), Row: row, First: true}}
	}
	if from == len(p.Stmts) { // the rest was taken out of a half-applied file: what ran is all of it
		row.Applied = row.Total
		return []migration.Step{{File: p.File, From: from, To: from, Row: row, First: true}}
	}
	hashes := migration.StatementHashes(p.Stmts)
	var steps []migration.Step
	for i := from; i < len(p.Stmts); i++ {
		row.Applied = i + 1
		row.PartialHashes = hashes[:i+1]
		if row.Applied == row.Total {
			row.PartialHashes = nil
		}
		steps = append(steps, migration.Step{File: p.File, From: i, To: i + 1, Row: row, First: i == from, Doubt: i == from && inDoubt(p.Stmts[i], p.Row)})
	}
	return steps
}

// inDoubt says that s is the statement whose end the row does not know, and not
// one that has come into its place since.
func inDoubt(s migration.Stmt, r migration.Revision) bool {
	return r.Doubtful() && migration.Mask(s.Text) == r.ErrorStmt
}

// stamp is what goes into operator_version: with it a digest that comes again
// is known, and what a half-applied row was before is not lost.
func (r *run) stamp(p migration.Pending) migration.Stamp {
	s := migration.Stamp{Release: r.options.Release, Digest: r.plan.Digest, Schema: r.plan.Schema, Stood: r.plan.Stood}
	if p.Row.Version == "" {
		return s
	}
	if was, ours := p.Row.Stamp(); ours && was.Digest == r.plan.Digest {
		s.Was = was.Was
		return s
	}
	s.Was = &p.Row
	return s
}

// step runs one step, again and again while a lock is not to be had and time is
// left: always the whole step, never from a savepoint, since that would wait
// while holding the locks already taken.
func (r *run) step(ctx context.Context, step migration.Step) (migration.StepResult, *Stop) {
	for attempt := 1; ; attempt++ {
		left := untilDeadline(ctx)
		result, failure := r.once(ctx, step)
		if failure == nil {
			return result, nil
		}
		if failure.Kind != migration.LockWait {
			return result, r.judge(ctx, step, failure, left)
		}
		pause := backOff(attempt)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause+r.options.LockTimeout {
			return result, r.starved(step, failure, attempt)
		}
		r.log.InfoContext(ctx, "a lock was not to be had; trying again", "file", step.File.Name, "attempt", attempt,
			"pause_ms", pause.Milliseconds(), "sqlstate", failure.SQLState, "blockers", fmt.Sprint(failure.Blockers))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if calledOff(ctx) {
				return result, r.interrupted(step, failure)
			}
			return result, r.starved(step, failure, attempt)
		}
	}
}

func (r *run) once(ctx context.Context, step migration.Step) (migration.StepResult, *migration.Failure) {
	for result, err := range r.db.Run(ctx, []migration.Step{step}) {
		var failure *migration.Failure
		switch {
		case err == nil:
			return result, nil
		case errors.As(err, &failure):
			return result, failure
		default:
			return result, &migration.Failure{File: step.File.Name, Message: err.Error(), Kind: migration.Disconnected, Cause: err}
		}
	}
	return migration.StepResult{Step: step}, &migration.Failure{File: step.File.Name, Message: "the database yielded no result", Kind: migration.Disconnected}
}

// untilDeadline is the time that is left; 0 where ctx sets no end.
func untilDeadline(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline)
}

// backOff grows from 0.2 s to 10 s, with full jitter, so that two who wait for
// each other's locks part.
func backOff(attempt int) time.Duration {
	longest := min(200*time.Millisecond<<min(attempt-1, 10), 10*time.Second)
	return longest/4 + rand.N(longest*3/4)
}
