package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// answerReserve is what questions to the data leave of the time of a plan, to
// tell what they found.
const answerReserve = 3 * time.Second

// judge adds what is to be found about the statements that are still to run, in
// the light of the sizes of what they touch.
func (w *walk) judge(ctx context.Context, plan migration.Plan) error {
	facts, err := w.session.Relations(ctx, touchedBy(plan.Draft, w.replay))
	if err != nil {
		return err
	}
	var files []migration.File
	for _, p := range plan.Todo() {
		files = append(files, p.File)
	}
	w.result.Findings = append(w.result.Findings, lint.Check(lint.Input{Files: files, Replay: w.replay, Facts: facts, Major: w.session.Facts().Target.Major(),
		Forecasts: w.forecast(ctx, plan, facts), Time: w.Time, StatementTimeout: w.settings.StatementTimeout, Timeouts: w.session.Facts().Timeouts})...)
	return nil
}

// touchedBy are the relations that were there before and that the statements
// still to run were seen to touch.
func touchedBy(d migration.Draft, replay *migration.Replay) []string {
	names := map[string]bool{}
	for _, f := range d.Todo() {
		seen, _ := replay.Find(f.Name)
		for _, e := range seen.Statements {
			for _, l := range e.Locks {
				names[l.Relation] = true
			}
			for _, i := range e.Indexes {
				names[i.Table] = true
			}
			for _, c := range e.Columns {
				names[c.Table] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// data asks the data what the plan depends on, and adds what follows.
func (w *walk) data(ctx context.Context, plan migration.Plan) {
	questions := lint.Ask(plan.Todo(), w.replay)
	if end, bounded := ctx.Deadline(); bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-answerReserve))
		defer cancel()
	}
	found := lint.Answers(w.session.Answer(ctx, questions))
	// What is known of these rows says more than what may be of any.
	w.result.Findings = slices.DeleteFunc(w.result.Findings, func(f migration.Finding) bool {
		return slices.ContainsFunc(found, func(known migration.Finding) bool { return known.ID == f.ID })
	})
	w.result.Findings = append(w.result.Findings, found...)
}

// answered stands for what the data said when the plan was made: where the rows
// have been mended by now, what the approval accepts of them has been found all
// the same.
func (w *walk) answered(plan migration.Plan) {
	for _, q := range lint.Ask(plan.Todo(), w.replay) {
		known := slices.ContainsFunc(w.result.Findings, func(f migration.Finding) bool { return f.ID == q.ID() })
		if !known && slices.Contains(w.request.Approval.Accept, q.ID()) {
			w.result.Findings = append(w.result.Findings, migration.Finding{Code: q.Code, Severity: migration.Info, File: q.File, Line: q.Line, Statement: q.Statement,
				Summary: "rows did not fit " + q.Subject + " when this was planned; the approval accepts that"}.Identified())
		}
	}
}

// foreseen are what would keep the plan from running now.
func (w *walk) foreseen(plan migration.Plan) []migration.Finding {
	if w.obstacles == nil {
		return nil
	}
	return gate.Foreseen(gate.NoGo(gate.NeedsOf(plan.Draft, w.replay), *w.obstacles))
}

// unobstructed says that nothing stands in the way of running the plan now. It
// is called under the lock.
func (w *walk) unobstructed(ctx context.Context, plan migration.Plan) bool {
	needs := gate.NeedsOf(plan.Draft, w.replay)
	if w.obstacles == nil && needs.Known() {
		obstacles, err := w.session.Obstacles(ctx, needs.Relations())
		if err != nil {
			w.fail(err)
			return false
		}
		w.obstacles = &obstacles
	}
	if w.obstacles == nil {
		return true
	}
	refusal := gate.NoGo(needs, *w.obstacles)
	if refusal != nil {
		w.refuse(refusal)
	}
	return refusal == nil
}
