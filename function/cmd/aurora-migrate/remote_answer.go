package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// answered is a report as it came from elsewhere.
type answered struct {
	text   []byte
	report struct {
		Screen  []string          `json:"screen"`
		Outcome migration.Outcome `json:"outcome"`
		Lock    *struct{}         `json:"lock"`
		Plan    struct {
			Digest string `json:"digest"`
		} `json:"plan"`
		Files []struct {
			Applied int `json:"applied"`
		} `json:"files"`
	}
}

// parseAnswer reads an answer. What is no report is a failure of whoever gave it.
func parseAnswer(from string, payload []byte) (*answered, error) {
	a := &answered{text: payload}
	err := json.Unmarshal(payload, &a.report)
	if err == nil && a.report.Outcome == "" {
		err = errors.New("it has no outcome")
	}
	if err != nil {
		return nil, &migration.Failure{
			Kind:    migration.Refused,
			Message: fmt.Sprintf("what %s answered is not a report: %v: %s", from, err, beginning(payload)),
			State:   "What was done there is not known.",
			Next:    "Check that it is a function of aurora-migrator; then ask it for status.", Cause: err,
		}
	}
	return a, nil
}

func beginning(payload []byte) string {
	const most = 200
	if len(payload) > most {
		return fmt.Sprintf("%q...", migration.Mask(string(payload[:most])))
	}
	return fmt.Sprintf("%q", migration.Mask(string(payload)))
}

// applied counts the statements that are in the database.
func (a *answered) applied() (n int) {
	for _, f := range a.report.Files {
		n += f.Applied
	}
	return n
}

func (a *answered) headline() string {
	if len(a.report.Screen) == 0 {
		return string(a.report.Outcome)
	}
	return printable(a.report.Screen[0])
}

// tellRemote writes an answer, or why there is none. An answer of an earlier
// round that comes with an error says what was done until then.
func (t *terminal) tellRemote(r remote, e event, a *answered, err error) {
	if err != nil {
		t.tellUnanswered(r, e, a, err)
		return
	}
	t.outcome = a.report.Outcome
	if !known(t.outcome) {
		t.say("the outcome %s is not known here, so it counts as a failure: what answers is another release than this one (%s)", shown(string(t.outcome)), release)
	}
	if t.format == jsonFormat {
		_, _ = t.out.Write(append(bytes.TrimRight(a.text, "\n"), '\n')) // lastError knows
		return
	}
	to := io.Writer(t.out)
	if t.outcome == migration.Invalid {
		to = t.err
	}
	_, _ = io.WriteString(to, strings.Join(r.screen(a.report.Screen), "\n")+"\n")
}

// known says that the outcome is one of those that have an exit code.
func known(o migration.Outcome) bool {
	return o.ExitCode() != 1 || o == migration.Failed || o == migration.Unhealthy
}

var (
	terminalCommand = regexp.MustCompile(`^  aurora-migrate (status|plan|apply|verify|baseline|doctor)( .*)?$`)
	samCommand      = "  sam remote invoke RunnerFunction --stack-name <stack> "
)

// screen is that of an answer as this door shows it: the commands are for it,
// and nothing is in it that a terminal would obey.
func (r remote) screen(lines []string) (shown []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, samCommand) {
			continue // the line before is the same for this door
		}
		if m := terminalCommand.FindStringSubmatch(line); m != nil {
			line = "  aurora-migrate " + m[1] + " " + quotedWords(r.flags(m[1])) + m[2]
		}
		shown = append(shown, printable(line))
	}
	return shown
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quotedWords are words as a shell takes them.
func quotedWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; !plainWord.MatchString(w) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// unanswered is what is told where there is no report, as JSON has it. The keys
// are those of every report.
type unanswered struct {
	Screen     []string            `json:"screen"`
	OK         bool                `json:"ok"`
	Outcome    migration.Outcome   `json:"outcome"`
	Action     migration.Action    `json:"action"`
	Findings   []migration.Finding `json:"findings"`
	Statements []struct{}          `json:"statements"`
	Next       string              `json:"next"`
	Error      *migration.Failure  `json:"error"`
	RetryAfter int                 `json:"retry_after,omitempty"` // seconds
}

func (t *terminal) tellUnanswered(r remote, e event, last *answered, err error) {
	f := *failureOf(err)
	u := unanswered{
		Outcome: outcomeOf(e, last, err), Action: e.Action, Findings: []migration.Finding{}, Statements: []struct{}{},
		Next: f.Next, Error: &f, RetryAfter: int(f.RetryAfter.Seconds()),
	}
	if last != nil {
		f.State = last.headline() + ". " + "That was the last answer; what came after it is not known."
	}
	t.outcome = u.Outcome
	u.Screen = u.lines(r, e)
	if t.format == jsonFormat {
		t.writeJSON(u)
		return
	}
	to := io.Writer(t.out)
	if t.outcome == migration.Invalid {
		to = t.err
	}
	_, _ = io.WriteString(to, strings.Join(u.Screen, "\n")+"\n")
}

// outcomeOf is unfinished where something that changes the database may be under
// way or half done, and failed otherwise, unless the workflow says more.
func outcomeOf(e event, last *answered, err error) migration.Outcome {
	var w *workflowFailure
	if errors.As(err, &w) {
		return w.outcome
	}
	f := failureOf(err)
	writes := e.Action == migration.ActionApply || e.Action == migration.ActionBaseline && e.Plan != nil
	if writes && (last != nil || f.Kind == migration.Disconnected || f.Kind == migration.Stopped) && f.Kind != migration.Refused {
		return migration.Unfinished
	}
	return migration.Failed
}

func (u unanswered) lines(r remote, e event) []string {
	head := map[migration.Outcome]string{
		migration.Unfinished: "Unfinished: how it ended is not known here", migration.Blocked: "Blocked: nothing was applied", migration.Invalid: "Invalid request: nothing was done",
	}[u.Outcome]
	switch {
	case head == "":
		head = "Failed: there is no report"
	case u.Outcome == migration.Unfinished && u.Error.Kind == migration.Refused:
		head = "Unfinished: it comes no further"
	}
	lines := append([]string{head, ""}, indented("", u.Error.Message)...)
	lines = append(lines, indented("    ", "State: "+u.Error.State)...)
	if u.RetryAfter > 0 {
		lines = append(lines, fmt.Sprintf("    Worth another try in %d s.", u.RetryAfter))
	}
	lines = append(append(lines, ""), indented("", "Next: "+u.Next)...)
	if u.Outcome == migration.Unfinished {
		lines = append(lines, "", "To go on:", "  "+printable(r.again(e)))
	}
	return lines
}

// again is the command line that asks the same once more.
func (r remote) again(e event) string {
	words := append([]string{"aurora-migrate", string(e.Action)}, r.flags(string(e.Action))...)
	if e.Version != "" {
		words = append(words, e.Version)
	}
	if d := e.digest(); d != "" {
		words = append(words, "--plan", d)
	}
	if e.To != "" {
		words = append(words, "--to", e.To)
	}
	return quotedWords(append(words, e.approved...))
}
