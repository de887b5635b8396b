package migration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// done is the history once an adoption is written.
func done(b migration.Adoption) migration.History {
	var h migration.History
	for _, r := range b.History {
		written := slices.ContainsFunc(b.Write, func(w migration.Revision) bool { return w.Version == r.Version })
		if !written && !slices.Contains(b.Delete, r.Version) {
			h = append(h, r)
		}
	}
	for _, r := range b.Write {
		if was, there := b.History.Find(r.Version); there {
			r.ExecutedAt = was.ExecutedAt
		} else {
			r.ExecutedAt = at(23)
		}
		h = append(h, r)
	}
	return h.Sorted()
}

func rows(h migration.History) string {
	var all []string
	for _, r := range h {
		all = append(all, fmt.Sprintf("%s %d %d/%d", r.Version, r.Type, r.Applied, r.Total))
	}
	return strings.Join(all, ", ")
}

func TestAdopt(t *testing.T) {
	f := folder{"10_a.sql": one, "20_b.sql": two, "30_c.sql": three, "35_p.sql": "-- atlas:checkpoint\n\n" + four, "40_d.sql": four}
	some := migration.History{ran(t, f, "10", 0), ran(t, f, "20", 1)}
	withHalf := migration.History{ran(t, f, "20", 0), half(t, f, "30", 1, 0)}
	leftHalf := migration.History{half(t, f, "10", 0, 2), ran(t, f, "20", 1)}
	unknown := func(v string) string { return fmt.Sprintf("AM206: there is no version %q", v) }
	for name, c := range map[string]struct {
		h       migration.History
		version string
		want    string // the history then, or the finding
		deleted string
		pending string
	}{
		"empty, with a file":              {nil, "20", "20 1 0/0", "", "30_c.sql 40_d.sql"},
		"empty, the last":                 {nil, "40", "40 1 0/0", "", ""},
		"empty, a checkpoint":             {nil, "35", "35 1 0/0", "", "40_d.sql"},
		"empty, below all":                {nil, "00", "00 1 0/0", "", "10_a.sql 20_b.sql 30_c.sql 40_d.sql"},
		"empty, between":                  {nil, "25", unknown("25"), "", ""},
		"empty, above all":                {nil, "90", unknown("90"), "", ""},
		"rows, the next":                  {some, "30", "10 2 3/3, 20 2 1/1, 30 4 0/0", "", "40_d.sql"},
		"rows, the last":                  {some, "40", "10 2 3/3, 20 2 1/1, 30 4 0/0, 40 4 0/0", "", ""},
		"rows, as it is":                  {some, "20", "10 2 3/3, 20 2 1/1", "", "30_c.sql 40_d.sql"},
		"rows, back":                      {some, "10", "10 2 3/3", "20", "20_b.sql 30_c.sql 40_d.sql"},
		"rows, below all":                 {some, "00", unknown("00"), "", ""},
		"rows, above all":                 {some, "90", unknown("90"), "", ""},
		"a row without a file":            {migration.History{{Version: "00", Type: migration.Baseline}, ran(t, f, "10", 1)}, "00", "00 1 0/0", "10", "10_a.sql 20_b.sql 30_c.sql 40_d.sql"},
		"half applied, whole":             {withHalf, "30", "20 2 1/1, 30 6 1/1", "", "40_d.sql"},
		"half applied, and on":            {withHalf, "40", "20 2 1/1, 30 6 1/1, 40 4 0/0", "", ""},
		"half applied, back before it":    {withHalf, "20", "20 2 1/1", "30", "30_c.sql 40_d.sql"},
		"left half below others":          {leftHalf, "20", "10 6 3/3, 20 2 1/1", "", "30_c.sql 40_d.sql"},
		"one in between without a row":    {migration.History{ran(t, f.with("20_b.sql", ""), "10", 0), ran(t, f.with("20_b.sql", ""), "30", 1)}, "30", "10 2 3/3, 20 4 0/0, 30 2 1/1", "", "40_d.sql"},
		"set by hand and not whole there": {migration.History{{Version: "10", Type: 6, Applied: 2, Total: 3, Error: "ERROR: x"}}, "10", "10 6 3/3", "", "20_b.sql 30_c.sql 40_d.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := f.dir(t)
			adoption, findings := migration.Adopt(dir, c.h, c.version)
			if len(findings) > 0 || strings.HasPrefix(c.want, "AM") {
				if told(findings) != c.want || findings[0].Detail == "" || findings[0].Fix == "" || !adoption.Empty() {
					t.Errorf("found %s, want %s", told(findings), c.want)
				}
				return
			}
			h := done(adoption)
			if rows(h) != c.want || strings.Join(adoption.Delete, " ") != c.deleted {
				t.Errorf("then %s without %v, want %s without %s", rows(h), adoption.Delete, c.want, c.deleted)
			}
			if n := len(adoption.Sentences()); n != len(adoption.Write)+len(adoption.Delete) {
				t.Errorf("%d sentences", n)
			}
			draft, findings := migration.NewDraft(dir, h, "", migration.Digest{})
			if names(draft.Files) != c.pending || len(findings) > 0 {
				t.Errorf("pending then %s, want %s; %s", names(draft.Files), c.pending, told(findings))
			}
			again, findings := migration.Adopt(dir, h, c.version)
			if !again.Empty() || len(findings) > 0 {
				t.Errorf("again it would write %s and delete %v; %s", rows(again.Write), again.Delete, told(findings))
			}
		})
	}
}

