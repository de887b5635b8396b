package pipeline_test

import (
	"fmt"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// replayed is files with a replay.json beside them, of which alone the catalogue
// is told: what stands after each file that ran on a database of its own.
func replayed(t testing.TB, files fs.FS, edit ...func(*migration.Replay)) fstest.MapFS {
	t.Helper()
	d, _, err := migration.ReadDir(files)
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	db.Exec(t, fmt.Sprintf(`DO $$ BEGIN CREATE ROLE %s SUPERUSER LOGIN PASSWORD 'replay'; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`, migration.ReplayRole))
	conn := pgtest.Connect(t, db.As(migration.ReplayRole, "replay"))
	config, err := postgres.ParseURL(db.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := postgres.Open(t.Context(), config, postgres.Options{Settings: migration.Settings{}.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	r := migration.Replay{Format: migration.ReplayFormat, Sum: d.Sum, Major: pgtest.Major(t)}
	was := catalog.Snapshot{}
	for _, f := range d.Files {
		seen := migration.FileReplay{Name: f.Name, Hash: f.Hash}
		texts := []string{f.Text}
		if f.TxMode == migration.TxNone {
			texts = nil
			for _, s := range f.Stmts {
				texts = append(texts, s.Text)
			}
		}
		for _, text := range texts {
			if _, err := conn.Exec(t.Context(), text); err != nil {
				t.Fatalf("replay of %s: %v", f.Name, err)
			}
		}
		for i, s := range f.Stmts {
			seen.Statements = append(seen.Statements, migration.Effects{Statement: i + 1, Line: s.Line})
		}
		is, err := session.Everything(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen.Catalogue, was = catalog.Edits(was, is), is
		r.Files = append(r.Files, seen)
	}
	for _, e := range edit {
		e(&r)
	}
	text, err := migration.MarshalReplay(r)
	if err != nil {
		t.Fatal(err)
	}
	with := fstest.MapFS{migration.ReplayName: &fstest.MapFile{Data: text}}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := fs.ReadFile(files, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() != migration.ReplayName {
			with[e.Name()] = &fstest.MapFile{Data: data}
		}
	}
	return maps.Clone(with)
}
