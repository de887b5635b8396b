package authoring_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// apply is what the front door hands in.
func apply(ctx context.Context, url string, dir fs.FS) migration.Result {
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		return migration.Result{Outcome: migration.Failed, Failure: &migration.Failure{Message: err.Error()}}
	}
	p := &pipeline.Pipeline{Directory: dir, Release: "v0.0.0", Settings: migration.Settings{Approval: migration.NoApproval},
		Connect: func(context.Context) (postgres.Config, error) { return config, nil }}
	return p.Do(ctx, pipeline.Request{Action: migration.ActionApply})
}

// noon is when the tests' files are written.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// A project is a directory with migrations and a desired state, and a server.
type project struct {
	authoring.Authoring
	t testing.TB
}

// newProject makes one, from name, text, name, text, ...; names are like
// migrations/001_one.sql and schema/users.hcl. atlas.sum is written.
func newProject(t testing.TB, namesAndTexts ...string) *project {
	t.Helper()
	return newProjectOn(t, pgtest.New(t).URL, namesAndTexts...)
}

// newProjectOn makes its databases on the server at url.
func newProjectOn(t testing.TB, url string, namesAndTexts ...string) *project {
	t.Helper()
	root := t.TempDir()
	p := &project{t: t, Authoring: authoring.Authoring{
		Dir: filepath.Join(root, "migrations"), Schema: filepath.Join(root, "schema"), Apply: apply, Now: noon,
		Server: devdb.Options{URL: url},
	}}
	p.put("migrations/.keep", "")
	for i := 0; i < len(namesAndTexts); i += 2 {
		p.put(namesAndTexts[i], namesAndTexts[i+1])
	}
	p.hash()
	return p
}

func (p *project) root() string { return filepath.Dir(p.Dir) }

func (p *project) put(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.root(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) hash() {
	p.t.Helper()
	sum, err := migration.HashDir(os.DirFS(p.Dir))
	if err != nil {
		p.t.Fatal(err)
	}
	p.put("migrations/atlas.sum", string(sum))
}

// files are the names in the directory, but .keep.
func (p *project) files() (names []string) {
	p.t.Helper()
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".keep" {
			names = append(names, e.Name())
		}
	}
	return names
}

// wants ends the test where the outcome is another one.
func (p *project) wants(a authoring.Answer, o migration.Outcome) authoring.Answer {
	p.t.Helper()
	if a.Outcome != o {
		p.t.Fatalf("outcome %s, want %s: %s", a.Outcome, o, told(a))
	}
	return a
}

// told is all that an answer says.
func told(a authoring.Answer) string {
	said := []string{a.Summary}
	if a.Failure != nil {
		said = append(said, a.Failure.Error(), a.Failure.State, a.Failure.Hint)
	}
	for _, f := range a.Findings {
		said = append(said, string(f.Severity)+" "+f.ID+": "+f.Summary, "    "+f.Detail, "    "+f.Fix)
	}
	return strings.Join(append(said, a.Next, a.Text), "\n")
}

// has says whether a finding of this code says all of words.
func has(a authoring.Answer, code string, words ...string) bool {
	for _, f := range a.Findings {
		all := f.Code == code
		for _, w := range words {
			all = all && strings.Contains(f.Place()+" "+f.Summary+" "+f.Detail+" "+f.Fix, w)
		}
		if all {
			return true
		}
	}
	return false
}
