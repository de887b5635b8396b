package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// words are what a story may say beside the commands of testscript.
var words = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":    exits,    // exits CODE COMMAND ARG...: run it; it ends with this code
	"field":    field,    // [!] field PATH VALUE: stdout is exactly one JSON object, which has this at a.b.0.c
	"remember": remember, // remember NAME PATH: the same, and $NAME is the value
	"sql":      sql,      // sql STATEMENT VALUE: run it as the superuser; it yields this, columns joined by |
	"until":    until,    // until STATEMENT VALUE: run it again and again until it yields this
	"signal":   signalTo, // signal INT|TERM: send it to what runs in the background
	"shell":    shell,    // [!] shell LINE: give the line to sh, which succeeds or not
}

type key string

const (
	keyTest     key = "test"
	keyDatabase key = "database"
)

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] field PATH VALUE")
	}
	got, err := at([]byte(ts.ReadFile("stdout")), args[0])
	if err != nil {
		ts.Fatalf("%v", err)
	}
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got)
	}
}

func remember(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: remember NAME PATH")
	}
	got, err := at([]byte(ts.ReadFile("stdout")), args[1])
	if err != nil || got == "" {
		ts.Fatalf("%s is %q: %v", args[1], got, err)
	}
	ts.Setenv(args[0], got)
}

// at is the value at a path such as findings.0.code in text, which has to be one
// JSON object and nothing else; "" where there is none.
func at(text []byte, path string) (string, error) {
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return "", fmt.Errorf("stdout is not a JSON object: %w\n%s", err, text)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("stdout holds more than one JSON object:\n%s", text)
	}
	var value any = object
	for _, step := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return "", nil
			}
			value = v[i]
		default:
			return "", nil
		}
	}
	if value == nil {
		return "", nil
	}
	return fmt.Sprint(value), nil
}

func query(ts *testscript.TestScript, statement string) string {
	return ts.Value(keyDatabase).(*pgtest.DB).Query(ts.Value(keyTest).(testing.TB), statement)
}

func sql(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case neg || len(args) == 0 || len(args) > 2:
		ts.Fatalf("usage: sql STATEMENT [VALUE]")
	case len(args) == 1:
		ts.Value(keyDatabase).(*pgtest.DB).Exec(ts.Value(keyTest).(testing.TB), args[0])
	default:
		if got := query(ts, args[0]); got != args[1] {
			ts.Fatalf("%q, want %q", got, args[1])
		}
	}
}

// patience is how long a story waits for what has to come.
const patience = 30 * time.Second

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until STATEMENT VALUE")
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got := query(ts, args[0])
		if got == args[1] {
			return
		}
		if time.Since(began) > patience {
			ts.Fatalf("still %q after %s, want %q", got, patience, args[1])
		}
	}
}

func signalTo(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	if neg || len(args) != 1 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal INT|TERM")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
	}
}

func shell(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] shell LINE")
	}
	if err := ts.Exec("sh", "-c", args[0]); (err == nil) == neg {
		ts.Fatalf("sh: %v", err)
	}
}
