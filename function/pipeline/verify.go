package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// looks is how often verify reads, because a run went on meanwhile. One that
// waits for a lock takes as long as the lock timeout.
const looks = 10

// verify compares the live catalogue with what the history says that it should
// be. It only reads and does not ask for the migration lock, so a run that is
// under way does not hold it up, but while that run is altering a table:
// PostgreSQL waits then before it writes a default or a check out. What it
// compares is one state all the same.
func (w *walk) verify(ctx context.Context) {
	if w.replay == nil {
		w.refuse(&migration.Refusal{Reason: migration.NoReplay,
			Summary: "what the migrations make is not known here: there is no " + migration.ReplayName + " beside them",
			Next:    "Run aurora-migrate replay, which writes it; then deploy again."})
		return
	}
	if !w.connect(ctx, migration.Digest{}) {
		return
	}
	history, live, err := w.still(ctx)
	if err != nil {
		w.fail(err)
		return
	}
	w.result.Version = history.Current()
	if _, findings := migration.NewDraft(w.dir, history, "", migration.Digest{}); w.find(findings) {
		return
	}
	if refusal := gate.Empty(w.session.Facts(), history, w.firstVersion()); refusal != nil {
		w.refuse(refusal)
		return
	}
	v := migration.Verify(w.replay, w.dir, history, w.session.Facts().Target, live)
	w.result.Verified, w.result.Outcome = &v, migration.Clean
	if v.Drifted() {
		w.result.Outcome = migration.Drifted
	}
	w.log.InfoContext(ctx, "verified", "objects", v.Objects, "drift", len(v.Drift))
}

// still reads the history and all that the database holds, again where the one
// went on while the other was read, or where something that is being altered
// could not be looked at.
func (w *walk) still(ctx context.Context) (migration.History, catalog.Snapshot, error) {
	var locked *migration.Failure
	before, holder, err := w.session.HistoryAndHolder(ctx)
	for range looks {
		if err != nil {
			return nil, nil, err
		}
		w.result.Lock = holder
		live, failed := w.session.Everything(ctx)
		if errors.As(failed, &locked) && locked.Kind != migration.LockWait {
			return nil, nil, failed
		}
		var after migration.History
		after, holder, err = w.session.HistoryAndHolder(ctx)
		if err == nil && failed == nil && reflect.DeepEqual(before, after) {
			return after, live, nil
		}
		before = after
	}
	why := "the history went on each time that the database was read"
	if locked != nil {
		why = "some object is being altered, and cannot be read while it is: " + locked.Message
	}
	return nil, nil, &migration.Failure{Message: fmt.Sprintf("%s (%d times)", why, looks), Kind: migration.LockWait,
		State: "Nothing was changed.", Next: "Verify again once the run, or whoever alters it, is through.", RetryAfter: 15 * time.Second}
}

// verifyTouched ends an apply: what it touched should be what the migrations say.
// It makes the outcome no other one; a look that fails, or for which there is no
// time, tells nothing.
func (w *walk) verifyTouched(ctx context.Context, plan migration.Plan) {
	if deadline, ok := ctx.Deadline(); w.replay == nil || ok && time.Until(deadline) < 2*time.Second {
		return
	}
	words, everything := plan.Touches(w.replay)
	live, err := w.session.Touched(ctx, words, everything)
	if err != nil {
		w.log.WarnContext(ctx, "what was touched could not be compared with the migrations", "error", err.Error())
		return
	}
	history := append(append(migration.History{}, w.history...), rows(w.result.Files)...).Latest()
	for i, d := range migration.VerifyTouched(w.replay, w.dir, history, w.session.Facts().Target, live, words, everything) {
		f := migration.Finding{Code: migration.CodeNotAsTold, Severity: migration.Warning,
			Summary: "The database is not what the migrations say: " + d.String() + ".",
			Fix:     "The files were applied as planned; this comes from somewhere else. Ask verify for all there is."}
		if i == manyDrifts {
			f.Summary = "The database differs in more than these from what the migrations say."
		}
		f.ID = fmt.Sprintf("%s@%s", f.Code, d.Name)
		w.result.Findings = append(w.result.Findings, f)
		if i == manyDrifts {
			return
		}
	}
}

// manyDrifts is how many of them an apply tells of.
const manyDrifts = 20

func rows(files []migration.FileResult) (history migration.History) {
	for _, f := range files {
		history = append(history, f.Row)
	}
	return history
}

// readReplay reads what the files were seen to do; false where that cannot be
// used. Status and doctor do without it.
func (w *walk) readReplay() bool {
	fsys := w.files()
	replay, findings := migration.ReadReplay(fsys, w.dir)
	w.replay = replay
	w.result.Findings = append(w.result.Findings, findings...)
	if refusal := gate.Findings(findings); refusal != nil {
		refusal.Reason = migration.NoReplay
		refusal.Next = findings[0].Fix + " Then deploy again."
		w.refuse(refusal)
		return false
	}
	return true
}
