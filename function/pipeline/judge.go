package pipeline

import (
	"time"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// judged is the last thing before a plan runs: is it approved as the settings
// ask for, and is everything that was found about it accepted. It is the one
// place where findings that can be accepted are judged; those that cannot have
// stopped the walk before.
func (w *walk) judged(plan migration.Plan) bool {
	approval := w.request.approval()
	refusal := gate.Signed(plan, approval, w.settings, time.Now())
	if refusal == nil {
		refusal = gate.Judged(plan, w.result.Findings, approval, w.settings)
	}
	if refusal != nil {
		w.refuse(refusal)
	}
	return refusal == nil
}

// approval is what came with the request.
func (r Request) approval() migration.Approval {
	a := r.Approval
	a.Digest, a.Marks = r.Plan, r.Marks
	return a
}
