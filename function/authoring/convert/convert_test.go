package convert_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/alquimistaai/aurora-migrator/function/authoring/convert"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

// A specimen is a directory of another tool in testdata: in/ is what it holds,
// out/ what becomes of it, findings what there is to tell.
type specimen struct {
	name    string
	tool    convert.Tool
	archive *txtar.Archive
	in      fstest.MapFS
}

func specimens(t *testing.T) []specimen {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d specimens: %v", len(paths), err)
	}
	var all []specimen
	for _, p := range paths {
		archive, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		s := specimen{name: strings.TrimSuffix(filepath.Base(p), ".txtar"), archive: archive, in: fstest.MapFS{}}
		for _, tool := range convert.Tools {
			if strings.HasPrefix(s.name, strings.ReplaceAll(string(tool), "-", "_")) {
				s.tool = tool
			}
		}
		for _, f := range archive.Files {
			if name, ok := strings.CutPrefix(f.Name, "in/"); ok {
				s.in[name] = &fstest.MapFile{Data: f.Data}
			}
		}
		all = append(all, s)
	}
	return all
}

func (s specimen) section(name string) string {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// output is what comes out, as files of an archive.
func output(d convert.Directory) []txtar.File {
	var files []txtar.File
	for _, f := range d.Files {
		files = append(files, txtar.File{Name: "out/" + f.Name, Data: []byte(f.Text)})
		if f.Down != "" {
			files = append(files, txtar.File{Name: "out/down/" + f.Name, Data: []byte(f.Down)})
		}
	}
	var told strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&told, "%s %s %s: %s", f.Code, f.Severity, f.Place(), f.Summary)
		if f.Fix != "" {
			fmt.Fprintf(&told, " [%s]", f.Fix)
		}
		told.WriteString("\n")
	}
	for _, f := range faults(d) {
		fmt.Fprintf(&told, "directory: %s %s: %s\n", f.Code, f.Place(), f.Summary)
	}
	return append(files, txtar.File{Name: "findings", Data: []byte(told.String())})
}

// written is d as a directory on a disk would be.
func written(t testing.TB, d convert.Directory) fstest.MapFS {
	t.Helper()
	m := asFS(d)
	sum, err := migration.HashDir(m)
	if err != nil {
		t.Fatal(err)
	}
	m["atlas.sum"] = &fstest.MapFile{Data: sum}
	return m
}

func asFS(d convert.Directory) fstest.MapFS {
	m := fstest.MapFS{}
	for _, f := range d.Files {
		m[f.Name] = &fstest.MapFile{Data: []byte(f.Text)}
		if f.Down != "" {
			m["down/"+f.Name] = &fstest.MapFile{Data: []byte(f.Down)}
		}
	}
	return m
}

func faults(d convert.Directory) []migration.Finding {
	m := asFS(d)
	sum, err := migration.HashDir(m)
	if err != nil {
		panic(err)
	}
	m["atlas.sum"] = &fstest.MapFile{Data: sum}
	_, found, err := migration.ReadDir(m)
	if err != nil {
		panic(err)
	}
	return found
}

