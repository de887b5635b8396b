package report

import (
	"fmt"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// progress shows how far the files of an apply are, as the history has it.
func (p *page) progress(r migration.Result, a allowance) {
	files := ranFiles(r)
	if len(files) == 0 {
		return
	}
	t := table{}
	t.addStyled(title, "STATE", "WHEN (UTC)", "TOOK", "FILE")
	for _, f := range files[:min(len(files), a.files)] {
		t.add(progressRow(f, r)...)
	}
	p.gap()
	p.rows(2, t)
	if n := len(files) - a.files; n > 0 {
		p.put(2, caution, fmt.Sprintf("... and %s, not shown here", count(n, "more file")))
	}
	if r.Outcome != migration.Applied {
		p.healed(files)
	}
	p.gap()
	p.say(0, 0, plain, standsAt(r, files))
	if r.Outcome == migration.Applied && r.Plan != nil {
		p.gap()
		p.put(0, plain, "The digest of the plan that was applied:")
		p.put(2, plain, r.Plan.Digest.String())
	}
}

// progressRow is the line of one file. The times are those of the history.
func progressRow(f migration.FileResult, r migration.Result) []string {
	row := []string{fmt.Sprintf("%d of %d applied", f.Row.Applied, total(f)), "", "", f.Name}
	if fileState(f) == migration.StatePending {
		row[0] = "pending"
	}
	switch stopped := stoppedIn(f, r.Failure); {
	case stopped && inDoubt(r.Failure):
		row[0] += ", in doubt"
	case stopped && r.Outcome == migration.Failed && f.Row.Applied == 0:
		row[0] = "failed"
	}
	if hasRun(f) {
		row[1], row[2] = when(f.Row.ExecutedAt), took(f.Row.ExecutionTime)
	}
	return row
}

// standsAt says the version of the database, and whether it is there in full.
func standsAt(r migration.Result, files []migration.FileResult) string {
	if r.Version == "" {
		return "The history of the database is empty."
	}
	for _, f := range files {
		if f.Version == r.Version && fileState(f) == migration.StatePartial {
			return "The database is at version " + r.Version + ", which is applied only in part."
		}
	}
	return "The database is at version " + r.Version + "."
}

// healed tells what had to be mended on the way.
func (p *page) healed(files []migration.FileResult) {
	p.gap()
	for _, f := range files {
		for _, ran := range f.Ran {
			if ran.Healed != "" {
				p.say(2, 2, caution, fmt.Sprintf("%s, statement %d: %s", f.Name, ran.Statement+1, migration.Mask(ran.Healed)))
			}
		}
	}
}

// joined tells who runs the plan that this invocation was to run.
func (p *page) joined(r migration.Result) {
	if r.Outcome == migration.Unfinished && r.Lock != nil {
		p.gap()
		p.say(0, 2, plain, "It is run by "+r.Lock.String()+".")
	}
}
