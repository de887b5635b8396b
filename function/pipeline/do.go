package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// planTime is how long what only reads may take. SAM's client sends a request
// again after 60 s.
const planTime = 40 * time.Second

// Do serves one request. Whatever there is to tell is in the result, failures
// and unreachable databases included: there is no error beside it. The deadline
// of ctx is when the answer has to be there; without one an apply may take as
// long as it takes.
func (p *Pipeline) Do(ctx context.Context, r Request) migration.Result {
	w := &walk{Pipeline: p, request: r, run: runID(), settings: p.Settings.Defaults()}
	w.result.Action, w.result.Asked, w.result.To, w.result.Approval = r.Action, r.Plan, r.To, w.settings.Approval
	w.result.Given = r.approval()
	w.log = p.Log
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.log = w.log.With("run", w.run, "action", string(r.Action))
	w.log.InfoContext(ctx, "begin", "version", r.Version, "to", r.To)
	if r.Action == migration.ActionDoctor || w.readDirectory() {
		ctx, cancel := w.limit(ctx)
		w.serve(ctx)
		cancel()
	}
	if w.session != nil {
		w.session.Close()
	}
	w.result.Next = next(w.result)
	w.log.InfoContext(ctx, "end", "outcome", string(w.result.Outcome))
	return w.result
}

// A walk is one request on its way through the corridor.
type walk struct {
	*Pipeline
	request  Request
	settings migration.Settings
	run      string
	log      *slog.Logger
	dir      *migration.Dir
	replay   *migration.Replay // nil where there is none
	history  migration.History // that an apply began with
	session  *postgres.Session
	// obstacles are what stood in the way of the plan when it was sealed last; nil
	// where that was done without looking.
	obstacles *migration.Obstacles
	// explained: where the credentials come from, more was known of the last
	// login that was refused.
	explained bool
	result    migration.Result
}

func (w *walk) serve(ctx context.Context) {
	switch w.request.Action {
	case migration.ActionStatus:
		w.status(ctx)
	case migration.ActionPlan:
		w.plan(ctx)
	case migration.ActionApply:
		w.apply(ctx)
	case migration.ActionBaseline:
		w.baseline(ctx)
	case migration.ActionVerify:
		w.verify(ctx)
	case migration.ActionDoctor:
		w.doctor(ctx)
	}
}

// onlyReading are the actions that have to answer within planTime.
var onlyReading = []migration.Action{migration.ActionStatus, migration.ActionPlan, migration.ActionVerify, migration.ActionDoctor}

// limit leaves, of the time that there is, enough to stop what runs and to
// answer.
func (w *walk) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	end, bounded := ctx.Deadline()
	if bounded {
		end = end.Add(-min(time.Until(end)/10, 12*time.Second))
	}
	if slices.Contains(onlyReading, w.request.Action) {
		if by := time.Now().Add(planTime); !bounded || by.Before(end) {
			end, bounded = by, true
		}
	}
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end)
}

// readDirectory reads the files; false where they cannot be planned. Status
// shows what there is all the same.
func (w *walk) readDirectory() bool {
	if w.request.Directory != nil {
		if !w.ReadOnly {
			w.refuse(&migration.Refusal{Reason: migration.OnlyPlanning,
				Summary: "this function takes no directory from outside: it runs the files that it was deployed with",
				Next:    "Send the directory to the planner function."})
			return false
		}
	}
	dir, findings, err := migration.ReadDir(w.files())
	if err != nil {
		w.fail(&migration.Failure{Message: err.Error(), State: "Nothing was sent to the database.", Next: "Check that the directory is there and can be read.", Cause: err})
		return false
	}
	w.dir = dir
	w.result.Findings = findings
	if refusal := gate.Findings(findings); refusal != nil && w.request.Action != migration.ActionStatus {
		w.refuse(refusal)
		return false
	}
	return w.request.Action == migration.ActionStatus || w.readReplay()
}

