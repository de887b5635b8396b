package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// broke is an answer that never comes: the connection breaks instead.
const broke = "the connection breaks"

// A scripted function gives one answer after the other, the last one for ever,
// and keeps what it was sent. It is not asked for progress: that is status.
type scripted struct {
	t       *testing.T
	answers []string

	mu   sync.Mutex
	sent []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	s.sent = append(s.sent, string(event))
	answer := s.answers[min(len(s.sent), len(s.answers))-1]
	s.mu.Unlock()
	if answer == broke {
		panic(http.ErrAbortHandler)
	}
	if code, ok := strings.CutPrefix(answer, "refused "); ok {
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if strings.Contains(answer, "errorType") {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	_, _ = io.WriteString(w, answer)
}

// ask runs a command line against a function that gives these answers.
func ask(t *testing.T, answers []string, args ...string) (code int, stdout, stderr string, sent []string) {
	t.Helper()
	s := &scripted{t: t, answers: answers}
	server := httptest.NewServer(s)
	defer server.Close()
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_ENDPOINT_URL": server.URL, "AWS_ENDPOINT_URL_LAMBDA": "",
	} {
		t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	code = run(t.Context(), args, nil, strings.NewReader(""), &out, &errs)
	s.mu.Lock() // a connection that broke has a handler still, for a moment
	defer s.mu.Unlock()
	return code, out.String(), errs.String(), s.sent
}

func reportOf(outcome string, more string) string {
	return fmt.Sprintf("{\n  \"screen\": [\"It is %s\"],\n  \"ok\": false,\n  \"outcome\": %q%s\n}\n", outcome, outcome, more)
}

// The exit code is that of the outcome; as JSON, stdout is the report as it came.
func TestRemote_exitCodes(t *testing.T) {
	for outcome, want := range map[string]int{
		"planned": 0, "nothing_to_do": 0, "applied": 0, "current": 0, "pending": 0, "healthy": 0, "baselined": 0, "failed": 1, "unhealthy": 1, "invalid": 2, "blocked": 3,
	} {
		answer := reportOf(outcome, "")
		code, stdout, stderr, _ := ask(t, []string{answer}, "apply", "--function", "runner", "--plan", "p1_0", "--output", "json")
		if code != want || stdout != answer || stderr != "" {
			t.Errorf("%s: exit code %d, want %d\n%s%s", outcome, code, want, stdout, stderr)
		}
	}
}

// What is no report is a failure that says so, with exit code 1, and as JSON one
// object all the same.
func TestRemote_noReport(t *testing.T) {
	for name, c := range map[string]struct{ answer, message string }{
		"broken JSON":       {`{"outcome":`, `what runner answered is not a report: unexpected end of JSON input: "{\"outcome\":"`},
		"another JSON":      {`{"hello":"world"}`, `what runner answered is not a report: it has no outcome: `},
		"null":              {`null`, `what runner answered is not a report: it has no outcome: "null"`},
		"nothing":           {``, `what runner answered is not a report: unexpected end of JSON input: ""`},
		"function error":    {`{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`, "the function runner ended with an error and without a report: Sandbox.Timedout: Task timed out after 3.00 seconds"},
		"function panicked": {`{"errorType":"Migrator.Panic","errorMessage":"a bug"}`, "the function runner ended with an error and without a report: Migrator.Panic: a bug"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr, sent := ask(t, []string{c.answer}, "apply", "--function", "runner", "--plan", "p1_0", "--output", "json")
			if message := valueAt(t, stdout, "error.message"); code != 1 || !strings.HasPrefix(message, c.message) || valueAt(t, stdout, "outcome") != "failed" || len(sent) != 1 || stderr != "" {
				t.Errorf("exit code %d, sent %q\n%s%s", code, sent, stdout, stderr)
			}
			code, stdout, _, _ = ask(t, []string{c.answer}, "apply", "--function", "runner", "--plan", "p1_0")
			if code != 1 || !strings.HasPrefix(stdout, "Failed: there is no report\n\n"+c.message) || !strings.Contains(stdout, "\n    State: What was ") || !strings.Contains(stdout, "\nNext: ") {
				t.Errorf("exit code %d\n%s", code, stdout)
			}
		})
	}
}

// An outcome of another release is shown, and counts as a failure.
func TestRemote_unknownOutcome(t *testing.T) {
	code, stdout, stderr, _ := ask(t, []string{reportOf("drafted", "")}, "plan", "--function", "runner")
	if code != 1 || stdout != "It is drafted\n" || !strings.Contains(stderr, `the outcome "drafted" is not known here, so it counts as a failure`) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// A terminal obeys nothing in what comes from elsewhere.
func TestRemote_showsNothingThatATerminalObeys(t *testing.T) {
	_, stdout, _, _ := ask(t, []string{`{"screen":["all \u001b[2J well","  aurora-migrate apply --plan p1_0"],"outcome":"planned"}`}, "plan", "--stack", "my stack", "--function", "PlannerFunction")
	if strings.Contains(stdout, "\x1b") {
		t.Errorf("%q", stdout)
	}
	_, stdout, _, _ = ask(t, []string{`{"screen":["all \u001b[2J well","  aurora-migrate apply --plan p1_0"],"outcome":"planned"}`}, "plan", "--function", "aurora-migrations-planner-dev")
	if want := "\"all \\x1b[2J well\"\n  aurora-migrate apply --function aurora-migrations-runner-dev --plan p1_0\n"; stdout != want {
		t.Errorf("%q, want %q", stdout, want)
	}
}

const (
	began  = `, "plan": {"digest": "p1_7"}, "files": [{"applied": 1}, {"applied": 0}]`
	begun  = `, "plan": {"digest": "p1_7"}, "files": [{"applied": 1}, {"applied": 2}]`
	joined = `, "lock": {"pid": 7}`
)

// An apply is sent again for as long as each round comes further, or somebody
// is at work on the same plan; after two that did not, it is left as it is.
func TestRemote_followsAnApply(t *testing.T) {
	unfinished := func(more string) string { return reportOf("unfinished", more) }
	for name, c := range map[string]struct {
		answers []string
		plan    string
		code    int
		sent    int
	}{
		"to its end":         {[]string{unfinished(began), unfinished(begun), reportOf("applied", begun)}, "p1_7", 0, 3},
		"to a failure":       {[]string{unfinished(began), reportOf("failed", "")}, "p1_7", 1, 2},
		"without progress":   {[]string{unfinished(began), unfinished(began), unfinished(began), reportOf("applied", "")}, "p1_7", 4, 3},
		"joined":             {[]string{unfinished(joined), unfinished(joined), unfinished(joined), reportOf("applied", "")}, "p1_7", 0, 4},
		"lost":               {[]string{broke, broke, reportOf("applied", "")}, "p1_7", 0, 3},
		"lost, then refused": {[]string{broke, "refused AccessDeniedException"}, "p1_7", 4, 2},
		"without a digest":   {[]string{unfinished(began), reportOf("applied", "")}, "", 0, 2},
		"lost without a digest, which nobody could join": {[]string{broke, reportOf("applied", "")}, "", 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"apply", "--function", "runner", "--output", "json"}
			if c.plan != "" {
				args = append(args, "--plan", c.plan)
			}
			code, stdout, _, sent := ask(t, c.answers, args...)
			if code != c.code || len(sent) != c.sent {
				t.Errorf("exit code %d, want %d; sent %q, want %d\n%s", code, c.code, sent, c.sent, stdout)
			}
			for i, event := range sent {
				want := `{"action":"apply","plan":"p1_7"}`
				if c.plan == "" && i == 0 {
					want = `{"action":"apply"}`
				}
				if event != want {
					t.Errorf("event %d is %s, want %s", i+1, event, want)
				}
			}
			if name == "lost, then refused" && !strings.Contains(valueAt(t, stdout, "error.state"), "may be under way") {
				t.Errorf("nothing is said of what was sent first:\n%s", stdout)
			}
		})
	}
}

