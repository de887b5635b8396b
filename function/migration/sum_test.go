package migration

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"ariga.io/atlas/sql/migrate"
	"github.com/google/go-cmp/cmp"
)

func abc() map[string]string {
	return map[string]string{"1_a.sql": "SELECT 1;", "2_b.sql": "SELECT 2;", "3_c.sql": "SELECT 3;", "4_d.sql": "SELECT 4;"}
}

func TestReadDir_faultsOfSum(t *testing.T) {
	put := func(name, text string) func(fstest.MapFS) {
		return func(d fstest.MapFS) { d[name] = &fstest.MapFile{Data: []byte(text)} }
	}
	sum := func(edit func([]string) []string) func(fstest.MapFS) {
		return func(d fstest.MapFS) {
			lines := strings.SplitAfter(strings.TrimSuffix(string(d["atlas.sum"].Data), "\n"), "\n")
			lines[len(lines)-1] += "\n"
			d["atlas.sum"] = &fstest.MapFile{Data: []byte(strings.Join(edit(lines), ""))}
		}
	}
	first := "AM102 atlas.sum:1 #0 the first line of atlas.sum is not the sum of the lines below it: it was merged or edited by hand"
	for name, tc := range map[string]struct {
		spoil []func(fstest.MapFS)
		want  []string
	}{
		"missing":                {[]func(fstest.MapFS){func(d fstest.MapFS) { delete(d, "atlas.sum") }}, []string{"AM101 atlas.sum #0 atlas.sum is missing: nothing says that the files are the ones that were reviewed"}},
		"edited":                 {[]func(fstest.MapFS){put("2_b.sql", "SELECT 22;")}, []string{"AM103 2_b.sql #0 2_b.sql was edited after atlas.sum was written"}},
		"two edited":             {[]func(fstest.MapFS){put("2_b.sql", "SELECT 22;"), put("4_d.sql", "SELECT 44;")}, []string{"AM103 2_b.sql #0 2_b.sql was edited after atlas.sum was written"}},
		"added between":          {[]func(fstest.MapFS){put("2_c.sql", "SELECT 22;")}, []string{`AM110 2_c.sql #0 version "2" is taken by 2_b.sql too`, "AM104 2_c.sql #0 2_c.sql is not in atlas.sum"}},
		"added at the end":       {[]func(fstest.MapFS){put("5_e.sql", "SELECT 5;"), put("6_f.sql", "SELECT 6;")}, []string{"AM104 5_e.sql #0 5_e.sql is not in atlas.sum", "AM104 6_f.sql #0 6_f.sql is not in atlas.sum"}},
		"removed":                {[]func(fstest.MapFS){func(d fstest.MapFS) { delete(d, "2_b.sql") }}, []string{"AM105 atlas.sum:3 #0 atlas.sum lists 2_b.sql, and there is no such file"}},
		"added and one edited":   {[]func(fstest.MapFS){put("0_z.sql", "SELECT 0;"), put("3_c.sql", "SELECT 33;")}, []string{"AM104 0_z.sql #0 0_z.sql is not in atlas.sum", "AM103 3_c.sql #0 3_c.sql was edited after atlas.sum was written"}},
		"removed and one edited": {[]func(fstest.MapFS){put("1_a.sql", "SELECT 11;"), func(d fstest.MapFS) { delete(d, "2_b.sql") }}, []string{"AM105 atlas.sum:3 #0 atlas.sum lists 2_b.sql, and there is no such file", "AM103 1_a.sql #0 1_a.sql was edited after atlas.sum was written"}},
		"added beside one kept out": {[]func(fstest.MapFS){put("3_c.sql", "-- atlas:sum ignore\n\nSELECT 3;"), func(d fstest.MapFS) {
			delete(d, "atlas.sum")
			sum, err := HashDir(d)
			if err != nil {
				t.Fatal(err)
			}
			d["atlas.sum"] = &fstest.MapFile{Data: sum}
		}, put("5_e.sql", "SELECT 5;")}, []string{"AM144 3_c.sql:1 #0 atlas:sum ignore leaves the file without an entry in atlas.sum", "AM104 5_e.sql #0 5_e.sql is not in atlas.sum"}},
		"a line twice":               {[]func(fstest.MapFS){sum(func(l []string) []string { return append(l, l[2]) })}, []string{first, "AM106 atlas.sum:6 #0 atlas.sum lists 2_b.sql twice, here again"}},
		"a line without a file":      {[]func(fstest.MapFS){sum(func(l []string) []string { return append(l, "9_x.sql h1:"+l[2][len("2_b.sql h1:"):]) })}, []string{first, "AM105 atlas.sum:6 #0 atlas.sum lists 9_x.sql, and there is no such file"}},
		"a line gone":                {[]func(fstest.MapFS){sum(func(l []string) []string { return l[:4] })}, []string{first, "AM104 4_d.sql #0 4_d.sql is not in atlas.sum"}},
		"lines out of order":         {[]func(fstest.MapFS){sum(func(l []string) []string { return []string{l[0], l[1], l[3], l[2], l[4]} })}, []string{first, "AM106 atlas.sum:4 #0 atlas.sum lists 2_b.sql behind 3_c.sql, out of order"}},
		"first line of another time": {[]func(fstest.MapFS){sum(func(l []string) []string { l[0] = "h1:AAAA\n"; return l })}, []string{first}},
		"what a merge leaves":        {[]func(fstest.MapFS){sum(func(l []string) []string { return []string{l[0], l[1], "<<<<<<< HEAD\n", l[2]} })}, []string{"AM102 atlas.sum:3 #0 line 3 of atlas.sum is not a name and a hash"}},
		"empty":                      {[]func(fstest.MapFS){put("atlas.sum", "")}, []string{first, "AM104 1_a.sql #0 1_a.sql is not in atlas.sum", "AM104 2_b.sql #0 2_b.sql is not in atlas.sum", "AM104 3_c.sql #0 3_c.sql is not in atlas.sum", "AM104 4_d.sql #0 4_d.sql is not in atlas.sum"}},
		"a line without an end":      {[]func(fstest.MapFS){sum(func(l []string) []string { return append(l, "x h1:"+strings.Repeat("A", 1<<17)) })}, []string{"AM102 atlas.sum #0 atlas.sum cannot be read: bufio.Scanner: token too long"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := dirOf(t, abc())
			for _, spoil := range tc.spoil {
				spoil(dir)
			}
			if diff := cmp.Diff(tc.want, shown(t, dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHashDir_asAtlasWritesIt(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"none":                     {},
		"some":                     abc(),
		"one kept out of the sums": {"1_a.sql": "SELECT 1;", "2_b.sql": "-- atlas:sum ignore\n\nSELECT 2;", "3_c.sql": "SELECT 3;"},
	} {
		mem := &migrate.MemDir{}
		for file, text := range files {
			if err := mem.WriteFile(file, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		hashes, err := mem.Checksum()
		if err != nil {
			t.Fatal(err)
		}
		want, err := hashes.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got, err := fs.ReadFile(dirOf(t, files), "atlas.sum")
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestCumulativeHash(t *testing.T) {
	files := []File{{Name: "1_a.sql", Text: "SELECT 1;"}, {Name: "2_b.sql", Text: "-- atlas:sum ignore\n\nSELECT 2;"}, {Name: "3_c.sql", Text: "SELECT 3;"}}
	before := CumulativeHash(files)
	if before[0] == "" || before[1] != "" || before[2] == "" {
		t.Fatalf("got %q", before)
	}
	files[0].Text = "SELECT 11;"
	after := CumulativeHash(files)
	if after[0] == before[0] || after[2] == before[2] {
		t.Errorf("an edit of the first is not seen in %q", after)
	}
	if len(CumulativeHash(nil)) != 0 {
		t.Error("hashes of nothing")
	}
}

// FuzzSum: whatever stands in atlas.sum, there is a fault exactly where Atlas's
// own check has one.
func FuzzSum(f *testing.F) {
	good, err := fs.ReadFile(dirOf(f, abc()), "atlas.sum")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good), "SELECT 3;")
	f.Add(string(good), "SELECT 33;")
	f.Add(strings.ReplaceAll(string(good), "\n", "\r\n"), "SELECT 3;")
	f.Add(strings.TrimSuffix(string(good), "\n"), "SELECT 3;")
	f.Add(strings.TrimPrefix(string(good), "h1:"), "SELECT 3;")
	f.Add(string(good)+"\n", "SELECT 3;")
	f.Add("", "")
	f.Add("h1:\n1_a.sql h1:\n", "-- atlas:sum ignore\n\nSELECT 3;")
	f.Fuzz(func(t *testing.T, sum, third string) {
		texts := abc()
		texts["3_c.sql"] = third
		dir, mem := dirOf(t, texts), &migrate.MemDir{}
		dir["atlas.sum"] = &fstest.MapFile{Data: []byte(sum)}
		for name := range maps.Keys(dir) {
			if err := mem.WriteFile(name, dir[name].Data); err != nil {
				t.Fatal(err)
			}
		}
		read, _, err := ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		faults := checkSum(read.Files, sum, true)
		if atlas := validate(mem); (atlas == nil) != (len(faults) == 0) {
			t.Errorf("Atlas says %v, we say %v", atlas, faults)
		}
	})
}

// validate is migrate.Validate, which panics on some that list a file twice.
func validate(dir migrate.Dir) (err error) {
	defer func() {
		if recover() != nil {
			err = migrate.ErrChecksumMismatch
		}
	}()
	return migrate.Validate(dir)
}
