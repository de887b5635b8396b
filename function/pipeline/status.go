package pipeline

import (
	"context"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// status lists every version. It reads in one moment and takes no lock, so a
// run that is under way never holds it up.
func (w *walk) status(ctx context.Context) {
	if !w.connect(ctx, migration.Digest{}) {
		return
	}
	history, holder, err := w.session.HistoryAndHolder(ctx)
	if err != nil {
		w.fail(err)
		return
	}
	w.result.Version, w.result.Lock = history.Current(), holder
	w.result.Migrations = migration.Survey(w.dir, history)
	_, findings := migration.NewDraft(w.dir, history, "", migration.Digest{})
	w.result.Findings = append(w.result.Findings, findings...)
	w.result.Outcome = migration.Current
	if slices.ContainsFunc(w.result.Migrations, outstanding) {
		w.result.Outcome = migration.Outstanding
	}
	refusal := gate.Findings(w.result.Findings)
	if refusal == nil && w.result.Outcome == migration.Outstanding {
		refusal = gate.Empty(w.session.Facts(), history, w.firstVersion())
	}
	if refusal != nil {
		w.refuse(refusal)
	}
}

func outstanding(m migration.Migration) bool {
	return m.State == migration.StatePending || m.State == migration.StatePartial
}
