package migration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// What we write into operator_version is read back as it was, whatever row a
// half-applied one replaced.
func TestStamp_readsWhatItWrites(t *testing.T) {
	r := dice(t)
	for range 2000 {
		want := migration.Stamp{Release: []string{"v0.1.0", "", "v1.2.3-rc.1+dirty", "(devel)"}[r.IntN(4)], Digest: randomParts(r).Digest(), Schema: hex64(r)}
		if r.IntN(2) == 0 {
			want.Was = &migration.Revision{Type: migration.RevisionType(1 + r.IntN(6)), Applied: r.IntN(9), Total: r.IntN(99),
				Hash: []string{"", "q4JO7j5zAdU4W2mzu1wuaDnWVgELV9JjRK9ilbq8WXY=", "+/+/="}[r.IntN(3)]}
		}
		row := migration.Revision{OperatorVersion: want.String()}
		got, ours := row.Stamp()
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b migration.Digest) bool { return a == b })); diff != "" || !ours {
			t.Fatalf("%q (-want +got):\n%s", row.OperatorVersion, diff)
		}
	}
}

// A release is one word in the stamp whatever it is called: else no row would
// be known again.
func TestStamp_releaseOfSeveralWords(t *testing.T) {
	r := dice(t)
	for _, release := range []string{"v0.1.0 dirty", " v0.1.0", "v0.1.0\n", "a b\tc"} {
		s := migration.Stamp{Release: release, Digest: randomParts(r).Digest(), Schema: hex64(r)}
		got, ours := migration.Revision{OperatorVersion: s.String()}.Stamp()
		if !ours || got.Digest != s.Digest || got.Schema != s.Schema || strings.ContainsAny(got.Release, " \t\n") {
			t.Errorf("%q: %q is read as %+v, %v", release, s, got, ours)
		}
	}
}

func TestStamp_ofOthers(t *testing.T) {
	r := dice(t)
	good := migration.Stamp{Release: "v0.1.0", Digest: randomParts(r).Digest(), Schema: hex64(r), Was: &migration.Revision{Type: 2, Applied: 1, Total: 3, Hash: "h="}}.String()
	without, was, _ := strings.Cut(good, " was:")
	for _, s := range []string{
		"", " ", "Atlas CLI v0.13.1-e17ea4d-canary", "Atlas CLI - development", "aurora-migrate", "aurora-migrate v0.1.0",
		"aurora-migrate v0.1.0 sha256:abc schema:def", good + " more", good + " ", " " + good, without + " ", without + " was:", without + " was:2",
		without + " was:2,1", without + " was:2,1,3", without + " was:2,1,3,h= ", without + " was:2,1,x,h=", without + " was:+2,1,3,h=", without + " was:02,1,3,h=",
		without + " was:2,1,3,h=\n", without + " is:" + was, strings.Replace(good, "aurora-migrate", "aurora-migrator", 1), strings.Replace(good, "schema:", "Schema:", 1),
		strings.Replace(good, "p1_", "p2_", 1), strings.ToUpper(good), strings.Replace(good, "schema:", "schema:0", 1), strings.Replace(good, " p1_", " \tp1_", 1),
		strings.Replace(good, " ", "  ", 1), strings.Replace(without, "v0.1.0", "v0.1.0 dirty", 1),
	} {
		if got, ours := (migration.Revision{OperatorVersion: s}).Stamp(); ours || !cmp.Equal(got, migration.Stamp{}, cmpopts.IgnoreUnexported(migration.Digest{})) {
			t.Errorf("%q is read as ours: %+v", s, got)
		}
	}
}

