package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// An answer is what the walk needs of a report.
type answer struct {
	Screen  []string `json:"screen"`
	Outcome string   `json:"outcome"`
	Plan    struct {
		Digest string `json:"digest"`
	} `json:"plan"`
}

// walk goes from plan to apply to status and shows each answer as a person
// reads it. An answer that is not the expected one ends it.
func (s *stage) walk(ctx context.Context, out io.Writer) error {
	s.introduce(out)
	a, err := s.ask(ctx, out, planner, map[string]string{"action": "plan"}, "planned")
	if err != nil {
		return err
	}
	if _, err = s.ask(ctx, out, runner, map[string]string{"action": "apply", "plan": a.Plan.Digest}, "applied"); err != nil {
		return err
	}
	if _, err = s.ask(ctx, out, planner, map[string]string{"action": "status"}, "current"); err != nil {
		return err
	}
	fmt.Fprint(out, `
That was all of it, on this machine. Try next:
  make up      the same, left running, to invoke with aws or sam and look at with psql
  make test    every test, each database test against a real server
  make help    everything else
`)
	return nil
}

func (s *stage) introduce(out io.Writer) {
	fmt.Fprintf(out, `PostgreSQL %s with an empty database, and the function twice, as on AWS:
  %s  only plans
  %s   plans and applies
`, s.server.Version(), planner, runner)
}

// ask invokes a function and shows the answer; another outcome than want is an
// error.
func (s *stage) ask(ctx context.Context, out io.Writer, function string, event map[string]string, want string) (answer, error) {
	b, err := json.Marshal(event)
	if err != nil {
		return answer{}, err
	}
	fmt.Fprintf(out, "\n> %s  %s\n\n", function, b)
	payload, functionError, err := s.lambda.Invoke(ctx, function, b)
	if err != nil {
		return answer{}, err
	}
	if functionError != "" {
		return answer{}, fmt.Errorf("%s: %s", functionError, payload)
	}
	var a answer
	if err := json.Unmarshal(payload, &a); err != nil {
		return a, fmt.Errorf("the answer is not a report: %w: %.300s", err, payload)
	}
	for _, line := range a.Screen {
		fmt.Fprintln(out, strings.TrimRight("  "+line, " "))
	}
	fmt.Fprintf(out, "\n  (%s)\n", s.measured(function))
	if a.Outcome != want {
		return a, fmt.Errorf("the outcome is %s, and on an empty database it should be %s", a.Outcome, want)
	}
	return a, nil
}

// measured says what the last invocation of a function took.
func (s *stage) measured(function string) string {
	r := s.lambda.Last(function)
	said := fmt.Sprintf("answered in %s", r.Duration.Round(time.Millisecond))
	if r.ColdStart {
		said += fmt.Sprintf(" after a start of %s", r.Init.Round(100*time.Microsecond))
	}
	if r.MaxRSS > 0 {
		said += fmt.Sprintf(", %d MB", (r.MaxRSS+1<<20-1)>>20)
	}
	return said
}
