package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ariga.io/atlas-go-sdk/atlasexec"
	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/authoring/atlastest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// desired is a schema as atlas.hcl has it, of these tables.
func desired(tables string) string { return "schema \"public\" {}\n" + tables }

// things is a table with a column id and more.
func things(more string) string {
	return desired("table \"things\" {\n  schema = schema.public\n  column \"id\" {\n    type = bigint\n  }\n" + more + "}\n")
}

const thingsTable = "CREATE TABLE \"things\" (\n  \"id\" bigint NOT NULL\n);\n"

var diffs = map[string]struct{ from, to string }{
	"first table":        {"", things("")},
	"table added":        {thingsTable, things("") + "table \"more\" {\n  schema = schema.public\n  column \"n\" {\n    type = int\n    null = true\n  }\n}\n"},
	"table dropped":      {thingsTable + "CREATE TABLE old (n int);\n", things("")},
	"column added":       {thingsTable, things("  column \"name\" {\n    type = text\n    default = \"it's\"\n  }\n")},
	"column dropped":     {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"old\" text);\n", things("")},
	"column nullable":    {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"v\" text NOT NULL);\n", things("  column \"v\" {\n    type = text\n    null = true\n  }\n")},
	"column not null":    {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"v\" text);\n", things("  column \"v\" {\n    type = text\n  }\n")},
	"column retyped":     {"CREATE TABLE \"things\" (\"id\" int NOT NULL);\n", things("")},
	"default changed":    {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"v\" int NOT NULL DEFAULT 1);\n", things("  column \"v\" {\n    type = int\n    default = 2\n  }\n")},
	"default gone":       {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"v\" int NOT NULL DEFAULT 1);\n", things("  column \"v\" {\n    type = int\n  }\n")},
	"default now()":      {thingsTable, things("  column \"at\" {\n    type = timestamptz\n    default = sql(\"now()\")\n  }\n")},
	"varchar longer":     {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"v\" varchar(10));\n", things("  column \"v\" {\n    type = varchar(20)\n    null = true\n  }\n")},
	"primary key":        {"", things("  primary_key {\n    columns = [column.id]\n  }\n")},
	"index":              {thingsTable, things("  index \"things_id\" {\n    columns = [column.id]\n  }\n")},
	"unique index":       {thingsTable, things("  index \"things_id\" {\n    unique = true\n    columns = [column.id]\n  }\n")},
	"partial index":      {thingsTable, things("  index \"things_id\" {\n    columns = [column.id]\n    where = \"id > 10\"\n  }\n")},
	"index dropped":      {thingsTable + "CREATE INDEX old ON things (id);\n", things("")},
	"check":              {thingsTable, things("  check \"positive\" {\n    expr = \"id > 0\"\n  }\n")},
	"check dropped":      {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, CONSTRAINT positive CHECK (id > 0));\n", things("")},
	"foreign key":        {"CREATE TABLE \"things\" (\"id\" bigint NOT NULL, PRIMARY KEY (\"id\"));\n", things("  primary_key {\n    columns = [column.id]\n  }\n") + "table \"parts\" {\n  schema = schema.public\n  column \"thing\" {\n    type = bigint\n  }\n  foreign_key \"parts_thing\" {\n    columns = [column.thing]\n    ref_columns = [table.things.column.id]\n    on_delete = CASCADE\n  }\n}\n"},
	"comment on table":   {thingsTable, things("  comment = \"it's ours\"\n")},
	"enum":               {"", things("  column \"state\" {\n    type = enum.state\n  }\n") + "enum \"state\" {\n  schema = schema.public\n  values = [\"on\", \"off\"]\n}\n"},
	"enum value added":   {"CREATE TYPE \"state\" AS ENUM ('on', 'off');\nCREATE TABLE \"things\" (\"id\" bigint NOT NULL, \"state\" \"state\" NOT NULL);\n", things("  column \"state\" {\n    type = enum.state\n  }\n") + "enum \"state\" {\n  schema = schema.public\n  values = [\"on\", \"off\", \"broken\"]\n}\n"},
	"identity":           {"", desired("table \"things\" {\n  schema = schema.public\n  column \"id\" {\n    type = bigint\n    identity {\n      generated = ALWAYS\n    }\n  }\n}\n")},
	"generated column":   {"", things("  column \"twice\" {\n    type = bigint\n    as {\n      expr = \"id * 2\"\n      type = STORED\n    }\n  }\n")},
	"schema":             {"", things("") + "schema \"sales\" {}\ntable \"orders\" {\n  schema = schema.sales\n  column \"id\" {\n    type = int\n  }\n}\n"},
	"several in a table": {"CREATE TABLE \"things\" (\"id\" int NOT NULL, \"old\" text, \"v\" text);\n", things("  column \"v\" {\n    type = text\n  }\n  column \"new\" {\n    type = jsonb\n    null = true\n  }\n  index \"things_v\" {\n    columns = [column.v]\n  }\n")},
}

