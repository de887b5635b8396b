package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Imports run one way through the house, so that a decision can be read and
// tested without a database, a clock or a cloud, and so that the function links
// nothing that only a laptop needs.
func TestImports(t *testing.T) {
	graph := listed(t)
	for _, name := range []string{"function", "function/pipeline", "function/postgres/devdb", "migrations"} {
		if _, ok := graph[house+name]; !ok {
			t.Errorf("go list does not know %s", name)
		}
	}
	if files := graph[house+"function"].env; !slices.Equal(files, []string{"config.go"}) {
		t.Errorf("function reads the environment in %v, and it does so in config.go", files)
	}
	for _, v := range violations(graph) {
		t.Error(v)
	}
}

// listed is the graph of this module as Lambda's build sees it.
func listed(t *testing.T) map[string]room {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", "lambda.norpc", "-deps", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("%v: %v\n%s", cmd, err, exit.Stderr)
	}
	graph := make(map[string]room)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir  string
			GoFiles, Imports []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return graph
		} else if err != nil {
			t.Fatal(err)
		}
		r := room{imports: p.Imports}
		if strings.HasPrefix(p.ImportPath, house) {
			r.env = readers(t, p.Dir, p.GoFiles)
		}
		graph[p.ImportPath] = r
	}
}

// readers are those of the files that call what reads the environment.
func readers(t *testing.T, dir string, files []string) (found []string) {
	t.Helper()
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if readsVariables(f) {
			found = append(found, name)
		}
	}
	return found
}

func readsVariables(f *ast.File) (reads bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, _ := s.X.(*ast.Ident)
			reads = reads || x != nil && (x.Name == "os" || x.Name == "syscall") &&
				slices.Contains([]string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}, s.Sel.Name)
		}
		return !reads
	})
	return reads
}

// Each rule can fail: a house with one thing built in the wrong place is told
// so, and the same house without it is not.
func TestImports_eachRuleCanFail(t *testing.T) {
	const doors = "a room of kind \"front door\" may not know one of kind \"front door\""
	for _, c := range []struct{ from, to, want string }{
		{"function/catalog", "function/migration", `function/catalog imports function/migration: a room of kind "catalog" may not know one of kind "noun"`},
		{"function/migration", "function/gate", `function/migration imports function/gate: a room of kind "noun" may not know one of kind "verb"`},
		{"function/gate", "function/apply", `function/gate imports function/apply: a room of kind "verb" may not know one of kind "verb"`},
		{"function/report", "function/postgres", `function/report imports function/postgres: a room of kind "verb" may not know one of kind "edge"`},
		{"function/postgres", "function/apply", `function/postgres imports function/apply: a room of kind "edge" may not know one of kind "verb"`},
		{"function/postgres", "function/amazon", `function/postgres imports function/amazon: a room of kind "edge" may not know one of kind "edge"`},
		{"function/amazon", "function/pipeline", `function/amazon imports function/pipeline: a room of kind "edge" may not know one of kind "corridor"`},
		{"function/postgres/pgtest", "function/amazon", `function/postgres/pgtest imports function/amazon: it stands beside another edge`},
		{"function/pipeline", "function/authoring", `function/pipeline imports function/authoring: a room of kind "corridor" may not know one of kind "authoring"`},
		{"function/authoring", "function/pipeline", `function/authoring imports function/pipeline: a room of kind "authoring" may not know one of kind "corridor"`},
		{"function/cmd/aurora-migrate", "function", `function/cmd/aurora-migrate imports function: ` + doors},
		{"function/cmd/aurora-migrate", "migrations", `function/cmd/aurora-migrate imports migrations: a room of kind "front door" may not know one of kind "migrations"`},
		{"function/pipeline", "migrations", `function/pipeline imports migrations: a room of kind "corridor" may not know one of kind "migrations"`},
		{"migrations", "function/migration", `migrations imports function/migration: a room of kind "migrations" may not know one of kind "noun"`},
		{"function/apply", "github.com/jackc/pgx/v5", `function/apply imports github.com/jackc/pgx/v5: it stays within function/postgres`},
		{"function/pipeline", "github.com/aws/aws-sdk-go-v2/config", `function/pipeline imports github.com/aws/aws-sdk-go-v2/config: it stays within function/amazon and the front doors`},
		{"function/postgres", "github.com/aws/smithy-go", `function/postgres imports github.com/aws/smithy-go: it stays within function/amazon and the front doors`},
		{"function/report", "github.com/aws/aws-lambda-go/lambdacontext", `function/report imports github.com/aws/aws-lambda-go/lambdacontext: it stays within function`},
		{"function/lint", "ariga.io/atlas/sql/migrate", `function/lint imports ariga.io/atlas/sql/migrate: it stays within function/migration, function/repair and function/authoring`},
		{"function/migration", "ariga.io/atlas/sql/postgres", `function/migration imports ariga.io/atlas/sql/postgres: it stays within function/repair and function/authoring`},
		{"function/helpers", "fmt", `function/helpers has no place in the house: give it one in house_test.go`},
		{"function", "function/postgres/devdb", `bootstrap links function/postgres/devdb, by way of function`},
		{"function", "function/postgres/pgtest", `bootstrap links function/postgres/pgtest, by way of function`},
		{"function", "function/amazon/lambdatest", `bootstrap links function/amazon/lambdatest, by way of function`},
		{"function", "function/authoring", `bootstrap links function/authoring, by way of function`},
		{"function/pipeline", "github.com/spf13/cobra", `bootstrap links github.com/spf13/cobra, by way of function/pipeline, function`},
		{"function/report", "ariga.io/atlas-go-sdk/atlasexec", `bootstrap links ariga.io/atlas-go-sdk/atlasexec, by way of function/report, function`},
		{"function/postgres", "github.com/fergusstrange/embedded-postgres", `bootstrap links github.com/fergusstrange/embedded-postgres, by way of function/postgres, function/pipeline, function`},
		{"function/postgres", "github.com/lib/pq", `bootstrap links github.com/lib/pq, by way of function/postgres, function/pipeline, function`},
		{"function/migration", "testing", `bootstrap links testing, by way of function/migration, function`},
		{"function/pipeline", "net/rpc", `bootstrap links net/rpc, by way of function/pipeline, function`},
	} {
		t.Run(c.from+" "+c.to, func(t *testing.T) {
			graph := model()
			if found := violations(graph); len(found) > 0 {
				t.Fatalf("a house as it should be: %q", found)
			}
			r := graph[house+c.from]
			other := c.to
			if kindOf(other) != "" {
				other = house + other
			}
			r.imports = append(slices.Clone(r.imports), other)
			graph[house+c.from] = r
			if found := violations(graph); !slices.Contains(found, c.want) {
				t.Errorf("got  %q\nwant %q", found, c.want)
			}
		})
	}
}

