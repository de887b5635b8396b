package migration_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

var seed = flag.Uint64("seed", 0, "of the random spaces; 0 takes the clock's")

// dice are the random numbers of a test; a failed one says how to throw them again.
func dice(t testing.TB) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with: go test -run '^%s$' -seed %d", t.Name(), s)
		}
	})
	return rand.New(rand.NewPCG(s, 0))
}

var allParts = []migration.Part{migration.FilesPart, migration.HistoryPart, migration.SchemaPart, migration.EnginePart, migration.TargetPart, migration.SettingsPart}

func hex64(r *rand.Rand) string {
	return fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
}

func randomParts(r *rand.Rand) migration.Parts {
	p := migration.Parts{}
	for _, part := range allParts {
		p[part] = hex64(r)
	}
	return p
}

// A double click selects letters, digits and underscores.
var word = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func TestDigest_readsWhatItWrites(t *testing.T) {
	r := dice(t)
	for range 2000 {
		parts := randomParts(r)
		d := parts.Digest()
		if !word.MatchString(d.String()) || !word.MatchString(d.Short()) || !strings.HasPrefix(d.String(), d.Short()) {
			t.Fatalf("%q is not one word, or %q does not begin it", d, d.Short())
		}
		again, err := migration.ParseDigest(" \n" + d.String() + "\r\n")
		if err != nil || again != d || !again.Names(parts) || len(again.Differing(parts)) > 0 {
			t.Fatalf("%v is read back as %v: %v", d, again, err)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var through migration.Digest
		if err := json.Unmarshal(text, &through); err != nil || through != d {
			t.Fatalf("through JSON %v becomes %v: %v", d, through, err)
		}
	}
}

// Whatever changes in one part changes the digest, and the digest says in which.
func TestDigest_tellsThePartThatDiffers(t *testing.T) {
	r := dice(t)
	for range 2000 {
		parts := randomParts(r)
		d := parts.Digest()
		var changed []migration.Part
		for _, part := range allParts {
			if r.IntN(3) > 0 {
				continue
			}
			changed = append(changed, part)
			head := parts[part][:4]
			for parts[part][:4] == head {
				parts[part] = hex64(r)
			}
		}
		if got := d.Differing(parts); !slices.Equal(got, changed) {
			t.Fatalf("changed %v, told %v", changed, got)
		}
		if d.Names(parts) != (len(changed) == 0) || (parts.Digest() == d) != (len(changed) == 0) {
			t.Fatalf("changed %v: the digest does not tell", changed)
		}
	}
}

// The SHA-256 alone decides: a part that differs beyond its explaining digits
// differs, and explaining digits that were altered make no other plan.
func TestDigest_shaDecides(t *testing.T) {
	r := dice(t)
	for range 500 {
		parts := randomParts(r)
		d := parts.Digest()
		part := allParts[r.IntN(len(allParts))]
		was := parts[part]
		at := 4 + r.IntN(60)
		parts[part] = was[:at] + string("123456789abcdef0"[strings.IndexByte("0123456789abcdef", was[at])]) + was[at+1:]
		if d.Names(parts) || len(d.Differing(parts)) > 0 {
			t.Fatal("a part that differs behind its fourth digit does not differ")
		}
		parts[part] = was
		altered, err := migration.ParseDigest(d.String()[:len(d.String())-24] + hex64(r)[:24])
		if err != nil || !altered.Names(parts) {
			t.Fatalf("altered explaining digits made another plan: %v", err)
		}
		if len(altered.Differing(parts)) == 0 {
			t.Fatal("altered digits explain nothing")
		}
	}
	var zero migration.Digest
	if parts := randomParts(r); zero.Names(parts) || zero.Differing(parts) != nil || zero.String() != "" || zero.Short() != "" {
		t.Error("the zero Digest names something")
	}
	if err := zero.UnmarshalText(nil); err != nil || zero != (migration.Digest{}) {
		t.Errorf("the empty text: %v, %v", zero, err)
	}
}

func TestParseDigest_refuses(t *testing.T) {
	r := dice(t)
	good := randomParts(r).Digest().String()
	for n := range len(good) {
		refused(t, good[:n])
		refused(t, good[n+1:])
		refused(t, good[:n]+good[n+1:])
		refused(t, good[:n]+string(good[n])+good[n:])
		refused(t, good[:n]+"g"+good[n+1:])
		refused(t, good[:n]+" "+good[n+1:])
		if c := good[n]; c >= 'a' && c <= 'z' {
			refused(t, good[:n]+strings.ToUpper(string(c))+good[n+1:])
		}
	}
	for _, s := range []string{"", " ", "p1_", "p2" + good[2:], good + "_", good + " " + good, good + "0", "0" + good, strings.ToUpper(good), `"` + good + `"`, good[3:], "\x00" + good} {
		refused(t, s)
	}
}

func refused(t *testing.T, s string) {
	t.Helper()
	d, err := migration.ParseDigest(s)
	if !errors.Is(err, migration.ErrMalformedDigest) || d != (migration.Digest{}) {
		t.Errorf("%q: %v, %v", s, d, err)
	}
	if want := `not a digest: want "p1_", 64 hexadecimal digits, "_" and 24 more, as plan prints it`; err != nil && err.Error() != want {
		t.Errorf("says %q", err)
	}
}

// FuzzParseDigest: what is read is written back byte for byte, white space
// around it aside.
func FuzzParseDigest(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	f.Add(randomParts(r).Digest().String())
	f.Add("p1_")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := migration.ParseDigest(s)
		if err != nil {
			if d != (migration.Digest{}) {
				t.Fatalf("%q: an error and a digest", s)
			}
			return
		}
		if d.String() != strings.TrimSpace(s) || !word.MatchString(d.String()) {
			t.Fatalf("%q is read as %q", s, d)
		}
	})
}
