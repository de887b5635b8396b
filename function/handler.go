package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/report"
)

// A handler answers the events of one sandbox. It keeps nothing between two of
// them, so it may be called by several goroutines at once.
type handler struct {
	pipeline      pipeline.Pipeline // without Time and Log: each invocation has its own
	misconfigured error             // what the environment lacks; nil where nothing
	log           *slog.Logger
	metrics       io.Writer // where CloudWatch finds them: the function's standard output
}

// panicType is the errorType of an invocation that panicked, for whoever
// catches it by name.
const panicType = "Migrator.Panic"

// Invoke takes the event as it was sent and returns the report as it is to be
// read, indented: nothing in between encodes either again.
//
// Whatever has a report is an answer, failures included. The error is a bare
// messages.InvokeResponse_Error, because Lambda names an error after its Go
// type and only this one brings a name of its own; it means that something here
// panicked. The process ends then, as what it holds cannot be trusted, and with
// it any session to the database.
func (h *handler) Invoke(ctx context.Context, event []byte) (answer []byte, err error) {
	log := h.log
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("requestId", lc.AwsRequestID)
	}
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, panicked(ctx, log, cause)
		}
	}()
	began := time.Now()
	request, err := pipeline.ParseRequest(event)
	result := h.serve(ctx, log, request, err)
	measure(h.metrics, result, began, time.Since(began))
	return report.JSON(result, request.Brief), nil
}

// serve hands the request to the pipeline, or says why it does not come that
// far; the pipeline would have logged that.
func (h *handler) serve(ctx context.Context, log *slog.Logger, request pipeline.Request, unread error) (r migration.Result) {
	reason := unread
	switch {
	case unread != nil:
		r = pipeline.Refuse(unread)
	case h.misconfigured != nil:
		r, reason = misconfigured(request, h.misconfigured), h.misconfigured
	default:
		p := h.pipeline
		p.Log, p.Time = log, timeout(ctx)
		return p.Do(ctx, request)
	}
	log.WarnContext(ctx, "not served", "outcome", string(r.Outcome), "reason", migration.Mask(reason.Error()))
	return r
}

// timeout is the function's whole timeout. No variable tells it; but an
// invocation that begins has all of it before it, but for the moment that the
// event took to come here, and Lambda counts timeouts in whole seconds.
func timeout(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(0, time.Until(deadline)+time.Second-1).Truncate(time.Second)
}

// misconfigured is the result of any request where the environment cannot be
// used. That is a failure of the function, not of the request; to doctor it is
// the first link.
func misconfigured(r pipeline.Request, err error) migration.Result {
	message := "the function's environment cannot be used: " + err.Error()
	if r.Action == migration.ActionDoctor {
		return pipeline.Misconfigured(message)
	}
	next := "Correct the function's environment (in template.yaml), deploy, and send the same event again."
	return migration.Result{Action: r.Action, Outcome: migration.Failed, Next: next, Failure: &migration.Failure{
		Message: message,
		State:   "Nothing was sent to the database.", Next: next, Cause: err,
	}}
}

// panicked logs the stack, whose lines hold no values of ours, and returns what
// Lambda is to be told.
func panicked(ctx context.Context, log *slog.Logger, cause any) error {
	message := migration.Mask(fmt.Sprint(cause))
	log.ErrorContext(ctx, "panicked", "cause", message, "stack", string(debug.Stack()))
	return messages.InvokeResponse_Error{
		Type:       panicType,
		Message:    message + ": a bug in aurora-migrate; the log has its stack. What was committed before stays: send status, and it tells how far the database is.",
		ShouldExit: true,
	}
}