// For each change that HCL can say, aurora-migrate diff writes the file that
// atlas migrate diff --env local writes, byte for byte, and the same atlas.sum.
func TestAtlas_diffWritesTheSameFile(t *testing.T) {
	for name, c := range diffs {
		if !pgtest.Part(name, 2) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := meet(t, map[string]string{"20200101000000_before.sql": c.from})
			if c.from == "" {
				if err := os.Remove(filepath.Join(m.dir, "20200101000000_before.sql")); err != nil {
					t.Fatal(err)
				}
				m.hash()
			}
			project := filepath.Dir(m.dir)
			write(t, filepath.Join(project, "atlas.hcl"), projectFile(t))
			write(t, filepath.Join(project, "schema/schema.hcl"), c.to)

			var stdout, stderr bytes.Buffer
			args := []string{"diff", "change", "--dir", m.dir, "--schema", filepath.Join(project, "schema")}
			if code := run(t.Context(), args, []string{"MIGRATE_DEV_URL=" + atlastest.New(t).URL}, nil, &stdout, &stderr); code != 0 {
				t.Fatalf("aurora-migrate diff exits with %d\n%s%s", code, &stdout, &stderr)
			}
			sum := m.read("atlas.sum")
			name, ours := m.take()
			m.hash()
			m.env["MIGRATE_DEV_URL"] = atlastest.New(t).URL
			if out, err := m.cli("migrate", "diff", "change", "--env", "local"); err != nil {
				t.Fatalf("atlas migrate diff: %v\n%s", err, out)
			}
			_, theirs := m.take()
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("Atlas -, ours +\n%s", diff)
			}
			m.write(name, ours)
			m.hash()
			if theirs := m.read("atlas.sum"); theirs != sum {
				t.Errorf("we write atlas.sum\n%s\nand Atlas\n%s", sum, theirs)
			}
		})
	}
}

// As atlas.hcl says, aurora-migrate dev lends Atlas the database that it needs.
func TestAtlas_diffOnWhatDevLends(t *testing.T) {
	m := meet(t, map[string]string{"20200101000000_before.sql": thingsTable})
	project := filepath.Dir(m.dir)
	write(t, filepath.Join(project, "atlas.hcl"), projectFile(t))
	write(t, filepath.Join(project, "schema/schema.hcl"), things("  column \"n\" {\n    type = int\n  }\n"))
	line := []string{"dev", "--", "sh", "-c", `cd "$0" && exec "$1" migrate diff change --env local`, project, atlastest.CLI(t)}
	environ := append(atlasexec.Environ(m.env).ToSlice(), "MIGRATE_DEV_URL="+m.db.URL)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), line, environ, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("%q exits with %d\n%s%s", line, code, &stdout, &stderr)
	}
	if _, text := m.take(); !strings.Contains(text, `ADD COLUMN "n" integer NOT NULL`) {
		t.Errorf("Atlas wrote\n%s", text)
	}
}

// take returns the file that diff wrote, and takes it away.
func (m *meeting) take() (name, text string) {
	m.t.Helper()
	written, err := fs.Glob(os.DirFS(m.dir), "*_change.sql")
	if err != nil || len(written) != 1 {
		m.t.Fatalf("diff wrote %v: %v", written, err)
	}
	text = m.read(written[0])
	if err := os.Remove(filepath.Join(m.dir, written[0])); err != nil {
		m.t.Fatal(err)
	}
	return written[0], text
}