// Of the report of a plan is sent what apply reads of it, and only its digest
// where that is too much.
func TestRemote_sendsTheReportOfAPlan(t *testing.T) {
	mark := `{"name":"` + strings.Repeat("x", 3<<20) + `"}`
	for name, c := range map[string]struct{ report, sent string }{
		"whole": {`{"outcome":"planned","plan":{"digest":"p1_7","to":"017","touched":[{"name":"a"}],"files":[]},"statements":[{}]}`,
			`{"action":"apply","plan":{"plan":{"digest":"p1_7","to":"017","touched":[{"name":"a"}]}}}`},
		"cut":     {`{"outcome":"planned","plan":{"digest":"p1_7","touched":[` + mark + "," + mark + `]}}`, `{"action":"apply","plan":{"plan":{"digest":"p1_7"}}}`},
		"nothing": {`{"outcome":"nothing_to_do"}`, `{"action":"apply","plan":"nothing_to_do"}`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "plan.json")
			check(t, os.WriteFile(file, []byte(c.report), 0o644))
			code, stdout, _, sent := ask(t, []string{reportOf("applied", "")}, "apply", "--function", "runner", "--plan", file, "--output", "json")
			if code != 0 || len(sent) != 1 || sent[0] != c.sent {
				t.Errorf("exit code %d, sent %.200q, want %s\n%s", code, sent, c.sent, stdout)
			}
		})
	}
}

