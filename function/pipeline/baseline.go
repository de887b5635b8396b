package pipeline

import (
	"context"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// baseline adopts a database that already has everything up to a version. It
// is planned and approved as any plan is.
func (w *walk) baseline(ctx context.Context) {
	digest, _ := migration.ParseDigest(w.request.Plan)
	running := w.request.Plan != ""
	if running && w.refusePlanner() || !w.connect(ctx, digest) || running && !w.lock(ctx, digest) {
		return
	}
	history, err := w.session.History(ctx)
	if err != nil {
		w.fail(err)
		return
	}
	adoption, findings := migration.Adopt(w.dir, history, w.request.Version)
	if w.find(findings) {
		return
	}
	w.result.Adoption, w.result.Version = &adoption, history.Current()
	if adoption.Empty() {
		// Also the answer to a request that comes again: it is as it should be.
		w.result.Outcome = migration.Baselined
		return
	}
	plan := adoption.Seal(w.session.Facts().Target, w.settings)
	w.result.Plan = &plan
	if !running {
		w.result.Outcome = migration.Planned
		return
	}
	if refusal := gate.Approved(plan, w.request.approval(), w.settings.Approval); refusal != nil {
		w.refuse(refusal)
		return
	}
	if !w.judged(plan) {
		return
	}
	stamp := migration.Stamp{Release: w.Release, Digest: plan.Digest, Schema: plan.Schema}
	for i := range adoption.Write {
		adoption.Write[i].OperatorVersion = stamp.String()
	}
	if err := w.session.WriteRows(ctx, adoption.Write, adoption.Delete); err != nil {
		w.fail(err)
		w.unanswered()
		return
	}
	w.log.InfoContext(ctx, "baselined", "to", adoption.Version)
	w.result.Outcome, w.result.Version = migration.Baselined, adoption.Version
}

// unanswered corrects what is told of rows whose COMMIT got no answer.
func (w *walk) unanswered() {
	f := w.result.Failure
	if f.Kind != migration.Disconnected {
		return
	}
	w.result.Outcome = migration.Unfinished
	f.State = "It is not known whether the history was written: the connection was lost before the answer came. Either all of it was, or nothing."
	f.Next = "Run the same command again: it looks whether the history is as it should be, and writes it if not."
}
