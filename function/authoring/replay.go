package authoring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// Replay runs the directory on a dev database, looks at what each statement does
// and writes that beside the files, as replay.json, unless it says so already.
// Of files that an earlier one tells of, and that are still the same, nothing is
// looked at again, unless anew.
func (a *Authoring) Replay(ctx context.Context, anew bool) Answer {
	dir, answer := a.sound()
	if answer != nil {
		return *answer
	}
	known, before := dir.readReplay()
	if anew {
		known = nil
	}
	d, err := startDev(ctx, a.Server, dir.roles()...)
	if err != nil {
		return failed(failure(err, ""))
	}
	defer d.close()
	r, f := replayed(ctx, d, dir.dir, known, 0)
	if f != nil {
		return failed(f)
	}
	text, err := migration.MarshalReplay(r)
	if err != nil {
		return failed(failure(err, ""))
	}
	path := filepath.Join(a.Dir, migration.ReplayName)
	if string(text) == before {
		return Answer{Outcome: migration.Current, Summary: path + " says already what the files do", File: path, Next: "Nothing is left to do."}
	}
	if err := writeReplay(dir, text); err != nil {
		return failed(failure(err, "Run the same command again."))
	}
	return Answer{Outcome: migration.Current, Summary: fmt.Sprintf("wrote %s: what %s do on PostgreSQL %d", path, filesIn(len(r.Files)), r.Major), File: path, Written: true,
		Next: "Commit it beside the files: plan tells by it what will happen."}
}

func filesIn(n int) string {
	if n == 1 {
		return "the statements of 1 file"
	}
	return fmt.Sprintf("the statements of %d files", n)
}

// sound reads the directory; the answer is not nil where it cannot be run.
func (a *Authoring) sound() (*directory, *Answer) {
	dir, err := readDirectory(a.Dir)
	if err != nil {
		answer := failed(failure(err, "Check that the directory is there and can be read."))
		return nil, &answer
	}
	if len(dir.findings) > 0 {
		return nil, &Answer{Outcome: migration.Blocked, Summary: faultsIn(dir.findings) + " with " + a.Dir, Findings: identified(dir.findings),
			Next: "Mend the findings, and run the same command again."}
	}
	return dir, nil
}

// replayed watches a directory on fresh databases of d, from one of its files on.
func replayed(ctx context.Context, d *dev, dir *migration.Dir, known *migration.Replay, from int) (migration.Replay, *migration.Failure) {
	r, err := replay.Run(ctx, replay.Options{Dir: dir, Known: known, From: from, Open: func(ctx context.Context) (replay.Watcher, error) {
		url, err := d.fresh(ctx)
		if err != nil {
			return nil, err
		}
		return postgres.OpenWatcher(ctx, url)
	}})
	var f *migration.Failure
	switch {
	case errors.As(err, &f):
		f.State, f.Next = "", "" // of a database that is gone by then
	case err != nil:
		f = failure(err, "")
	}
	return r, f
}

// readReplay returns the replay that stands beside the files, nil for none that
// can be read, and its text. It may be stale.
func (d *directory) readReplay() (*migration.Replay, string) {
	text, err := os.ReadFile(filepath.Join(d.path, migration.ReplayName))
	if err != nil {
		return nil, ""
	}
	r, _ := migration.ParseReplay(text)
	return r, string(text)
}

// writeReplay writes it, unless the files are others by now.
func writeReplay(d *directory, text []byte) error {
	unlock, err := lock(d.path)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := texts(d.path)
	if err != nil {
		return err
	}
	if now[sumName] != d.texts[sumName] {
		return fmt.Errorf("%s was changed by somebody else while this ran: nothing was written", d.path)
	}
	return Replace(filepath.Join(d.path, migration.ReplayName), text)
}

// judged watches the directory with the file that diff wrote, adds what is to be
// found about that, and writes replay.json where there was one. The file is
// written by then: what goes wrong here is a finding.
func (w *walk) judged(ctx context.Context, answer *Answer) {
	known, before := w.dir.readReplay()
	dir, err := readDirectory(w.dir.path)
	if err != nil || len(dir.findings) > 0 {
		return // somebody else writes there at this moment; they are told
	}
	unwatched := func(f *migration.Failure) {
		answer.Findings = append(answer.Findings, migration.Finding{Code: codeReplay, Severity: migration.Warning, File: w.dir.path,
			Summary: "what the file does could not be watched: " + f.Error(), Fix: "Run aurora-migrate lint, which says more."}.Identified())
	}
	from := 0
	if known == nil { // there is none to be written, so what is older need not be watched
		from = len(dir.dir.Files) - 1
	}
	r, f := replayed(ctx, w.dev, dir.dir, known, from)
	if f != nil {
		unwatched(f)
		return
	}
	last := dir.dir.Files[len(dir.dir.Files)-1:]
	answer.Findings = append(answer.Findings, lint.Check(lint.Input{Files: last, Replay: &r, Major: r.Major})...)
	if before == "" {
		return
	}
	text, err := migration.MarshalReplay(r)
	if err == nil {
		err = writeReplay(dir, text)
	}
	if err != nil {
		unwatched(failure(err, ""))
		return
	}
	answer.Summary = strings.Replace(answer.Summary, " and atlas.sum", ", atlas.sum and "+migration.ReplayName, 1)
}
