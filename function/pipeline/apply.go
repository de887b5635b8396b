package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/apply"
	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// apply takes the lock, drafts and seals again under it, compares with what was
// approved, and runs. A digest that comes again goes on, joins or reports.
func (w *walk) apply(ctx context.Context) {
	if w.refusePlanner() {
		return
	}
	digest, _ := migration.ParseDigest(w.request.Plan) // a malformed one is one that differs
	if !w.connect(ctx, digest) {
		return
	}
	if w.request.Plan == "" && !w.needsApproval(ctx) {
		return
	}
	if !w.lock(ctx, digest) {
		return
	}
	history, err := w.session.History(ctx)
	if err != nil {
		w.fail(err)
		return
	}
	plan, ok := w.approved(ctx, history, digest)
	if !ok {
		return
	}
	w.result.Plan, w.result.Version, w.history = &plan, history.Current(), history
	if len(plan.Files) == 0 {
		w.result.Plan, w.result.Outcome = nil, migration.NothingToDo
		return
	}
	if err := w.judge(ctx, plan); err != nil {
		w.fail(err)
		return
	}
	if len(plan.Own) == 0 { // nobody accepts anything of a plan that has begun
		w.data(ctx, plan)
	}
	w.answered(plan)
	w.foretold(plan)
	if !w.judged(plan) || !w.unobstructed(ctx, plan) {
		return
	}
	w.execute(ctx, plan)
}

func (w *walk) refusePlanner() bool {
	if w.ReadOnly {
		w.refuse(&migration.Refusal{Reason: migration.OnlyPlanning, Summary: "this function only plans: it changes nothing",
			Next: "Send the same event to the runner function."})
	}
	return w.ReadOnly
}

// needsApproval decides a request without a digest by looking only: with
// nothing pending there is nothing to approve. It is true where the walk goes
// on, because no approval is asked for.
func (w *walk) needsApproval(ctx context.Context) bool {
	history, err := w.session.History(ctx)
	if err != nil {
		w.fail(err)
		return false
	}
	plan, ok := w.sealed(ctx, history, w.request.To, migration.Digest{})
	if !ok {
		return false
	}
	if len(plan.Files) == 0 {
		w.result.Outcome, w.result.Version = migration.NothingToDo, history.Current()
		return false
	}
	if refusal := gate.Approved(plan, migration.Approval{}, w.settings.Approval); refusal != nil {
		w.refuse(refusal)
		return false
	}
	return true
}

// lock takes the lock; false where somebody else keeps it. A run of the same
// plan is joined: once it is over, what it did is told as ours.
func (w *walk) lock(ctx context.Context, digest migration.Digest) bool {
	holder, err := w.session.Lock(ctx, digest)
	switch {
	case err != nil:
		w.fail(err)
		return false
	case holder == nil:
		return true
	case postgres.Joins(holder, digest):
		w.result.Outcome, w.result.Lock = migration.Unfinished, holder
		w.soFar(ctx, digest)
		return false
	}
	w.refuse(gate.Held(*holder))
	return false
}

// soFar tells how far the run that was joined has come. What cannot be read in
// the time that is left is not told.
func (w *walk) soFar(ctx context.Context, digest migration.Digest) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	history, err := w.session.History(ctx)
	if err != nil {
		return
	}
	draft, _ := migration.NewDraft(w.dir, history, w.request.To, digest)
	for _, p := range draft.Files {
		w.result.Files = append(w.result.Files, migration.FileResult{Pending: p, Row: p.Row})
	}
}

// approved seals what is pending and returns it if it is what was approved.
//
// A digest whose own rows are all whole may have been the plan of fewer files
// than are pending now, because files were deployed since: then it is the plan
// up to its last version, and done.
func (w *walk) approved(ctx context.Context, history migration.History, digest migration.Digest) (migration.Plan, bool) {
	plan, ok := w.sealed(ctx, history, w.request.To, digest)
	if !ok {
		return plan, false
	}
	approval := w.request.approval()
	refusal := gate.Approved(plan, approval, w.settings.Approval)
	if refusal != nil && plan.Finished() {
		last := plan.Own[len(plan.Own)-1].Version
		if shorter, ok := w.sealed(ctx, history, last, digest); ok && gate.Approved(shorter, approval, w.settings.Approval) == nil {
			return shorter, true
		}
	}
	if refusal != nil && slices.Contains(refusal.Differs, migration.SchemaPart) {
		// A definition read while somebody dropped what it names can be wrong
		// without an error: read again before saying no.
		if again, err := w.seal(ctx, plan.Draft); err == nil {
			plan, refusal = again, gate.Approved(again, approval, w.settings.Approval)
		}
	}
	if refusal != nil {
		w.result.Version = history.Current()
		w.refuse(refusal)
		return plan, false
	}
	return plan, true
}

// execute runs the plan and tells what became of each file.
func (w *walk) execute(ctx context.Context, plan migration.Plan) {
	files, stop := apply.Run(ctx, w.session, plan, apply.Options{
		Release: w.Release, LockTimeout: w.settings.LockTimeout, Whole: w.Time, Progress: w.Progress, Log: w.log,
	})
	w.result.Files = files
	w.result.Outcome = migration.Applied
	if stop == nil {
		w.result.Version = files[len(files)-1].Version
		w.result.Findings = nil // what was judged before is of the past, and who joins was told nothing of it
		w.verifyTouched(ctx, plan)
		return
	}
	w.result.Outcome, w.result.Failure = stop.Outcome, stop.Failure
	if stop.Failure.Kind == migration.Disconnected {
		w.lookAgain(ctx, plan)
	}
	for _, f := range files {
		if f.Row.Applied > 0 {
			w.result.Version = f.Version
		}
	}
}

// lookAgain reads the history through a new connection after one was lost, so
// that what is told is what is there and not what was last heard.
func (w *walk) lookAgain(ctx context.Context, plan migration.Plan) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	session, err := w.open(ctx, migration.Digest{})
	if err != nil {
		return // it stays unknown, and the failure says so
	}
	defer session.Close()
	history, err := session.History(ctx)
	if err != nil {
		return
	}
	_, own := history.Split(plan.Digest)
	for i, f := range w.result.Files {
		if row, ok := own.Find(f.Version); ok {
			w.result.Files[i].Row, w.result.Files[i].Done = row, !row.Partial()
		}
	}
	w.result.Failure.State += " As the history stands now: " + standing(w.result.Files)
}
