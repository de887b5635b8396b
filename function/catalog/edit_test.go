package catalog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever two snapshots hold, the edits between them turn the one into the
// other, a chain of them too, and there are none between equal ones.
func TestEdits_turnOneSnapshotIntoTheOther(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		was := Snapshot{}
		var all []Edit
		for range 4 {
			is := anySnapshot(r)
			edits := Edits(was, is)
			all = append(all, edits...)
			if diff := cmp.Diff(is.Sorted(), was.Apply(edits)); diff != "" {
				t.Fatalf("seed %d:\n%s", seed, diff)
			}
			if again := Edits(is, is); len(again) > 0 {
				t.Fatalf("seed %d: between equal snapshots: %v", seed, again)
			}
			was = is
		}
		if diff := cmp.Diff(was.Sorted(), Snapshot{}.Apply(all)); diff != "" {
			t.Fatalf("seed %d, folded:\n%s", seed, diff)
		}
	}
}

func anySnapshot(r *rand.Rand) Snapshot {
	s := Snapshot{}
	for i := range 6 {
		if r.IntN(3) == 0 {
			continue
		}
		var definition []string
		for range r.IntN(6) {
			definition = append(definition, fmt.Sprintf("line %d", r.IntN(4)))
		}
		s = append(s, Object{Kind: []string{"table", "enum"}[i%2], Name: fmt.Sprintf("public.o%d", i), Definition: strings.Join(definition, "\n")})
	}
	return s
}

// An edit says no more than what differs.
func TestEdits_areAsSmallAsTheDifference(t *testing.T) {
	was := Snapshot{{"table", "public.t", "relation r\ncolumn a integer\ncolumn b integer\nconstraint k"}, {"enum", "public.e", "label 'a'"}}
	is := Snapshot{{"table", "public.t", "relation r\ncolumn a integer\ncolumn b bigint\ncolumn c text\nconstraint k"}, {"view", "public.v", "as SELECT 1"}}
	want := []Edit{
		{Kind: "enum", Name: "public.e", Gone: true},
		{Kind: "table", Name: "public.t", At: 2, Cut: 1, Lines: []string{"column b bigint", "column c text"}},
		{Kind: "view", Name: "public.v", Lines: []string{"as SELECT 1"}},
	}
	if diff := cmp.Diff(want, Edits(was, is)); diff != "" {
		t.Error(diff)
	}
}

// Edits that do not fit leave some snapshot and no panic.
func TestApply_editsThatDoNotFit(t *testing.T) {
	s := Snapshot{{"table", "public.t", "a\nb"}}
	for _, e := range []Edit{{Kind: "table", Name: "public.t", At: 9, Cut: 9, Lines: []string{"c"}}, {Kind: "table", Name: "public.t", At: -1, Cut: -1}, {Kind: "x", Name: "y", Gone: true}, {Kind: "x", Name: "y", At: 3}} {
		s.Apply([]Edit{e})
	}
}

func TestRenamed(t *testing.T) {
	s := Snapshot{{"table", "public.t", "relation r p owner=replayer acl={replayer=r/replayer}"}}
	if got := s.Renamed("replayer", `App"O`)[0].Definition; got != `relation r p owner="App""O" acl={"App""O"=r/"App""O"}` {
		t.Error(got)
	}
	if got := s.Renamed("replayer", "app")[0].Definition; got != "relation r p owner=app acl={app=r/app}" {
		t.Error(got)
	}
}