// What comes out of each specimen, and what is told, is as it was reviewed.
func TestConvert_specimens(t *testing.T) {
	for _, s := range specimens(t) {
		t.Run(s.name, func(t *testing.T) {
			d, err := convert.Convert(s.tool, s.in)
			if err != nil {
				t.Fatal(err)
			}
			got := output(d)
			var kept, want []txtar.File
			for _, f := range s.archive.Files {
				if f.Name == "findings" || strings.HasPrefix(f.Name, "out/") {
					want = append(want, f)
				} else {
					kept = append(kept, f)
				}
			}
			if *update {
				s.archive.Files = append(kept, got...)
				if err := os.WriteFile("testdata/"+s.name+".txtar", txtar.Format(s.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(text(want), text(got)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func text(files []txtar.File) string { return string(txtar.Format(&txtar.Archive{Files: files})) }

// Every directory that comes out can be read; what is wrong with it has been
// told by an error of the conversion, or is told by ReadDir itself.
func TestConvert_leavesNothingUntold(t *testing.T) {
	for _, s := range specimens(t) {
		d, err := convert.Convert(s.tool, s.in)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		trouble := strings.Contains(s.name, "trouble") || strings.Contains(s.name, "foreign") || strings.Contains(s.name, "sql_only")
		var errors int
		for _, f := range d.Findings {
			if f.Severity == migration.Error {
				errors++
			}
			if f.Summary == "" || f.File == "" || s.in[f.File] == nil {
				t.Errorf("%s: a finding without its place: %+v", s.name, f)
			}
		}
		if found := faults(d); !trouble && (errors > 0 || len(found) > 0) {
			t.Errorf("%s: %d errors, and in the directory %v", s.name, errors, found)
		}
	}
}

// Whose a directory is can be told from what is in it.
func TestDetect(t *testing.T) {
	for _, s := range specimens(t) {
		got, err := convert.Detect(s.in)
		if err != nil || len(got) != 1 || got[0] != s.tool {
			t.Errorf("%s: %v, want %s: %v", s.name, got, s.tool, err)
		}
	}
	for _, c := range []struct {
		name string
		dir  fstest.MapFS
		want string
	}{
		{"empty", fstest.MapFS{}, "[]"},
		{"Atlas's own", fstest.MapFS{"20240101_a.sql": {Data: []byte("SELECT 1;")}, "atlas.sum": {}}, "[]"},
		{"two tools", fstest.MapFS{"V1__a.sql": {}, "1_a.up.sql": {}}, "[flyway golang-migrate]"},
		{"hidden", fstest.MapFS{".git/V1__a.sql": {}}, "[]"},
	} {
		got, err := convert.Detect(c.dir)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s: %v", c.name, got, c.want, err)
		}
	}
	if _, err := convert.Detect(os.DirFS(filepath.Join(t.TempDir(), "nowhere"))); err == nil {
		t.Error("a directory that is not there: no error")
	}
}

func TestConvert_refusesWhatIsNotThere(t *testing.T) {
	for _, tool := range convert.Tools {
		_, err := convert.Convert(tool, fstest.MapFS{"README.md": {Data: []byte("hello")}})
		if err == nil || !strings.Contains(err.Error(), "there is no migration of "+string(tool)) {
			t.Errorf("%s: %v", tool, err)
		}
	}
	if _, err := convert.Convert("rails", fstest.MapFS{}); err == nil || err.Error() != `unknown tool "rails"` {
		t.Errorf("%v", err)
	}
	if _, err := convert.Convert(convert.Flyway, os.DirFS("testdata/nowhere")); err == nil || !strings.Contains(err.Error(), "read the directory") {
		t.Errorf("%v", err)
	}
	broken := fstest.MapFS{"a.xml": {Data: []byte("<databaseChangeLog><open></databaseChangeLog>")}}
	if _, err := convert.Convert(convert.Liquibase, broken); err == nil || !strings.HasPrefix(err.Error(), "a.xml: ") {
		t.Errorf("%v", err)
	}
}

// The files in the order of their names, which is that of their versions, are
// the migrations in the order in which the other tool counts.
func TestConvert_keepsTheOrderOfNumbers(t *testing.T) {
	in := fstest.MapFS{}
	for i := range 120 {
		in[fmt.Sprintf("%d_m%d.up.sql", i, i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "SELECT %d;", i)}
	}
	d, err := convert.Convert(convert.GolangMigrate, in)
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(asFS(d), "*.sql")
	if err != nil || len(names) != 120 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for i, name := range names {
		if want := fmt.Sprintf("%03d_m%d.sql", i, i); name != want || d.Files[i].Name != want {
			t.Fatalf("file %d is %s and %s, want %s", i, name, d.Files[i].Name, want)
		}
		if !bytes.Equal(asFS(d)[name].Data, fmt.Appendf(nil, "SELECT %d;\n", i)) {
			t.Errorf("%s holds %q", name, asFS(d)[name].Data)
		}
	}
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
