package authoring_test

import (
	"os"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// What Atlas's library plans away, passes over or gets wrong is told, and the
// data that it would have cost is kept.
func TestDiff_namesWhatTheLibraryCannotSay(t *testing.T) {
	server := pgtest.New(t).URL
	const view = "CREATE VIEW v AS SELECT id FROM t;\n"
	for name, c := range map[string]struct {
		from, to string
		outcome  migration.Outcome
		code     string
		words    []string // of the finding
		says     string   // of the file
		not      string
	}{
		"schema that HCL does not speak of": {"CREATE SCHEMA old;\nCREATE TABLE old.x (n int);\n" + plain, table("comment = \"c\""), migration.Planned,
			"AM410", []string{"old", `DROP SCHEMA "old" CASCADE;`}, "COMMENT ON TABLE", "SCHEMA"},
		"schema that SQL does not speak of": {"CREATE SCHEMA old;\nCREATE TABLE old.x (n int);\n" + plain, plain + "CREATE TABLE n (n int);\n", migration.Planned,
			"AM410", []string{"old"}, "CREATE TABLE", "SCHEMA"},
		"only a schema that HCL does not speak of": {"CREATE SCHEMA old;\n" + plain, table(""), migration.NothingToDo, "AM410", []string{"old"}, "", ""},
		"public that HCL does not speak of":        {plain, "schema \"app\" {}\n", migration.Planned, "AM410", []string{"public"}, `CREATE SCHEMA "app"`, "DROP"},
		"exclusion constraint": {with("r int4range, CONSTRAINT x EXCLUDE USING gist (r WITH &&)"), table("column \"r\" {\n type = int4range\n null = true\n}\ncomment = \"c\""), migration.Planned,
			"AM411", []string{"x", "DROP CONSTRAINT"}, "COMMENT", "DROP"},
		"enum value that vanished": {"CREATE TYPE mood AS ENUM ('sad', 'gone');\n" + plain, table("") + "enum \"mood\" {\n schema = schema.public\n values = [\"sad\"]\n}\n", migration.Blocked,
			"AM412", []string{"'gone'", "schema.hcl:7"}, "", ""},
		"enum values in another order": {"CREATE TYPE mood AS ENUM ('a', 'b');\n" + plain, table("") + "enum \"mood\" {\n schema = schema.public\n values = [\"b\", \"a\"]\n}\n", migration.Blocked,
			"AM413", []string{"mood"}, "", ""},
		"column renamed": {with("old text"), table("column \"new\" {\n type = text\n null = true\n}"), migration.Planned,
			"AM414", []string{`RENAME COLUMN "old" TO "new"`, "schema.hcl:5"}, "DROP COLUMN", ""},
		"table renamed": {plain, public + "table \"u\" {\n schema = schema.public\n column \"id\" { type = bigint }\n}\n", migration.Planned,
			"AM414", []string{`RENAME TO "u"`}, "DROP TABLE", ""},
		"identity that starts elsewhere": {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", tableOf("type = bigint\nidentity {\n generated = ALWAYS\n start = 1000\n}"), migration.Planned,
			"AM415", []string{"1000", "RESTART WITH 1000"}, "SET START WITH 1000", "RESTART"},
		"generated column changed": {with("a int, b int GENERATED ALWAYS AS (a * 2) STORED"), "CREATE TABLE t (id bigint NOT NULL, a int, b int GENERATED ALWAYS AS (a * 3) STORED);\n", migration.Blocked,
			"AM416", []string{"column b of table t", "a * 3"}, "", ""},
		"column becomes generated": {with("a int, b int"), with("a int, b int GENERATED ALWAYS AS (a * 2) STORED"), migration.Blocked, "AM416", []string{"with its values"}, "", ""},
		"partitioning changed":     {plain, "CREATE TABLE t (id bigint NOT NULL) PARTITION BY RANGE (id);\n", migration.Blocked, "AM417", []string{"table t"}, "", ""},
		"two changes that cannot be": {"CREATE TYPE mood AS ENUM ('a', 'b');\n" + with("a int, b int"), "CREATE TYPE mood AS ENUM ('a');\n" + with("a int, b int GENERATED ALWAYS AS (a * 2) STORED"), migration.Blocked,
			"AM416", nil, "", ""},

		"view":                   {plain, plain + view, migration.Blocked, "AM420", []string{"the view public.v is missing", "schema.sql:2", "CREATE VIEW v AS SELECT id FROM t"}, "", ""},
		"view beside a table":    {plain, plain + view + "CREATE TABLE n (n int);\n", migration.Planned, "AM420", []string{"public.v", "CREATE VIEW v"}, "CREATE TABLE", "VIEW"},
		"view that goes":         {plain + view, plain, migration.Blocked, "AM420", []string{"DROP VIEW public.v;"}, "", ""},
		"view that changes":      {plain + view, plain + "CREATE VIEW v AS SELECT id + 1 AS id FROM t;\n", migration.Blocked, "AM420", []string{"the view public.v differs", "id + 1"}, "", ""},
		"materialized view":      {plain, plain + "CREATE MATERIALIZED VIEW m AS SELECT id FROM t;\n", migration.Blocked, "AM420", []string{"materialized view public.m"}, "", ""},
		"function":               {plain, plain + "CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT 1';\n", migration.Blocked, "AM420", []string{"function public.f(integer)", "CREATE FUNCTION f"}, "", ""},
		"trigger":                {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n" + plain, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n" + plain + "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();\n", migration.Blocked, "AM420", []string{"table public.t", "CREATE TRIGGER g"}, "", ""},
		"policy":                 {plain, plain + "ALTER TABLE t ENABLE ROW LEVEL SECURITY;\nCREATE POLICY p ON t USING (id > 0);\n", migration.Blocked, "AM420", []string{"ENABLE ROW LEVEL SECURITY", "CREATE POLICY p"}, "", ""},
		"grant":                  {plain, plain + "GRANT SELECT ON t TO PUBLIC;\n", migration.Blocked, "AM420", []string{"GRANT SELECT ON t TO PUBLIC"}, "", ""},
		"sequence":               {plain, plain + "CREATE SEQUENCE s START 5;\n", migration.Blocked, "AM420", []string{"sequence public.s", "CREATE SEQUENCE s"}, "", ""},
		"domain":                 {plain, plain + "CREATE DOMAIN d AS text CHECK (VALUE <> '');\n", migration.Blocked, "AM420", []string{"domain public.d", "CREATE DOMAIN d"}, "", ""},
		"composite type":         {plain, plain + "CREATE TYPE c AS (a int, b text);\n", migration.Blocked, "AM420", []string{"composite type public.c", "CREATE TYPE c"}, "", ""},
		"extension":              {plain, "CREATE EXTENSION hstore;\n" + plain, migration.Blocked, "AM420", []string{"extension hstore", "CREATE EXTENSION hstore"}, "", ""},
		"storage parameter":      {plain, plain + "ALTER TABLE t SET (fillfactor = 70);\n", migration.Blocked, "AM420", []string{"table public.t", "fillfactor = 70"}, "", ""},
		"deferrable foreign key": {"CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int CONSTRAINT f REFERENCES o);\n", "CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int);\nALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (o) REFERENCES o DEFERRABLE;\n", migration.Blocked, "AM420", []string{"DEFERRABLE", "table public.t"}, "", ""},
		"partition":              {"CREATE TABLE t (id bigint) PARTITION BY LIST (id);\n", "CREATE TABLE t (id bigint) PARTITION BY LIST (id);\nCREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);\n", migration.Blocked, "AM420", []string{"table public.t1", "PARTITION OF t"}, "", ""},
		"rule":                   {plain, plain + "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;\n", migration.Blocked, "AM420", []string{"CREATE RULE r"}, "", ""},
		"comment on a view":      {plain + view, plain + view + "COMMENT ON VIEW v IS 'c';\n", migration.Blocked, "AM420", []string{"COMMENT ON VIEW v"}, "", ""},
		"publication":            {plain, plain + "CREATE PUBLICATION p;\n", migration.Blocked, "AM420", []string{"publication p"}, "", ""},
		"event trigger": {plain, plain + "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\nCREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION e();\n", migration.Blocked,
			"AM420", []string{"event trigger et", "CREATE EVENT TRIGGER et"}, "", ""},
		"unlogged table":           {plain, plain + "CREATE UNLOGGED TABLE u (n int);\n", migration.Planned, "AM420", []string{"table public.u", "CREATE UNLOGGED TABLE"}, "CREATE TABLE", ""},
		"inherited table":          {plain, plain + "CREATE TABLE c () INHERITS (t);\n", migration.Planned, "AM420", []string{"table public.c", "ALTER TABLE public.c INHERIT public.t;"}, "", ""},
		"statistics object":        {with("a int, b int"), with("a int, b int") + "CREATE STATISTICS st ON a, b FROM t;\n", migration.Blocked, "AM420", []string{"CREATE STATISTICS st"}, "", ""},
		"constraint not valid":     {plain, plain + "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0) NOT VALID;\n", migration.Planned, "AM420", []string{"table public.t", "NOT VALID"}, "ADD CONSTRAINT", ""},
		"index parameter":          {plain, plain + "CREATE INDEX i ON t (id) WITH (fillfactor = 70);\n", migration.Planned, "AM420", []string{"fillfactor"}, "CREATE INDEX", ""},
		"replica identity":         {plain, plain + "ALTER TABLE t REPLICA IDENTITY FULL;\n", migration.Blocked, "AM420", []string{"REPLICA IDENTITY FULL"}, "", ""},
		"foreign key that matches": {"CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int);\n", "CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int CONSTRAINT f REFERENCES o MATCH FULL);\n", migration.Planned, "AM420", []string{"table public.t", "MATCH FULL"}, "FOREIGN KEY", ""},
		"identity that cycles":     {"CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY);\n", "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (MAXVALUE 9 CYCLE));\n", migration.Blocked, "AM420", []string{"public.t"}, "", ""},
		"default privileges":       {plain, plain + "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;\n", migration.Blocked, "AM420", []string{"ALTER DEFAULT PRIVILEGES"}, "", ""},
		"comment on a constraint":  {"CREATE TABLE t (id bigint CONSTRAINT c CHECK (id > 0));\n", "CREATE TABLE t (id bigint CONSTRAINT c CHECK (id > 0));\nCOMMENT ON CONSTRAINT c ON t IS 'why';\n", migration.Blocked, "AM420", []string{"COMMENT ON CONSTRAINT c"}, "", ""},
		"procedure":                {plain, plain + "CREATE PROCEDURE pr() LANGUAGE sql AS 'SELECT 1';\n", migration.Blocked, "AM420", []string{"CREATE PROCEDURE pr"}, "", ""},
		"aggregate":                {plain, plain + "CREATE AGGREGATE ag (int) (SFUNC = int4pl, STYPE = int);\n", migration.Blocked, "AM420", []string{"CREATE AGGREGATE ag"}, "", ""},
		"column storage":           {with("v text"), with("v text") + "ALTER TABLE t ALTER v SET STORAGE EXTERNAL;\n", migration.Blocked, "AM420", []string{"table public.t"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProjectOn(t, server, "schema/schema."+change{to: c.to}.language(), c.to, "migrations/001_before.sql", c.from)
			a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "change"}), c.outcome)
			if !has(a, c.code, c.words...) {
				t.Errorf("%s saying %q is not told:\n%s", c.code, c.words, told(a))
			}
			if a.Written != (c.outcome == migration.Planned) {
				t.Errorf("written: %v", a.Written)
			}
			if !contains(a.Text, c.says) || c.not != "" && contains(a.Text, c.not) {
				t.Errorf("want a file with %q and without %q:\n%s", c.says, c.not, a.Text)
			}
			if name == "view" || name == "trigger" || name == "extension" { // check is as strict
				if checked := p.Check(t.Context()); checked.Outcome != migration.Failed || !has(checked, "AM430") {
					t.Errorf("check does not see it: %s", told(checked))
				}
			}
		})
	}
}

