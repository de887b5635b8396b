package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
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
