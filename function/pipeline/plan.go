package pipeline

import (
	"context"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// plan walks up to the sealed plan and tells it.
func (w *walk) plan(ctx context.Context) {
	if !w.connect(ctx, migration.Digest{}) {
		return
	}
	history, err := w.session.History(ctx)
	if err != nil {
		w.fail(err)
		return
	}
	plan, ok := w.sealed(ctx, history, w.request.To, migration.Digest{})
	if !ok {
		return
	}
	w.result.Version = history.Current()
	if len(plan.Files) == 0 {
		w.result.Outcome = migration.NothingToDo
		return
	}
	w.result.Outcome, w.result.Plan = migration.Planned, &plan
	for _, p := range plan.Files {
		w.result.Files = append(w.result.Files, migration.FileResult{Pending: p, Row: p.Row, Plan: true})
	}
	if err := w.judge(ctx, plan); err != nil {
		w.fail(err)
		return
	}
	w.data(ctx, plan)
	w.result.Findings = append(w.result.Findings, w.foreseen(plan)...)
	w.log.InfoContext(ctx, "planned", "digest", plan.Digest.String(), "files", len(plan.Files))
}

// sealed drafts what is pending, asks for the live schema of what it touches,
// and seals it; false where something stands in the way, which is told then.
func (w *walk) sealed(ctx context.Context, history migration.History, to string, digest migration.Digest) (migration.Plan, bool) {
	draft, findings := migration.NewDraft(w.dir, history, to, digest)
	if w.find(findings) {
		return migration.Plan{}, false
	}
	if refusal := gate.Empty(w.session.Facts(), history, w.firstVersion()); refusal != nil && len(draft.Files) > 0 {
		w.refuse(refusal)
		return migration.Plan{}, false
	}
	plan, err := w.seal(ctx, draft)
	if err != nil {
		w.fail(err)
		return migration.Plan{}, false
	}
	return plan, true
}

func (w *walk) seal(ctx context.Context, draft migration.Draft) (migration.Plan, error) {
	target := w.session.Facts().Target
	w.obstacles = nil
	if len(draft.Files) == 0 || len(draft.Own) > 0 && !draft.Watches(w.replay, target) {
		return draft.Against(w.replay, w.dir, target, nil).Seal(nil, target, w.settings), nil
	}
	words, everything := draft.Touches(w.replay)
	live, obstacles, err := w.session.TouchedAndObstacles(ctx, words, everything, gate.NeedsOf(draft, w.replay).Relations())
	if err != nil {
		return migration.Plan{}, err
	}
	w.obstacles = &obstacles
	draft = draft.Against(w.replay, w.dir, target, live)
	if len(draft.Own) > 0 {
		live = nil // it is not what was approved
	}
	return draft.Seal(live, target, w.settings), nil
}

// firstVersion is what an example of a baseline may name: a version below the
// first file where there is one, else that of the first file.
func (w *walk) firstVersion() string {
	if len(w.dir.Files) == 0 {
		return "0"
	}
	return migration.Below(w.dir.Files[0].Version)
}
