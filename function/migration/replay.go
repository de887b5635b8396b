package migration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// ReplayName is the file of a directory that tells what its statements do.
const ReplayName = "replay.json"

// ReplayFormat is the format that is written and the only one that is read.
// Whatever changes what a replay sees or how it says it raises it.
const ReplayFormat = 2

// A Replay is what was seen when a directory ran on a dev database: facts alone,
// so that the same directory gives the same bytes each time.
type Replay struct {
	Format int    `json:"format"`
	Sum    string `json:"atlas_sum"`  // the first line of atlas.sum
	Major  int    `json:"postgresql"` // of the dev database
	// Empty is what a database holds before any file: the schema public, as the
	// server makes it.
	Empty []catalog.Edit `json:"empty"`
	Files []FileReplay   `json:"files"`
}

// A FileReplay is what was seen of one file.
type FileReplay struct {
	Name       string    `json:"name"`
	Hash       string    `json:"hash"` // of it and all before it, as in atlas.sum
	Statements []Effects `json:"statements"`
	// Catalogue is what the file changed of what the database holds, the
	// runner's role written as ReplayRole.
	Catalogue []catalog.Edit `json:"catalogue,omitempty"`
}

// ReplayRole is who runs the files of a replay and owns what they create: it
// stands for the role that a runner is configured with.
const ReplayRole = "aurora_migrate_runner"

// MarshalReplay writes a replay for people to read in a pull request: indented,
// a line break at the end, "<" as it is.
func MarshalReplay(r Replay) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ReadReplay reads the replay that stands beside the files of dir. It is nil
// without an error where there is none; a stale one, one of another format and
// one that cannot be read are findings, with which it is nil too.
func ReadReplay(fsys fs.FS, dir *Dir) (*Replay, []Finding) {
	text, err := fs.ReadFile(fsys, ReplayName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, []Finding{unreadableReplay(err.Error())}
	}
	r, err := ParseReplay(text)
	if err != nil {
		return nil, []Finding{unreadableReplay(err.Error())}
	}
	if r.Sum != dir.Sum || !r.describes(dir) {
		f := Finding{Code: codeReplayStale, Severity: Error, File: ReplayName,
			Summary: ReplayName + " tells of other files than those that stand beside it",
			Fix:     "Run aurora-migrate replay, and put the new " + ReplayName + " beside the files."}
		return nil, []Finding{f.Identified()}
	}
	return r, nil
}

// ParseReplay reads the text of a replay, whichever files it is of.
func ParseReplay(text []byte) (*Replay, error) {
	var r Replay
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	if r.Format != ReplayFormat {
		return nil, fmt.Errorf("it has format %d, and this release reads %d", r.Format, ReplayFormat)
	}
	return &r, nil
}

func unreadableReplay(why string) Finding {
	return Finding{Code: codeReplayUnreadable, Severity: Error, File: ReplayName,
		Summary: ReplayName + " cannot be read: " + why,
		Fix:     "Run aurora-migrate replay, which writes it anew; it is never edited by hand."}.Identified()
}

// describes says that r has what each file of dir does, statement for statement.
func (r *Replay) describes(dir *Dir) bool {
	if len(r.Files) != len(dir.Files) {
		return false
	}
	for i, f := range dir.Files {
		if r.Files[i].Name != f.Name || r.Files[i].Hash != f.Hash || len(r.Files[i].Statements) != len(f.Stmts) {
			return false
		}
	}
	return true
}

// Find returns what was seen of a file.
func (r *Replay) Find(name string) (FileReplay, bool) {
	if r == nil {
		return FileReplay{}, false
	}
	for _, f := range r.Files {
		if f.Name == name {
			return f, true
		}
	}
	return FileReplay{}, false
}

// Fold is what a database holds after the files up to and including the one of
// version, everything that the runner's role owns owned by role. An empty
// version is the empty database. The history is not in it.
func (r *Replay) Fold(version, role string) catalog.Snapshot {
	edits := slices.Clone(r.Empty)
	for _, f := range r.Files {
		if v, _, _ := strings.Cut(strings.TrimSuffix(f.Name, ".sql"), "_"); v > version {
			break
		}
		edits = append(edits, f.Catalogue...)
	}
	return catalog.Snapshot{}.Apply(edits).Renamed(ReplayRole, role)
}
