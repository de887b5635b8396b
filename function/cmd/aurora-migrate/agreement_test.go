package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// What was planned by one front door is applied by the other: settings are part
// of a digest, so both have to have the same ones, set by variables or not.
func TestPlan_isTheSameThroughBothDoors(t *testing.T) {
	bootstrap := buildFunction(t)
	for _, variable := range []string{
		"MIGRATE_LOCK_TIMEOUT=7s", "MIGRATE_LOCK_BUDGET=9s", "MIGRATE_STATEMENT_TIMEOUT=1m", "MIGRATE_HISTORY_SCHEMA=kept",
		"MIGRATE_CLUSTER_ID=cluster-7XKQ2ZB4LM", "MIGRATE_READ_ONLY=true", "MIGRATE_SHOW_DETAIL=true", "MIGRATE_ROLE=pg_monitor", "MIGRATE_APPROVAL=none",
	} {
		t.Run(variable, func(t *testing.T) {
			url := pgtest.New(t).URL
			samePlan(t, url, deploy(t, bootstrap, "DATABASE_URL="+url, variable), variable)
		})
	}
	t.Run("defaults", func(t *testing.T) {
		url := pgtest.New(t).URL
		function := deploy(t, bootstrap, "DATABASE_URL="+url)
		digest := samePlan(t, url, function)
		if got := value(t, here(t, 0, url, "apply", "--plan", digest, "--output", "json"), "outcome"); got != "applied" {
			t.Errorf("the command line applies it: %s", got)
		}
		if got := value(t, function(`{"action":"apply","plan":"`+digest+`"}`), "outcome"); got != "applied" {
			t.Errorf("the function is told of it: %s", got)
		}
	})
}

// samePlan plans through both doors and returns the digest.
func samePlan(t *testing.T, url string, function func(event string) []byte, environ ...string) string {
	t.Helper()
	remote := value(t, function(`{"action":"plan"}`), "plan.digest")
	local := value(t, here(t, 0, url, append(environ, "plan", "--output", "json")...), "plan.digest")
	if remote == "" || local != remote {
		t.Fatalf("the function plans %q, the command line %q", remote, local)
	}
	return remote
}

// buildFunction returns the path of the real function.
func buildFunction(t *testing.T) string {
	t.Helper()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "../..").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	return bootstrap
}

// deploy serves the function in this environment and returns what invokes it.
func deploy(t *testing.T, bootstrap string, environ ...string) func(event string) []byte {
	t.Helper()
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
		if strings.HasPrefix(w, "MIGRATE_") {
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
