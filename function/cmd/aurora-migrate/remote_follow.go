package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/amazon/client"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const (
	// mostLost answers in a row are waited for; each is asked for again.
	mostLost = 5
	// mostIdle rounds in a row end without a statement more applied.
	mostIdle = 2

	betweenRounds = 5 * time.Second // where the last one has not come further
	betweenLooks  = 2 * time.Second // at an execution, or at a run that is joined
)

// A following is a request on its way to its end: an apply that is unfinished is
// sent again, and so is what got no answer, since a function joins a run of the
// same digest.
type following struct {
	t        *terminal
	client   *client.Client
	function string
	event    event
	seen     map[string]int // statements applied of each version, as the last status had it
	told     time.Time      // when there was something to tell
}

// follow returns the last answer. Where it comes with an error, the answer is
// of an earlier round.
func (f *following) follow(ctx context.Context) (last *answered, err error) {
	progress, idle := 0, 0
	for {
		a, err := f.ask(ctx)
		if err != nil || !f.goesOn(a) {
			if a == nil {
				a = last
			}
			return a, err
		}
		last = a
		pause := betweenRounds
		switch {
		case a.report.Lock != nil: // a session of this plan is at work still
			pause = betweenLooks
		case a.applied() > progress:
			progress, idle, pause = a.applied(), 0, 0
		default:
			if idle++; idle == mostIdle {
				return a, nil
			}
		}
		f.t.progressed("%s; sending apply again", a.headline())
		if sleep(ctx, pause) != nil {
			return a, nil
		}
	}
}

// goesOn says that an answer is that of a round, with another to come. The one
// to come runs the plan of this one, whether or not a digest was given before.
func (f *following) goesOn(a *answered) bool {
	if f.event.Action != migration.ActionApply || a.report.Outcome != migration.Unfinished {
		return false
	}
	if f.event.digest() == "" && a.report.Plan.Digest != "" {
		f.event.Plan = digest(a.report.Plan.Digest).plan
	}
	return f.event.digest() != ""
}

// ask sends the event until there is an answer.
func (f *following) ask(ctx context.Context) (*answered, error) {
	pause := time.Second
	for lost := 1; ; lost++ {
		payload, err := f.watched(ctx)
		if err == nil {
			return parseAnswer(f.function, payload)
		}
		failure := failureOf(err)
		gone := failure.Kind == migration.Disconnected || lost > 1 && failure.Kind == migration.Unreachable
		if lost > 1 {
			failure = orphaned(failure)
		}
		if !gone || !f.repeatable() || lost == mostLost {
			return nil, failure
		}
		f.t.progressed("%s; asking again: a run that is under way is joined", printable(failure.Message))
		if sleep(ctx, pause) != nil {
			return nil, failure
		}
		pause *= 2
	}
}

// orphaned is the failure of a call that did not arrive, after one that may have.
// An error of the function itself did arrive, and says what stays.
func orphaned(f *migration.Failure) *migration.Failure {
	var ended *client.FunctionError
	if errors.As(f, &ended) {
		return f
	}
	o := *f
	o.Kind, o.State = migration.Disconnected, "What was sent before got no answer and may be under way: it goes on without whoever asked for it."
	return &o
}

// repeatable says that the same event may come twice: it only reads, or it names
// a plan, by which a function knows the run that it belongs to.
func (f *following) repeatable() bool {
	switch f.event.Action {
	case migration.ActionApply:
		return f.event.digest() != ""
	}
	return true // baseline answers to a second one that it is as it should be
}

// watched sends the event once and tells of what happens meanwhile.
func (f *following) watched(ctx context.Context) ([]byte, error) {
	if f.event.Action != migration.ActionApply || f.t.format != textFormat {
		return f.client.Invoke(ctx, f.function, f.event.text())
	}
	watching, stop := context.WithCancel(ctx)
	through := make(chan struct{})
	go func() {
		defer close(through)
		f.watch(watching)
	}()
	defer func() {
		stop()
		<-through
	}()
	return f.client.Invoke(ctx, f.function, f.event.text())
}

// execute starts a workflow and waits for its end.
func (t *terminal) execute(ctx context.Context, c *client.Client, workflow string, e event) (*answered, error) {
	execution, err := c.Start(ctx, workflow, e.text())
	if err != nil {
		return nil, err
	}
	t.progressed("started %s", printable(execution))
	for lost := 0; ; {
		x, err := c.Look(ctx, execution)
		var failure *migration.Failure
		switch {
		case err == nil && !x.Running:
			return ended(workflow, execution, x)
		case err == nil:
			lost = 0
		case ctx.Err() != nil || !errors.As(err, &failure) || failure.Kind == migration.Refused || lost == mostLost:
			return nil, underWay(execution, err)
		default:
			lost++
		}
		if err := sleep(ctx, betweenLooks); err != nil {
			return nil, underWay(execution, err)
		}
	}
}

// underWay is the failure where an execution goes on and is no longer looked at.
func underWay(execution string, err error) error {
	why := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		why = "the time was over (--timeout)"
	case errors.Is(err, context.Canceled):
		why = "interrupted"
	}
	return &migration.Failure{
		Kind: migration.Disconnected, Message: why, Cause: err,
		State: "The execution " + execution + " goes on without whoever asked for it.",
		Next:  "Look at it (aws stepfunctions describe-execution --execution-arn " + execution + "), or run the same command again: it joins the run of this plan.",
	}
}

// ended is the report of an execution, or what it ended with instead.
func ended(workflow, execution string, x client.Execution) (*answered, error) {
	if x.Error == "" {
		return parseAnswer(workflow, x.Output)
	}
	message := x.Cause // that of the template's workflow begins with the error
	if !strings.HasPrefix(message, x.Error) {
		message = x.Error + ": " + x.Cause
	}
	f := &migration.Failure{Kind: migration.Refused, Message: migration.Mask(message),
		State: "What was committed stays; ask for status to see how far the database is.",
		Next:  "See its history: aws stepfunctions get-execution-history --execution-arn " + execution + "."}
	outcome := migration.Outcome(x.Error)
	switch outcome {
	case migration.Failed, migration.Invalid, migration.Blocked, migration.Unfinished:
	case "no_progress":
		outcome = migration.Unfinished
	default:
		outcome = migration.Failed
	}
	return nil, &workflowFailure{f, outcome}
}

// A workflowFailure is a failure of which the workflow says the outcome.
type workflowFailure struct {
	*migration.Failure
	outcome migration.Outcome
}

func (f *workflowFailure) Unwrap() error { return f.Failure }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progressed tells people how far it is. Machines wait for the report.
func (t *terminal) progressed(format string, args ...any) {
	if t.format == textFormat {
		t.say(format, args...)
	}
}

// statusEvent is what is asked while an apply is under way.
var statusEvent = func() []byte {
	text, _ := json.Marshal(event{Action: migration.ActionStatus, Brief: true})
	return text
}()
