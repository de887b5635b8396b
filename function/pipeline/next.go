package pipeline

import (
	"fmt"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// next is the sentence that says what to do now.
func next(r migration.Result) string {
	switch {
	case r.Outcome == migration.Failed || r.Outcome == migration.Invalid:
		return r.Failure.Next
	case r.Outcome == migration.Blocked && r.Refusal != nil:
		return r.Refusal.Next
	case r.Failure != nil:
		return r.Failure.Next
	}
	switch r.Outcome {
	case migration.Planned:
		if r.Adoption != nil && r.Approval == migration.BySignature {
			return "If this is right, have it signed, and send the same again with its digest as the plan and its approval."
		}
		if r.Adoption != nil {
			return fmt.Sprintf("If this is right, send baseline with version %s again, with this digest as the plan.", r.Adoption.Version)
		}
		if r.Approval == migration.BySignature {
			return "Read it; then have it signed, and apply it with its approval."
		}
		return "Read it; then apply it by its digest."
	case migration.Applied:
		return "Nothing is left to do."
	case migration.NothingToDo, migration.Current:
		return "Nothing is pending."
	case migration.Outstanding:
		return "Ask for a plan."
	case migration.Unhealthy:
		broken, _ := r.Diagnosis.Broken()
		return broken.Fix
	case migration.Clean:
		return "Nothing is to be done."
	case migration.Drifted:
		return "For each of these, write a migration that brings it into the files, so that every database gets it, or take the change back by hand; then verify again."
	case migration.Healthy:
		return "Nothing stands in the way: ask for a plan."
	case migration.Baselined:
		return "Ask for a plan: it shows what comes after this version."
	case migration.Unfinished:
		return "A run of this plan is under way: send the same request again to learn how it ended, or ask for status."
	}
	return ""
}

// standing says in a few words how far the files of a plan are.
func standing(files []migration.FileResult) string {
	done := 0
	for _, f := range files {
		if f.Done {
			done++
		}
	}
	return fmt.Sprintf("%d of the %d files of this plan are applied.", done, len(files))
}
