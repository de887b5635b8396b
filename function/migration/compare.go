package migration

import (
	"fmt"
	"slices"
	"strings"
)

// compare says how a directory and a history disagree: files that ran and have
// been edited, renamed or removed since, and files that came too late. The
// hashes of atlas.sum are cumulative, so of edited files only the first can be
// told, and none behind a file that is gone.
func compare(dir *Dir, history History) []Finding {
	findings := outOfOrder(dir, history)
	c := comparison{dir: dir, history: history}
	for i, r := range history {
		f, there := dir.Find(r.Version)
		switch {
		case !there && excused(dir, history, i):
			c.gap = c.gap || r.Hash != ""
			continue
		case !there:
			return append(findings, removed(dir, r))
		case r.Partial() && r.Type&Resolved == 0 && i < len(history)-1:
			findings = append(findings, leftHalf(f, r, history.Current()))
		case r.Hash == "" || r.Partial():
			continue
		case c.had(f, r):
			c.gap = false // a cumulative hash that fits vouches for all before it
		case c.gap || f.Checkpoint && f.Version == dir.Files[0].Version:
			c.gap = true // what the checkpoint stands for may have been below it
		case f.Description != r.Description && c.had(f.called(r), r):
			return append(findings, renamed(f, r))
		case !c.findLate(f, r):
			return append(findings, edited(f, r))
		case history[0].Type != Baseline: // a baseline stands for what lies below it, whenever it came
			for _, l := range c.late {
				findings = append(findings, late(l, history.Current()))
			}
		}
	}
	return findings
}

// A comparison is what is known so far of the files behind the rows.
type comparison struct {
	dir     *Dir
	history History
	late    []File // came to lie below the first row after that was written
	gap     bool   // a file that a hash covered is gone: no hash behind it can be had again
}

// had says that r's hash is the one that f had when r was written: its entry
// now, or one over those files only that were there by then. Whether a
// checkpoint without a row was there by then, the history does not tell.
func (c *comparison) had(f File, r Revision) bool {
	return r.Hash == f.Hash || c.hash(f, r, true) == r.Hash || c.hash(f, r, false) == r.Hash
}

// hash is the entry of f over the files that were there when r was written.
func (c *comparison) hash(f File, r Revision, checkpoints bool) string {
	var files []File
	for _, g := range c.dir.Files {
		if g.Version >= r.Version {
			break
		}
		if c.there(g, r, checkpoints) {
			files = append(files, g)
		}
	}
	hashes := CumulativeHash(append(files, f))
	return hashes[len(hashes)-1]
}

func (c *comparison) there(g File, r Revision, checkpoints bool) bool {
	if row, ran := c.history.Find(g.Version); ran {
		return !row.ExecutedAt.After(r.ExecutedAt)
	}
	if isLate := slices.ContainsFunc(c.late, func(l File) bool { return l.Version == g.Version }); isLate {
		return false
	}
	return g.Version < c.history[0].Version || g.Checkpoint && checkpoints
}

// findLate says that r's hash fits once files below the first row are left out,
// all or one of them: these were not there then. They are kept in c.
func (c *comparison) findLate(f File, r Revision) bool {
	if len(c.late) > 0 {
		return false
	}
	var below []File
	for _, g := range c.dir.Files {
		if g.Version < c.history[0].Version {
			below = append(below, g)
		}
	}
	tries := [][]File{below}
	for _, g := range below {
		tries = append(tries, []File{g})
	}
	for _, c.late = range tries {
		if len(c.late) > 0 && c.had(f, r) {
			return true
		}
	}
	c.late = nil
	return false
}

// called is f under the name that it ran by.
func (f File) called(r Revision) File {
	f.Name = strings.TrimSuffix(r.Version+"_"+r.Description, "_") + ".sql"
	return f
}

// excused says that a row needs no file: a version adopted by hand, or one that
// a checkpoint in the directory stands for. A half-applied last file needs it.
func excused(dir *Dir, history History, i int) bool {
	r := history[i]
	if r.Partial() && i == len(history)-1 {
		return false
	}
	if r.Type == Baseline || r.Type&Resolved != 0 {
		return true
	}
	for _, f := range dir.Files {
		if f.Checkpoint && f.Version > r.Version {
			return true
		}
	}
	// What a baseline adopts lies behind it.
	for _, later := range history[i+1:] {
		if later.Type == Baseline {
			return true
		}
	}
	return false
}

