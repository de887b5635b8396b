package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// runAlone runs one statement of a file outside a transaction. It is first
// tried in one transaction with its row: that is exactly once, and PostgreSQL
// refuses what cannot be there (25001, 2D000) before anything has happened.
// Only what is refused so runs bare, between two writes of the row.
func (s *Session) runAlone(ctx context.Context, step migration.Step) (migration.StepResult, error) {
	if step.Doubt {
		return s.runDoubtful(ctx, step)
	}
	result, err := s.runTransaction(ctx, step)
	if err == nil {
		return result, nil
	}
	if code := refusedInside(err); code != "" {
		return s.runBare(ctx, step, code)
	}
	// A lock that was not to be had is tried for again, and the end of our time
	// is no fault of the statement: neither is worth a row.
	if step.From > 0 && s.failure(err).Kind == migration.Refused {
		s.journalFailure(ctx, step, err)
	}
	return result, err
}

// refusedInside is the SQLSTATE with which PostgreSQL refuses a statement of
// the file inside a transaction, "" for every other error.
func refusedInside(err error) string {
	var (
		stmt *statementError
		pg   *pgconn.PgError
	)
	if errors.As(err, &stmt) && stmt.index >= 0 && errors.As(err, &pg) &&
		(pg.Code == activeTransaction || pg.Code == invalidTermination) {
		return pg.Code
	}
	return ""
}

// runDoubtful settles a statement that an earlier run left in doubt: it looks
// whether the statement took effect, and runs it again where it did not.
func (s *Session) runDoubtful(ctx context.Context, step migration.Step) (migration.StepResult, error) {
	if err := s.ready(ctx, step); err != nil {
		return migration.StepResult{Step: step}, err
	}
	step.First = false
	done, healed, err := s.settle(ctx, step)
	if err != nil {
		return migration.StepResult{Step: step}, &statementError{index: step.From, err: err}
	}
	if !done {
		result, err := s.bare(ctx, step)
		tellHealed(&result, healed)
		return result, err
	}
	result, err := s.journal(ctx, step, step.Row)
	if err == nil {
		result.Statements = []migration.Ran{{Statement: step.From, Found: true, Healed: healed}}
	}
	return result, err
}

// ready makes the session ready for a step of which something is looked at
// before it runs.
func (s *Session) ready(ctx context.Context, step migration.Step) error {
	t := s.newTrip(ctx)
	t.send(begin)
	s.prepare(ctx, t, step)
	t.send("COMMIT")
	result := migration.StepResult{Step: step}
	_, err := s.committed(result, t.run(&result))
	return err
}

func tellHealed(result *migration.StepResult, healed string) {
	if healed != "" && len(result.Statements) > 0 {
		result.Statements[len(result.Statements)-1].Healed = healed
	}
}

// runBare runs, for the first time, a statement that no transaction block may
// hold. One that could never be settled after a crash is refused instead.
func (s *Session) runBare(ctx context.Context, step migration.Step, code string) (migration.StepResult, error) {
	outside := step.File.Stmts[step.From].Outside()
	if outside.Kind == migration.Unknowable {
		return migration.StepResult{Step: step}, &statementError{index: step.From, err: unknowable(code)}
	}
	if outside.Kind == migration.CreateIndex {
		if err := s.ready(ctx, step); err != nil {
			return migration.StepResult{Step: step}, err
		}
		step.First = false
		there, err := s.refuseLeftover(ctx, outside)
		switch {
		case err != nil:
			s.journalFailure(ctx, step, err)
			return migration.StepResult{Step: step}, &statementError{index: step.From, err: err}
		case there:
			// PostgreSQL refuses the statement, or passes over it: nothing of
			// it can be in doubt, and the index must not be taken for its work.
			return s.bare(ctx, step)
		}
	}
	if err := s.journalDoubt(ctx, step); err != nil {
		return migration.StepResult{Step: step}, err
	}
	step.First = false
	return s.bare(ctx, step)
}

// journalDoubt writes the row that a statement has while it runs by itself.
func (s *Session) journalDoubt(ctx context.Context, step migration.Step) error {
	before := s.newTrip(ctx)
	before.send(begin)
	s.prepare(ctx, before, step)
	before.send(asLogin)
	before.send(plainly)
	row := step.Before()
	row.Error = fmt.Sprintf("%sstatement %d of %d runs outside a transaction; whether it took effect is settled by the next run", migration.InDoubt, step.From+1, len(step.File.Stmts))
	row.ErrorStmt = migration.Mask(step.File.Stmts[step.From].Text)
	s.sendRow(before, row, true)
	before.send("COMMIT")
	result := migration.StepResult{Step: step}
	_, err := s.committed(result, before.run(&result))
	return err
}

func unknowable(code string) *migration.Failure {
	f := &migration.Failure{SQLState: code, Kind: migration.Refused,
		Message: "this statement cannot run inside a transaction, and whether it took effect could not be told after a crash",
		Next:    "If running it twice does no harm, write the comment \"-- aurora:rerunnable\" on the line above it, run atlas migrate hash, and plan again."}
	if code == invalidTermination {
		f.Message = "this statement commits or rolls back by itself, so it cannot share a transaction with its row in the history"
	}
	return f
}

// bare runs the statement, journalled before, by itself, and journals its end.
func (s *Session) bare(ctx context.Context, step migration.Step) (migration.StepResult, error) {
	took, err := s.execBare(ctx, step)
	if err != nil {
		failed := migration.StepResult{Step: step}
		var wrapped *statementError
		if !errors.As(err, &wrapped) {
			wrapped = &statementError{index: step.From, err: err}
		}
		if f := s.failure(err); f.Kind == migration.Disconnected || f.Kind == migration.StillRunning {
			return failed, wrapped // the row stays in doubt, as it is
		}
		if cleaned := s.cleanUp(ctx, step); cleaned != nil {
			// The row stays in doubt, so the next run heals it.
			wrapped.note = "; what it left half done could not be taken away yet (" + s.failure(cleaned).Message + "): the next run does it"
			return failed, wrapped
		}
		s.journalFailure(ctx, step, err)
		return failed, wrapped
	}
	result, err := s.journal(ctx, step, step.Row)
	if unlocked(err) { // the row stays in doubt, as it is, or as somebody else has it by now
		return result, &statementError{index: step.From, kind: migration.Unlocked, err: err}
	}
	if err == nil {
		result.Statements = []migration.Ran{{Statement: step.From, Took: took}}
	}
	return result, err
}

// journal writes a row by itself.
func (s *Session) journal(ctx context.Context, step migration.Step, row migration.Revision) (migration.StepResult, error) {
	result := migration.StepResult{Step: step}
	t := s.newTrip(ctx)
	t.send(begin)
	t.send(mark)
	t.send(asLogin)
	t.send(plainly)
	s.sendRow(t, row, true)
	t.send("COMMIT")
	err := t.run(&result)
	result.Committed = err == nil
	return s.committed(result, err)
}

// journalFailure writes into the row which statement failed and why, as Atlas
// does. It is told in the answer too, so where it cannot be written, that is
// logged and no more.
func (s *Session) journalFailure(ctx context.Context, step migration.Step, failed error) {
	row := step.Before()
	row.Error = s.failureIn(step.File.Text, failed).Message
	row.ErrorStmt = migration.Mask(step.File.Stmts[step.From].Text)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if _, err := s.journal(ctx, step, row); err != nil {
		s.log.WarnContext(ctx, "the failure could not be written into the history", "version", row.Version, "error", plain(err))
	}
}
