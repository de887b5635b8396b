package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A givenPlan is what stood behind --plan, as an event holds it.
type givenPlan struct {
	plan    json.RawMessage // a digest or a report; nil where nothing is set
	nothing bool            // the report of a plan with nothing to do
}

// readPlan reads the value of --plan: a digest, a file, or "-" for stdin. What
// is neither a digest nor looks like the name of a file is handed on as it is,
// as a digest that differs.
func (t *terminal) readPlan(ctx context.Context, value string) (givenPlan, error) {
	if strings.TrimSpace(value) == "" {
		return givenPlan{}, usage("--plan is empty: want a digest, a file, or - for stdin")
	}
	if value == "-" {
		if isTerminal(t.in) {
			t.say("reading the plan from the terminal: paste a digest or a report, then press Ctrl-D on a line of its own")
		}
		text, err := readAll(ctx, t.in)
		if err != nil {
			return givenPlan{}, usage("read the plan from stdin: %w", err)
		}
		return parsePlan("stdin", text)
	}
	if _, err := migration.ParseDigest(value); err == nil {
		return digest(value), nil
	}
	text, err := os.ReadFile(value)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(value) == value && filepath.Ext(value) == "" {
		return digest(value), nil
	}
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return givenPlan{}, usage("read the plan from %s: %w", shown(value), err)
	}
	return parsePlan(shown(value), text)
}

// readAll reads in until its end, or until ctx ends: a signal must not wait for
// somebody to type.
func readAll(ctx context.Context, in io.Reader) (text []byte, err error) {
	through := make(chan struct{})
	var read []byte
	var failed error
	go func() {
		defer close(through)
		read, failed = io.ReadAll(in)
	}()
	select {
	case <-through:
		return read, failed
	case <-ctx.Done():
		return nil, errInterrupted
	}
}

// parsePlan reads what a file holds: a digest, also as a JSON string, or the
// report that plan printed.
func parsePlan(from string, text []byte) (givenPlan, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) == 0:
		return givenPlan{}, usage("%s holds no plan: it is empty", from)
	case text[0] == '{':
		return parseReport(from, text)
	}
	var quoted string
	if json.Unmarshal(text, &quoted) == nil {
		text = []byte(quoted)
	}
	if len(bytes.Fields(text)) != 1 {
		return givenPlan{}, usage("%s holds neither a digest nor a report: want what plan --output json prints, or the digest in it", from)
	}
	return digest(string(text)), nil
}

func parseReport(from string, text []byte) (givenPlan, error) {
	var report struct {
		Outcome migration.Outcome `json:"outcome"`
		Plan    *struct {
			Digest string `json:"digest"`
		} `json:"plan"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return givenPlan{}, usage("%s begins like a report and is none: %w", from, err)
	}
	switch {
	case report.Plan != nil && report.Plan.Digest != "":
		return givenPlan{plan: text}, nil
	case report.Outcome == migration.NothingToDo:
		return givenPlan{nothing: true}, nil
	case report.Outcome != "":
		return givenPlan{}, usage("%s is a report without a plan: its outcome is %s", from, shown(string(report.Outcome)))
	}
	return givenPlan{}, usage("%s is JSON and not the report that plan --output json prints", from)
}

func digest(text string) givenPlan {
	quoted, _ := json.Marshal(text) // a string cannot fail
	return givenPlan{plan: quoted}
}
