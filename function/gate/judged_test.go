package gate_test

import (
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func TestJudged(t *testing.T) {
	finding := func(severity migration.Severity, code, summary string) migration.Finding {
		return migration.Finding{Severity: severity, Code: code, File: "1.sql", Line: 2, Summary: summary, Fix: "x"}.Identified()
	}
	drop, narrow := finding(migration.Error, "DS102", "drops t"), finding(migration.Error, "DS103", "drops c")
	slow, note := finding(migration.Warning, "PG303", "is slow"), finding(migration.Info, "AM310", "is long")
	both := []migration.Finding{slow, drop, narrow, note}
	const (
		next     = "\nMend the files as the findings say. To run it all the same, accept each by its id: aurora-migrate apply"
		event    = " (in an event: \"approval\":{\"accept\":[\"ID\", ...]})"
		stale    = "\nAccept what is found in this plan, or nothing. An approval that was made for another plan does not fit this one."
		policy   = "\nMend the files as the findings say, or change the policy, and plan again."
		neverSay = "never_accepted: 1 finding of severity error blocks this plan: the settings do not let anybody accept this (MIGRATE_NEVER_ACCEPT): DS102@1.sql:2 (drops t)"
	)
	odd := migration.Finding{Severity: migration.Error, Code: "DS102", File: "it's.sql", Summary: "s"}.Identified()
	for name, c := range map[string]struct {
		findings []migration.Finding
		accept   []string
		settings migration.Settings
		begun    bool
		want     string
	}{
		"nothing found":       {},
		"nothing that blocks": {findings: []migration.Finding{slow, note}},
		"one":                 {findings: []migration.Finding{slow, drop}, want: "findings: 1 finding of severity error blocks this plan, not accepted by the approval: DS102@1.sql:2 (drops t)" + next + " --accept DS102@1.sql:2" + event},
		"none asked for":      {findings: []migration.Finding{drop}, settings: migration.Settings{Approval: migration.NoApproval}, want: "findings: 1 finding of severity error blocks this plan, not accepted by the approval: DS102@1.sql:2 (drops t)" + next + " --accept DS102@1.sql:2" + event},
		"two":                 {findings: both, want: "findings: 2 findings of severity error block this plan, not accepted by the approval: DS102@1.sql:2 (drops t); DS103@1.sql:2 (drops c)" + next + " --accept DS102@1.sql:2 --accept DS103@1.sql:2" + event},
		"one of two":          {findings: both, accept: []string{drop.ID}, want: "findings: 1 finding of severity error blocks this plan, not accepted by the approval: DS103@1.sql:2 (drops c)" + next + " --accept DS102@1.sql:2 --accept DS103@1.sql:2" + event},
		"both":                {findings: both, accept: []string{narrow.ID, drop.ID}},
		"and a warning":       {findings: both, accept: []string{narrow.ID, drop.ID, slow.ID}},
		"signed": {findings: []migration.Finding{odd}, settings: migration.Settings{Approval: migration.BySignature},
			want: "findings: 1 finding of severity error blocks this plan, not accepted by the approval: DS102@it's.sql (s)\nMend the files as the findings say. To run it all the same, approve it anew with what is accepted: aurora-migrate approve --plan plan.json --accept 'DS102@it'\\''s.sql'"},
		"by code alone":             {findings: []migration.Finding{drop}, accept: []string{"DS102"}, want: "accepts: the approval accepts DS102, which is not found in this plan; found are DS102@1.sql:2" + stale},
		"what is not there":         {findings: both, accept: []string{drop.ID, "X", "Y", "X"}, want: "accepts: the approval accepts X, Y, which are not found in this plan; found are PG303@1.sql:2, DS102@1.sql:2, DS103@1.sql:2, AM310@1.sql:2" + stale},
		"where nothing is":          {accept: []string{"X"}, want: "accepts: the approval accepts X, which is not found in this plan; nothing was found in it" + stale},
		"never":                     {findings: []migration.Finding{drop}, accept: []string{drop.ID}, settings: migration.Settings{NeverAccept: []string{"DS101", "DS102"}}, want: neverSay + policy},
		"never, beside another":     {findings: both, settings: migration.Settings{NeverAccept: []string{"DS102"}}, want: neverSay + policy},
		"never, and only a warning": {findings: []migration.Finding{slow}, settings: migration.Settings{NeverAccept: []string{"PG303"}}},
		"begun":                     {findings: both, begun: true},
		"begun, and gone":           {accept: []string{drop.ID}, begun: true},
	} {
		var plan migration.Plan
		if c.begun {
			plan.Own = migration.History{{Version: "1"}}
		}
		if got := says(t, gate.Judged(plan, c.findings, migration.Approval{Accept: c.accept}, c.settings.Defaults())); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
