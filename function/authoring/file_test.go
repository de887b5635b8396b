package authoring_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A new file runs behind all that are there, whatever their versions and
// wherever their clocks were.
func TestNew_version(t *testing.T) {
	for name, c := range map[string]struct{ last, want string }{
		"first":               {"", "20261125120000"},
		"numbers":             {"017", "20261125120000"},
		"a clock behind":      {"20251125120000", "20261125120000"},
		"the same second":     {"20261125120000", "20261125120001"},
		"a clock ahead":       {"20271231235959", "20271231235960"},
		"no number behind it": {"99999999999999", "9999999999999a"},
		"large numbers":       {"30", "31"},
		"nines":               {"3099", "3100"},
		"letters":             {"v1", "v2"},
		"letters and a nine":  {"v9", "va"},
		"behind a nine":       {"va", "vb"},
		"only letters":        {"zzz", "zzza"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProjectOn(t, "")
			if c.last != "" {
				p.put("migrations/"+c.last+"_before.sql", "SELECT 1;\n")
				p.hash()
			}
			a := p.wants(p.New("after", migration.TxFile), migration.Current)
			if got := filepath.Base(a.File); got != c.want+"_after.sql" {
				t.Errorf("got %s, want version %s", got, c.want)
			}
			p.put("migrations/"+filepath.Base(a.File), "SELECT 2;\n")
			p.hash()
			if f := p.findings(); len(f) > 0 {
				t.Errorf("%s: %s", f[0].ID, f[0].Summary)
			}
		})
	}
}

// An empty file is a fault until a statement stands in it; with one, its
// directive counts.
func TestNew_header(t *testing.T) {
	for _, mode := range []migration.TxMode{migration.TxFile, migration.TxNone} {
		p := newProjectOn(t, "", "migrations/001_a.sql", "SELECT 1;\n")
		a := p.wants(p.New("more", mode), migration.Current)
		if f := p.findings(); len(f) != 1 || f[0].Code != "AM124" {
			t.Errorf("%s: findings %v", mode, f)
		}
		p.put("migrations/"+filepath.Base(a.File), a.Text+"CREATE TABLE x (n int);\n")
		p.hash()
		dir, findings, err := migration.ReadDir(os.DirFS(p.Dir))
		if err != nil || len(findings) > 0 {
			t.Fatalf("%v %v", findings, err)
		}
		if last := dir.Files[1]; last.TxMode != mode || len(last.Stmts) != 1 {
			t.Errorf("txmode %s with %d statements, want %s with one", last.TxMode, len(last.Stmts), mode)
		}
	}
}

// What is wrong with atlas.sum is not hashed away by a new file; an empty file
// does not stand in the way of a second.
func TestNew_keepsWhatIsWrong(t *testing.T) {
	p := newProjectOn(t, "", "migrations/001_a.sql", "SELECT 1;\n")
	p.put("migrations/001_a.sql", "SELECT 2;\n")
	a := p.wants(p.New("x", migration.TxFile), migration.Blocked)
	if !has(a, "AM103", "001_a.sql") || len(p.files()) != 2 {
		t.Errorf("%s\n%q", told(a), p.files())
	}
	p.hash()
	p.wants(p.New("x", migration.TxFile), migration.Current)
	p.wants(p.New("y", migration.TxFile), migration.Current)
}

func TestNew_names(t *testing.T) {
	for name, want := range map[string]string{
		"add_users": "add_users", "add users": "add_users", " add  users\n": "add_users", "größe": "größe",
		"": "", " ": "", "a/b": "", "..": "20261125120000_...sql", `a\b`: "", "a:b": "", "x.sql": "", "a\x00b": "", strings.Repeat("x", 201): "",
	} {
		p := newProjectOn(t, "")
		a := p.New(name, migration.TxFile)
		if want == "" {
			if a.Outcome != migration.Invalid || a.Failure == nil || len(p.files()) != 1 {
				t.Errorf("%q: %s %q", name, a.Outcome, p.files())
			}
			continue
		}
		if a.Outcome != migration.Current || !strings.Contains(a.File, want) {
			t.Errorf("%q: %s", name, told(a))
		}
	}
}

// What somebody put into the directory by a link stays one, and the mode of
// atlas.sum is kept.
func TestWrite_keepsLinkAndMode(t *testing.T) {
	p := newProjectOn(t, "", "kept/atlas.sum", "")
	sum := filepath.Join(p.Dir, "atlas.sum")
	if err := os.Remove(sum); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(p.root(), "kept", "atlas.sum")
	if err := os.Chmod(kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kept, sum); err != nil {
		t.Fatal(err)
	}
	if err := authoring.Replace(sum, []byte("h1:\n")); err != nil {
		t.Fatal(err)
	}
	link, err := os.Lstat(sum)
	if err != nil || link.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v: %v", info.Mode(), err)
	}
	text, err := os.ReadFile(kept)
	if err != nil || string(text) != "h1:\n" {
		t.Errorf("%q %v", text, err)
	}
}