// Adopting takes the directory at its word: a half-applied file that was mended
// since and brought in by hand is whole as it stands now, and does not count as
// edited afterwards.
func TestAdopt_halfAppliedFileThatWasMended(t *testing.T) {
	f := folder{"10_a.sql": one, "20_b.sql": two}
	h := migration.History{half(t, f, "10", 0, 2)}
	mended := f.with("10_a.sql", "SELECT 1;\nSELECT 1;\nSELECT 7;\n", "20_b.sql", "")
	adoption, _ := migration.Adopt(mended.dir(t), h, "10")
	if _, findings := migration.NewDraft(mended.dir(t), done(adoption), "", migration.Digest{}); len(findings) > 0 {
		t.Error(told(findings))
	}
	if r := adoption.Write[0]; r.Error != "" || r.ErrorStmt != "" || r.PartialHashes != nil {
		t.Errorf("%+v", r)
	}
}

// Whatever stood in the history: after an adoption exactly the files above its
// version are pending, nothing stands in the way, and to adopt again is empty.
func TestAdopt_anyHistory(t *testing.T) {
	r := dice(t)
	adopted := 0
	for range 1000 {
		f := randomFolder(r, shape{most: 8, checkpoint: 0.1, outside: 0.2})
		dir := f.dir(t)
		h := randomHistory(r, dir)
		if slices.ContainsFunc(h, func(r migration.Revision) bool { return r.Hash == "?" }) {
			continue // versions without a file stay in the way of everything
		}
		version := dir.Files[r.IntN(len(dir.Files))].Version
		if len(h) > 0 && version < h[0].Version {
			continue
		}
		adopted++
		adoption, findings := migration.Adopt(dir, h, version)
		about := fmt.Sprintf("directory %s, history %s, adopted %s: %s", names(asPending(dir.Files)), rows(h), version, rows(done(adoption)))
		if len(findings) > 0 {
			t.Fatalf("%s\n%s", about, told(findings))
		}
		then := done(adoption)
		if !slices.IsSortedFunc(adoption.Write, func(a, b migration.Revision) int { return strings.Compare(a.Version, b.Version) }) {
			t.Fatalf("%s: not in order", about)
		}
		draft, findings := migration.NewDraft(dir, then, "", migration.Digest{})
		var above []migration.File
		for _, f := range dir.Files {
			if f.Version > version && !f.Checkpoint {
				above = append(above, f)
			}
		}
		for _, f := range findings {
			if f.Code != "AM204" || f.File >= version && f.File >= then[0].Version {
				t.Fatalf("%s\n%s", about, told(findings)) // a file that came below the first row stays one
			}
		}
		if names(draft.Files) != names(asPending(above)) {
			t.Fatalf("%s: pending %s", about, names(draft.Files))
		}
		if again, findings := migration.Adopt(dir, then, version); !again.Empty() || len(findings) > 0 {
			t.Fatalf("%s, again %s, %v", about, rows(again.Write), again.Delete)
		}
	}
	if adopted < 200 {
		t.Errorf("%d adoptions only", adopted)
	}
}

func asPending(files []migration.File) (all []migration.Pending) {
	for _, f := range files {
		all = append(all, migration.Pending{File: f})
	}
	return all
}

func TestBelow(t *testing.T) {
	for v, want := range map[string]string{"017": "016", "1": "1", "0": "0", "2": "1", "10": "09", "100": "099", "20260301120000": "20260301119999", "v2": "v2", "": "", "-5": "-5", "99999999999999999999999": "99999999999999999999999"} {
		if got := migration.Below(v); got != want {
			t.Errorf("below %q: %q, want %q", v, got, want)
		}
	}
}
