package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Lines of ours fit a terminal of 100 columns; SQL is kept as it is and commands
// are not broken. No line ends with a space, and no two empty ones follow each
// other.
func TestScreen_lines(t *testing.T) {
	for name, c := range screens(t) {
		var before string
		for i, l := range Screen(c.result, c.options) {
			at := fmt.Sprintf("%s, line %d: %q", name, i+1, l)
			command := strings.HasPrefix(l, "  aurora-migrate ") || strings.HasPrefix(l, "  sam remote ")
			if utf8.RuneCountInString(l) > width && !command && !strings.HasPrefix(l, "    COMMENT ON") && !strings.HasPrefix(l, "    ALTER") {
				t.Errorf("%s is longer than %d", at, width)
			}
			if strings.TrimRight(l, " ") != l {
				t.Errorf("%s ends with a space", at)
			}
			if l == "" && before == "" {
				t.Errorf("%s: empty, as the line before it (or the first)", at)
			}
			before = l
		}
		if before == "" {
			t.Errorf("%s ends with an empty line, or has none", name)
		}
	}
}

// Whether an invocation ran the plan or found it done, its report says the same:
// of an apply all is told from the history, but how long each statement took.
func TestApplied_isToldFromTheHistory(t *testing.T) {
	files := []migration.File{dryRunLog(t), leads(t), leadIndexes(t)}
	ran, found := applied(files...), joined(files...)
	if diff := cmp.Diff(Screen(ran, ScreenOptions{}), Screen(found, ScreenOptions{})); diff != "" {
		t.Errorf("the screens differ (- ran it, + found it done):\n%s", diff)
	}
	one, other := decoded(t, JSON(ran, false)), decoded(t, JSON(found, false))
	for _, s := range one["statements"].([]any) {
		statement := s.(map[string]any)
		if statement["milliseconds"] != 3.0 {
			t.Errorf("statement %v of %v has no time", statement["statement"], statement["file"])
		}
		delete(statement, "milliseconds")
	}
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the reports differ in more than times (- ran it, + found it done):\n%s", diff)
	}
}

// The first keys of a report and their order are what people and machines count on.
func TestJSON_keys(t *testing.T) {
	for name, c := range screens(t) {
		keys := topKeys(t, JSON(c.result, c.options.Brief))
		want := []string{"screen", "ok", "outcome", "action"}
		if c.result.Target != nil {
			want = append(want, "target")
		}
		if c.result.Plan != nil {
			want = append(want, "plan")
		}
		want = append(want, "findings", "statements", "next")
		if len(keys) < len(want) || !slices.Equal(keys[:len(want)], want) {
			t.Errorf("%s: keys are %q, want %q first", name, keys, want)
		}
	}
}

func topKeys(t *testing.T, b []byte) []string {
	t.Helper()
	var keys []string
	for _, l := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(l, `  "`); ok {
			key, _, _ := strings.Cut(rest, `"`)
			keys = append(keys, key)
		}
	}
	return keys
}

func decoded(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("not JSON: %v\n%.2000s", err, b)
	}
	if !bytes.HasSuffix(b, []byte("}\n")) {
		t.Errorf("the report does not end with a newline: %q", b[max(0, len(b)-20):])
	}
	return v
}

func TestJSON_retryAfter(t *testing.T) {
	for _, c := range []struct {
		name string
		r    migration.Result
		want any
	}{
		{"refusal, rounded up", blockedByLock, 15.0},
		{"failure", failedLockWait(t), 30.0},
		{"waiting does not help", blockedNotEmpty, nil},
	} {
		if got := decoded(t, JSON(c.r, false))["retry_after"]; got != c.want {
			t.Errorf("%s: retry_after is %v, want %v", c.name, got, c.want)
		}
	}
}

