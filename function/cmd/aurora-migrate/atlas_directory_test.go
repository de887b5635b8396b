package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ariga.io/atlas-go-sdk/atlasexec"

	"github.com/alquimistaai/aurora-migrator/function/authoring/atlastest"
)

// Both write the same atlas.sum, byte for byte, and both say of the other's that
// it is right; of one that is not, both say so.
func TestAtlas_hashAndValidate(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a shop":   shop(),
		"one file": {"1.sql": "SELECT 1;\n"},
		"odd names and directives": {
			"20240101000000_a b.sql": "SELECT 1;\n", "20240102000000_é.sql": "-- atlas:txmode none\n\nVACUUM;\n", "20240103000000_x.y_z.sql": "-- a comment alone behind it\nSELECT 1\n-- end\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := meet(t, files)
			theirs := m.read("atlas.sum")
			if err := os.Remove(filepath.Join(m.dir, "atlas.sum")); err != nil {
				t.Fatal(err)
			}
			hashOurs(t, m)
			if got := m.read("atlas.sum"); got != theirs {
				t.Errorf("we write\n%s\nand Atlas\n%s", got, theirs)
			}
			if out, err := m.cli("migrate", "validate", "--dir", "file://"+m.dir); err != nil {
				t.Errorf("atlas migrate validate: %v\n%s", err, out)
			}
			first := sorted(files)[0]
			m.write(first, m.read(first)+"-- edited\n")
			if out, err := m.cli("migrate", "validate", "--dir", "file://"+m.dir); err == nil {
				t.Errorf("atlas migrate validate takes an edited file: %s", out)
			}
			if got := m.field("findings.0.code", 3, "plan"); got != "AM103" {
				t.Errorf("of an edited file we say %s", got)
			}
		})
	}
}

func hashOurs(t *testing.T, m *meeting) {
	t.Helper()
	m.ours(0, "hash")
}

// Atlas's analysis runs over what we accept, our own directives included, and
// says the same of it as of any directory.
func TestAtlas_lint(t *testing.T) {
	files := shop()
	files["006_rerun.sql"] = "-- atlas:txmode none\n\n-- aurora:rerunnable\nVACUUM customers;\n"
	files["007_drop.sql"] = "DROP TABLE orders;\n"
	m := meet(t, files)
	report, err := m.atlas.MigrateLint(t.Context(), &atlasexec.MigrateLintParams{DevURL: atlastest.New(t).URL, DirURL: "file://" + m.dir, Latest: 7})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, f := range report.Files {
		for _, r := range f.Reports {
			for _, d := range r.Diagnostics {
				codes = append(codes, f.Name+" "+d.Code)
			}
		}
		if f.Error != "" && f.Error != "destructive changes detected" {
			t.Errorf("%s: %s", f.Name, f.Error)
		}
	}
	if got := strings.Join(codes, ", "); got != "007_drop.sql DS102" {
		t.Errorf("Atlas finds %s", got)
	}
	m.oursApply()
	m.alike(0)
}

const root = "../../.."

// projectFile is atlas.hcl of this repository.
func projectFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "atlas.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// This repository is a directory that Atlas is at home in: it validates, what it
// leads to is the desired state, and whoever applies it, the other says so.
func TestAtlas_thisRepository(t *testing.T) {
	m := meet(t, map[string]string{})
	project := filepath.Dir(m.dir)
	for _, part := range []string{"migrations", "schema"} {
		if err := os.RemoveAll(filepath.Join(project, part)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(project, part), os.DirFS(filepath.Join(root, part))); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(project, "atlas.hcl"), projectFile(t))
	if out, err := m.cli("migrate", "validate", "--env", "local"); err != nil {
		t.Errorf("atlas migrate validate: %v\n%s", err, out)
	}
	m.env["MIGRATE_DEV_URL"] = atlastest.New(t).URL
	if out, err := m.cli("migrate", "diff", "nothing", "--env", "local"); err != nil || !strings.Contains(out, "no changes to be made") {
		t.Errorf("atlas migrate diff: %v\n%s", err, out)
	}
	ours := m.again()
	m.theirsApply(atlasexec.MigrateApplyParams{})
	ours.oursApply()
	for _, each := range []*meeting{m, ours} {
		each.alike(0)
		if got := each.field("outcome", 0, "status"); got != "current" {
			t.Errorf("status: %s", got)
		}
	}
	if theirs, ours := m.history(), ours.history(); theirs != ours {
		t.Errorf("Atlas writes\n%s\nand we\n%s", theirs, ours)
	}
}

// atlas migrate diff --env local, in a project whose dev database is named by
// MIGRATE_DEV_URL, writes a file that we plan and apply; afterwards it finds
// nothing more to write.
func TestAtlas_diffFromProjectFile(t *testing.T) {
	m := meet(t, map[string]string{"20240101000000_users.sql": "CREATE TABLE \"users\" (\n  \"id\" bigint NOT NULL,\n  PRIMARY KEY (\"id\")\n);\n"})
	project := filepath.Dir(m.dir)
	for name, text := range map[string]string{
		"atlas.hcl": projectFile(t),
		"schema/schema.hcl": `schema "public" {}
table "users" {
  schema = schema.public
  column "id" {
    type = bigint
  }
  column "email" {
    type = text
    null = false
    default = ""
  }
  primary_key {
    columns = [column.id]
  }
  index "users_email" {
    columns = [column.email]
  }
}
`} {
		write(t, filepath.Join(project, name), text)
	}
	m.env["MIGRATE_DEV_URL"] = atlastest.New(t).URL
	if out, err := m.cli("migrate", "diff", "add_email", "--env", "local"); err != nil {
		t.Fatalf("atlas migrate diff: %v\n%s", err, out)
	}
	written, err := fs.Glob(os.DirFS(m.dir), "*_add_email.sql")
	if err != nil || len(written) != 1 {
		t.Fatalf("it wrote %v: %v", written, err)
	}
	if got := m.field("outcome", 0, "plan"); got != "planned" {
		t.Fatalf("we plan: %s", got)
	}
	m.oursApply()
	m.alike(0)
	if got := m.tables(); !strings.Contains(got, "users|email|text|NO|''::text") {
		t.Errorf("the tables are\n%s", got)
	}
	if out, err := m.cli("migrate", "diff", "again", "--env", "local"); err != nil || !strings.Contains(out, "no changes to be made") {
		t.Errorf("atlas migrate diff, again: %v\n%s", err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
