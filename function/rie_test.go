package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// The stand-in for Lambda of all other tests is ours. AWS's own Runtime
// Interface Emulator, whose Runtime API nobody here wrote, serves the same
// bootstrap with the same answers, failures and bad events included.
func TestEmulator(t *testing.T) {
	bootstrap, err := bootstrapWith(t, "")
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	rie := buildEmulator(t)
	e := emulate(t, rie, bootstrap, "DATABASE_URL="+db.URL)

	planned := e.invoke(`{"action":"plan"}`, "planned")
	apply := fmt.Sprintf(`{"action":"apply","plan":%q}`, planned.Plan.Digest)
	e.invoke(`{"action":"apply"}`, "blocked")
	e.invoke(apply, "applied")
	e.invoke(`{"action":"status"}`, "current")
	history := db.Query(t, "SELECT * FROM atlas_schema_revisions.atlas_schema_revisions")
	e.invoke(apply, "applied")
	if again := db.Query(t, "SELECT * FROM atlas_schema_revisions.atlas_schema_revisions"); again != history {
		t.Errorf("the second apply of one digest changed the history\nfrom %s\nto   %s", history, again)
	}
	if got := db.Query(t, "SELECT count(*) FROM pg_tables WHERE tablename = 'dry_run_log'"); got != "1" {
		t.Errorf("there are %s tables dry_run_log", got)
	}

	e.invoke(`{"action":"aply"}`, "invalid")
	e.invoke(`not JSON`, "invalid")
	e.silentOn(db.URL)

	wrong := db.As("postgres", marked+"wrong")
	e = emulate(t, rie, bootstrap, "DATABASE_URL="+wrong)
	if f := e.invoke(`{"action":"status"}`, "failed"); f.Failure.SQLState != "28P01" {
		t.Errorf("a wrong password: %+v", f.Failure)
	}
	e.silentOn(wrong)
}

// An emulator runs one sandbox.
type emulator struct {
	*testing.T
	url string
	out *logBuffer
}

// emulate runs bootstrap in the emulator until the test ends. The emulator hands
// its own environment on, so it has no more than what is given.
func emulate(t *testing.T, rie, bootstrap string, env ...string) *emulator {
	t.Helper()
	address, runtime := freeAddress(t), freeAddress(t)
	e := &emulator{T: t, url: "http://" + address + "/2015-03-31/functions/function/invocations", out: new(logBuffer)}
	cmd := exec.CommandContext(t.Context(), rie, "--runtime-interface-emulator-address", address, "--runtime-api-address", runtime, bootstrap)
	cmd.Env = append([]string{"AWS_LAMBDA_FUNCTION_TIMEOUT=60", "AWS_LAMBDA_FUNCTION_NAME=runner"}, env...)
	cmd.Stdout, cmd.Stderr = e.out, e.out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends the bootstrap then, which it could not if it were killed
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // of its end nothing is expected
	t.Cleanup(func() {
		<-ended // its context ended before
		if t.Failed() {
			t.Logf("the emulator and the function wrote:\n%s", e.out)
		}
	})
	e.await(address, ended)
	return e
}

// await returns as soon as something listens at the address.
func (e *emulator) await(address string, ended <-chan struct{}) {
	e.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			e.Fatal("the emulator ended before it was ready")
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			e.Fatalf("the emulator does not listen: %v", err)
		}
	}
}

// invoke sends an event; the answer is a report with this outcome, and no error
// of the function. The emulator has no header that would tell of one: it answers
// 200 with the error in place of the report.
func (e *emulator) invoke(event, outcome string) (a answer) {
	e.Helper()
	r, err := http.Post(e.url, "application/json", strings.NewReader(event))
	if err != nil {
		e.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		e.Fatal(err)
	}
	e.out.Write(text) // so that it is looked at in the end
	if r.StatusCode != http.StatusOK || !bytes.HasPrefix(text, []byte("{\n  \"screen\": [\n")) {
		e.Fatalf("%s: %s\n%s", event, r.Status, text)
	}
	if err := json.Unmarshal(text, &a); err != nil || a.Outcome != outcome {
		e.Fatalf("%s: want %s, got %v\n%s", event, outcome, err, text)
	}
	return a
}

// silentOn fails the test if the password in the URL stands in an answer or in
// what was logged.
func (e *emulator) silentOn(address string) {
	e.Helper()
	u, err := url.Parse(address)
	if err != nil {
		e.Fatal(err)
	}
	if password, _ := u.User.Password(); len(password) < 8 {
		e.Errorf("a password of %d characters cannot be looked for", len(password))
	} else if strings.Contains(e.out.String(), password) {
		e.Error("the password was told")
	}
}

// buildEmulator builds the version that tools/rie pins. Go's own cache keeps
// what it compiles.
func buildEmulator(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "aws-lambda-rie")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "tool")
	cmd.Dir, cmd.Env = "../tools/rie", append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build tools/rie, which this test needs: %v\n%s", err, out)
	}
	return path
}

// freeAddress is one on which nothing listens at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