// What a function has from its own deployment is refused by name, and nothing
// is sent.
func TestRemote_usage(t *testing.T) {
	big, latin := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(big, "001_big.sql"), bytes.Repeat([]byte("-- more\n"), 800_000), 0o644))
	check(t, os.WriteFile(filepath.Join(latin, "001_latin.sql"), []byte("-- gr\xfc\xdfe\n"), 0o644))
	for line, want := range map[string]string{
		"apply --function runner --lock-timeout 3s":            "--lock-timeout is a setting of the database that is asked from here",
		"plan --function runner --url postgres://u:geheim@h/d": "--url is a setting of the database that is asked from here",
		"apply --function runner --dir migrations":             "--dir goes with plan alone",
		"apply --function runner --workflow w":                 "--function and --workflow are both given",
		"status --stack=":                                      "--stack is empty",
		"status --function runner --output atlas":              "--output atlas tells of a database that is asked from here",
		"plan --function planner --workflow w":                 "unknown flag --workflow",
		"plan --function planner --dir " + big:                 "the files of --dir are 7200048 bytes as an event, and a function takes 6291456",
		"plan --function planner --dir " + latin:               "is not UTF-8",
		"plan --function planner --dir " + t.TempDir():         "is empty: want files of SQL, and atlas.sum",
		"apply --function runner --plan /nowhere/plan.json":    "read the plan from",
	} {
		code, _, stderr, sent := ask(t, []string{""}, strings.Fields(line)...)
		said := strings.Join(strings.Fields(stderr), " ") // however it was broken into lines
		if code != 2 || !strings.Contains(said, want) || len(sent) > 0 || strings.Contains(stderr, "geheim") {
			t.Errorf("%s: exit code %d, sent %d\n%s", line, code, len(sent), stderr)
		}
	}
}

// A planner is sent every file that would be embedded, byte for byte, and
// nothing else.
func TestRemote_sendsADirectory(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{"001_a.sql": "SELECT '<ü>';\n", "002_b.SQL": "SELECT 2;\n", sumName: "h1:x\n"}
	for name, text := range want {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	check(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte("no"), 0o644))
	check(t, os.Mkdir(filepath.Join(dir, "old.sql"), 0o755))
	_, _, _, sent := ask(t, []string{reportOf("planned", "")}, "plan", "--function", "planner", "--dir", dir, "--to", "001")
	var got struct {
		Action, To string
		Directory  map[string]string
	}
	check(t, json.Unmarshal([]byte(sent[0]), &got))
	if fmt.Sprint(got.Directory) != fmt.Sprint(want) || got.To != "001" || got.Action != "plan" {
		t.Errorf("sent %s", sent[0])
	}
	if _, _, _, sent = ask(t, []string{reportOf("planned", "")}, "plan", "--function", "planner"); sent[0] != `{"action":"plan"}` {
		t.Errorf("without --dir it is sent %s", sent[0])
	}
}
