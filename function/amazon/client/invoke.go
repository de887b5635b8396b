package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// EventLimit is how many bytes an event for a function may have.
const EventLimit = 6 * 1024 * 1024

// An event that surely did not arrive is sent this often in all, after a pause
// that begins with this and doubles.
const (
	sendings   = 4
	firstPause = 500 * time.Millisecond
)

// Invoke sends an event to a function, by name or ARN, and returns its answer as
// it came. A function that ended with an error of its own is Refused.
func (c *Client) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	pause := firstPause
	for sent := 1; ; sent++ {
		answer, err := c.invokeOnce(ctx, function, event)
		var f *migration.Failure
		if !errors.As(err, &f) || f.Kind != migration.Unreachable || !soon(f) || sent == sendings {
			return answer, err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return nil, err
		}
	}
}

// soon says that a pause of seconds may help.
func soon(f *migration.Failure) bool { return f.RetryAfter > 0 && f.RetryAfter <= shortly }

func (c *Client) invokeOnce(ctx context.Context, function string, event []byte) ([]byte, error) {
	out, err := c.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: event})
	if err != nil {
		return nil, c.uninvoked(ctx, function, err)
	}
	if out.FunctionError != nil {
		request, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
		return nil, c.functionError(function, request, out.Payload)
	}
	return out.Payload, nil
}

// A FunctionError is what a function ended with instead of an answer: it is the
// cause of such a failure.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// functionError says what a function ended with that has not made a report.
func (c *Client) functionError(function, request string, payload []byte) *migration.Failure {
	e := &FunctionError{}
	if json.Unmarshal(payload, e) != nil || e.Type == "" && e.Message == "" {
		e = &FunctionError{"an error without a type", excerpt(payload)}
	}
	e.Message = migration.Mask(e.Message)
	return &migration.Failure{
		Kind:    migration.Refused,
		Message: fmt.Sprintf("the function %s ended with an error and without a report: %v", function, e),
		Cause:   e,
		State:   "What was committed before stays; a statement that was under way may still be at work in the database.",
		Next:    "See why in its log: " + c.log(function, request) + " Then run the same command again: it goes on where this one ended.",
	}
}

// log is the command that shows what a request logged, where the function logs
// to the group that Lambda names after it.
func (c *Client) log(function, request string) string {
	command := fmt.Sprintf("aws logs tail /aws/lambda/%s --region %s --since 1h", functionName(function), c.region)
	if request != "" {
		command += ` --filter-pattern '"` + request + `"'`
	}
	return command + "."
}

// excerpt is the beginning of what cannot be read.
func excerpt(payload []byte) string {
	const most = 200
	text := migration.Mask(string(payload))
	if len(text) > most {
		text = text[:most] + "..."
	}
	return fmt.Sprintf("%q", text)
}
