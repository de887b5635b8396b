package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ariga.io/atlas-go-sdk/atlasexec"
	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/authoring/atlastest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A meeting is one database and one directory that the real Atlas CLI and we
// work on in turns.
type meeting struct {
	t     *testing.T
	db    *pgtest.DB
	dir   string // the directory of migrations
	atlas *atlasexec.Client
	env   map[string]string // of the CLI
}

func meet(t *testing.T, files map[string]string) *meeting {
	t.Helper()
	m := &meeting{t: t, db: atlastest.New(t), dir: filepath.Join(t.TempDir(), "migrations")}
	if err := os.Mkdir(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		m.write(name, text)
	}
	var err error
	if m.atlas, err = atlasexec.NewClient(filepath.Dir(m.dir), atlastest.CLI(t)); err != nil {
		t.Fatal(err)
	}
	// A home of its own: what the user has told Atlas does not count here.
	m.env = map[string]string{"HOME": t.TempDir(), "PATH": os.Getenv("PATH")}
	if err := m.atlas.SetEnv(m.env); err != nil {
		t.Fatal(err)
	}
	m.hash()
	return m
}

// again is a meeting about the same directory on another database.
func (m *meeting) again() *meeting {
	other := *m
	other.db = atlastest.New(m.t)
	return &other
}

func (m *meeting) write(name, text string) {
	m.t.Helper()
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *meeting) read(name string) string {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

// hash has Atlas write atlas.sum.
func (m *meeting) hash() {
	m.t.Helper()
	if err := m.atlas.MigrateHash(m.t.Context(), &atlasexec.MigrateHashParams{DirURL: "file://" + m.dir}); err != nil {
		m.t.Fatalf("atlas migrate hash: %v", err)
	}
}

// cli runs a command line of Atlas that the SDK has no call for.
func (m *meeting) cli(words ...string) (string, error) {
	m.t.Helper()
	cmd := exec.Command(atlastest.CLI(m.t), words...)
	cmd.Dir = filepath.Dir(m.dir)
	cmd.Env = atlasexec.Environ(m.env).ToSlice()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// theirs applies with Atlas, count files or all where it is 0.
func (m *meeting) theirs(p atlasexec.MigrateApplyParams) (*atlasexec.MigrateApply, error) {
	m.t.Helper()
	p.URL, p.DirURL = m.db.URL, "file://"+m.dir
	return m.atlas.MigrateApply(m.t.Context(), &p)
}

// theirsApply is theirs that succeeds.
func (m *meeting) theirsApply(p atlasexec.MigrateApplyParams) *atlasexec.MigrateApply {
	m.t.Helper()
	report, err := m.theirs(p)
	if err != nil {
		m.t.Fatalf("atlas migrate apply: %v", err)
	}
	return report
}

func (m *meeting) theirsStatus() *atlasexec.MigrateStatus {
	m.t.Helper()
	s, err := m.atlas.MigrateStatus(m.t.Context(), &atlasexec.MigrateStatusParams{URL: m.db.URL, DirURL: "file://" + m.dir})
	if err != nil {
		m.t.Fatalf("atlas migrate status: %v", err)
	}
	return s
}

// ours runs our command line, which ends with the code, and returns stdout.
func (m *meeting) ours(code int, words ...string) string {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	args := append(words, "--dir", m.dir)
	if got := run(m.t.Context(), args, []string{"DATABASE_URL=" + m.db.URL}, nil, &stdout, &stderr); got != code {
		m.t.Fatalf("%q exits with %d, want %d\n%s%s", args, got, code, &stdout, &stderr)
	}
	return stdout.String()
}

// oursApply applies what is pending, up to a version where one is given.
func (m *meeting) oursApply(words ...string) {
	m.t.Helper()
	m.ours(0, append([]string{"apply", "--approval", "none"}, words...)...)
}

func (m *meeting) oursStatus(code int) *atlasexec.MigrateStatus {
	m.t.Helper()
	var s atlasexec.MigrateStatus
	decode(m.t, m.ours(code, "status", "--output", "atlas"), &s)
	return &s
}

// field is the value at a path in our report of a command line.
func (m *meeting) field(path string, code int, words ...string) string {
	m.t.Helper()
	got, err := at([]byte(m.ours(code, append(words, "--output", "json")...)), path)
	if err != nil {
		m.t.Fatal(err)
	}
	return got
}

// decode reads exactly one report, every field of which Atlas's SDK knows.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		t.Fatalf("not one report of Atlas's: %v\n%s", err, text)
	}
}

// baseline adopts a version with us.
func (m *meeting) baseline(version string) {
	m.t.Helper()
	digest := m.field("plan.digest", 0, "baseline", version)
	if digest == "" && m.field("outcome", 0, "baseline", version) == "baselined" {
		return // it stands there already
	}
	if got := m.field("outcome", 0, "baseline", version, "--plan", digest); got != "baselined" {
		m.t.Fatalf("baseline %s: %s", version, got)
	}
}

// history is what both have to write alike.
func (m *meeting) history() string {
	m.t.Helper()
	return m.db.Query(m.t, `SELECT version, description, type, applied, total, coalesce(error, ''), coalesce(error_stmt, ''), hash
		FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY version COLLATE "C"`)
}

// tables are those that migrations made.
func (m *meeting) tables() string {
	m.t.Helper()
	return m.db.Query(m.t, `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
		WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`)
}

// alike compares what both say of the state of one database.
func (m *meeting) alike(code int) {
	m.t.Helper()
	if diff := cmp.Diff(settled(m.theirsStatus()), settled(m.oursStatus(code))); diff != "" {
		m.t.Errorf("status: Atlas -, ours +\n%s", diff)
	}
}

// settled leaves out what differs between two readings of one row.
func settled(s *atlasexec.MigrateStatus) atlasexec.MigrateStatus {
	c := *s
	c.Applied = nil
	for _, r := range s.Applied {
		row := *r
		row.ExecutedAt = row.ExecutedAt.UTC()
		c.Applied = append(c.Applied, &row)
	}
	return c
}

func names(files []atlasexec.File) (all []string) {
	for _, f := range files {
		all = append(all, f.Name)
	}
	return all
}

// shop is a directory that both run without a word.
func shop() map[string]string {
	return map[string]string{
		"001_customers.sql": "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'it''s; nobody');\nCREATE INDEX customers_name ON customers (name);\n",
		"002_orders.sql":    "-- Orders of customers.\nCREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES customers (id));\n",
		"003_touch.sql":     "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n\tNEW.name := trim(NEW.name);\n\tRETURN NEW;\nEND;\n$$;\nCREATE TRIGGER touch BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION touch();\n",
		"004_index.sql":     "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY orders_customer ON orders (customer);\n",
		"005_total.sql":     "ALTER TABLE orders ADD COLUMN total numeric(12, 2) NOT NULL DEFAULT 0;",
	}
}

func sorted(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }

// refused runs a command line that is wrong, and returns what it says of it.
func (m *meeting) refused(words []string) string {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(m.t.Context(), words, []string{"DATABASE_URL=" + m.db.URL}, nil, &stdout, &stderr); code != 2 || stdout.Len() > 0 {
		m.t.Errorf("%q exits with %d and writes %s", words, code, &stdout)
	}
	return strings.Join(strings.Fields(stderr.String()), " ")
}
