package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// What was planned by one front door is applied by the other: settings are part
// of a digest, so both have to have the same ones when nothing is set.
func TestPlan_isTheSameThroughBothDoors(t *testing.T) {
	db := pgtest.New(t)
	function := deploy(t, "DATABASE_URL="+db.URL)
	remote := value(t, function(`{"action":"plan"}`), "plan.digest")
	local := value(t, here(t, 0, db.URL, "plan", "--output", "json"), "plan.digest")
	if remote == "" || local != remote {
		t.Fatalf("the function plans %q, the command line %q", remote, local)
	}
	if got := value(t, here(t, 0, db.URL, "apply", "--plan", remote, "--output", "json"), "outcome"); got != "applied" {
		t.Errorf("the command line applies the function's plan: %s", got)
	}
	if got := value(t, function(`{"action":"apply","plan":"`+local+`"}`), "outcome"); got != "applied" {
		t.Errorf("the function is told of it: %s", got)
	}
}

// The same settings by their variables, on both sides.
func TestPlan_isTheSameUnderTheSameVariables(t *testing.T) {
	db := pgtest.New(t)
	for _, variable := range []string{
		"MIGRATE_LOCK_TIMEOUT=7s", "MIGRATE_LOCK_BUDGET=9s", "MIGRATE_STATEMENT_TIMEOUT=1m", "MIGRATE_HISTORY_SCHEMA=kept",
		"MIGRATE_APPROVAL=none", "MIGRATE_CLUSTER_ID=cluster-7XKQ2ZB4LM", "MIGRATE_READ_ONLY=true", "MIGRATE_SHOW_DETAIL=true", "MIGRATE_ROLE=postgres",
	} {
		remote := value(t, deploy(t, "DATABASE_URL="+db.URL, variable)(`{"action":"plan"}`), "plan.digest")
		local := value(t, here(t, 0, db.URL, "plan", "--output", "json", variable), "plan.digest")
		if remote == "" || local != remote {
			t.Errorf("%s: the function plans %q, the command line %q", variable, remote, local)
		}
	}
}

// deploy serves the real function in this environment and returns what invokes it.
func deploy(t *testing.T, environ ...string) func(event string) []byte {
	t.Helper()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "../..").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	l, err := lambdatest.Start(lambdatest.Function{Name: "runner", Bootstrap: bootstrap, Env: environ})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(event string) []byte {
		t.Helper()
		answer, functionError, err := l.Invoke(t.Context(), "runner", []byte(event))
		if err != nil || functionError != "" {
			t.Fatalf("invoke %s: %v %s\n%s", event, err, functionError, answer)
		}
		return answer
	}
}

// here runs a command line on the migrations of this repository, NAME=value
// among its words being its environment, and returns what it writes to stdout.
func here(t *testing.T, code int, url string, words ...string) []byte {
	t.Helper()
	args, environ := []string{}, []string{"DATABASE_URL=" + url}
	for _, w := range words {
		if bytes.HasPrefix([]byte(w), []byte("MIGRATE_")) {
			environ = append(environ, w)
		} else {
			args = append(args, w)
		}
	}
	var stdout, stderr bytes.Buffer
	args = append(args, "--dir", "../../../migrations")
	if got := run(t.Context(), args, environ, nil, &stdout, &stderr); got != code {
		t.Fatalf("%q exits with %d, want %d\n%s%s", args, got, code, &stdout, &stderr)
	}
	return stdout.Bytes()
}

func value(t *testing.T, report []byte, path string) string {
	t.Helper()
	v, err := at(report, path)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