// A plan is tried before it is written, so that what PostgreSQL refuses is told
// now and not when it is applied.
func TestDiff_writesNothingThatDoesNotRun(t *testing.T) {
	server := pgtest.New(t).URL
	for name, c := range map[string]struct{ from, to, says string }{
		"a view hangs on the column": {with("old text") + "CREATE VIEW v AS SELECT old FROM t;\n", table(""), "2BP01"},
		"no cast":                    {with("v text"), table("column \"v\" {\n type = int\n null = true\n}"), "cannot be cast automatically"},
		"a name with a quote":        {plain, plain + "CREATE TABLE \"a\"\"b\" (n int);\n", "quoted name never ends"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProjectOn(t, server, "schema/schema."+change{to: c.to}.language(), c.to, "migrations/001_before.sql", c.from)
			a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "change"}), migration.Failed)
			if a.Failure == nil || !contains(a.Failure.Error()+a.Failure.Hint, c.says) || a.Text == "" || len(p.files()) != 2 {
				t.Errorf("%s\n%q", told(a), p.files())
			}
		})
	}
}

// An index of a table that is in use is built without stopping its writers, in a
// file that says so in a way that is read.
func TestDiff_concurrentIndexes(t *testing.T) {
	p := newProject(t, "schema/schema.hcl", table("index \"i\" { columns = [column.id] }"), "migrations/001_before.sql", plain+"CREATE INDEX j ON t (id);\n")
	a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "i", Concurrently: true}), migration.Planned)
	const want = `-- atlas:txmode none

-- Drop index "j" from table: "t"
DROP INDEX CONCURRENTLY "public"."j";
-- Create index "i" to table: "t"
CREATE INDEX CONCURRENTLY "i" ON "public"."t" ("id");
`
	if a.Text != want {
		t.Errorf("got\n%s\nwant\n%s", a.Text, want)
	}
	p.wants(p.Check(t.Context()), migration.Current)
}