// What a statement is called after it ran tells what is in the database now.
func TestJSON_statementStates(t *testing.T) {
	states := func(r migration.Result) string {
		var said []string
		for _, s := range decoded(t, JSON(r, false))["statements"].([]any) {
			said = append(said, s.(map[string]any)["state"].(string))
		}
		return strings.Join(said, ", ")
	}
	ran017 := strings.Repeat("applied, ", len(dryRunLog(t).Stmts))
	for name, c := range map[string]struct {
		r    migration.Result
		want string
	}{
		"planned":               {planned(pending(leadIndexes(t))...), "planned, planned, planned"},
		"goes on":               {goesOn(t), "planned"},
		"failed in transaction": {failedInTransaction(t), ran017 + "rolled back, rolled back, failed"},
		"failed outside":        {failedOutside(t), ran017 + "applied, applied, failed"},
		"unfinished":            {unfinishedOutside(t), ran017 + strings.Repeat("applied, ", 5) + "applied"},
		"time over":             {timeOver(t), ran017 + "rolled back, rolled back, failed"},
		"lost":                  {lost(t), ran017 + "in doubt, in doubt"},
		"blocked":               {blockedByDigest(t, migration.FilesPart), ""},
	} {
		if got := states(c.r); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A statement that an earlier run had begun is told apart, and what was mended
// for it is told.
func TestJSON_foundAndHealed(t *testing.T) {
	r := failedOutside(t)
	r.Files[1].Ran = []migration.Ran{{Statement: 0, Found: true}, {Statement: 1, Took: 1500 * time.Microsecond, Healed: "the INVALID index was dropped"}}
	all := decoded(t, JSON(r, false))["statements"].([]any)
	found, healed := all[len(all)-3].(map[string]any), all[len(all)-2].(map[string]any)
	if found["found"] != true || found["milliseconds"] != nil {
		t.Errorf("found is %v", found)
	}
	if healed["healed"] != "the INVALID index was dropped" || healed["milliseconds"] != 1.5 {
		t.Errorf("healed is %v", healed)
	}
}

// Whatever text comes from outside, a terminal prints it and does not obey it.
// Every string that a result can hold is hostile here, for every action and outcome.
func TestReport_hostileText(t *testing.T) {
	const hostile = "a\x1b[2J\x1b]0;t\x07\u009b31m\u202eb\u2028\r\n\x00\x7f\xff\U000e0041z "
	actions := []migration.Action{migration.ActionStatus, migration.ActionPlan, migration.ActionApply, migration.ActionBaseline}
	outcomes := []migration.Outcome{
		migration.Planned, migration.NothingToDo, migration.Applied, migration.Baselined, migration.Current,
		migration.Outstanding, migration.Failed, migration.Invalid, migration.Blocked, migration.Unfinished,
	}
	for _, action := range actions {
		for _, outcome := range outcomes {
			var r migration.Result
			fill(reflect.ValueOf(&r).Elem(), hostile, 0)
			r.Action, r.Outcome = action, outcome
			r.Refusal.Differs = []migration.Part{migration.SchemaPart}
			r.Files[0].Stmts[0].Text = hostile + "\n" + hostile
			at := fmt.Sprintf("%s, %s", action, outcome)
			for _, l := range Screen(r, ScreenOptions{Stack: hostile, Flags: []string{hostile}}) {
				checkVisible(t, at+", screen", l)
			}
			for _, isBrief := range []bool{false, true} {
				b := JSON(r, isBrief)
				decoded(t, b)
				for _, l := range strings.Split(string(b), "\n") {
					checkVisible(t, at+", JSON", l)
				}
			}
			for _, l := range strings.Split(Text(r, ScreenOptions{}, NoColor), "\n") {
				checkVisible(t, at+", text", l)
			}
			colored := Text(r, ScreenOptions{}, ANSI)
			for _, code := range codes {
				colored = strings.ReplaceAll(colored, "\x1b["+code+"m", "")
			}
			if colored = strings.ReplaceAll(colored, "\x1b[0m", ""); colored != Text(r, ScreenOptions{}, NoColor) {
				t.Errorf("%s: the coloured text is more than the text in colours:\n%q", at, colored)
			}
		}
	}
}

func checkVisible(t *testing.T, at, l string) {
	t.Helper()
	for _, r := range l {
		if !unicode.IsPrint(r) {
			t.Fatalf("%s: %q holds %U", at, l, r)
		}
	}
}

// fill sets every string of a value to text, one item in each list.
func fill(v reflect.Value, text string, depth int) {
	if depth > 12 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text, depth+1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, part := range []migration.Part{migration.FilesPart, migration.HistoryPart, migration.SchemaPart, migration.EnginePart, migration.TargetPart, migration.SettingsPart} {
			v.SetMapIndex(reflect.ValueOf(part), reflect.ValueOf(text))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text, depth+1)
		}
	}
}