func TestImports_environmentIsReadAtTheDoor(t *testing.T) {
	for where, allowed := range map[string]bool{
		"function/config.go": true, "function/cmd/aurora-migrate/config.go": true, "function/cmd/local/config.go": true,
		"function/postgres/devdb/installed.go": true, "function/postgres/pgtest/pgtest.go": true,
		"function/handler.go": false, "function/pipeline/config.go": false, "function/postgres/config.go": false,
		"function/cmd/local/stage.go": false,
	} {
		graph := model()
		dir, file := filepath.Split(where)
		name := house + strings.TrimSuffix(dir, "/")
		graph[name] = room{imports: graph[name].imports, env: []string{file}}
		want := []string{where + " reads the environment: only a front door's config.go may"}
		if allowed {
			want = nil
		}
		if found := violations(graph); !slices.Equal(found, want) {
			t.Errorf("%s: got %q, want %q", where, found, want)
		}
	}
}

func TestReadsVariables(t *testing.T) {
	for source, want := range map[string]bool{
		`os.Getenv("A")`: true, `os.LookupEnv("A")`: true, `os.Environ()`: true, `os.ExpandEnv("$A")`: true, `syscall.Getenv("A")`: true,
		`os.Args`: false, `other.Getenv("A")`: false,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nvar _ = "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := readsVariables(f); got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

// model is a house in which everything is where it should be.
func model() map[string]room {
	nouns := []string{house + "function/catalog", house + "function/migration"}
	graph := map[string]room{
		"migrations": {}, "function/catalog": {}, "function/migration": {imports: []string{nouns[0], "ariga.io/atlas/sql/migrate"}},
		"function/gate": {imports: nouns}, "function/apply": {imports: nouns}, "function/report": {imports: nouns}, "function/lint": {imports: nouns},
		"function/postgres": {imports: append([]string{"github.com/jackc/pgx/v5"}, nouns...)}, "function/amazon": {imports: []string{"github.com/aws/aws-sdk-go-v2/config"}},
		"function/postgres/devdb": {}, "function/postgres/pgtest": {imports: []string{house + "function/postgres/devdb"}}, "function/amazon/lambdatest": {},
		"function/pipeline":           {imports: []string{house + "function/gate", house + "function/apply", house + "function/postgres"}},
		"function/authoring":          {imports: []string{house + "function/lint", house + "function/postgres/devdb"}},
		"function":                    {imports: []string{house + "migrations", house + "function/pipeline", house + "function/report", house + "function/migration", house + "function/amazon", "github.com/aws/aws-lambda-go/lambda"}, env: []string{"config.go"}},
		"function/cmd/aurora-migrate": {imports: []string{house + "function/pipeline", house + "function/authoring", "github.com/spf13/cobra"}, env: []string{"config.go"}},
		"function/cmd/local":          {imports: []string{house + "function/postgres/devdb", house + "function/amazon/lambdatest"}},
	}
	whole := make(map[string]room, len(graph))
	for name := range maps.Keys(graph) {
		whole[house+name] = graph[name]
	}
	return whole
}
