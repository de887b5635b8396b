// Package replay runs a directory on a dev database that it is given, and tells
// what every statement of it does. It decides what is run and what is known
// already; the watching is the database edge's.
package replay

import (
	"context"
	"fmt"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Watcher runs files on an empty dev database. postgres has one.
type Watcher interface {
	// Plain runs files of which everything is known.
	Plain(ctx context.Context, files []migration.File) error
	// Watch runs the next file and tells what it does. The error is a *migration.Failure.
	Watch(ctx context.Context, f migration.File) (migration.FileReplay, error)
	// ReadAll has everything read after each file from now on.
	ReadAll()
	// Holds is what the files that were watched have left, as they told it.
	Holds() catalog.Snapshot
	// Left is what they have left; it is the last that is asked.
	Left(ctx context.Context) (catalog.Snapshot, error)
	// Version is that of the server.
	Version() (version string, major int)
	// Close ends it.
	Close()
}

// Options say what is replayed, and where.
type Options struct {
	Dir *migration.Dir
	// Known is an earlier replay, nil for none. What it tells of files at the
	// beginning of Dir that are still the same is taken over, if it is of the
	// same major: these files are run all the same, unwatched.
	Known *migration.Replay
	// From is the first file that is to be told of. Those before it that Known does
	// not tell of are run unwatched, and only what they leave is in the replay,
	// which is not one to be kept then.
	From int
	// Open makes a fresh, empty database and watches it. It may be asked twice.
	Open func(ctx context.Context) (Watcher, error)
}

// Run replays a directory. The error is a *migration.Failure where a file fails,
// which is told as by an apply; the replay beside it then has the files before
// that one, and is not to be kept.
func Run(ctx context.Context, o Options) (migration.Replay, error) {
	r, wrong, err := run(ctx, o, false)
	if err != nil || !wrong {
		return r, err
	}
	// Something changed that nothing told of: look at everything after each file.
	o.Known = nil
	r, wrong, err = run(ctx, o, true)
	if err == nil && wrong {
		err = fmt.Errorf("the catalogue after the last file is not the sum of what the files changed: something else changed the dev database")
	}
	return r, err
}

// run replays once. wrong says that what the files told does not add up to what
// they left.
func run(ctx context.Context, o Options, all bool) (r migration.Replay, wrong bool, err error) {
	w, err := o.Open(ctx)
	if err != nil {
		return r, false, err
	}
	defer w.Close()
	_, major := w.Version()
	r = migration.Replay{Format: migration.ReplayFormat, Sum: o.Dir.Sum, Major: major, Empty: catalog.Edits(nil, w.Holds()), Files: []migration.FileReplay{}}
	if all {
		w.ReadAll()
	}
	known := same(o.Known, o.Dir, major)
	plain := max(len(known), o.From)
	if plain > 0 {
		if err := w.Plain(ctx, o.Dir.Files[:plain]); err != nil {
			return r, false, err
		}
		r.Files = append(r.Files, known...)
		if plain > len(known) {
			last := o.Dir.Files[plain-1]
			r.Files = []migration.FileReplay{{Name: last.Name, Hash: last.Hash, Catalogue: catalog.Edits(catalog.Snapshot{}.Apply(r.Empty), w.Holds())}}
		}
	}
	for _, f := range o.Dir.Files[plain:] {
		seen, err := w.Watch(ctx, f)
		if err != nil {
			return r, false, err
		}
		r.Files = append(r.Files, seen)
	}
	told := w.Holds()
	left, err := w.Left(ctx)
	if err != nil {
		return r, false, err
	}
	wrong = told.Fingerprint() != left.Fingerprint() || plain > 0 && folded(r).Fingerprint() != left.Fingerprint()
	return r, wrong, nil
}

// folded is what the files of a replay say that they leave.
func folded(r migration.Replay) catalog.Snapshot {
	edits := slices.Clone(r.Empty)
	for _, f := range r.Files {
		edits = append(edits, f.Catalogue...)
	}
	return catalog.Snapshot{}.Apply(edits)
}

// same are the files at the beginning of dir of which known tells.
func same(known *migration.Replay, dir *migration.Dir, major int) []migration.FileReplay {
	if known == nil || known.Format != migration.ReplayFormat || known.Major != major {
		return nil
	}
	n := 0
	for n < len(known.Files) && n < len(dir.Files) && known.Files[n].Hash != "" && known.Files[n].Hash == dir.Files[n].Hash &&
		known.Files[n].Name == dir.Files[n].Name && len(known.Files[n].Statements) == len(dir.Files[n].Stmts) {
		n++
	}
	return known.Files[:n]
}
