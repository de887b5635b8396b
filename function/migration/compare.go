package migration

import (
	"fmt"
	"strings"
)

// compare says how a directory and a history disagree: files that ran and have
// been edited, renamed or removed since, and files that came too late. The
// hashes of atlas.sum are cumulative, so of edited files only the first can be
// told, and none behind a file that is gone.
func compare(dir *Dir, history History) []Finding {
	findings := outOfOrder(dir, history)
	for i, r := range history {
		f, there := dir.Find(r.Version)
		switch {
		case !there && excused(dir, history, i):
			continue
		case !there:
			return append(findings, removed(dir, r))
		case r.Partial() && i < len(history)-1:
			findings = append(findings, leftHalf(f, r, history.Current()))
		case r.Hash == "" || r.Partial() || r.Hash == f.Hash:
			continue
		case dir.hashWhenApplied(history, r, "") == r.Hash:
			continue
		case f.Description != r.Description && dir.hashWhenApplied(history, r, r.Version+"_"+r.Description+".sql") == r.Hash:
			return append(findings, renamed(f, r))
		default:
			return append(findings, edited(f, r))
		}
	}
	return findings
}

// excused says that a row needs no file: a version adopted by hand below every
// pending file, or one that a checkpoint in the directory stands for.
func excused(dir *Dir, history History, i int) bool {
	r := history[i]
	if r.Type == Baseline || r.Type == Resolved {
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

// hashWhenApplied is the hash that r's file would have got when r was written:
// over the files that were there by then. name, where it is not empty, is what
// the file was called.
func (d *Dir) hashWhenApplied(history History, r Revision, name string) string {
	var files []File
	for _, f := range d.Files {
		if f.Version > r.Version {
			break
		}
		row, ran := history.Find(f.Version)
		before := !ran && f.Version < history[0].Version
		if f.Version == r.Version && name != "" {
			f.Name = name
		}
		if before || ran && !row.ExecutedAt.After(r.ExecutedAt) || f.Version == r.Version {
			files = append(files, f)
		}
	}
	hashes := CumulativeHash(files)
	if len(hashes) == 0 {
		return ""
	}
	return hashes[len(hashes)-1]
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
		findings = append(findings, Finding{
			Code: "AM204", Severity: Error, File: f.Name,
			Summary: fmt.Sprintf("%s is out of order: version %s was applied after it should have been, and this file was not there then", f.Name, last),
			Fix:     fmt.Sprintf("Give the file a version above %s (rename it, then atlas migrate hash or aurora-migrate hash), so that it runs last everywhere.", last),
		}.Identified())
	}
	return findings
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
	return Finding{Code: "AM203", Severity: Error, File: f.Name,
		Summary: fmt.Sprintf("%s was applied under the name %s_%s.sql and has been renamed since", f.Name, r.Version, r.Description),
		Fix:     fmt.Sprintf("Name it %s_%s.sql again and run atlas migrate hash.", r.Version, r.Description),
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
