package authoring_test

import (
	"fmt"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Files may make roles, which all databases of a server share: on a server that is
// started here several databases are used at once, and one that was named is as it was
// before, so that the same command runs again.
func TestDev_filesThatMakeRoles(t *testing.T) {
	named := pgtest.On(t, pgtest.Private(t, nil))
	const role = `CREATE ROLE "App r" NOLOGIN; CREATE TABLE t0 (id int); GRANT SELECT ON t0 TO "App r"; DO $$ BEGIN CREATE USER app_w; END $$;`
	project := func(url string, files int) *project {
		texts := []string{"migrations/0000_roles.sql", role, "schema/schema.sql", role + "CREATE TABLE more (id int PRIMARY KEY);"}
		for i := range files {
			texts = append(texts, fmt.Sprintf("migrations/%04d_f.sql", i+1), "SELECT 1;")
		}
		return newProjectOn(t, url, texts...)
	}
	for range 2 {
		project(named.URL, 1).wants(project(named.URL, 1).Lint(t.Context(), authoring.LintOptions{}), migration.Current)
	}
	if left := named.Query(t, "SELECT count(*) FROM pg_roles WHERE rolname IN ('App r', 'app_w')"); left != "0" {
		t.Errorf("%s roles are left", left)
	}
	p := project("", 210)
	p.wants(p.Replay(t.Context(), false), migration.Current)
	a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "more"}), migration.Planned)
	if len(a.Findings) > 0 {
		t.Error(told(a))
	}
	p.wants(p.Check(t.Context()), migration.Current)
}
