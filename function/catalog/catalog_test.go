package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// randomSnapshot has no object twice. Its words are such that one could be cut
// in another place: "a" and "bc", "ab" and "c".
func randomSnapshot(r *rand.Rand) catalog.Snapshot {
	pick := func() string {
		return []string{"", "a", "b", "ab", "a:b", "1:a", "a\nb", `"A b"`, "table", "table a", "0", "a0"}[r.IntN(12)]
	}
	var s catalog.Snapshot
	for range r.IntN(6) {
		o := catalog.Object{Kind: pick(), Name: pick(), Definition: pick()}
		if !slices.ContainsFunc(s, func(p catalog.Object) bool { return p.Kind == o.Kind && p.Name == o.Name }) {
			s = append(s, o)
		}
	}
	return s
}

func same(a, b catalog.Snapshot) bool { return slices.Equal(a.Sorted(), b.Sorted()) }

// Two snapshots have one fingerprint exactly if they have the same objects, in
// whatever order; and what Changed tells is exactly the difference.
func TestSnapshot_Fingerprint(t *testing.T) {
	r := dice(t)
	equal := 0
	for range 20_000 {
		a, b := randomSnapshot(r), randomSnapshot(r)
		if r.IntN(2) == 0 {
			b = slices.Clone(a)
			if len(b) > 0 && r.IntN(2) == 0 {
				b[0].Definition += "x"
			}
		}
		r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
		if same(a, b) {
			equal++
		}
		if (a.Fingerprint() == b.Fingerprint()) != same(a, b) {
			t.Fatalf("%q and %q", a, b)
		}
		if said := catalog.Changed(a.Marks(), b.Marks()); !slices.Equal(said, difference(a, b)) {
			t.Fatalf("from %q to %q:\n%q, want\n%q", a, b, said, difference(a, b))
		}
	}
	if equal < 1000 {
		t.Errorf("equal %d times only", equal)
	}
	if f := (catalog.Snapshot{}).Fingerprint(); len(f) != 64 || f != catalog.Snapshot(nil).Fingerprint() {
		t.Errorf("the empty one: %s", f)
	}
}

// No word can move from one field into the next without being seen.
func TestObject_Fingerprint(t *testing.T) {
	words := []string{"", "0", "1", "a", "0a", "a0", ":", "1:a", "a:1", "\x00"}
	seen := map[string]catalog.Object{}
	for _, kind := range words {
		for _, name := range words {
			for _, definition := range words {
				o := catalog.Object{Kind: kind, Name: name, Definition: definition}
				if other, ok := seen[o.Fingerprint()]; ok {
					t.Errorf("%q and %q have one fingerprint", o, other)
				}
				seen[o.Fingerprint()] = o
			}
		}
	}
}

// difference is Changed by the definitions themselves.
func difference(a, b catalog.Snapshot) []string {
	type change struct{ kind, name, words string }
	var all []change
	find := func(s catalog.Snapshot, o catalog.Object) (catalog.Object, bool) {
		i := slices.IndexFunc(s, func(p catalog.Object) bool { return p.Kind == o.Kind && p.Name == o.Name })
		if i < 0 {
			return catalog.Object{}, false
		}
		return s[i], true
	}
	for _, o := range b {
		if was, there := find(a, o); !there {
			all = append(all, change{o.Kind, o.Name, "was added"})
		} else if was.Definition != o.Definition {
			all = append(all, change{o.Kind, o.Name, "was changed"})
		}
	}
	for _, o := range a {
		if _, there := find(b, o); !there {
			all = append(all, change{o.Kind, o.Name, "is gone"})
		}
	}
	slices.SortFunc(all, func(x, y change) int {
		if c := strings.Compare(x.kind, y.kind); c != 0 {
			return c
		}
		return strings.Compare(x.name, y.name)
	})
	var said []string
	for _, c := range all {
		said = append(said, fmt.Sprintf("%s %s %s", c.kind, c.name, c.words))
	}
	return said
}

func TestChanged(t *testing.T) {
	was := []catalog.Mark{{"view", "public.v", "1"}, {"table", "public.a", "1"}, {"table", "public.c", "1"}, {"table", "public.d", "1"}}
	is := []catalog.Mark{{"table", "public.d", "1"}, {"table", "public.b", "1"}, {"function", "public.a", "1"}, {"table", "public.a", "2"}}
	want := []string{"function public.a was added", "table public.a was changed", "table public.b was added", "table public.c is gone", "view public.v is gone"}
	if got := catalog.Changed(was, is); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := catalog.Changed(nil, nil); len(got) > 0 {
		t.Errorf("nothing: %q", got)
	}
}

// A mark is short and sorted, and Sorted leaves alone what it was asked of.
func TestSnapshot_Marks(t *testing.T) {
	s := catalog.Snapshot{{Kind: "view", Name: "a"}, {Kind: "table", Name: "b"}, {Kind: "table", Name: "a", Definition: "x"}}
	var got []string
	for _, m := range s.Marks() {
		if len(m.Fingerprint) != 16 {
			t.Errorf("fingerprint %q", m.Fingerprint)
		}
		got = append(got, m.Kind+" "+m.Name)
	}
	if strings.Join(got, ", ") != "table a, table b, view a" || s[0].Kind != "view" {
		t.Errorf("marks %q of %q", got, s)
	}
	if marks := (catalog.Snapshot{}).Marks(); marks == nil || len(marks) > 0 {
		t.Errorf("marks of nothing: %#v", marks)
	}
}
