package authoring_test

import (
	"context"
	"os"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// Of each kind of change that diff writes, everything that it changes is seen
// while it runs: what is there afterwards is what was told, without a second look.
func TestReplay_seesEachKindOfChange(t *testing.T) {
	server := pgtest.New(t).URL
	for name, c := range changes {
		if !pgtest.Part(name, 6) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProjectOn(t, server, "schema/schema."+c.language(), c.to)
			if c.from != "" {
				p.put("migrations/001_before.sql", c.from)
				p.hash()
			}
			p.wants(p.Diff(t.Context(), authoring.DiffOptions{Name: "change"}), migration.Planned)
			dir, findings, err := migration.ReadDir(os.DirFS(p.Dir))
			if err != nil || len(findings) > 0 {
				t.Fatal(err, findings)
			}
			_, err = replay.Run(t.Context(), replay.Options{Dir: dir, Open: func(ctx context.Context) (replay.Watcher, error) {
				w, err := postgres.OpenWatcher(ctx, pgtest.New(t).URL)
				return attentive{w, t}, err
			}})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// An attentive Watcher must not need to read everything after each file.
type attentive struct {
	replay.Watcher
	t *testing.T
}

func (w attentive) ReadAll() {
	w.t.Error("something changed that nothing told of")
	w.Watcher.ReadAll()
}
