package authoring_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

// For each kind of change: diff writes it, and nothing of the difference is left:
// diff again compares everything that both databases hold, and finds nothing.
func TestDiff_reachesTheDesiredState(t *testing.T) {
	server := pgtest.New(t).URL
	for name, c := range changes {
		if !pgtest.Part("reached "+name, 3) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProjectOn(t, server, "schema/schema."+c.language(), c.to)
			if c.from != "" {
				p.put("migrations/001_before.sql", c.from)
				p.hash()
			}
			a := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "change"}), migration.Planned)
			for _, f := range a.Findings {
				if f.Code == repair.NotCompared || f.Code == repair.NotReached || f.Severity == migration.Error && strings.HasPrefix(f.Code, "AM4") {
					t.Errorf("diff: %s", told(a))
				}
			}
			again := p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "again"}), migration.NothingToDo)
			if again.Written {
				t.Errorf("diff again wrote something: %s", told(again))
			}
			if c.language() == "sql" {
				p.leadsTo(c.to)
			}
			if c.says != "" && !contains(a.Text, c.says) {
				t.Errorf("the file does not say %q:\n%s", c.says, a.Text)
			}
			if c.not != "" && contains(a.Text, c.not) {
				t.Errorf("the file says %q:\n%s", c.not, a.Text)
			}
		})
	}
}
