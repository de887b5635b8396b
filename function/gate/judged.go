package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Judged refuses a plan for what was found about it: an error that was not
// accepted by its ID, or one whose code nobody may accept. Warnings never
// block. What was accepted has to be found: an ID that is not there was accepted
// for another plan, or is a typo, and nobody knows what was meant by it.
func Judged(p migration.Plan, findings []migration.Finding, a migration.Approval, s migration.Settings) *migration.Refusal {
	if len(p.Own) > 0 { // see policy.go
		return nil
	}
	if unknown := unfound(findings, a.Accept); len(unknown) > 0 {
		return &migration.Refusal{Reason: migration.AcceptsUnknown,
			Summary: fmt.Sprintf("the approval accepts %s, which %s found in this plan; %s", joined(unknown), isNot(len(unknown)), existing(findings)),
			Next:    "Accept what is found in this plan, or nothing. An approval that was made for another plan does not fit this one."}
	}
	var never, open []migration.Finding
	for _, f := range findings {
		switch {
		case f.Severity != migration.Error:
		case slices.Contains(s.NeverAccept, f.Code):
			never = append(never, f)
		case !slices.Contains(a.Accept, f.ID):
			open = append(open, f)
		}
	}
	switch {
	case len(never) > 0:
		return &migration.Refusal{Reason: migration.NeverAccepted,
			Summary: fmt.Sprintf("%s: the settings do not let anybody accept this (MIGRATE_NEVER_ACCEPT): %s", errorsBlock(len(never)), told(never)),
			Next:    "Mend the files as the findings say, or change the policy, and plan again."}
	case len(open) > 0:
		return &migration.Refusal{Reason: migration.FindingsBlock,
			Summary: fmt.Sprintf("%s, not accepted by the approval: %s", errorsBlock(len(open)), told(open)),
			Next:    "Mend the files as the findings say. " + accepting(open, a.Accept, s)}
	}
	return nil
}

// unfound are those of the accepted IDs that no finding has, as often as
// somebody may want to read them.
func unfound(findings []migration.Finding, accept []string) (unknown []string) {
	for _, id := range accept {
		known := slices.ContainsFunc(findings, func(f migration.Finding) bool { return f.ID == id })
		if !known && !slices.Contains(unknown, id) {
			unknown = append(unknown, id)
		}
	}
	return unknown
}

func existing(findings []migration.Finding) string {
	var ids []string
	for _, f := range findings {
		if f.ID != "" && !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) == 0 {
		return "nothing was found in it"
	}
	return "found are " + joined(ids)
}

// told are findings by ID and summary.
func told(findings []migration.Finding) string {
	said := make([]string, len(findings))
	for i, f := range findings {
		said[i] = f.ID + " (" + f.Summary + ")"
	}
	return strings.Join(said, "; ")
}

// accepting says how to accept what is open, beside what is accepted already.
func accepting(open []migration.Finding, accepted []string, s migration.Settings) string {
	flags := ""
	ids := slices.Clone(accepted)
	for _, f := range open {
		ids = append(ids, f.ID)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		flags += " --accept " + word(id)
	}
	if s.Approval == migration.BySignature {
		return "To run it all the same, approve it anew with what is accepted: aurora-migrate approve --plan plan.json" + flags
	}
	return "To run it all the same, accept each by its id: aurora-migrate apply" + flags + ` (in an event: "approval":{"accept":["ID", ...]})`
}

// word is an ID as a shell takes it.
func word(id string) string {
	if strings.ContainsFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./:@%+=,-", r))
	}) {
		return "'" + strings.ReplaceAll(id, "'", `'\''`) + "'"
	}
	return id
}

func joined(ids []string) string {
	const most = 20
	said := make([]string, 0, most)
	for _, id := range ids[:min(len(ids), most)] {
		said = append(said, clipped(id))
	}
	text := strings.Join(said, ", ")
	if more := len(ids) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func isNot(n int) string {
	if n == 1 {
		return "is not"
	}
	return "are not"
}

func errorsBlock(n int) string {
	if n == 1 {
		return "1 finding of severity error blocks this plan"
	}
	return fmt.Sprintf("%d findings of severity error block this plan", n)
}
