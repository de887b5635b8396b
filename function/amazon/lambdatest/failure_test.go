package lambdatest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// However a function fails, the caller sees what Lambda shows, and the next invocation is served.
func TestInvoke_functionErrors(t *testing.T) {
	const exit = "RequestId: ID Error: Runtime exited with error: "
	cases := map[string]struct {
		event              string
		errorType, message string
		status             Status
		survives           bool // the process handles the next event
	}{
		"error":     {`{"Do":"error","Text":"no luck"}`, "errorString", "no luck", StatusError, true},
		"type":      {`{"Do":"named","Text":"no luck"}`, "namedError", "no luck", StatusError, true},
		"public":    {`{"Do":"public","Text":"no luck"}`, "Public.Name", "no luck", StatusError, true},
		"event":     {`{"Do":7}`, "UnmarshalTypeError", "json: cannot unmarshal number into Go struct field event.Do of type string", StatusError, true},
		"panic":     {`{"Do":"panic","Text":"no luck"}`, "string", "no luck", StatusError, false},
		"exit 1":    {`{"Do":"exit","N":1}`, "Runtime.ExitError", exit + "exit status 1", StatusError, false},
		"exit 0":    {`{"Do":"exit"}`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited without providing a reason", StatusError, false},
		"oversized": {`{"Do":"large","N":6291557}`, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", StatusError, false},
		"broken":    {`{"Do":"broken"}`, "namedError", "the answer broke off", StatusError, true},
		"timeout":   {`{"Do":"hang"}`, "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 2.00 seconds", StatusTimeout, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, Function{Timeout: 2 * time.Second})
			first := s.invoke(t, `{}`)
			got := s.invoke(t, c.event)
			report := s.Last("echo")
			message := strings.Replace(got.ErrorMessage, report.RequestID, "ID", 1)
			if got.functionError != "Unhandled" || got.ErrorType != c.errorType || message != c.message {
				t.Errorf("answered %q: %s: %s\nwant Unhandled: %s: %s", got.functionError, got.ErrorType, message, c.errorType, c.message)
			}
			if report.Status != c.status || report.ErrorType != c.errorType || report.PID != first.PID {
				t.Errorf("report %+v, want status %s, error type %s, pid %d", report, c.status, c.errorType, first.PID)
			}
			if name == "panic" && len(got.StackTrace) == 0 {
				t.Error("a panic without its stack")
			}
			if next := s.invoke(t, `{}`); next.functionError != "" || (next.PID == first.PID) != c.survives {
				t.Errorf("the next invocation: %+v, in the same process %t, want %t", next, next.PID == first.PID, c.survives)
			}
		})
	}
}

// A function that cannot even start says so at each invocation.
func TestInvoke_initFailures(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	plain := file("plain", "#!/bin/sh\n", 0o644)
	foreign := file("foreign", "\x7fELF of another machine", 0o755)
	cases := map[string]struct {
		bootstrap, init    string
		errorType, message string
		status             Status
	}{
		"missing":        {missing, "", "Runtime.InvalidEntrypoint", "RequestId: ID Error: Couldn't find valid bootstrap(s): [" + missing + "]", StatusError},
		"not executable": {plain, "", "Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec " + plain + ": permission denied", StatusError},
		"foreign":        {foreign, "", "Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec " + foreign + ": exec format error", StatusError},
		"exit":           {bootstrap, "exit", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 3", StatusError},
		"panic":          {bootstrap, "panic", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 2", StatusError},
		"report":         {bootstrap, "report", "Echo.Init", "no start", StatusError},
		"hang":           {bootstrap, "hang", "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds", StatusTimeout},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, Function{Bootstrap: c.bootstrap, Timeout: time.Second, Env: []string{"ECHO_INIT=" + c.init}})
			for range 2 {
				got := s.invoke(t, `{}`)
				report := s.Last("echo")
				message := strings.Replace(got.ErrorMessage, report.RequestID, "ID", 1)
				if got.functionError != "Unhandled" || got.ErrorType != c.errorType || message != c.message {
					t.Errorf("answered %q: %s: %s\nwant Unhandled: %s: %s", got.functionError, got.ErrorType, message, c.errorType, c.message)
				}
				if !report.ColdStart || report.Init != 0 || report.Status != c.status || report.ErrorType != c.errorType {
					t.Errorf("report %+v", report)
				}
				if report.PID != 0 && alive(report.PID) {
					t.Errorf("process %d lives", report.PID)
				}
			}
			if n := s.Kill("echo"); n != 0 {
				t.Errorf("%d sandboxes are left", n)
			}
		})
	}
}
