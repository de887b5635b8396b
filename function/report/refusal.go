package report

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// refusal shows why a plan may not run now, and what differs from what was approved.
func (p *page) refusal(r migration.Result, a allowance) {
	f := r.Refusal
	if f == nil {
		return
	}
	p.gap()
	switch {
	case len(f.Differs) > 0:
		p.put(0, plain, "This is not the plan that was approved. What differs:")
		for _, part := range f.Differs {
			p.labelled(2, column(string(part)+":", 9), differs(part, r))
			if part == migration.SchemaPart {
				p.bullets(12, f.Changed, a)
			}
		}
	case !found(r.Findings, f.Summary):
		p.labelled(0, "Why:", migration.Mask(f.Summary))
	}
	if !slices.Contains(f.Differs, migration.SchemaPart) {
		p.bullets(4, f.Changed, a)
	}
	if f.Holder != nil && !strings.Contains(f.Summary, f.Holder.String()) {
		p.say(2, 2, plain, "Held by "+f.Holder.String())
	}
	if wait := f.RetryAfter; wait > 0 {
		p.say(2, 2, plain, waiting(wait))
	}
}

// found says that a finding tells the same, so that it need not be told twice.
func found(findings []migration.Finding, summary string) bool {
	return slices.ContainsFunc(findings, func(f migration.Finding) bool { return f.Summary == summary })
}

// differs says in words what it means that a part of the digest is another one.
func differs(part migration.Part, r migration.Result) string {
	switch part {
	case migration.FilesPart:
		return "the pending files are not those that were approved: one was added, removed, edited or put in another order, or its transaction mode is another"
	case migration.HistoryPart:
		return "the history has other rows than then: a version was applied, adopted or removed since"
	case migration.SchemaPart:
		if len(r.Refusal.Changed) > 0 {
			return "what the plan touches has changed in the database since:"
		}
		return "what the plan touches has changed in the database since; plan again to see it as it is now (where the whole plan report is handed in instead of its digest, each changed object is named)"
	case migration.EnginePart:
		if r.Target != nil && r.Target.Engine != "" {
			return "the server runs another version of PostgreSQL than then; it is " + r.Target.Engine + " now"
		}
		return "the server runs another version of PostgreSQL than then"
	case migration.TargetPart:
		return "the plan was made for another cluster, database or role; this is " + place(r.Target) + asWhom(r.Target)
	case migration.SettingsPart:
		return "the settings that change what a plan does (timeouts, schema of the history, approval) are not those that it was planned with"
	}
	return "is another one"
}

// column is s with spaces up to a width.
func column(s string, width int) string {
	for len(s) < width {
		s += " "
	}
	return s
}
