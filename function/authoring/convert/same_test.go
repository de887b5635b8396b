package convert_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/authoring/atlastest"
	"github.com/alquimistaai/aurora-migrator/function/authoring/convert"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A database that our pipeline makes from the converted directory holds what
// one holds that the other tool made from its own: the tool itself where it is
// written in Go, its files in the order that the specimen states where not.
func TestConvert_leavesTheSameCatalogue(t *testing.T) {
	for _, s := range specimens(t) {
		runs := s.section("order") != "" || strings.ReplaceAll(string(s.tool), "-", "_") == s.name
		if !runs {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			theirs, ours := pgtest.New(t), pgtest.New(t)
			s.runOriginal(t, theirs)
			d, err := convert.Convert(s.tool, s.in)
			if err != nil {
				t.Fatal(err)
			}
			applyAll(t, ours, d)
			want, got := catalogue(t, theirs), catalogue(t, ours)
			if strings.Count(want, "\n") < 3 {
				t.Fatalf("the original made next to nothing:\n%s", want)
			}
			if want != got {
				t.Errorf("theirs:\n%s\nours:\n%s", want, got)
			}
		})
	}
}

func (s specimen) runOriginal(t *testing.T, db *pgtest.DB) {
	t.Helper()
	if order := s.section("order"); order != "" {
		replaced := strings.NewReplacer(strings.Fields(s.section("replace"))...)
		for _, name := range strings.Fields(order) {
			stmts, err := migration.Split(replaced.Replace(string(s.in[name].Data)))
			if err != nil || len(stmts) == 0 {
				t.Fatalf("%s: %d statements: %v", name, len(stmts), err)
			}
			execute(t, db, stmts)
		}
		return
	}
	dir := t.TempDir()
	for name, f := range s.in {
		writeFile(t, filepath.Join(dir, name), f.Data)
	}
	if out, err := exec.Command(atlastest.Migrators(t), string(s.tool), dir, db.URL).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", s.tool, err, out)
	}
}

// execute runs statements one after the other in one session, since some begin
// and end a transaction.
func execute(t *testing.T, db *pgtest.DB, stmts []migration.Stmt) {
	t.Helper()
	c := db.Conn(t)
	for _, stmt := range stmts {
		if _, err := c.Exec(t.Context(), stmt.Text, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%v\nin: %s", err, stmt.Text)
		}
	}
}

func applyAll(t *testing.T, db *pgtest.DB, d convert.Directory) {
	t.Helper()
	config, err := postgres.ParseURL(db.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline.Pipeline{
		Directory: written(t, d), Release: "v0.0.0", Settings: migration.Settings{Approval: migration.NoApproval},
		Connect: func(context.Context) (postgres.Config, error) { return config, nil },
	}
	r := p.Do(t.Context(), pipeline.Request{Action: migration.ActionApply})
	if r.Outcome != migration.Applied {
		t.Fatalf("%s: %+v %+v %+v", r.Outcome, r.Failure, r.Refusal, r.Findings)
	}
}

// catalogue is what a database holds, histories left out, and the rows.
func catalogue(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	const mine = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'atlas_schema_revisions')
		AND c.relname NOT LIKE 'schema_migrations%' AND c.relname NOT LIKE 'goose_db_version%'`
	held := []string{db.Query(t, `SELECT c.relname, c.relkind, c.relacl::text, obj_description(c.oid, 'pg_class'),
			CASE WHEN c.relkind = 'i' THEN pg_get_indexdef(c.oid) WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE `+mine+` ORDER BY 1`),
		db.Query(t, `SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
			pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind IN ('r', 'v') AND `+mine+` ORDER BY 1, 2`),
		db.Query(t, `SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE `+mine+` ORDER BY 1, 2`),
		db.Query(t, `SELECT c.relname, pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal AND `+mine+` ORDER BY 1, 2`),
		db.Query(t, `SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1`),
		db.Query(t, `SELECT t.typname, e.enumsortorder, e.enumlabel FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid ORDER BY 1, 2`),
		db.Query(t, `SELECT c.relname, query_to_xml('SELECT * FROM ' || c.oid::regclass || ' ORDER BY 1', true, true, '')::text
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND `+mine+` ORDER BY 1`),
	}
	return strings.Join(held, "\n")
}
