package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// headline says the outcome in words, and of which database.
func headline(r migration.Result) string {
	where := place(r.Target) + asWhom(r.Target)
	switch r.Outcome {
	case migration.Planned:
		if r.Adoption != nil {
			return fmt.Sprintf("Plan to adopt version %s in %s", r.Adoption.Version, where)
		}
		return "Plan for " + where
	case migration.NothingToDo:
		return nothingToDo(r)
	case migration.Applied:
		return fmt.Sprintf("Applied %s to %s", count(len(ranFiles(r)), "file"), where)
	case migration.Baselined:
		return fmt.Sprintf("Adopted version %s in %s", adopted(r), where)
	case migration.Current, migration.Outstanding:
		return statusHeadline(r)
	case migration.Clean, migration.Drifted:
		return verifiedHeadline(r, place(r.Target))
	case migration.Healthy, migration.Unhealthy:
		return health(r, where)
	case migration.Unfinished:
		return unfinished(r, where)
	case migration.Invalid:
		return "Invalid request: nothing was done"
	case migration.Blocked:
		return "Blocked: " + undone(r)
	}
	return "Failed: " + undone(r)
}

func nothingToDo(r migration.Result) string {
	where := place(r.Target)
	switch {
	case r.Action == migration.ActionBaseline:
		return fmt.Sprintf("Nothing to do: version %s is adopted in %s already", adopted(r), where)
	case r.Version == "":
		return "Nothing to do: no file is pending for " + where + ", whose history is empty"
	case r.To != "":
		return fmt.Sprintf("Nothing to do: no file up to version %s is pending; %s is at version %s", r.To, where, r.Version)
	}
	return fmt.Sprintf("Nothing to do: no file is pending; %s is at version %s", where, r.Version)
}

func adopted(r migration.Result) string {
	if r.Adoption != nil {
		return r.Adoption.Version
	}
	return r.Version
}

func unfinished(r migration.Result, where string) string {
	applied, all := appliedFiles(r)
	if all == 0 && r.Lock != nil {
		return "Unfinished: a run of this plan is under way on " + where
	}
	return fmt.Sprintf("Unfinished: %d of %s applied to %s", applied, count(all, "file"), where)
}

// undone says what was asked for and did not come to be.
func undone(r migration.Result) string {
	if r.Action == migration.ActionApprove {
		return "nothing was signed"
	}
	if r.Target == nil && r.Outcome == migration.Failed {
		return "the database was not reached"
	}
	where := place(r.Target) + asWhom(r.Target)
	switch r.Action {
	case migration.ActionStatus:
		if len(r.Migrations) > 0 {
			return place(r.Target) + standing(r) + "; as it is, nothing can be planned"
		}
		return "there is no status of " + where
	case migration.ActionBaseline:
		return "no version was adopted in " + where
	case migration.ActionVerify:
		return place(r.Target) + " was not compared with its migrations"
	case migration.ActionApply:
		return notApplied(r, where)
	}
	if r.Target == nil {
		return "there is no plan"
	}
	return "there is no plan for " + where
}

func notApplied(r migration.Result, where string) string {
	for _, f := range ranFiles(r) {
		switch {
		case !stoppedIn(f, r.Failure):
		case fileState(f) == migration.StatePartial:
			return fmt.Sprintf("%s was applied only in part to %s", f.Name, where)
		case fileState(f) == migration.StatePending && !inDoubt(r.Failure):
			return fmt.Sprintf("%s was not applied to %s", f.Name, where)
		}
	}
	if applied, all := appliedFiles(r); applied > 0 {
		return fmt.Sprintf("only %d of %s applied to %s", applied, count(all, "file"), where)
	}
	return "nothing was applied to " + where
}

// appliedFiles counts the files of an apply that are whole, and all.
func appliedFiles(r migration.Result) (applied, all int) {
	files := ranFiles(r)
	for _, f := range files {
		if fileState(f) == migration.StateApplied {
			applied++
		}
	}
	return applied, len(files)
}

// subline says how much there is to a plan, and that nothing was done yet.
func (p *page) subline(r migration.Result) {
	if r.Outcome != migration.Planned {
		return
	}
	if r.Adoption != nil {
		p.put(0, plain, "No migration runs: only rows of the history are written. Nothing has been changed yet.")
		return
	}
	files, n := totals(planFiles(r))
	said := fmt.Sprintf("%s with %s to run", count(files, "file"), count(n, "statement"))
	if r.To != "" {
		said += ", up to version " + r.To
	}
	p.say(0, 0, plain, said+". Nothing has been changed yet.")
	if errors := bySeverity(r.Findings, migration.Error); errors > 0 {
		p.say(0, 0, bad, foundInAll(r.Findings)+", below the statements. Errors block the plan.")
	} else if len(r.Findings) > 0 {
		p.say(0, 0, caution, foundInAll(r.Findings)+", below the statements.")
	}
}

// foundInAll counts findings by severity: "1 error, 2 warnings".
func foundInAll(findings []migration.Finding) string {
	var said []string
	for _, k := range []struct {
		severity migration.Severity
		name     string
	}{{migration.Error, "error"}, {migration.Warning, "warning"}, {migration.Info, "info"}} {
		if n := bySeverity(findings, k.severity); n > 0 {
			said = append(said, count(n, k.name))
		}
	}
	return strings.Join(said, ", ")
}

func bySeverity(findings []migration.Finding, s migration.Severity) int {
	return len(slices.DeleteFunc(slices.Clone(findings), func(f migration.Finding) bool { return f.Severity != s }))
}
