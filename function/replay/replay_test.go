package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

var update = flag.Bool("update", false, "write what was seen into the files of testdata")

// Each archive holds a directory and, as "seen", the effects of its last file.
func TestRun_sees(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("there are no archives", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			want := ""
			for _, f := range archive.Files {
				if f.Name == "seen" {
					want = string(f.Data)
				} else {
					files[f.Name] = string(f.Data)
				}
			}
			r, err := replay.Run(t.Context(), replay.Options{Dir: directory(t, files), Open: open(t)})
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			if err := e.Encode(r.Files[len(r.Files)-1].Statements); err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files = append(archive.Files[:len(files)-1], txtar.File{Name: "seen", Data: got.Bytes()})
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Many files are watched on two databases side by side; what is told does not
// depend on that, nor on what an earlier replay told, nor on when it is.
func TestRun_manyFilesAtOnce(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 240 {
		text := fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, n integer);\n", i)
		if i >= 5 {
			text += fmt.Sprintf("ALTER TABLE t%d ALTER COLUMN n SET NOT NULL;\nGRANT SELECT ON t%[1]d TO replay_many_%d;\n", i-5, i%7)
		}
		files[fmt.Sprintf("%03d_f.sql", i)] = text
	}
	var wants []byte
	for _, first := range []int{0, 150} {
		o := replay.Options{Dir: directory(t, maps.Clone(files)), Open: open(t)}
		if first > 0 {
			few := maps.Clone(files)
			maps.DeleteFunc(few, func(name, _ string) bool { return name >= fmt.Sprintf("%03d", first) })
			known, err := replay.Run(t.Context(), replay.Options{Dir: directory(t, few), Open: open(t)})
			if err != nil {
				t.Fatal(err)
			}
			o.Known = &known
		}
		r, err := replay.Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := migration.MarshalReplay(r)
		if err != nil {
			t.Fatal(err)
		}
		if wants == nil {
			wants = text
		}
		if diff := cmp.Diff(string(wants), string(text)); diff != "" {
			t.Errorf("after %d files: %s", first, diff)
		}
	}
}

// directory makes one of files, with its atlas.sum.
func directory(t testing.TB, files map[string]string) *migration.Dir {
	t.Helper()
	sum, err := migration.HashDir(migration.MemoryDir(files))
	if err != nil {
		t.Fatal(err)
	}
	files["atlas.sum"] = string(sum)
	dir, findings, err := migration.ReadDir(migration.MemoryDir(files))
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	return dir
}

func open(t testing.TB) func(context.Context) (replay.Watcher, error) {
	return func(ctx context.Context) (replay.Watcher, error) {
		w, err := postgres.OpenWatcher(ctx, pgtest.New(t).URL)
		return attentive{w, t}, err
	}
}

// An attentive Watcher must not need to read everything after each file: what a
// statement changes is told.
type attentive struct {
	replay.Watcher
	t testing.TB
}

func (w attentive) ReadAll() {
	w.t.Error("something changed that nothing told of")
	w.Watcher.ReadAll()
}
