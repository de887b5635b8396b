package migration_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// ran is the row of a file that the directory's atlas.sum had when it was
// written, at that hour.
func ran(t testing.TB, f folder, version string, hour int) migration.Revision {
	t.Helper()
	file, ok := f.dir(t).Find(version)
	if !ok {
		t.Fatalf("no file %s", version)
	}
	return migration.Revision{Version: version, Description: file.Description, Type: migration.Executed, Applied: len(file.Stmts), Total: len(file.Stmts),
		Hash: file.Hash, ExecutedAt: at(hour), OperatorVersion: "Atlas CLI v0.13.1"}
}

func at(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }

// half is ran of a file of which so many statements are applied.
func half(t testing.TB, f folder, version string, hour, applied int) migration.Revision {
	t.Helper()
	r := ran(t, f, version, hour)
	file, _ := f.dir(t).Find(version)
	r.Applied, r.PartialHashes, r.Error = applied, migration.StatementHashes(file.Stmts)[:applied], "ERROR: x"
	return r
}

func all(t testing.TB, f folder) (h migration.History) {
	t.Helper()
	for i, file := range f.dir(t).Files {
		h = append(h, ran(t, f, file.Version, i))
	}
	return h
}

// with is the folder with names and texts changed; an empty text takes one out.
func (f folder) with(namesAndTexts ...string) folder {
	g := maps.Clone(f)
	for i := 0; i < len(namesAndTexts); i += 2 {
		g[namesAndTexts[i]] = namesAndTexts[i+1]
		if namesAndTexts[i+1] == "" {
			delete(g, namesAndTexts[i])
		}
	}
	return g
}

// told is what stands in the way, each with its place.
func told(findings []migration.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(f.Code+" "+f.File)+": "+f.Summary)
	}
	return strings.Join(all, "\n")
}

const one, two, three, four = "SELECT 1;\nSELECT 1;\nSELECT 1;\n", "SELECT 2;\n", "SELECT 3;\n", "SELECT 4;\n"

