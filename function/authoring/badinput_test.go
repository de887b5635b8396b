package authoring_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Whatever is wrong with what diff and check are given, they say what, and the
// directory stays as it was.
func TestBadInput(t *testing.T) {
	db := pgtest.New(t)
	_, poor := db.Role(t, "")
	for name, c := range map[string]struct {
		files   []string
		server  string
		outcome migration.Outcome // of diff
		words   []string
	}{
		"no schema":                  {nil, "", migration.Failed, []string{"schema: no such file or directory", "--schema"}},
		"empty schema/":              {[]string{"schema/README", "hello"}, "", migration.Failed, []string{"holds no .hcl and no .sql file"}},
		"empty file":                 {[]string{"schema/s.sql", "\n"}, "", migration.Failed, []string{"holds nothing"}},
		"nothing but a comment":      {[]string{"schema/s.sql", "-- to do\n"}, "", migration.Failed, []string{"AM124", "no statement"}},
		"both languages":             {[]string{"schema/s.sql", plain, "schema/s.hcl", public}, "", migration.Failed, []string{"holds HCL (s.hcl) and SQL (s.sql)"}},
		"SQL that does not end":      {[]string{"schema/s.sql", "CREATE TABLE t (c text DEFAULT 'x);\n"}, "", migration.Failed, []string{"s.sql:1"}},
		"SQL that does not run":      {[]string{"schema/a.sql", plain, "schema/b.sql", plain + "CREATE TABLE u (\n  n nosuch\n);\n"}, "", migration.Failed, []string{"b.sql:1", "42P07"}},
		"HCL that does not run":      {[]string{"schema/s.hcl", tableOf("type = int\ndefault = sql(\"nosuch()\")")}, "", migration.Failed, []string{"s.hcl:2", "42883", "nosuch()"}},
		"psql in the desired state":  {[]string{"schema/s.sql", plain + "\\d t\n"}, "", migration.Failed, []string{"s.sql:2", "AM130"}},
		"third file fails":           {[]string{"schema/s.sql", plain, "migrations/001_a.sql", "CREATE TABLE a (n int);\n", "migrations/002_b.sql", "CREATE TABLE b (n int);\n", "migrations/003_c.sql", "CREATE TABLE c (n int);\nCREATE TABLE a (n int);\n"}, "", migration.Failed, []string{"003_c.sql:2", "statement 2 of 2", "42P07"}},
		"directory with faults":      {[]string{"schema/s.sql", plain, "migrations/001_a.sql", "BEGIN;\n", "migrations/002_b.sql", "SELECT 'x;\n"}, "", migration.Blocked, []string{"AM132", "AM126"}},
		"user without CREATEDB":      {[]string{"schema/s.sql", plain}, poor, migration.Failed, []string{"may not create databases", "CREATEDB", "42501"}},
		"server that is not there":   {[]string{"schema/s.sql", plain}, nowhere.URL, migration.Failed, []string{"MIGRATE_DEV_URL"}},
		"BOM in SQL":                 {[]string{"schema/s.sql", "\ufeff" + plain}, "", migration.Failed, []string{"s.sql:1", "byte order mark"}},
		"BOM in a file":              {[]string{"schema/s.sql", plain, "migrations/001_a.sql", "\ufeff" + plain}, "", migration.Blocked, []string{"001_a.sql:1"}},
		"directive with CRLF":        {[]string{"schema/s.sql", plain, "migrations/001_a.sql", "-- atlas:txmode none\r\n\r\n" + plain}, "", migration.Blocked, []string{"001_a.sql:1"}},
		"directive without a line":   {[]string{"schema/s.sql", plain, "migrations/001_a.sql", "-- atlas:txmode none\n" + plain}, "", migration.Blocked, []string{"001_a.sql:1"}},
		"files of Atlas's own kind":  {[]string{"schema/s.sql", plain, "migrations/001_a.sql", "-- atlas:txtar\n\n-- migration.sql --\n" + plain}, "", migration.Blocked, []string{"001_a.sql:1", "atlas:txtar"}},
		"COPY from a client":         {[]string{"schema/s.sql", plain + "COPY t FROM STDIN;\n1\n\\.\n"}, "", migration.Failed, []string{"s.sql:2"}},
		"a transaction of its own":   {[]string{"schema/s.sql", "BEGIN;\n" + plain + "COMMIT;\n"}, "", migration.Failed, []string{"s.sql:1", "AM132"}},
		"a secret that does not run": {[]string{"schema/s.sql", "CREATE ROLE r PASSWORD 'hunter2' NOSUCH;\n"}, "", migration.Failed, []string{"s.sql:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := c.server
			if server == "" {
				server = db.URL
			}
			p := newProjectOn(t, server, c.files...)
			before := p.tree()
			a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "x"}), c.outcome)
			checked := p.wants(p.Check(t.Context()), migration.Failed)
			for command, said := range map[string]string{"diff": told(a), "check": told(checked)} {
				for _, w := range c.words {
					if !strings.Contains(said, w) {
						t.Errorf("%s does not say %q:\n%s", command, w, said)
					}
				}
				if strings.Contains(said, "hunter2") {
					t.Errorf("%s tells a secret:\n%s", command, said)
				}
			}
			if after := p.tree(); after != before {
				t.Errorf("the project was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// tree is every file of the project with its text.
func (p *project) tree() string {
	p.t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(p.root()), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(p.root(), path))
		all.WriteString(path + "\n" + string(text) + "\n")
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all.String()
}

// Check tells all that is wrong at once: with the directory, and with the
// desired state, which it runs all the same.
func TestCheck_tellsEveryFault(t *testing.T) {
	p := newProject(t, "schema/s.sql", plain+"CREATE TABLE u (n nosuch);\n", "migrations/001_a.sql", "BEGIN;\n", "migrations/02_b.sql", "-- atlas:txmod none\n\nSELECT 1;\n")
	p.put("migrations/02_b.sql", "-- atlas:txmod none\n\nSELECT 2;\n")
	a := p.wants(p.Check(t.Context()), migration.Failed)
	for _, code := range []string{"AM103", "AM132", "AM142", "AM404"} {
		if !has(a, code) {
			t.Errorf("%s is not told:\n%s", code, told(a))
		}
	}
	p = newProject(t, "schema/s.hcl", table("coment = \"c\""), "migrations/001_a.sql", "SELECT nosuch;\n")
	a = p.wants(p.Check(t.Context()), migration.Failed)
	for _, code := range []string{"AM402", "AM431"} {
		if !has(a, code) {
			t.Errorf("%s is not told:\n%s", code, told(a))
		}
	}
}

// A directory that goes on having something to do would do it on every database
// again.
func TestCheck_runsTwice(t *testing.T) {
	p := newProject(t, "schema/s.sql", plain, "migrations/001_a.sql", plain)
	runs := 0
	p.Apply = func(ctx context.Context, url string, dir fs.FS) migration.Result {
		r := apply(ctx, url, dir)
		if r.Outcome == migration.NothingToDo {
			runs++
			r.Outcome = migration.Applied
		}
		return r
	}
	a := p.wants(p.Check(t.Context()), migration.Failed)
	if runs != 1 || !has(a, "AM432") {
		t.Errorf("%d runs with nothing to do: %s", runs, told(a))
	}
}

// Of several writers at once each writes a file of its own behind those that are
// there, or says that another was faster; atlas.sum fits whatever they do.
func TestWriters_atOnce(t *testing.T) {
	p := newProject(t)
	var wg sync.WaitGroup
	answers := make([]authoring.Answer, 8)
	for i := range answers {
		wg.Go(func() { answers[i] = p.New("one", migration.TxFile) })
	}
	wg.Wait()
	written := map[string]bool{}
	for _, a := range answers {
		switch {
		case a.Written && written[a.File]:
			t.Errorf("%s was written twice", a.File)
		case a.Written:
			written[a.File] = true
		case a.Failure == nil || !strings.Contains(a.Failure.Message, "changed by somebody else"):
			t.Errorf("not written: %s", told(a))
		}
	}
	if len(written) == 0 || len(p.files()) != len(written)+1 {
		t.Errorf("%d say that they wrote, and there are %q", len(written), p.files())
	}
	for _, f := range p.findings() {
		if f.Code != "AM124" {
			t.Errorf("%s: %s", f.ID, f.Summary)
		}
	}
}

// Nothing of a writer stays but what it wrote: no file that kept others away.
func TestWriters_leaveNoLock(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows locks no directories")
	}
	elsewhere := t.TempDir()
	t.Setenv("TMPDIR", elsewhere)
	p := newProjectOn(t, "", "migrations/001_a.sql", plain)
	p.wants(p.New("more", migration.TxFile), migration.Current)
	p.wants(p.New("again", migration.TxFile), migration.Current)
	left, err := os.ReadDir(elsewhere)
	if err != nil || len(left) > 0 || len(p.files()) != 4 {
		t.Errorf("there is %v, %v, beside %q", left, err, p.files())
	}
}

func (p *project) findings() []migration.Finding {
	p.t.Helper()
	_, findings, err := migration.ReadDir(os.DirFS(p.Dir))
	if err != nil {
		p.t.Fatal(err)
	}
	return findings
}

// Somebody else's file that came while diff was at work is not hashed away.
func TestDiff_seesOtherWriters(t *testing.T) {
	p := newProject(t, "schema/s.sql", plain)
	p.Apply = func(ctx context.Context, url string, dir fs.FS) migration.Result {
		p.put("migrations/001_theirs.sql", "SELECT 1;\n")
		return apply(ctx, url, dir)
	}
	a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "mine"}), migration.Failed)
	if !strings.Contains(a.Failure.Message, "changed by somebody else") || strings.Join(p.files(), " ") != "001_theirs.sql atlas.sum" {
		t.Errorf("%s\n%q", told(a), p.files())
	}
}

// Interrupted, diff leaves nothing behind: no file, no database.
func TestDiff_interrupted(t *testing.T) {
	db := pgtest.New(t)
	p := newProjectOn(t, db.URL, "schema/s.sql", plain, "migrations/001_a.sql", plain)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var used []string
	p.Apply = func(ctx context.Context, url string, dir fs.FS) migration.Result {
		mu.Lock()
		used = append(used, filepath.Base(strings.Split(url, "?")[0]))
		mu.Unlock()
		cancel()
		return apply(ctx, url, dir)
	}
	before := p.tree()
	p.wants(p.Diff(ctx, authoring.DiffOptions{Name: "x"}), migration.Failed)
	if p.tree() != before {
		t.Errorf("there are %q", p.files())
	}
	if left := db.Query(t, "SELECT datname FROM pg_database WHERE datname = ANY (string_to_array('"+strings.Join(used, ",")+"', ','))"); len(used) == 0 || left != "" {
		t.Errorf("of the databases %q there is still %q", used, left)
	}
}
