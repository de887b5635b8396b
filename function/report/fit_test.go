package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// However much there is to tell, a report is JSON, fits, and says of every list
// how much of it is missing: what is told and what is counted as cut is all
// that there was. Most is tried at a tenth of the size.
func TestJSON_fits(t *testing.T) {
	tenth := whole
	tenth.report /= 10
	for name, r := range large(t, 10) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkFit(t, r, false, tenth)
			checkFit(t, r, true, brief)
		})
	}
	t.Run("the whole size", func(t *testing.T) {
		t.Parallel()
		checkFit(t, large(t, 1)["many objects"], false, whole)
	})
}

func checkFit(t *testing.T, r migration.Result, isBrief bool, l limits) {
	t.Helper()
	b := bounded(r, isBrief, l)
	if len(b) > l.report {
		t.Errorf("brief=%t: %d bytes, want at most %d", isBrief, len(b), l.report)
	}
	decoded(t, b)
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Cut) > 0 && len(b) < l.report*8/10 {
		t.Errorf("brief=%t: %d bytes of %d, although there was more to tell: cut is %v", isBrief, len(b), l.report, d.Cut)
	}
	checkCounts(t, r, &d)
	checkNote(t, &d)
}

func checkCounts(t *testing.T, r migration.Result, d *document) {
	t.Helper()
	var statements, files, touched int
	for _, p := range planFiles(r) {
		statements += len(p.Stmts) - p.Applied()
	}
	for _, f := range ranFiles(r) {
		statements += max(f.Row.Applied, len(f.Ran))
		if failedIn(f, r.Failure) > len(f.Ran) {
			statements++
		}
		files++
	}
	planned := planDocument{}
	if d.Plan != nil {
		planned = *d.Plan
	}
	if r.Plan != nil && !walked(r) {
		touched = len(r.Plan.Touched)
	}
	var withDetail, details int
	for _, f := range r.Findings {
		if f.Detail != "" {
			withDetail++
		}
	}
	for _, f := range d.Findings {
		if f.Detail != "" {
			details++
		}
	}
	for _, c := range []struct {
		name      string
		told, all int
	}{
		{"statements", len(d.Statements), statements},
		{"findings", len(d.Findings), len(r.Findings)},
		{"touched", len(planned.Touched), touched},
		{"files", len(d.Files), files},
		{"migrations", len(d.Migrations), len(r.Migrations)},
		{"unseen", len(d.Unseen), len(r.Unseen)},
		{"changed", len(changed(d.Refusal)), len(changed(r.Refusal))},
		{"blockers", len(blockers(d.Error)), len(blockers(r.Failure))},
	} {
		if c.told+d.Cut[c.name] != c.all {
			t.Errorf("%s: %d told and %d cut, of %d", c.name, c.told, d.Cut[c.name], c.all)
		}
	}
	if d.Cut["findings"] == 0 && details+d.Cut["details"] != withDetail {
		t.Errorf("details: %d told and %d cut, of %d", details, d.Cut["details"], withDetail)
	}
	checkErrorsLast(t, r, d)
}

func changed(r *migration.Refusal) []string {
	if r == nil {
		return nil
	}
	return r.Changed
}

func blockers(f *migration.Failure) []migration.Peer {
	if f == nil {
		return nil
	}
	return f.Blockers
}

// checkErrorsLast: no finding of severity error is cut while another is left.
func checkErrorsLast(t *testing.T, r migration.Result, d *document) {
	t.Helper()
	errors, others := bySeverity(d.Findings, migration.Error), len(d.Findings)
	others -= errors
	if errors < bySeverity(r.Findings, migration.Error) && others > 0 {
		t.Errorf("errors were cut and %d lesser findings were not", others)
	}
	if (d.Error == nil) != (r.Failure == nil) {
		t.Errorf("the error is %v", d.Error)
	}
}

func checkNote(t *testing.T, d *document) {
	t.Helper()
	note := false
	for _, l := range d.Screen {
		note = note || strings.HasPrefix(l, "This report was cut to fit ")
	}
	if note != (len(d.Cut) > 0) {
		t.Errorf("cut is %v, and that the screen says so is %t", d.Cut, note)
	}
	for name := range d.Cut {
		if inWords[name] == "" {
			t.Errorf("the screen has no words for %s", name)
		}
	}
}

