package migration

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Adoption is what baseline does to the history so that a database which
// already has everything up to a version is taken as it is: rows to write and
// versions whose rows go. It runs no migration.
type Adoption struct {
	Version string
	History History    // as it is now
	Write   []Revision // rows to insert or replace, in order of version
	Delete  []string   // versions, as atlas migrate set drops them
}

// Empty says that the history already is as it should be.
func (b Adoption) Empty() bool { return len(b.Write) == 0 && len(b.Delete) == 0 }

// Adopt computes the adoption of version. An empty history gets one baseline
// row; a version without a file is allowed there below every file. A history
// that has rows is set, as atlas migrate set does: rows above the version go,
// files up to it that have no row are declared applied, half-applied ones
// whole. Findings of severity error say why it cannot be.
func Adopt(dir *Dir, history History, version string) (Adoption, []Finding) {
	b := Adoption{Version: version, History: history}
	file, there := dir.Find(version)
	if !there && !hasVersion(history, version) && (len(history) > 0 || !belowAll(dir, version)) {
		f := unknownVersion(dir, version)
		f.Detail = "A version without a file can be adopted only into an empty history, and only below every file of the directory: else there would be no telling which files it stands for."
		return b, []Finding{f}
	}
	if len(history) == 0 {
		b.Write = []Revision{{Version: version, Description: file.Description, Type: Baseline}}
		return b, nil
	}
	for _, r := range history {
		switch {
		case r.Version > version:
			b.Delete = append(b.Delete, r.Version)
		case r.Partial() || r.Error != "":
			r.Type |= Resolved
			r.Error, r.ErrorStmt, r.PartialHashes = "", "", nil
			r.Applied = r.Total
			if f, ok := dir.Find(r.Version); ok {
				r.Hash, r.Description = f.Hash, f.Description // what is whole is the file as it stands now
			}
			b.Write = append(b.Write, r)
		}
	}
	for _, f := range dir.Files {
		if f.Version > version || f.Version < history[0].Version || f.Checkpoint || hasVersion(history, f.Version) {
			continue
		}
		b.Write = append(b.Write, Revision{Version: f.Version, Description: f.Description, Type: Resolved, Hash: f.Hash})
	}
	slices.SortFunc(b.Write, func(x, y Revision) int { return strings.Compare(x.Version, y.Version) })
	return b, nil
}

// belowAll says that every file of the directory comes after version.
func belowAll(dir *Dir, version string) bool {
	return len(dir.Files) == 0 || version < dir.Files[0].Version
}

// Below is the version that comes just before v, written as v is: 016 for 017.
// Where v is no number above 1, it is v itself.
func Below(v string) string {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n < 2 {
		return v
	}
	return fmt.Sprintf("%0*d", len(v), n-1)
}

// Sentences says what the adoption does, one line for each row.
func (b Adoption) Sentences() []string {
	var said []string
	for _, r := range b.Write {
		said = append(said, fmt.Sprintf("version %s is recorded as %s", r.Version, r.Type))
	}
	for _, v := range b.Delete {
		said = append(said, fmt.Sprintf("version %s is taken out of the history; its statements stay in the database", v))
	}
	return said
}
