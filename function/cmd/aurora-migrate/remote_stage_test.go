package main

import (
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func init() {
	words["deploy"] = deployStory // deploy DIR TIMEOUT: the real function with these files, as runner and planner, behind a line that can be cut
	words["cut"] = cutLine        // cut: break every connection to Lambda
}

const keyLine key = "line"

// deployStory sets the variables of AWS for the story.
func deployStory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: deploy DIR TIMEOUT")
	}
	t, db := ts.Value(keyTest).(testing.TB), ts.Value(keyDatabase).(*pgtest.DB)
	timeout, err := time.ParseDuration(args[1])
	ts.Check(err)
	runner := lambdatest.Function{Name: "aurora-migrations-runner-test", Bootstrap: bootstrapOf(t, ts.MkAbs(args[0])), Timeout: timeout, MemoryMB: 256,
		Env: []string{"DATABASE_URL=" + db.URL}}
	planner := runner
	planner.Name, planner.Env = "aurora-migrations-planner-test", append([]string{"MIGRATE_READ_ONLY=true"}, runner.Env...)
	l, err := lambdatest.Start(runner, planner)
	ts.Check(err)
	line := ts.Value(keyLine).(*line)
	ts.Check(line.open(l.Endpoint()))
	others := httptest.NewServer(&cloud{t: t, lambda: l, runner: runner.Name, planner: planner.Name, ends: map[string]ending{}})
	t.Cleanup(func() {
		others.Close()
		line.close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL": others.URL, "AWS_ENDPOINT_URL_LAMBDA": line.endpoint(),
	} {
		ts.Setenv(name, value)
	}
}

func cutLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: cut")
	}
	if ts.Value(keyLine).(*line).cut() == 0 {
		ts.Fatalf("there is no connection to cut")
	}
}

// bootstrapOf builds the function with the files of dir instead of those of the
// repository, and hashes them.
func bootstrapOf(t testing.TB, dir string) string {
	t.Helper()
	scratch := t.TempDir()
	check(t, os.CopyFS(scratch, os.DirFS(dir)))
	sum, err := migration.HashDir(os.DirFS(scratch))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(scratch, sumName), sum, 0o644))
	embedded, err := filepath.Abs("../../../migrations")
	check(t, err)
	replace := map[string]string{}
	for _, place := range []struct {
		dir  string
		file func(name string) string
	}{
		{embedded, func(string) string { return "" }},
		{scratch, func(name string) string { return filepath.Join(scratch, name) }},
	} {
		for _, pattern := range []string{"*.sql", "*.json", sumName} {
			names, err := fs.Glob(os.DirFS(place.dir), pattern)
			check(t, err)
			for _, name := range names {
				replace[filepath.Join(embedded, name)] = place.file(name)
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	check(t, err)
	overlay, bootstrap := filepath.Join(scratch, "overlay.json"), filepath.Join(scratch, "bootstrap")
	check(t, os.WriteFile(overlay, text, 0o644))
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-overlay", overlay, "-o", bootstrap, "../..").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	return bootstrap
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