func TestNewDraft_findings(t *testing.T) {
	base := folder{"10_a.sql": one, "20_b.sql": two, "30_c.sql": three}
	cp := "-- atlas:checkpoint\n\n" + four
	baseline := func(v string) migration.Revision {
		return migration.Revision{Version: v, Type: migration.Baseline, ExecutedAt: at(0)}
	}
	nonlinear := func(later folder, version string) migration.History {
		return append(all(t, base), ran(t, later, version, 9)).Sorted()
	}
	between := base.with("15_x.sql", four)
	byHand := func(r migration.Revision, kind migration.RevisionType) migration.Revision {
		r.Type = kind
		return r
	}
	for name, c := range map[string]struct {
		folder folder
		h      migration.History
		to     string
		want   string // findings
		files  string // pending
	}{
		"nothing has run":             {base, nil, "", "", "10_a.sql 20_b.sql 30_c.sql"},
		"all has run":                 {base, all(t, base), "", "", ""},
		"up to a version":             {base, nil, "20", "", "10_a.sql 20_b.sql"},
		"up to one that has run":      {base, all(t, base), "20", "", ""},
		"up to one that is not there": {base, nil, "90", `AM206: there is no version "90"`, "10_a.sql 20_b.sql 30_c.sql"},
		"an empty directory":          {folder{}, nil, "", "", ""},

		"the first edited":            {base.with("10_a.sql", one+"-- x\n"), all(t, base), "", "AM201 10_a.sql: 10_a.sql has been edited since it was applied on 2026-03-01 00:00 UTC", ""},
		"one in the middle edited":    {base.with("20_b.sql", four), all(t, base), "", "AM201 20_b.sql: 20_b.sql has been edited since it was applied on 2026-03-01 01:00 UTC", ""},
		"two edited: the first":       {base.with("20_b.sql", four, "30_c.sql", four), all(t, base), "", "AM201 20_b.sql: 20_b.sql has been edited since it was applied on 2026-03-01 01:00 UTC", ""},
		"the last edited, one to run": {base.with("30_c.sql", four, "40_d.sql", four), all(t, base), "", "AM201 30_c.sql: 30_c.sql has been edited since it was applied on 2026-03-01 02:00 UTC", "40_d.sql"},
		"one to run edited":           {base.with("30_c.sql", four), all(t, base)[:2], "", "", "30_c.sql"},
		"edited and out of order":     {between.with("10_a.sql", two), all(t, base), "", "AM204 15_x.sql: 15_x.sql is out of order: version 30 was applied after it should have been, and this file was not there then\nAM201 10_a.sql: 10_a.sql has been edited since it was applied on 2026-03-01 00:00 UTC", ""},

		"renamed":               {base.with("20_b.sql", "", "20_bb.sql", two), all(t, base), "", "AM203 20_bb.sql: 20_bb.sql was applied under the name 20_b.sql and has been renamed since", ""},
		"renamed from a number": {folder{"10_a.sql": one}, all(t, folder{"10.sql": one}), "", "AM203 10_a.sql: 10_a.sql was applied under the name 10.sql and has been renamed since", ""},
		"renamed and edited":    {base.with("20_b.sql", "", "20_bb.sql", four), all(t, base), "", "AM201 20_bb.sql: 20_bb.sql has been edited since it was applied on 2026-03-01 01:00 UTC", ""},
		"another version":       {base.with("20_b.sql", "", "25_b.sql", two), all(t, base), "", "AM204 25_b.sql: 25_b.sql is out of order: version 30 was applied after it should have been, and this file was not there then\nAM202 25_b.sql: version 20 (b) was applied and is not in the directory any more; 25_b.sql has its name under another version", ""},

		"removed":                           {base.with("20_b.sql", ""), all(t, base), "", "AM202: version 20 (b) was applied 2026-03-01 and is not in the directory any more", ""},
		"the directory is an older one":     {base.with("30_c.sql", ""), all(t, base), "", "AM202: version 30 (c) was applied 2026-03-01 and is not in the directory any more", ""},
		"removed, and half applied":         {base.with("30_c.sql", ""), append(all(t, base)[:2], half(t, base, "30", 2, 0)), "", "AM202: version 30 (c) is half applied (0 of 1 statements) and is not in the directory any more", ""},
		"begun at a checkpoint, squashed":   {folder{"40_d.sql": cp, "50_e.sql": two}, migration.History{ran(t, base.with("40_d.sql", cp), "40", 0)}, "", "", "50_e.sql"},
		"begun at a checkpoint, edited":     {base.with("40_d.sql", cp+two), migration.History{ran(t, base.with("40_d.sql", cp), "40", 0)}, "", "AM201 40_d.sql: 40_d.sql has been edited since it was applied on 2026-03-01 00:00 UTC", ""},
		"half applied, squashed and gone":   {base.with("30_c.sql", "", "40_d.sql", cp, "50_e.sql", two), append(all(t, base)[:2], half(t, base, "30", 2, 0)), "", "AM202: version 30 (c) is half applied (0 of 1 statements) and is not in the directory any more", "50_e.sql"},
		"set by hand without a file":        {base, append(all(t, base), migration.Revision{Version: "35", Type: migration.Resolved, Hash: "x"}), "", "", ""},
		"squashed into a checkpoint":        {folder{"40_d.sql": cp, "50_e.sql": two}, all(t, base), "", "", "50_e.sql"},
		"squashed, and one run since":       {folder{"40_d.sql": cp, "50_e.sql": two}, append(all(t, base), ran(t, folder{"40_d.sql": cp, "50_e.sql": two}, "50", 5)), "", "", ""},
		"squashed in part":                  {folder{"30_c.sql": three, "40_d.sql": cp, "50_e.sql": two}, all(t, base), "", "", "50_e.sql"},
		"squashed, then edited":             {folder{"40_d.sql": cp, "50_e.sql": three}, append(all(t, base), ran(t, folder{"40_d.sql": cp, "50_e.sql": two}, "50", 5)), "", "", ""},
		"edited behind one that fits":       {folder{"40_d.sql": cp, "50_e.sql": two, "60_f.sql": four}, append(all(t, base), ran(t, folder{"40_d.sql": cp, "50_e.sql": two}, "50", 5), ran(t, folder{"40_d.sql": cp, "50_e.sql": two, "60_f.sql": three}, "60", 6)), "", "AM201 60_f.sql: 60_f.sql has been edited since it was applied on 2026-03-01 06:00 UTC", ""},
		"from a checkpoint on":              {base.with("40_d.sql", cp, "50_e.sql", two), nil, "", "", "40_d.sql 50_e.sql"},
		"a checkpoint has run":              {base.with("40_d.sql", cp, "50_e.sql", two), migration.History{ran(t, base.with("40_d.sql", cp), "40", 0)}, "", "", "50_e.sql"},
		"a checkpoint came behind":          {base.with("25_d.sql", cp), all(t, base), "", "", ""},
		"a checkpoint half applied":         {base.with("40_d.sql", cp, "50_e.sql", two, "60_f.sql", cp), migration.History{half(t, base.with("40_d.sql", cp), "40", 0, 0)}, "", "", "40_d.sql 50_e.sql"},
		"below a checkpoint that has run":   {base.with("15_x.sql", two, "40_d.sql", cp), migration.History{ran(t, base.with("40_d.sql", cp), "40", 0)}, "", "AM204 15_x.sql: 15_x.sql is out of order: version 40 was applied after it should have been, and this file was not there then", ""},
		"two came below, and one is edited": {base.with("00_y.sql", two, "05_x.sql", two, "30_c.sql", four), all(t, base), "", "AM204 00_y.sql: 00_y.sql is out of order: version 30 was applied after it should have been, and this file was not there then\nAM204 05_x.sql: 05_x.sql is out of order: version 30 was applied after it should have been, and this file was not there then\nAM201 30_c.sql: 30_c.sql has been edited since it was applied on 2026-03-01 02:00 UTC", ""},

		"out of order":                 {between, all(t, base), "", "AM204 15_x.sql: 15_x.sql is out of order: version 30 was applied after it should have been, and this file was not there then", ""},
		"out of order, one to run":     {between.with("40_d.sql", four), all(t, base), "", "AM204 15_x.sql: 15_x.sql is out of order: version 30 was applied after it should have been, and this file was not there then", "40_d.sql"},
		"applied out of order":         {between, nonlinear(between, "15"), "", "", ""},
		"applied out of order, edited": {between.with("15_x.sql", two), nonlinear(between, "15"), "", "AM201 15_x.sql: 15_x.sql has been edited since it was applied on 2026-03-01 09:00 UTC", ""},
		"then the one before edited":   {between.with("10_a.sql", two), nonlinear(between, "15"), "", "AM201 10_a.sql: 10_a.sql has been edited since it was applied on 2026-03-01 00:00 UTC", ""},
		"below all":                    {base.with("05_x.sql", two), all(t, base), "", "AM204 05_x.sql: 05_x.sql is out of order: version 30 was applied after it should have been, and this file was not there then", ""},

		"a baseline with a file":       {base, migration.History{baseline("20")}, "", "", "30_c.sql"},
		"a baseline without one":       {base, migration.History{baseline("00")}, "", "", "10_a.sql 20_b.sql 30_c.sql"},
		"a baseline, and what ran":     {base, migration.History{baseline("20"), ran(t, base, "30", 1)}, "", "", ""},
		"came below a baseline":        {base.with("05_x.sql", two), migration.History{baseline("20"), ran(t, base, "30", 1)}, "", "", ""},
		"came below, and edited":       {base.with("05_x.sql", two, "30_c.sql", four), migration.History{baseline("20"), ran(t, base, "30", 1)}, "", "AM201 30_c.sql: 30_c.sql has been edited since it was applied on 2026-03-01 01:00 UTC", ""},
		"edited below a baseline":      {base.with("10_a.sql", two), migration.History{baseline("20")}, "", "", "30_c.sql"},
		"its file is removed":          {base.with("20_b.sql", ""), migration.History{baseline("20"), ran(t, base.with("20_b.sql", ""), "30", 1)}, "", "", ""},
		"a baseline above what ran":    {base, migration.History{ran(t, base, "10", 0), baseline("30")}, "", "", ""},
		"what ran below it is removed": {base.with("10_a.sql", ""), migration.History{ran(t, base, "10", 0), baseline("20")}, "", "", "30_c.sql"},

		"left half":                 {base, migration.History{half(t, base, "10", 0, 2), ran(t, base, "20", 1)}, "", "AM207 10_a.sql: 10_a.sql is half applied (2 of 3 statements), and version 20 was applied after it all the same", "30_c.sql"},
		"left half, set by hand":    {base, migration.History{byHand(half(t, base, "10", 0, 2), migration.Executed|migration.Resolved), ran(t, base, "20", 1)}, "", "", "30_c.sql"},
		"half applied":              {base, migration.History{half(t, base, "10", 0, 2)}, "", "", "10_a.sql 20_b.sql 30_c.sql"},
		"nothing applied, and text": {base.with("10_a.sql", two), migration.History{half(t, base, "10", 0, 0)}, "", "", "10_a.sql 20_b.sql 30_c.sql"},
		"its rest is another":       {base.with("10_a.sql", "SELECT 1;\nSELECT 1;\nSELECT 2;\n"), migration.History{half(t, base, "10", 0, 2)}, "", "", "10_a.sql 20_b.sql 30_c.sql"},
		"its rest is longer":        {base.with("10_a.sql", one+two), migration.History{half(t, base, "10", 0, 2)}, "", "AM205 10_a.sql: 10_a.sql is half applied by another tool (2 of 3 statements) and that tool counts its statements otherwise than PostgreSQL does (4)", "10_a.sql 20_b.sql 30_c.sql"},
		"its beginning is another":  {base.with("10_a.sql", "SELECT 1;\nSELECT 2;\nSELECT 1;\n"), migration.History{half(t, base, "10", 0, 2)}, "", "AM205 10_a.sql: 10_a.sql is half applied (2 of 3 statements) and its statement 2 is not the one that ran", "10_a.sql 20_b.sql 30_c.sql"},
		"it is shorter":             {base.with("10_a.sql", "SELECT 1;\n"), migration.History{half(t, base, "10", 0, 2)}, "", "AM205 10_a.sql: 10_a.sql is half applied (2 of 3 statements) and its statement 2 is not the one that ran", "10_a.sql 20_b.sql 30_c.sql"},
		"without partial hashes": {base, migration.History{func() migration.Revision {
			r := half(t, base, "10", 0, 2)
			r.PartialHashes = nil
			return r
		}()}, "", "AM205 10_a.sql: 10_a.sql is half applied (2 of 3 statements) and its statement 1 is not the one that ran", "10_a.sql 20_b.sql 30_c.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			draft, findings := migration.NewDraft(c.folder.dir(t), c.h, c.to, migration.Digest{})
			if got := told(findings); got != c.want {
				t.Errorf("found\n%s\nwant\n%s", got, c.want)
			}
			if got := names(draft.Files); got != c.files {
				t.Errorf("pending %q, want %q", got, c.files)
			}
			for _, f := range findings {
				if f.ID == "" || f.Severity != migration.Error || f.Fix == "" {
					t.Errorf("%+v has no ID, does not block, or has nothing to do", f)
				}
			}
		})
	}
}

