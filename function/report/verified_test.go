package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

var clean = migration.Result{Action: migration.ActionVerify, Outcome: migration.Clean, Target: target, Version: "019",
	Next:     "Nothing is to be done.",
	Verified: &migration.Verification{Version: "019", Objects: 214}}

// drifted has one of each way, and all that a verification says of itself.
var drifted = migration.Result{Action: migration.ActionVerify, Outcome: migration.Drifted, Target: target, Version: "019",
	Next: "For each of these, write a migration that brings it into the files, so that every database gets it, or take the change back by hand; then verify again.",
	Verified: &migration.Verification{Version: "019", Objects: 214, Before: 12, Missed: 1, Other: 16, Half: "019_lead_indexes.sql (2 of 3 statements)", Drift: []migration.Drift{
		{Kind: "function", Name: "public.tidy()", How: migration.DriftMissing},
		{Kind: "table", Name: "public.dry_run_log", How: migration.DriftChanged,
			Facts: []string{"column n is text, and the migrations say integer", "index dry_run_log_lead is INVALID: it is never used, and still written to"},
			Plus:  []string{"column n text collation=default"}, Minus: []string{"column n integer collation="}},
		{Kind: "table", Name: "public.leads", How: migration.DriftGranted, Facts: []string{"SELECT is granted to reporting, and not by the migrations"}},
		{Kind: "table", Name: "public.log_2026_03", How: migration.DriftGrown},
		{Kind: "table", Name: "public.scratch", How: migration.DriftExtra},
	}}}

// A report of much drift fits, and says how much it left out.
func TestJSON_driftFits(t *testing.T) {
	r := drifted
	v := *r.Verified
	for i := range 4_000 {
		v.Drift = append(v.Drift, migration.Drift{Kind: "table", Name: fmt.Sprintf("public.t_%d", i), How: migration.DriftChanged,
			Facts: []string{strings.Repeat("word ", 20)}, Plus: make([]string, 60)})
	}
	r.Verified = &v
	tenth := whole
	tenth.report /= 10
	for isBrief, l := range map[bool]limits{false: tenth, true: brief} {
		b := bounded(r, isBrief, l)
		var d document
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		if len(b) > l.report || len(d.Drift) == 0 || len(d.Drift)+d.Cut["drift"] != len(v.Drift) {
			t.Errorf("brief=%t: %d bytes, %d told, %d cut, of %d", isBrief, len(b), len(d.Drift), d.Cut["drift"], len(v.Drift))
		}
		if screen := strings.Join(d.Screen, "\n"); !strings.Contains(screen, "of the objects that drifted") || !strings.Contains(screen, "more objects") {
			t.Errorf("brief=%t: the screen does not say what is missing:\n%s", isBrief, screen[:min(len(screen), 2000)])
		}
		if last := d.Drift[len(d.Drift)-1]; len(last.Plus) != manyFacts+1 || last.Plus[manyFacts] != "... and 10 more" {
			t.Errorf("lines of one object: %d, %q", len(last.Plus), last.Plus[len(last.Plus)-1])
		}
	}
}

// A password in a definition is masked.
func TestJSON_driftIsMasked(t *testing.T) {
	r := drifted
	r.Verified = &migration.Verification{Drift: []migration.Drift{{Kind: "function", Name: "f()", How: migration.DriftChanged,
		Facts: []string{"it is CREATE USER a PASSWORD 'hunter2'"}, Plus: []string{"body CREATE USER a PASSWORD 'hunter2'"}}}}
	if b := string(JSON(r, false)); strings.Contains(b, "hunter2") {
		t.Error(b)
	}
}
