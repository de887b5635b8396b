package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// handling is a handler whose pipeline has no database, and what it logs.
func handling(p pipeline.Pipeline) (*handler, *bytes.Buffer) {
	logged := new(bytes.Buffer)
	return &handler{pipeline: p, log: slog.New(slog.NewJSONHandler(logged, nil)), metrics: io.Discard}, logged
}

func unreachable(context.Context) (postgres.Config, error) {
	return postgres.Config{}, errors.New("no database here")
}

func request(t *testing.T) context.Context {
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-4711"})
}

// Whatever comes in, what goes out is a report: JSON, indented, its first key
// the screen.
func TestInvoke_anyEventHasAnAnswer(t *testing.T) {
	h, _ := handling(pipeline.Pipeline{Directory: fstest.MapFS{}, Connect: unreachable})
	const larger, large = 7 << 20, 1 << 20 // Lambda itself takes 6 MB
	for name, event := range map[string]string{
		"nothing": "", "null": "null", "array": "[]", "text": `""`, "number": "1e999", "no JSON": "{", "two": "{}{}", "NUL": "\x00",
		"no UTF-8": "{\"action\":\"\xff\"}", "lone surrogate": `{"action":"\ud800"}`,
		"deep":         strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20),
		"deep plan":    `{"action":"apply","plan":` + strings.Repeat(`{"plan":`, 9000) + `1` + strings.Repeat(`}`, 9000) + `}`,
		"large text":   `"` + strings.Repeat("a", larger) + `"`,
		"large action": `{"action":"` + strings.Repeat("a", large) + `"}`,
		"large field":  `{"action":"plan","` + strings.Repeat("a", large) + `":1}`,
		"large plan":   `{"action":"apply","plan":"` + strings.Repeat("a", larger) + `"}`,
		"many fields":  `{"action":"plan"` + strings.Repeat(`,"to":""`, large/8) + `}`,
		"status":       `{"action":"status"}`, "plan": `{"action":"plan"}`, "apply": `{"action":"apply"}`, "baseline": `{"action":"baseline","version":"1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := h.Invoke(request(t), []byte(event))
			if err != nil {
				t.Fatal(err)
			}
			var report struct {
				Outcome, Next string
				Screen        []string
			}
			if err := json.Unmarshal(answer, &report); err != nil {
				t.Fatalf("%v in %.300s", err, answer)
			}
			if report.Outcome == "" || len(report.Screen) == 0 || !bytes.HasPrefix(answer, []byte("{\n  \"screen\": [\n")) {
				t.Errorf("answer %.300s", answer)
			}
			if len(answer) > 6<<20 {
				t.Errorf("%d bytes: Lambda takes no more than 6 MB", len(answer))
			}
		})
	}
}

// A panic is the one thing that is no answer: Lambda is told a name that stays
// the same, a message without what looks like a secret, and to end the process;
// the stack is in the log, under the request's id.
func TestInvoke_panicIsAnError(t *testing.T) {
	h, logged := handling(pipeline.Pipeline{Directory: broken{}, Connect: unreachable})
	answer, err := h.Invoke(request(t), []byte(`{"action":"status"}`))
	if len(answer) != 0 {
		t.Errorf("an answer beside the error: %s", answer)
	}
	told, ok := err.(messages.InvokeResponse_Error) // not errors.As: Lambda looks at the outermost alone
	if !ok || told.Type != "Migrator.Panic" || !told.ShouldExit {
		t.Errorf("error %#v", err)
	}
	if !strings.Contains(told.Message, "send status") || !strings.Contains(told.Message, "CREATE ROLE a PASSWORD") {
		t.Errorf("message %q", told.Message)
	}
	if all := told.Message + logged.String(); strings.Contains(all, "hunter2") {
		t.Errorf("the password is told: %s", all)
	}
	for _, want := range []string{`"requestId":"request-4711"`, `"msg":"panicked"`, "handler_test.go"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("no %s in the log: %s", want, logged)
		}
	}
}

// broken is a directory that panics with a statement in its hand.
type broken struct{}

func (broken) Open(string) (fs.File, error) { panic("at CREATE ROLE a PASSWORD 'hunter2'") }

// What the environment holds in the wrong place may be the whole address of the
// database, password and all: neither the answer nor the log repeats it.
func TestInvoke_misconfiguredTellsNoPassword(t *testing.T) {
	_, err := readConfig([]string{"DB_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf", "DB_HOST=postgres://app:hunter2@db:5432/x"})
	h, logged := handling(pipeline.Pipeline{Directory: fstest.MapFS{}, Connect: unreachable})
	h.misconfigured = err
	answer, _ := h.Invoke(request(t), []byte(`{"action":"status"}`))
	if !bytes.Contains(answer, []byte("DB_HOST is")) || !strings.Contains(logged.String(), "DB_HOST is") {
		t.Errorf("answer %s, log %s", answer, logged)
	}
	if all := string(answer) + logged.String(); strings.Contains(all, "hunter2") {
		t.Errorf("the password is told: %s", all)
	}
}

func TestInvoke_everyLineHasTheRequest(t *testing.T) {
	for _, event := range []string{`{"action":"status"}`, `{"action":"wrong"}`} {
		h, logged := handling(pipeline.Pipeline{Directory: fstest.MapFS{}, Connect: unreachable})
		if _, err := h.Invoke(request(t), []byte(event)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
		for _, line := range lines {
			if strings.Count(line, `"requestId":"request-4711"`) != 1 {
				t.Errorf("%s: line %q", event, line)
			}
		}
	}
}

func TestTimeout(t *testing.T) {
	for left, want := range map[time.Duration]time.Duration{
		15*time.Minute - time.Millisecond: 15 * time.Minute, 3*time.Second - 200*time.Millisecond: 3 * time.Second, -time.Minute: 0,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		if got := timeout(ctx); got != want {
			t.Errorf("with %s left: %s, want %s", left, got, want)
		}
		cancel()
	}
	if got := timeout(context.Background()); got != 0 {
		t.Errorf("without a deadline: %s", got)
	}
}

// The events that stand in events/ for sam remote invoke --event-file are
// events as we take them.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("../events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, path := range files {
		event, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pipeline.ParseRequest(event)
		if err != nil || !strings.HasPrefix(filepath.Base(path), string(r.Action)) {
			t.Errorf("%s: action %q, %v", path, r.Action, err)
		}
	}
}
