package authoring_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

var (
	seeds     = flag.Uint64("seeds", 12, "how many random pairs of schemas are tried")
	firstSeed = flag.Uint64("first-seed", 1, "the first of them")
)

// Of any two schemas, what diff writes between the first and the second makes
// the second of the first: nothing is left, in either language. The name of a
// failed one is its seed: go test -run betweenRandom -args -first-seed=7 -seeds=1
func TestDiff_betweenRandomSchemas(t *testing.T) {
	server := pgtest.New(t).URL
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 4))
			from, to := makeRandom(r, r.IntN(2)), makeRandom(r, 1+r.IntN(3))
			if len(to.enums[0].values) < len(from.enums[0].values) {
				to.enums = from.enums
			}
			name, want := "schema/b.sql", to.SQL()
			if seed%2 == 0 {
				name, want = "schema/b.hcl", to.HCL()
			}
			p := newProjectOn(t, server, "migrations/001_a.sql", from.SQL(), name, want)
			a := p.Diff(t.Context(), authoring.DiffOptions{Name: "b"})
			if a.Outcome != migration.Planned && a.Outcome != migration.NothingToDo || has(a, repair.NotCompared) || has(a, repair.NotReached) {
				t.Fatalf("from\n%s\nto\n%s\n%s", from.SQL(), want, told(a))
			}
			p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "again"}), migration.NothingToDo)
			p.leadsTo(to.SQL())
			if t.Failed() {
				t.Logf("from\n%s\nto\n%s\n%s", from.SQL(), want, a.Text)
			}
		})
	}
}