// A column whose identity changes, or that becomes one, goes on behind the
// numbers that are taken: the next row gets one of its own.
func TestDiff_identityGoesOn(t *testing.T) {
	server := pgtest.New(t).URL
	identity := func(more string) string { return tableOf("type = bigint\nidentity {\n" + more + "\n}") }
	for name, c := range map[string]struct{ from, to, want string }{
		"generation":        {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", identity("generated = BY_DEFAULT"), "4"},
		"start":             {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", identity("generated = ALWAYS\nstart = 2"), "4"},
		"increment":         {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", identity("generated = ALWAYS\nincrement = 10"), "13"},
		"serial, as SQL":    {"CREATE TABLE t (id bigserial);\n", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", "4"},
		"plain, as HCL":     {"CREATE TABLE t (id bigint NOT NULL);\nINSERT INTO t VALUES (1), (2), (3);\n", identity("generated = ALWAYS"), "4"},
		"identity and type": {"CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY);\n", identity("generated = BY_DEFAULT"), "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.from
			if !contains(before, "INSERT") {
				before += "INSERT INTO t DEFAULT VALUES;\nINSERT INTO t DEFAULT VALUES;\nINSERT INTO t DEFAULT VALUES;\n"
			}
			p := newProjectOn(t, server, "schema/schema."+change{to: c.to}.language(), c.to, "migrations/001_before.sql", before)
			a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "change"}), migration.Planned)
			db := pgtest.New(t)
			if r := apply(t.Context(), db.URL, os.DirFS(p.Dir)); r.Outcome != migration.Applied {
				t.Fatalf("%s: %v", r.Outcome, r.Failure)
			}
			if got := db.Query(t, "INSERT INTO t DEFAULT VALUES RETURNING id"); got != c.want {
				t.Errorf("the next row gets %s, want %s, after\n%s", got, c.want, a.Text)
			}
		})
	}
}

// A default is compared as text and never evaluated: what it calls may do
// anything.
func TestDiff_evaluatesNoDefault(t *testing.T) {
	const f = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''f was called''; END';\n"
	p := newProject(t, "migrations/001_before.sql", f+with("v int DEFAULT f()"), "schema/schema.hcl",
		table("column \"v\" {\n type = int\n null = true\n default = sql(\"f() + 1\")\n}\ncolumn \"w\" {\n type = int\n null = true\n default = sql(\"f()\")\n}"))
	a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "change"}), migration.Planned)
	if !contains(a.Text, "f() + 1") {
		t.Errorf("%s", told(a))
	}
	p.wants(p.Check(t.Context()), migration.Current)
}