// large are results that are large in one way each, and one in all; a part of what
// does not fit into the limits of JSON.
func large(t *testing.T, part int) map[string]migration.Result {
	t.Helper()
	one := "INSERT INTO t VALUES ('" + strings.Repeat(`x"\`+"\n", 15<<20/4/part) + "');"
	big := planned(pending(handmade("001_big.sql", one))...)
	statements := make([]string, 100_000/part)
	for i := range statements {
		statements[i] = fmt.Sprintf("INSERT INTO t VALUES (%d);", i)
	}
	many := planned(pending(handmade("001_many.sql", statements...))...)
	ran := applied(handmade("001_many.sql", statements...))
	var files []migration.File
	for i := range 20_000 / part {
		files = append(files, handmade(fmt.Sprintf("%06d_%s.sql", i, strings.Repeat("long", 50)), "SELECT 1;", "SELECT 2;"))
	}
	manyFiles, ranFiles := planned(pending(files...)...), applied(files...)

	found := planned(pending(leads(t))...)
	for i := range 10_000 / part {
		severity := []migration.Severity{migration.Info, migration.Error, migration.Warning}[i%3]
		found.Findings = append(found.Findings, migration.Finding{
			ID: fmt.Sprintf("X1@018_leads.sql:%d", i), Code: "X1", Severity: severity, File: "018_leads.sql", Line: i,
			Summary: strings.Repeat("what is wrong ", 20), Detail: strings.Repeat("and why\x01 ", 80), Fix: "Do\u202e it\notherwise.",
		})
	}
	touching := planned(pending(leads(t))...)
	for i := range 60_000 / part {
		touching.Plan.Touched = append(touching.Plan.Touched, catalog.Mark{Kind: "table", Name: fmt.Sprintf("public.t%d", i), Fingerprint: "0123456789abcdef"})
	}
	long := longStatus(t)
	for i := range 50_000 / part {
		m := long.Migrations[0]
		m.Version = fmt.Sprintf("x%06d", i)
		long.Migrations = append(long.Migrations, m)
	}
	failed := failedLockWait(t)
	failed.Failure.Message = strings.Repeat("\x01", 1<<20/part)
	failed.Failure.Excerpt, failed.Failure.Hint, failed.Failure.State = one[:1<<20/part], one[:1<<20/part], "It is unknown."
	user, unseen := strings.Repeat("u\x01", 5000/part), strings.Repeat("not seen ", 30)
	for i := range 100_000 / part {
		failed.Failure.Blockers = append(failed.Failure.Blockers, migration.Peer{PID: i, User: user})
		failed.Unseen = append(failed.Unseen, unseen)
	}
	blocked := blockedByReport(t)
	for i := range 100_000 / part {
		blocked.Refusal.Changed = append(blocked.Refusal.Changed, fmt.Sprintf("table public.t%d was changed", i))
	}
	all, plan := many, *many.Plan
	all.Plan = &plan
	all.Plan.Touched, all.Findings, all.Unseen = touching.Plan.Touched[:9000/part], found.Findings[:1500/part], failed.Unseen[:9000/part]
	all.Failure, all.Migrations, all.Refusal = failed.Failure, long.Migrations[:9000/part], blocked.Refusal
	return map[string]migration.Result{
		"one statement": big, "many statements": many, "many statements that ran": ran,
		"many files": manyFiles, "many files that ran": ranFiles, "many findings": found,
		"many objects": touching, "many versions": long, "an endless error": failed,
		"many changed objects": blocked, "all of them": all, "small": planned(pending(leads(t))...),
	}
}

// handmade is a file of statements that nobody has to split.
func handmade(name string, stmts ...string) migration.File {
	f := migration.File{Name: name, Version: strings.SplitN(name, "_", 2)[0], TxMode: migration.TxFile, Hash: "h"}
	for i, s := range stmts {
		f.Stmts = append(f.Stmts, migration.Stmt{Text: s, Line: i + 1})
	}
	return f
}

// A long statement is cut and says by how much, on the screen and in JSON.
func TestReport_longStatement(t *testing.T) {
	text := "SELECT 1" + strings.Repeat("\n  + 1", 99) + ";"
	r := planned(pending(handmade("001_sum.sql", text))...)
	screen := strings.Join(Screen(r, ScreenOptions{}), "\n")
	if !strings.Contains(screen, "\n    ... (64 lines left out)\n") {
		t.Errorf("the screen does not say what it leaves out:\n%s", screen)
	}
	r = planned(pending(handmade("001_long.sql", "SELECT '"+strings.Repeat("é", 3000)+"';"))...)
	var d document
	if err := json.Unmarshal(JSON(r, false), &d); err != nil {
		t.Fatal(err)
	}
	if s := d.Statements[0]; len(s.SQL) != 2000 || s.Cut != 6010-2000 {
		t.Errorf("%d bytes are told and %d cut, want 2000 and 4010", len(s.SQL), s.Cut)
	}
}