// files are those of the request where it brings some.
func (w *walk) files() fs.FS {
	if w.request.Directory != nil {
		return migration.MemoryDir(w.request.Directory)
	}
	return w.Directory
}

// connect opens the session; false where there is none, or where the server is
// not one to run a plan against. Status and verify only read, so they take any server.
func (w *walk) connect(ctx context.Context, digest migration.Digest) bool {
	session, err := w.open(ctx, digest)
	if err != nil {
		w.fail(err)
		return false
	}
	w.session = session
	facts := session.Facts()
	w.result.Target = &facts.Target
	if refusal := gate.History(facts, w.settings.HistorySchema); refusal != nil {
		w.refuse(refusal)
		return false
	}
	if w.request.Action == migration.ActionStatus || w.request.Action == migration.ActionVerify {
		return true
	}
	if w.ReadOnly {
		facts.ReadOnly, facts.RoleForbidden = false, false // what only a runner has to be able to do
	}
	if refusal := gate.Server(facts); refusal != nil {
		w.refuse(refusal)
		return false
	}
	return true
}

func (w *walk) open(ctx context.Context, digest migration.Digest) (*postgres.Session, error) {
	config, err := w.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return w.enter(ctx, config, digest)
}

// enter logs in. Of a password that was rotated after it was read the first
// login is told; the second is the last.
func (w *walk) enter(ctx context.Context, config postgres.Config, digest migration.Digest) (*postgres.Session, error) {
	session, err := w.login(ctx, config, digest)
	if err == nil || !w.rotated(ctx, err) {
		return session, err
	}
	w.log.InfoContext(ctx, "the server refused the credentials; there are others by now")
	if config, err = w.Connect(ctx); err != nil {
		return nil, err
	}
	if session, err = w.login(ctx, config, digest); err != nil {
		w.rotated(ctx, err) // for what there is to add
	}
	return session, err
}

func (w *walk) rotated(ctx context.Context, err error) bool {
	var f *migration.Failure
	if w.Refused == nil || !errors.As(err, &f) {
		return false
	}
	before := f.Next
	again := w.Refused(ctx, f)
	w.explained = f.Next != before
	return again
}

func (w *walk) login(ctx context.Context, config postgres.Config, digest migration.Digest) (*postgres.Session, error) {
	return postgres.Open(ctx, config, postgres.Options{
		Settings: w.settings, Release: w.Release, Name: postgres.ApplicationName(digest, w.run),
		ShowDetail: w.ShowDetail, Log: w.log,
	})
}

// fail ends the walk with a failure. An error that is none yet is of the front
// door's making: credentials that could not be had.
func (w *walk) fail(err error) {
	var f *migration.Failure
	if !errors.As(err, &f) {
		f = &migration.Failure{Message: migration.Mask(err.Error()), State: "Nothing was sent to the database.", Cause: err,
			Next: "Check the address and the credentials of the database that are configured here (DATABASE_URL)."}
	}
	if f.State == "" {
		f.State = "Nothing was changed."
	}
	if f.Next == "" {
		f.Next = "Run the same command again; if it fails again, see the server's log."
	}
	w.result.Outcome, w.result.Failure = migration.Failed, f
}

func (w *walk) refuse(r *migration.Refusal) {
	w.result.Outcome, w.result.Refusal = migration.Blocked, r
}

func (w *walk) find(findings []migration.Finding) (blocked bool) {
	w.result.Findings = append(w.result.Findings, findings...)
	refusal := gate.Findings(findings)
	if refusal != nil {
		w.refuse(refusal)
	}
	return refusal != nil
}

func runID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Refuse is the result of a request that could not be understood.
func Refuse(err error) migration.Result {
	return migration.Result{Outcome: migration.Invalid,
		Failure: &migration.Failure{Message: err.Error(), State: "Nothing was sent to the database.", Cause: err},
		Next:    fmt.Sprintf("Mend the event; the simplest is {\"action\":%q}.", "status")}
}