// What an applied file says is told by its place: the edited file and no other.
func TestNewDraft_namesTheEditedFile(t *testing.T) {
	r := dice(t)
	for range 300 {
		f := randomFolder(r, shape{most: 8})
		h := all(t, f)
		edited := f.dir(t).Files[r.IntN(len(h))].Name
		_, findings := migration.NewDraft(f.with(edited, f[edited]+"SELECT 1000;\n").dir(t), h, "", migration.Digest{})
		if codes(findings) != "AM201" || findings[0].File != edited || findings[0].ID != "AM201@"+edited {
			t.Fatalf("edited %s, found %s", edited, told(findings))
		}
	}
}

// Whatever a team does with a directory and Atlas, in whatever order - deploy
// and apply all or a part, merge a file in between and apply that out of order,
// set a checkpoint, squash what lies below it, adopt - nothing stands in the
// way, except a file in between while it has not run.
func TestNewDraft_noFalseAlarm(t *testing.T) {
	r := dice(t)
	acts := map[string]int{}
	for range 500 {
		w := life{folder: randomFolder(r, shape{most: 4, outside: 0.3, checkpoint: 0.1}), db: newMemory()}
		for range 12 {
			act := w.live(t, r.IntN(9), r.IntN)
			acts[act]++
			w.past = append(w.past, act)
			_, findings := migration.NewDraft(w.folder.dir(t), w.db.history(), "", migration.Digest{})
			for _, f := range findings {
				if f.Code != "AM204" || f.File != w.between {
					t.Fatalf("%s\nafter %q\ndirectory %v\nhistory %+v", told(findings), w.past, slices.Sorted(maps.Keys(w.folder)), w.db.history())
				}
			}
			if (len(findings) > 0) != (w.between != "") {
				t.Fatalf("between is %q, found %q", w.between, told(findings))
			}
		}
	}
	t.Log(acts)
	for _, act := range []string{"apply", "apply some", "add", "between", "non-linear", "checkpoint", "squash", "adopt"} {
		if acts[act] < 20 {
			t.Errorf("%q was done %d times only", act, acts[act])
		}
	}
}

