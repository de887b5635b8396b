package report

import (
	"path"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// ranFiles returns the files of an apply, whether or not this invocation got to
// them: those of the plan in its order, as far as the result tells of them as it
// does, the others as they stood when the plan was sealed.
func ranFiles(r migration.Result) []migration.FileResult {
	told := make(map[string]migration.FileResult, len(r.Files))
	for _, f := range r.Files {
		if !f.Plan {
			told[f.Name] = f
		}
	}
	var files []migration.FileResult
	if r.Plan != nil && walked(r) {
		for _, p := range r.Plan.Files {
			f, ok := told[p.Name]
			if !ok {
				f = migration.FileResult{Pending: p, Row: p.Row}
			}
			delete(told, p.Name)
			files = append(files, f)
		}
	}
	for _, f := range r.Files {
		if _, ok := told[f.Name]; ok {
			files = append(files, f)
		}
	}
	return files
}

// walked says that an apply got as far as running its plan, or found it run.
func walked(r migration.Result) bool {
	if r.Action != migration.ActionApply {
		return false
	}
	switch r.Outcome {
	case migration.Applied, migration.Unfinished, migration.Failed:
		return true
	}
	return false
}

// planFiles returns the files that a plan would run; none where something else
// was asked for.
func planFiles(r migration.Result) []migration.Pending {
	if r.Action != migration.ActionPlan || r.Plan == nil {
		return nil
	}
	return r.Plan.Todo()
}

// totals counts files with statements left to run, and those statements.
func totals(files []migration.Pending) (nFiles, nStatements int) {
	for _, f := range files {
		nStatements += len(f.Stmts) - f.Applied()
	}
	return len(files), nStatements
}

// total is how many statements a file has; the history knows where the file is
// not at hand.
func total(f migration.FileResult) int {
	if len(f.Stmts) == 0 {
		return f.Row.Total
	}
	return len(f.Stmts)
}

// fileState says where a file of an apply stands, from its row in the history.
func fileState(f migration.FileResult) migration.MigrationState {
	switch {
	case f.Row.Version == "":
		return migration.StatePending
	case f.Row.Partial() && f.Row.Applied == 0:
		return migration.StatePending
	case f.Row.Partial():
		return migration.StatePartial
	}
	return migration.StateApplied
}

// stoppedIn says that f is the file that the failure speaks of.
func stoppedIn(f migration.FileResult, failure *migration.Failure) bool {
	return failure != nil && failure.File != "" && path.Base(failure.File) == f.Name
}

// failedIn is the statement of f, from 1, that the failure speaks of; 0 for none.
func failedIn(f migration.FileResult, failure *migration.Failure) int {
	if !stoppedIn(f, failure) {
		return 0
	}
	return failure.Statement
}

// inDoubt says that after this failure nobody knows what of its file took effect.
func inDoubt(failure *migration.Failure) bool {
	return failure != nil && (failure.Kind == migration.Disconnected || failure.Kind == migration.StillRunning)
}

// hasRun says that the history knows when statements of f ran.
func hasRun(f migration.FileResult) bool { return f.Row.Applied > 0 && !f.Row.ExecutedAt.IsZero() }
