package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// limits are the sizes that a report keeps to.
type limits struct {
	report int // bytes of all of it
	text   int // bytes of one text
	sql    int // bytes of one statement
}

// An answer of Lambda holds 6 MB; a state of a state machine 256 KB, which it
// shares with others.
var (
	whole = limits{report: 5_500_000, text: 4_000, sql: 2_000}
	brief = limits{report: 100_000, text: 1_000, sql: 500}
)

// JSON returns the report of r: an indented object that ends with a newline.
// It is at most 5.5 MB however much there is to tell, at most 100 kB where
// isBrief. What does not fit is left out from the ends of the lists, statements
// first and the error last; the object "cut" counts it and the last line of the
// screen says it.
func JSON(r migration.Result, isBrief bool) []byte {
	l := whole
	if isBrief {
		l = brief
	}
	return bounded(r, isBrief, l)
}

// bounded is JSON by other limits.
func bounded(r migration.Result, isBrief bool, l limits) []byte {
	d, left := newDocument(r, l)
	d.Screen = Screen(r, ScreenOptions{Brief: isBrief})
	return fit(d, left, l)
}

// newDocument builds the report without its screen. The map counts what it left
// out of its lists because it is sure not to fit.
func newDocument(r migration.Result, l limits) (*document, map[string]int) {
	left := map[string]int{}
	d := &document{
		OK: r.Outcome.OK(), Outcome: r.Outcome, Action: r.Action,
		Target: clippedTarget(r.Target, l), Version: clip(r.Version, l.text), Lock: clippedPeer(r.Lock, l),
		Next: clip(next(r), l.text), Checks: clippedChecks(r.Diagnosis.Checks, l), SQL: r.Diagnosis.Scripts,
		Error: clippedFailure(r.Failure, l), Refusal: clippedRefusal(r.Refusal, l),
		RetryAfter: seconds(retryAfter(r)),
		Files:      files(r, l), Unseen: clippedAll(r.Unseen, l),
	}
	d.Progress = progress(r)
	d.Statements, left["statements"] = statements(r, l)
	d.Findings = clippedFindings(r.Findings, l)
	d.Migrations = clippedMigrations(r.Migrations, l)
	d.Drift, d.Verified = clippedDrift(r.Verified, l), newVerifiedDocument(r.Verified, l)
	d.Plan = newPlanDocument(r, l)
	d.bound(r, l, left)
	return d, left
}

// bound leaves out what cannot fit whatever else there is, so that fit has
// little to encode.
func (d *document) bound(r migration.Result, l limits, left map[string]int) {
	d.Unseen, left["unseen"] = within(d.Unseen, l.report, textSize)
	d.Drift, left["drift"] = within(d.Drift, l.report, driftSize)
	d.Files, left["files"] = within(d.Files, l.report, func(f fileDocument) int { return len(f.Name) + len(f.Version) + 100 })
	slices.Reverse(d.Migrations) // the latest and the pending ones stand last, and stay
	d.Migrations, left["migrations"] = within(d.Migrations, l.report, func(m migration.Migration) int {
		return len(m.Version) + len(m.File) + len(m.By) + len(m.Error) + 50
	})
	slices.Reverse(d.Migrations)
	if d.Plan != nil {
		d.Plan.Touched, left["touched"] = within(d.Plan.Touched, l.report, func(m catalog.Mark) int { return len(m.Name) + 70 })
		d.Plan.Files, left["plan_files"] = within(d.Plan.Files, l.report, func(f planFileDocument) int { return len(f.Name) + len(f.Hash) + 100 })
	}
	if d.Refusal != nil {
		d.Refusal.Changed, left["changed"] = within(d.Refusal.Changed, l.report, textSize)
	}
	if d.Error != nil {
		left["blockers"] = len(r.Failure.Blockers) - len(d.Error.Blockers)
	}
}

func newPlanDocument(r migration.Result, l limits) *planDocument {
	if r.Plan == nil {
		return nil
	}
	p := &planDocument{
		Digest: r.Plan.Digest.String(), Parts: newPartsDocument(r.Plan.Parts),
		Approval: r.Approval, To: clip(r.To, l.text), Files: []planFileDocument{},
	}
	for _, f := range r.Plan.Files {
		d := planFileDocument{Name: f.Name, Version: f.Version, TxMode: f.TxMode, Statements: len(f.Stmts), Hash: f.Hash}
		if r.Action == migration.ActionPlan {
			d.Applied = f.Applied()
		}
		p.Files = append(p.Files, d)
	}
	if !walked(r) {
		p.Touched = r.Plan.Touched
	}
	if r.Adoption != nil {
		p.Adopts = clippedAll(r.Adoption.Sentences(), l)
	}
	return p
}

func newPartsDocument(p migration.Parts) partsDocument {
	return partsDocument{
		Files: head(p[migration.FilesPart], 4), History: head(p[migration.HistoryPart], 4),
		Schema: head(p[migration.SchemaPart], 4), Engine: head(p[migration.EnginePart], 4),
		Target: head(p[migration.TargetPart], 4), Settings: head(p[migration.SettingsPart], 4),
	}
}

// files tells of each file of an apply what the history has of it.
func files(r migration.Result, l limits) []fileDocument {
	var list []fileDocument
	for _, f := range ranFiles(r) {
		d := fileDocument{
			Name: clip(f.Name, l.text), Version: clip(f.Version, l.text),
			State: fileState(f), Applied: f.Row.Applied, Total: total(f),
		}
		if hasRun(f) {
			d.AppliedAt = f.Row.ExecutedAt.UTC().Format(time.RFC3339)
			d.ExecutionMS = milliseconds(f.Row.ExecutionTime)
		}
		list = append(list, d)
	}
	return list
}

// progress counts statements, so that whoever sends an unfinished apply again
// can tell whether it came further. It is nil for other actions, and where the
// apply did not come as far as its files.
func progress(r migration.Result) *int {
	files := ranFiles(r)
	if len(files) == 0 {
		return nil
	}
	n := 0
	for _, f := range files {
		n += f.Row.Applied
	}
	return &n
}

// next is the one sentence of what to do now, whoever wrote it, masked.
func next(r migration.Result) string {
	switch {
	case r.Next != "":
		return migration.Mask(r.Next)
	case r.Refusal != nil && r.Refusal.Next != "":
		return migration.Mask(r.Refusal.Next)
	case r.Failure != nil:
		return migration.Mask(r.Failure.Next)
	}
	return ""
}

func retryAfter(r migration.Result) time.Duration {
	switch {
	case r.Refusal != nil && r.Refusal.RetryAfter > 0:
		return r.Refusal.RetryAfter
	case r.Failure != nil && r.Failure.RetryAfter > 0:
		return r.Failure.RetryAfter
	}
	return 0
}

// seconds rounds up, so that nobody comes back too early.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// encode writes v as the report has it, with a newline at its end.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("report: %v", err)) // a document holds strings and numbers only
	}
	return escaped(b.Bytes())
}
