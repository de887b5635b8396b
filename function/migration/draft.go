package migration

import (
	"fmt"
	"slices"
	"strings"
)

// A Draft is what is pending, seen from the directory and the history alone:
// the files that would run, in order, and the history that they would follow.
//
// For a digest that comes again, the rows that it wrote itself are in Own and
// not in History, and its files stand in Files as if they had not run: so the
// draft of a plan that is under way is the draft that was approved.
type Draft struct {
	Files   []Pending
	History History // all rows but Own, the ones that Own replaced restored
	Own     History // rows that carry the digest in question
	To      string  // the version asked for; "" for all
	// Stood is what of the objects it touches was not as the migrations say
	// before it began; see Against.
	Stood Stood
	// Strayed says, of a draft that goes on, what of the objects it touches has
	// been changed by somebody else since it began.
	Strayed []string
}

// A Pending file is one of a draft, with how much of it is there already.
type Pending struct {
	File
	Row  Revision // the row that it has, or the zero Revision
	Done bool     // ran to its end under the digest in question
}

// Applied is how many statements of the file are in the database.
func (p Pending) Applied() int {
	if p.Done {
		return len(p.Stmts)
	}
	return p.Row.Applied
}

// NewDraft compares a directory with a history. The digest is the one that is
// asked for again, or the zero Digest. It returns what stands in the way as
// findings of severity error, every one; with such a finding the draft must
// not be sealed. A version `to` that nothing has is one of them.
func NewDraft(dir *Dir, history History, to string, digest Digest) (Draft, []Finding) {
	others, own := history.Split(digest)
	draft := Draft{Own: own, To: to}
	if len(own) > 0 {
		// Rows that came after ours do not unmake what ours did: the plan is
		// judged as it stood, up to its own last version.
		if before := others.before(own[0].Version); len(before) < len(others) {
			others, draft.To = before, own[len(own)-1].Version
		}
	}
	draft.History = restored(others, own)
	findings := compare(dir, history)
	if to != "" && !dir.has(to) && !hasVersion(history, to) {
		findings = append(findings, unknownVersion(dir, to))
	}
	for _, f := range dir.pending(draft.History) {
		if draft.To != "" && f.Version > draft.To {
			break
		}
		draft.Files = append(draft.Files, newPending(f, history, own))
	}
	return draft, append(findings, partials(draft)...)
}

func newPending(f File, history, own History) Pending {
	p := Pending{File: f}
	p.Row, _ = history.Find(f.Version)
	if row, ok := own.Find(f.Version); ok {
		p.Done = !row.Partial()
	}
	return p
}

// restored returns others with the half-applied rows that own ones replaced
// put back as they were when the plan was sealed.
func restored(others, own History) History {
	all := slices.Clone(others)
	for _, r := range own {
		if s, _ := r.Stamp(); s.Was != nil {
			was := *s.Was
			was.Version = r.Version
			all = append(all, was)
		}
	}
	return all.Sorted()
}

// before returns the rows of versions lower than v.
func (h History) before(v string) History {
	i := slices.IndexFunc(h, func(r Revision) bool { return r.Version >= v })
	if i < 0 {
		return h
	}
	return h[:i]
}

func hasVersion(h History, v string) bool {
	_, ok := h.Find(v)
	return ok
}

// Todo returns the files that have statements left to run.
func (d Draft) Todo() []Pending {
	var todo []Pending
	for _, f := range d.Files {
		if !f.Done {
			todo = append(todo, f)
		}
	}
	return todo
}

// Finished says that the digest ran and that every file it ran is whole; it
// says nothing of files that it was to run and did not.
func (d Draft) Finished() bool {
	return len(d.Own) > 0 && !slices.ContainsFunc(d.Own, Revision.Partial)
}

// pending returns the files that a history leaves to run, as Atlas does in
// linear order: all from the last checkpoint on for an empty history, else
// what follows the last row, with a half-applied last file still to finish.
// Files that are out of order are not among them; compare names those.
func (d *Dir) pending(h History) []File {
	if len(h) == 0 {
		return d.Files[d.lastCheckpoint():]
	}
	last := h[len(h)-1]
	var files []File
	for _, f := range d.Files {
		switch {
		case f.Version == last.Version && last.Partial():
			files = append(files, f)
		case f.Version > last.Version && !f.Checkpoint:
			files = append(files, f)
		}
	}
	return files
}

// lastCheckpoint is the index of the last checkpoint, 0 where there is none.
func (d *Dir) lastCheckpoint() int {
	for i := len(d.Files) - 1; i > 0; i-- {
		if d.Files[i].Checkpoint {
			return i
		}
	}
	return 0
}

func (d *Dir) has(version string) bool {
	_, ok := d.Find(version)
	return ok
}

// Find returns the file of a version, the first where there are several.
func (d *Dir) Find(version string) (File, bool) {
	i, found := slices.BinarySearchFunc(d.Files, version, func(f File, v string) int { return strings.Compare(f.Version, v) })
	if !found { // or the versions are not in order, which is a fault of the directory
		i = slices.IndexFunc(d.Files, func(f File) bool { return f.Version == version })
	}
	if i < 0 {
		return File{}, false
	}
	return d.Files[i], true
}

// partials checks that each half-applied file of the draft can be gone on
// with: what was applied of it must stand in it unchanged, cut as we cut.
func partials(d Draft) []Finding {
	var findings []Finding
	for _, p := range d.Files {
		if p.Row.Applied == 0 || !p.Row.Partial() || p.Done {
			continue
		}
		if f, wrong := prefixChanged(p); wrong {
			findings = append(findings, f.Identified())
		}
	}
	return findings
}

func prefixChanged(p Pending) (Finding, bool) {
	f := Finding{Code: "AM205", Severity: Error, File: p.Name}
	hashes := StatementHashes(p.Stmts)
	_, ours := p.Row.Stamp()
	for i := range p.Row.Applied {
		if i >= len(p.Row.PartialHashes) || i >= len(hashes) || hashes[i] != p.Row.PartialHashes[i] {
			f.Statement = i + 1
			break
		}
	}
	switch {
	case f.Statement == 0 && (ours || p.Row.Total == len(p.Stmts)):
		return Finding{}, false
	case f.Statement == 0:
		f.Summary = fmt.Sprintf("%s is half applied by another tool (%d of %d statements) and that tool counts its statements otherwise than PostgreSQL does (%d)",
			p.Name, p.Row.Applied, p.Row.Total, len(p.Stmts))
	default:
		f.Summary = fmt.Sprintf("%s is half applied (%d of %d statements) and its statement %d is not the one that ran",
			p.Name, p.Row.Applied, p.Row.Total, f.Statement)
		if f.Statement <= len(p.Stmts) {
			f.Line = p.Stmts[f.Statement-1].Line
		}
	}
	f.Fix = "Restore the statements that ran, as they ran; change only what follows them. Or finish the file with the tool that began it."
	return f, true
}
