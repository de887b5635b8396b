package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// judge says what a failure means for the run, what state the database is in,
// and what to do next. had is the time that was left when the step began.
func (r *run) judge(ctx context.Context, step migration.Step, f *migration.Failure, had time.Duration) *Stop {
	f.State = r.state(step, f)
	switch f.Kind {
	case migration.Disconnected, migration.StillRunning:
		orElse(&f.Next, "Run the same command again: it looks what has taken effect and goes on from there.")
		return &Stop{Outcome: migration.Unfinished, Failure: f}
	case migration.Stopped:
		return r.stopped(ctx, step, f, had)
	}
	orElse(&f.Next, mend(step, f))
	return &Stop{Outcome: migration.Failed, Failure: f}
}

// stopped tells four things apart: a caller who called it off; the end of our
// time, which a new invocation mends; a step that has had as much time as there
// ever is; and a cancellation that was not ours.
func (r *run) stopped(ctx context.Context, step migration.Step, f *migration.Failure, had time.Duration) *Stop {
	switch left := untilDeadline(ctx); {
	case calledOff(ctx):
		return r.interrupted(step, f)
	case left > time.Second || had == 0:
		orElse(&f.Next, "It was cancelled by statement_timeout, by the file's own setting, or by hand: find out which, then run the same command again.")
		return &Stop{Outcome: migration.Failed, Failure: f}
	case r.options.Whole > 0 && had > r.options.Whole*8/10:
		f.Next = neverFits(step)
		return &Stop{Outcome: migration.Failed, Failure: f}
	}
	f.Next = "Run the same command again: it goes on from there, with all the time of a new invocation."
	return &Stop{Outcome: migration.Unfinished, Failure: f}
}

// calledOff says that the caller wants no more of it, whatever time is left.
func calledOff(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func (r *run) interrupted(step migration.Step, f *migration.Failure) *Stop {
	f.State = r.state(step, f)
	f.Next = "It was interrupted. Run the same command again: it goes on from there."
	return &Stop{Outcome: migration.Unfinished, Failure: f}
}

func orElse(s *string, otherwise string) {
	if *s == "" {
		*s = otherwise
	}
}

// state says what of the file, and of the plan, is in the database now.
func (r *run) state(step migration.Step, f *migration.Failure) string {
	switch {
	case f.Kind == migration.Disconnected:
		return fmt.Sprintf("It is not known whether %s took effect: the connection was lost before the answer came.%s", what(step), r.before(step))
	case f.Kind == migration.StillRunning:
		return fmt.Sprintf("PostgreSQL goes on with statement %d by itself and holds the lock until it is done.%s", step.From+1, r.before(step))
	case f.Kind == migration.Unlocked:
		return fmt.Sprintf("Statement %d ran outside a transaction and stays; the history says that it is in doubt.%s", step.From+1, r.before(step))
	case !step.Alone():
		return "Nothing of this file was kept: it ran in one transaction, which was rolled back." + r.before(step)
	case step.From == 0:
		return "Nothing of this file was kept: its first statement failed, and each commits alone." + r.before(step)
	}
	return fmt.Sprintf("Statements 1 to %d of this file are in the database; they ran outside a transaction and stay. Statement %d is not.%s", step.From, step.From+1, r.before(step))
}

func what(step migration.Step) string {
	if step.Alone() {
		return fmt.Sprintf("statement %d", step.From+1)
	}
	return "this file"
}

// before tells of the files that the run has committed before this one.
func (r *run) before(step migration.Step) string {
	n := 0
	for _, p := range r.plan.Files {
		if p.Version == step.File.Version {
			break
		}
		n++
	}
	switch n {
	case 0:
		return ""
	case 1:
		return " The file before it is applied and stays."
	}
	return fmt.Sprintf(" The %d files before it are applied and stay.", n)
}

func neverFits(step migration.Step) string {
	if step.Alone() {
		return "This statement had all the time that there is and needs more, so it would fail again: split it into batches, or run it with aurora-migrate from inside the VPC with a longer --timeout."
	}
	return "This file is one transaction, had all the time that there is and needs more, so it would fail again: split it into several files, or run it with aurora-migrate from inside the VPC with a longer --timeout."
}

func mend(step migration.Step, f *migration.Failure) string {
	switch {
	case f.SQLState == "42501":
		return "Grant what is missing to the role that applies, or SET the role that owns the object (MIGRATE_ROLE), then run the same command again."
	case f.SQLState == "2D000" && !step.Alone():
		return f.Remedy(false) + " Then run atlas migrate hash, and ask for a new approval."
	}
	begin := "Mend"
	if class := f.SQLState[:min(2, len(f.SQLState))]; class == "22" || class == "23" || class == "P0" {
		begin = "If it is the rows that are wrong, mend them and run the same command again. Else mend"
	}
	if step.Alone() && step.From > 0 {
		return fmt.Sprintf("%s statement %d or what follows it, leave the statements before it as they are, run atlas migrate hash, and ask for a new approval: the old one covers the old file.", begin, step.From+1)
	}
	return begin + " the file, run atlas migrate hash, and ask for a new approval: the old one covers the old file."
}

// starved is the end of a run that did not get a lock in all its time.
func (r *run) starved(step migration.Step, f *migration.Failure, attempts int) *Stop {
	f.State = r.state(step, f)
	f.RetryAfter = 30 * time.Second
	f.Message = fmt.Sprintf("%s; tried %d times in %s", f.Message, attempts, time.Since(r.began).Round(time.Second))
	f.Next = "Run the same command again when the traffic on the table is lower."
	if len(f.Blockers) > 0 {
		f.Next = fmt.Sprintf("Wait for, or end, what holds the lock (%s), then run the same command again.", f.Blockers[0])
	}
	return &Stop{Outcome: migration.Blocked, Failure: f}
}
