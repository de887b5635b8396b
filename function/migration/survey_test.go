package migration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func TestSurvey(t *testing.T) {
	f := folder{"10_a.sql": one, "20_b.sql": two, "30_c.sql": three}
	cp := "-- atlas:checkpoint\n\n" + four
	for name, c := range map[string]struct {
		folder folder
		h      migration.History
		want   string
	}{
		"nothing":                    {folder{}, nil, ""},
		"nothing has run":            {f, nil, "10 pending, 20 pending, 30 pending"},
		"some has":                   {f, all(t, f)[:2], "10 applied, 20 applied, 30 pending"},
		"half":                       {f, migration.History{half(t, f, "10", 0, 1)}, "10 partially applied, 20 pending, 30 pending"},
		"a baseline with a file":     {f, migration.History{{Version: "20", Type: migration.Baseline}}, "10 covered by baseline, 20 baseline, 30 pending"},
		"a baseline without one":     {f, migration.History{{Version: "00", Type: migration.Baseline}}, "00 baseline, 10 pending, 20 pending, 30 pending"},
		"edited":                     {f.with("20_b.sql", four), all(t, f), "10 applied, 20 changed since applied, 30 applied"},
		"renamed":                    {f.with("20_b.sql", "", "20_x.sql", two), all(t, f), "10 applied, 20 changed since applied, 30 applied"},
		"removed":                    {f.with("20_b.sql", ""), all(t, f), "10 applied, 20 file missing, 30 applied"},
		"half, and removed":          {f.with("30_c.sql", ""), append(all(t, f)[:2], half(t, f, "30", 2, 0)), "10 applied, 20 applied, 30 file missing"},
		"squashed":                   {folder{"40_d.sql": cp, "50_e.sql": two}, all(t, f), "10 applied, 20 applied, 30 applied, 40 covered by baseline, 50 pending"},
		"out of order":               {f.with("15_x.sql", two), all(t, f), "10 applied, 15 out of order, 20 applied, 30 applied"},
		"below all, and late":        {f.with("05_x.sql", two), all(t, f), "05 out of order, 10 applied, 20 applied, 30 applied"},
		"set by hand without a file": {f, append(all(t, f), migration.Revision{Version: "40", Type: migration.Resolved}), "10 applied, 20 applied, 30 applied, 40 applied"},
	} {
		var got []string
		for _, m := range migration.Survey(c.folder.dir(t), c.h) {
			got = append(got, m.Version+" "+string(m.State))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}

// A survey has every version of the directory and of the history once, in
// order, and calls pending what a draft would run from its beginning.
func TestSurvey_whole(t *testing.T) {
	r := dice(t)
	for range 500 {
		dir := randomFolder(r, shape{most: 8, checkpoint: 0.15, outside: 0.2}).dir(t)
		h := randomHistory(r, dir)
		want := map[string]bool{}
		for _, f := range dir.Files {
			want[f.Version] = true
		}
		for _, row := range h {
			want[row.Version] = true
		}
		draft, _ := migration.NewDraft(dir, h, "", migration.Digest{})
		var pending, drafted, got []string
		for _, m := range migration.Survey(dir, h) {
			got = append(got, m.Version)
			row, there := h.Find(m.Version)
			if there != (m.ExecutedAt != nil) || there && (m.Applied != row.Applied || m.Total != row.Total) {
				t.Fatalf("%+v is told of %+v", m, row)
			}
			if m.State == migration.StatePending {
				pending = append(pending, m.Version)
			}
		}
		for _, p := range draft.Files {
			if p.Row.Version == "" {
				drafted = append(drafted, p.Version)
			}
		}
		if len(got) != len(want) || !slices.IsSorted(got) || fmt.Sprint(pending) != fmt.Sprint(drafted) {
			t.Fatalf("versions %v, pending %v; a draft has %v", got, pending, drafted)
		}
	}
}