// A life is a directory and a database that grow together.
type life struct {
	folder  folder
	db      *memory
	past    []string
	between string // a file that came in between and has not run
}

func (w *life) live(t testing.TB, what int, intN func(int) int) string {
	t.Helper()
	dir := w.folder.dir(t)
	h := w.db.history()
	last := 0
	if n := len(dir.Files); n > 0 {
		last, _ = strconv.Atoi(dir.Files[n-1].Version)
	}
	text := fmt.Sprintf("SELECT %d;\n", intN(1000))
	switch {
	case what < 2:
		w.apply(t, dir, 99)
		return "apply"
	case what == 2 && w.between == "":
		w.apply(t, dir, 1+intN(3))
		return "apply some"
	case what == 3:
		w.folder[fmt.Sprintf("%03d_n.sql", last+5)] = text
		return "add"
	case what == 4 && len(h) >= 2 && w.between == "" && h[0].Type != migration.Baseline:
		first, _ := strconv.Atoi(h[0].Version)
		current, _ := strconv.Atoi(h.Current())
		if v := first + 1 + intN(max(current-first-1, 1)); v < current && !w.has(dir, v) {
			if _, known := h.Find(fmt.Sprintf("%03d", v)); !known {
				w.between = fmt.Sprintf("%03d_between.sql", v)
				w.folder[w.between] = text
				return "between"
			}
		}
	case what == 5 && w.between != "":
		w.apply(t, dir, 99)
		return "non-linear"
	case what == 6:
		w.folder[fmt.Sprintf("%03d_cp.sql", last+5)] = "-- atlas:checkpoint\n\n" + text
		return "checkpoint"
	case what == 7 && w.between == "":
		if w.squash(dir, h) {
			return "squash"
		}
	case what == 8 && w.between == "" && len(dir.Files) > 0:
		adoption, findings := migration.Adopt(dir, h, dir.Files[intN(len(dir.Files))].Version)
		if len(findings) == 0 && len(adoption.Delete) == 0 {
			for _, r := range adoption.Write {
				w.db.write(r)
			}
			return "adopt"
		}
	}
	return "nothing"
}