// Rows are told apart by the SHA-256 of the digest, as plans are.
func TestHistory_Split(t *testing.T) {
	r := dice(t)
	a, b := randomParts(r).Digest(), randomParts(r).Digest()
	stamped := func(d migration.Digest) string {
		return migration.Stamp{Release: "v0.1.0", Digest: d, Schema: hex64(r)}.String()
	}
	h := migration.History{{Version: "1", OperatorVersion: "Atlas CLI v0.13.1"}, {Version: "2", OperatorVersion: stamped(a)}, {Version: "3", OperatorVersion: stamped(b)}, {Version: "4", OperatorVersion: stamped(a)}}
	altered, err := migration.ParseDigest(a.String()[:len(a.String())-4] + "0123")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		digest      migration.Digest
		others, own string
	}{
		{a, "1 3", "2 4"}, {altered, "1 3", "2 4"}, {b, "1 2 4", "3"}, {randomParts(r).Digest(), "1 2 3 4", ""}, {migration.Digest{}, "1 2 3 4", ""},
	} {
		others, own := h.Split(c.digest)
		if versions(others) != c.others || versions(own) != c.own {
			t.Errorf("%v: others %q, own %q; want %q, %q", c.digest, versions(others), versions(own), c.others, c.own)
		}
	}
}

func versions(h migration.History) string {
	var all []string
	for _, r := range h {
		all = append(all, r.Version)
	}
	return strings.Join(all, " ")
}

func TestHistory_lookups(t *testing.T) {
	h := migration.History{{Version: "10"}, {Version: "9"}, {Version: "1"}}
	if got := versions(h.Sorted()); got != "1 10 9" || versions(h) != "10 9 1" {
		t.Errorf("sorted %q, from %q", got, versions(h))
	}
	if h.Sorted().Current() != "9" || (migration.History)(nil).Current() != "" {
		t.Error("current version")
	}
	if r, ok := h.Find("9"); !ok || r.Version != "9" {
		t.Error("9 is not found")
	}
	if r, ok := h.Find("2"); ok || r.Version != "" {
		t.Error("2 is found")
	}
}

func TestRevision_words(t *testing.T) {
	for kind, want := range map[migration.RevisionType]string{migration.Baseline: "baseline", migration.Executed: "applied", migration.Resolved: "set by hand",
		migration.Executed | migration.Resolved: "applied, then set by hand", 0: "unknown", 9: "unknown"} {
		if got := fmt.Sprint(kind); got != want {
			t.Errorf("type %d: %q, want %q", int(kind), got, want)
		}
	}
	if (migration.Revision{Error: "ERROR: in doubt: "}).Doubtful() || !(migration.Revision{Error: migration.InDoubt + "SELECT 1"}).Doubtful() {
		t.Error("doubt")
	}
}

// What stood before a plan began goes into the row and comes back, also beside
// what the row was; a row without it knows nothing.
func TestStamp_drift(t *testing.T) {
	digest, err := migration.ParseDigest("p1_" + strings.Repeat("ab", 32) + "_" + strings.Repeat("c", 24))
	if err != nil {
		t.Fatal(err)
	}
	was := &migration.Revision{Type: migration.Executed, Applied: 1, Total: 3, Hash: "h1:x="}
	for _, s := range []migration.Stamp{
		{}, {Was: was}, {Stood: migration.Stood{Known: true}}, {Stood: migration.Stood{Known: true}, Was: was},
		{Stood: migration.Stood{Known: true, Facts: []string{"0123456789", "abcdef0123"}}, Was: was},
	} {
		s.Release, s.Digest, s.Schema = "v1.2.3", digest, strings.Repeat("0", 64)
		got, ok := migration.Revision{OperatorVersion: s.String()}.Stamp()
		if diff := cmp.Diff(s, got, cmp.Comparer(func(a, b migration.Digest) bool { return a == b })); !ok || diff != "" {
			t.Errorf("%s: %v\n%s", s, ok, diff)
		}
	}
	for _, wrong := range []string{"drift:", "drift:none,none", "drift:012345678", "drift:none drift:none", "drift:none x", "drift:none was:2,1,3,h1:x= x"} {
		text := migration.Stamp{Release: "v1", Digest: digest, Schema: strings.Repeat("0", 64)}.String() + " " + wrong
		if s, ok := (migration.Revision{OperatorVersion: text}).Stamp(); ok {
			t.Errorf("%q is taken as %+v", wrong, s)
		}
	}
}
