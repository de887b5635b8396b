package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/doctor"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// oldTransaction is how long one may be open before doctor tells of it.
const oldTransaction = time.Minute

// loginTime is how long a server may take to let us in, a paused cluster that
// wakes included; it leaves time to answer.
const loginTime = 25 * time.Second

// doctor looks at each link of the chain to the database, as far as it can be
// seen, and tells the first broken one. It only reads.
func (w *walk) doctor(ctx context.Context) {
	p := migration.Probes{Now: time.Now(), Planner: w.ReadOnly, Settings: w.settings, Credentials: w.Credentials}
	w.probeDirectory(&p)
	if config, ok := w.probeWay(ctx, &p); ok && p.Route.Broken == "" {
		w.probeServer(ctx, config, &p)
	}
	w.diagnose(p)
}

func (w *walk) diagnose(p migration.Probes) {
	w.result.Diagnosis = doctor.Diagnose(p)
	w.result.Outcome = w.result.Diagnosis.Outcome()
}

func (w *walk) probeDirectory(p *migration.Probes) {
	dir, findings, err := migration.ReadDir(w.Directory)
	if err != nil {
		p.Directory.Unread = err.Error()
		return
	}
	w.dir = dir
	p.Directory.Files, p.Directory.Findings = len(dir.Files), findings
}

// probeWay goes as far as the server's door; false where it is not known where
// that is.
func (w *walk) probeWay(ctx context.Context, p *migration.Probes) (postgres.Config, bool) {
	config, err := w.Connect(ctx)
	if err != nil {
		p.Unavailable = failureOf(err)
		return config, false
	}
	p.User, p.Database = config.User(), config.Database()
	route := config.Route(ctx)
	p.Route = &route
	if route.Failure != nil {
		w.rotated(ctx, route.Failure) // for what there is to add
		p.Explained = w.explained
	}
	return config, true
}

// failureOf is an error of the front door's making as a failure.
func failureOf(err error) *migration.Failure {
	var f *migration.Failure
	if errors.As(err, &f) {
		return f
	}
	return &migration.Failure{Message: migration.Mask(err.Error()), Cause: err}
}

// probeServer logs in and looks around.
func (w *walk) probeServer(ctx context.Context, config postgres.Config, p *migration.Probes) {
	entering, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	session, err := w.enter(entering, config, migration.Digest{})
	if err != nil {
		p.Rejected = failureOf(err)
		p.Fault, p.Explained = postgres.FaultOf(p.Rejected), w.explained
		return
	}
	w.session = session
	facts := session.Facts()
	w.result.Target, p.Facts = &facts.Target, &facts
	if p.History, err = session.ProbeHistory(ctx); err != nil {
		p.History.Unread = failureOf(err)
	}
	options := postgres.ProbeOptions{Old: oldTransaction}
	if w.dir != nil && w.probePending(ctx, p) {
		options.Words, options.Everything = migration.Draft{Files: p.Directory.Pending}.Touches(nil)
	}
	p.Live = session.Probe(ctx, options)
}

// probePending reads the history, where it may, and finds what is pending.
func (w *walk) probePending(ctx context.Context, p *migration.Probes) bool {
	h := &p.History
	if h.Unread != nil || h.There && !(h.Use && h.Read) {
		return false
	}
	rows, err := w.session.History(ctx)
	if err != nil {
		h.Unread = failureOf(err)
		return false
	}
	draft, findings := migration.NewDraft(w.dir, rows, "", migration.Digest{})
	h.Version, h.Findings = rows.Current(), findings
	p.Directory.Pending = draft.Files
	w.result.Version = h.Version
	return true
}

// Misconfigured is the result of a doctor whose configuration cannot be used,
// which is the first link of the chain.
func Misconfigured(said string) migration.Result {
	w := walk{}
	w.result.Action = migration.ActionDoctor
	w.diagnose(migration.Probes{Misconfigured: said})
	w.result.Next = next(w.result)
	return w.result
}
