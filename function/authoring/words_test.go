package authoring_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// nowhere is a server that is not there: what is told with it was told without
// a database.
var nowhere = devdb.Options{URL: "postgres://nobody@127.0.0.1:1/none"}

// Atlas reads over each of these without a word. Here each is an error with its
// place, and with what was meant, or how else to say it.
func TestDiff_readsOverNoWordOfHCL(t *testing.T) {
	for name, c := range map[string]struct {
		hcl, code, place string
		says             []string
	}{
		"misspelt attribute":       {tableOf("type = int\nnul = true"), "AM402", "schema.hcl:6", []string{"unknown attribute nul in a column", "Did you mean null?"}},
		"misspelt block":           {table("indx \"i\" { columns = [column.id] }"), "AM402", "schema.hcl:5", []string{"unknown block indx in a table", "Did you mean index?"}},
		"attribute of a table":     {table("coment = \"x\""), "AM402", "schema.hcl:5", []string{"Did you mean comment?"}},
		"attribute of an index":    {table("index \"i\" {\n columns = [column.id]\n wher = \"id > 0\"\n}"), "AM402", "schema.hcl:7", []string{"Did you mean where?"}},
		"attribute of a part":      {table("index \"i\" {\n on {\n column = column.id\n descending = true\n}\n}"), "AM402", "schema.hcl:8", []string{"in a on"}},
		"attribute of a key":       {table("foreign_key \"f\" {\n columns = [column.id]\n ref_columns = [column.id]\n ondelete = CASCADE\n}"), "AM402", "schema.hcl:8", []string{"Did you mean on_delete?"}},
		"attribute of a check":     {table("check \"c\" {\n expr = \"id > 0\"\n no_inherit = true\n}"), "AM402", "schema.hcl:7", []string{"unknown attribute no_inherit"}},
		"attribute of an identity": {tableOf("type = int\nidentity {\n generated = ALWAYS\n starts = 5\n}"), "AM402", "schema.hcl:8", []string{"Did you mean start?"}},
		"attribute of a partition": {table("partition {\n type = RANGE\n column = column.id\n}"), "AM402", "schema.hcl:7", []string{"Did you mean columns?"}},
		"attribute of an enum":     {public + "enum \"e\" {\n schema = schema.public\n value = [\"a\"]\n}\n", "AM402", "schema.hcl:4", []string{"Did you mean values?"}},
		"attribute of a schema":    {"schema \"public\" {\n charset = \"utf8\"\n}\n", "AM402", "schema.hcl:2", []string{"unknown attribute charset"}},
		"attribute at the top":     {public + "owner = \"me\"\n", "AM402", "schema.hcl:2", []string{"unknown attribute owner"}},
		"collation of a column":    {tableOf("type = text\ncollate = \"C\""), "AM402", "schema.hcl:6", []string{"COLLATE"}},
		"parts of a primary key":   {table("primary_key {\n on { column = column.id }\n}"), "AM402", "schema.hcl:6", []string{"unknown block on in a primary_key"}},
		"name of a primary key":    {table("primary_key \"k\" { columns = [column.id] }"), "AM402", "schema.hcl:5", []string{`the name "k" of this primary_key would be ignored`}},
		"named default":            {tableOf("type = int\ndefault \"d\" { as = 1 }"), "AM402", "schema.hcl:6", []string{"unknown block default"}},
		"view":                     {public + "view \"v\" {\n schema = schema.public\n as = \"SELECT 1\"\n}\n", "AM403", "schema.hcl:2", []string{"CREATE VIEW"}},
		"function":                 {public + "function \"f\" {\n schema = schema.public\n}\n", "AM403", "schema.hcl:2", []string{"CREATE FUNCTION"}},
		"trigger":                  {public + "trigger \"g\" {\n on = table.t\n}\n", "AM403", "schema.hcl:2", []string{"CREATE TRIGGER"}},
		"role":                     {public + "role \"r\" {}\n", "AM403", "schema.hcl:2", []string{"CREATE ROLE"}},
		"row security":             {table("row_security { enabled = true }"), "AM403", "schema.hcl:5", []string{"ROW LEVEL SECURITY"}},
		"exclusion constraint":     {table("exclude \"x\" {\n type = GIST\n}"), "AM403", "schema.hcl:5", []string{"EXCLUDE"}},
		"extension":                {public + "extension \"citext\" {}\n", "AM403", "schema.hcl:2", []string{"CREATE EXTENSION"}},
		"syntax":                   {public + "table \"t\" {\n schema = \n}\n", "AM401", "schema.hcl:3", nil},
		"unknown type":             {tableOf("type = txt"), "AM401", "schema.hcl:5", nil},
		"unknown schema":           {"table \"t\" {\n schema = schema.other\n column \"id\" { type = int }\n}\n", "AM401", "schema.hcl", nil},
		"key over no column":       {table("primary_key { columns = [column.nothing] }"), "AM401", "schema.hcl", []string{"column"}},
		"index over no column":     {table("index \"i\" { columns = [column.nothing] }"), "AM401", "schema.hcl", nil},
		"variable without value":   {"variable \"v\" { type = string }\n" + public, "AM401", "schema.hcl", []string{"v"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProjectOn(t, "", "schema/schema.hcl", c.hcl)
			p.Server = nowhere
			a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "x"}), migration.Failed)
			if !has(a, c.code, append(c.says, c.place)...) {
				t.Errorf("want %s at %s saying %q, got\n%s", c.code, c.place, c.says, told(a))
			}
			if strings.Join(p.files(), " ") != "atlas.sum" {
				t.Errorf("something was written: %q", p.files())
			}
		})
	}
}

// All that is wrong is told, not only the first of it.
func TestDiff_tellsEveryUnknownWord(t *testing.T) {
	p := newProjectOn(t, "", "schema/a.hcl", tableOf("type = int\nnul = true\ncoment = \"c\""), "schema/b.hcl", "view \"v\" {}\n", "schema/c.hcl", "table \"x\" {")
	p.Server = nowhere
	a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "x"}), migration.Failed)
	for _, want := range [][]string{{"AM402", "a.hcl:6"}, {"AM402", "a.hcl:7"}, {"AM403", "b.hcl:1"}, {"AM401", "c.hcl:1"}} {
		if !has(a, want[0], want[1]) {
			t.Errorf("%q is not told:\n%s", want, told(a))
		}
	}
}