// A password in SQL or in words of the server is masked wherever it could be told.
func TestReport_secrets(t *testing.T) {
	const secret = "hunter2-is-no-secret"
	sql := "CREATE ROLE r LOGIN PASSWORD '" + secret + "'"
	r := applied(file(t, "018_role.sql", migration.TxFile, sql+";\n"))
	r.Outcome, r.Files[0].Row = migration.Failed, migration.Revision{}
	r.Files[0].Ran[0].Healed = sql
	r.Next = sql
	r.Failure = &migration.Failure{
		File: "018_role.sql", Statement: 1, Of: 1, Message: sql, Detail: sql, Hint: sql,
		Excerpt: sql + ";\n^", State: sql, Next: sql + " again",
	}
	r.Findings = []migration.Finding{{Code: "X", Severity: migration.Error, Summary: sql, Detail: sql, Fix: sql}}
	r.Refusal = &migration.Refusal{Reason: "digest", Summary: sql, Next: sql}
	r.Migrations = []migration.Migration{{Version: "018", State: migration.StatePartial, Error: sql, ExecutedAt: new(time.Time)}}
	told := r
	told.Failure = nil
	shown := planned(pending(r.Files[0].File)...)
	state := r
	state.Action, state.Outcome = migration.ActionStatus, migration.Outstanding
	for name, r := range map[string]migration.Result{"failed": r, "without a failure": told, "planned": shown, "status": state} {
		text := string(JSON(r, false)) + string(JSON(r, true)) + Text(r, ScreenOptions{}, ANSI)
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s: the secret is told: ...%s", name, text[max(0, i-200):i+len(secret)])
		}
		if !strings.Contains(text, "***") {
			t.Errorf("%s: nothing is masked: the test tells nothing", name)
		}
	}
}

// The commands mean to a shell what they say, whatever names are in them.
func TestCommands_shell(t *testing.T) {
	r := planned(pending(leads(t))...)
	r.To = `0'1$(x)8 "`
	r.Findings = []migration.Finding{{ID: `DS102@it's;a "file".sql:8`, Severity: migration.Error}}
	p := &page{}
	p.commands(r, ScreenOptions{Stack: "it's", Flags: []string{"--function", "a b"}})
	var commands []string
	for _, l := range p.lines {
		if strings.HasPrefix(l.text, "  ") {
			commands = append(commands, strings.TrimSpace(l.text))
		}
	}
	if len(commands) != 2 {
		t.Fatalf("commands are %q", commands)
	}
	digest := r.Plan.Digest.String()
	want := []string{"aurora-migrate", "apply", "--function", "a b", "--plan", digest, "--to", r.To, "--accept", r.Findings[0].ID}
	if diff := cmp.Diff(want, shellWords(t, commands[0])); diff != "" {
		t.Errorf("aurora-migrate (- want, + got):\n%s", diff)
	}
	words := shellWords(t, commands[1])
	if diff := cmp.Diff([]string{"sam", "remote", "invoke", "RunnerFunction", "--stack-name", "it's", "--event"}, words[:len(words)-1]); diff != "" {
		t.Errorf("sam (- want, + got):\n%s", diff)
	}
	wantEvent := map[string]any{"action": "apply", "plan": digest, "to": r.To, "approval": map[string]any{"accept": []any{r.Findings[0].ID}}}
	var event map[string]any
	if err := json.Unmarshal([]byte(words[len(words)-1]), &event); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantEvent, event); diff != "" {
		t.Errorf("the event (- want, + got):\n%s", diff)
	}
}

func shellWords(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s\n' `+command).Output()
	if err != nil {
		t.Fatalf("sh on %s: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}