// apply is what Atlas does in non-linear order: what was left out first.
func (w *life) apply(t testing.TB, dir *migration.Dir, most int) {
	t.Helper()
	var files []migration.File
	if w.between != "" {
		f, _ := dir.Find(strings.TrimSuffix(w.between, "_between.sql"))
		files = append(files, f)
		w.between = ""
	}
	pending, err := atlasPending(t, w.folder, w.db.history())
	if len(files) == 0 && err != nil {
		t.Fatal(err)
	}
	if len(files) > 0 {
		pending = nil // the rest runs another time
	}
	for _, name := range pending[:min(most, len(pending))] {
		f, _ := dir.Find(strings.SplitN(name, "_", 2)[0])
		files = append(files, f)
	}
	for _, f := range files {
		w.db.write(migration.Revision{Version: f.Version, Description: f.Description, Type: migration.Executed, Applied: len(f.Stmts), Total: len(f.Stmts), Hash: f.Hash})
	}
}

func (w *life) has(dir *migration.Dir, version int) bool {
	_, there := dir.Find(fmt.Sprintf("%03d", version))
	return there
}

// squash takes out what lies below the last checkpoint, if all of it has run
// and the checkpoint is the end.
func (w *life) squash(dir *migration.Dir, h migration.History) bool {
	n := len(dir.Files)
	if n < 2 || !dir.Files[n-1].Checkpoint {
		return false
	}
	for _, f := range dir.Files[:n-1] {
		if f.Version > h.Current() {
			return false
		}
	}
	for _, f := range dir.Files[:n-1] {
		delete(w.folder, f.Name)
	}
	return true
}
