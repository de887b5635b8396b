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
	// Open makes a fresh, empty database and watches it. It may be asked several
	// times, also at once.
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
	known := same(o.Known, o.Dir, major)
	plain := max(len(known), o.From)
	end := len(o.Dir.Files)
	middle := end
	if end-plain >= long && !all {
		middle = plain + (end-plain)*6/10 // who watches the rest has to run these first
	}
	keep := plain == len(known) // else it is not the whole of the directory
	rest := make(chan stretch, 1)
	go func() { rest <- o.open(ctx, section{from: middle, to: end, left: keep}) }()
	first := o.watch(ctx, w, section{from: plain, to: middle, left: keep && middle == end, all: all})
	last := first
	second := <-rest
	if middle < end {
		last = second
	}
	r.Files = append(r.Files, known...)
	if !keep {
		before := o.Dir.Files[plain-1]
		r.Files = []migration.FileReplay{{Name: before.Name, Hash: before.Hash, Catalogue: catalog.Edits(catalog.Snapshot{}.Apply(r.Empty), first.began)}}
	}
	r.Files = append(r.Files, first.files...)
	if first.err != nil {
		return r, false, first.err
	}
	r.Files = append(r.Files, second.files...)
	if second.err != nil {
		return r, false, second.err
	}
	return r, keep && folded(r).Fingerprint() != last.left.Fingerprint(), nil
}

// long is from how many files on two databases are watched side by side, each for
// a part of the files.
const long = 200

// A section are the files from one up to another.
type section struct {
	from, to int
	all      bool // have everything read after each file
	left     bool // read what they leave
}

// A stretch is a section, watched.
type stretch struct {
	files []migration.FileReplay
	began catalog.Snapshot // what the database held before
	left  catalog.Snapshot
	err   error
}

// open watches a section on a database of its own; where there are no files in it,
// it does nothing.
func (o Options) open(ctx context.Context, of section) stretch {
	if of.from == of.to {
		return stretch{}
	}
	w, err := o.Open(ctx)
	if err != nil {
		return stretch{err: err}
	}
	defer w.Close()
	return o.watch(ctx, w, of)
}

// watch runs the files before a section unwatched, and watches those in it.
func (o Options) watch(ctx context.Context, w Watcher, of section) (s stretch) {
	if of.all {
		w.ReadAll()
	}
	if of.from > 0 {
		if s.err = w.Plain(ctx, o.Dir.Files[:of.from]); s.err != nil {
			return s
		}
	}
	s.began = w.Holds()
	for _, f := range o.Dir.Files[of.from:of.to] {
		var seen migration.FileReplay
		if seen, s.err = w.Watch(ctx, f); s.err != nil {
			return s
		}
		s.files = append(s.files, seen)
	}
	if of.left {
		s.left, s.err = w.Left(ctx)
	}
	return s
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