// outOfOrder names the files that have no row although a later version has.
// Files before the first row are not among them: a baseline or a checkpoint
// stands for those.
func outOfOrder(dir *Dir, history History) []Finding {
	if len(history) == 0 {
		return nil
	}
	var findings []Finding
	first, last := history[0].Version, history.Current()
	for _, f := range dir.Files {
		if f.Checkpoint || f.Version <= first || f.Version >= last || hasVersion(history, f.Version) {
			continue
		}
		if baselinedPast(history, f.Version) {
			continue
		}
		findings = append(findings, late(f, last))
	}
	return findings
}

func late(f File, current string) Finding {
	return Finding{Code: "AM204", Severity: Error, File: f.Name,
		Summary: fmt.Sprintf("%s is out of order: version %s was applied after it should have been, and this file was not there then", f.Name, current),
		Fix:     fmt.Sprintf("Give the file a version above %s (rename it, then atlas migrate hash or aurora-migrate hash), so that it runs last everywhere.", current),
	}.Identified()
}

// baselinedPast says that a row adopted everything up to a version above v.
func baselinedPast(history History, v string) bool {
	for _, r := range history {
		if r.Type == Baseline && r.Version > v {
			return true
		}
	}
	return false
}

func removed(dir *Dir, r Revision) Finding {
	f := Finding{Code: "AM202", Severity: Error,
		Summary: fmt.Sprintf("version %s (%s) was applied %s and is not in the directory any more", r.Version, r.Description, r.ExecutedAt.UTC().Format("2006-01-02")),
		Fix:     "Bring the file back as it was. If this directory is older than the database, deploy the newer one."}
	if r.Partial() {
		f.Summary = fmt.Sprintf("version %s (%s) is half applied (%d of %d statements) and is not in the directory any more", r.Version, r.Description, r.Applied, r.Total)
		return f.Identified()
	}
	for _, other := range dir.Files {
		if other.Description == r.Description {
			f.File = other.Name
			f.Summary = fmt.Sprintf("version %s (%s) was applied and is not in the directory any more; %s has its name under another version", r.Version, r.Description, other.Name)
			f.Fix = fmt.Sprintf("Give %s its old version %s back; a version that has been applied keeps its number.", other.Name, r.Version)
		}
	}
	return f.Identified()
}

func renamed(f File, r Revision) Finding {
	was := f.called(r).Name
	return Finding{Code: "AM203", Severity: Error, File: f.Name,
		Summary: fmt.Sprintf("%s was applied under the name %s and has been renamed since", f.Name, was),
		Fix:     fmt.Sprintf("Name it %s again and run atlas migrate hash.", was),
	}.Identified()
}

func edited(f File, r Revision) Finding {
	return Finding{Code: "AM201", Severity: Error, File: f.Name,
		Summary: fmt.Sprintf("%s has been edited since it was applied on %s", f.Name, r.ExecutedAt.UTC().Format("2006-01-02 15:04 MST")),
		Detail:  "Databases that already have the file will never see the edit; new ones would get another schema.",
		Fix:     "Restore the file as it was applied, and put the change into a new file.",
	}.Identified()
}

func leftHalf(f File, r Revision, current string) Finding {
	return Finding{Code: "AM207", Severity: Error, File: f.Name,
		Summary: fmt.Sprintf("%s is half applied (%d of %d statements), and version %s was applied after it all the same", f.Name, r.Applied, r.Total, current),
		Fix:     fmt.Sprintf("Look which of its statements are in the database, bring the rest in by hand, then baseline version %s: it declares the file whole.", current),
	}.Identified()
}

func unknownVersion(dir *Dir, to string) Finding {
	versions := make([]string, 0, len(dir.Files))
	for _, f := range dir.Files {
		versions = append(versions, f.Version)
	}
	f := Finding{Code: "AM206", Severity: Error,
		Summary: fmt.Sprintf("there is no version %q", to),
		Fix:     "Name a version of the directory."}
	if n := len(versions); n > 0 {
		f.Fix = "Versions are " + strings.Join(versions[max(0, n-5):], ", ") + "."
		if n > 5 {
			f.Fix = fmt.Sprintf("The last of %d versions are %s.", n, strings.Join(versions[n-5:], ", "))
		}
	}
	return f.Identified()
}
