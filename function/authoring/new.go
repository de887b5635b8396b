package authoring

import (
	"path/filepath"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

// header says what somebody who opens a new file has to know.
const header = `-- One migration: what is written here runs once, in this order.
-- It runs in one transaction: all of it takes effect, or nothing.
`

const headerAlone = repair.TxNone + `
-- One migration: what is written here runs once, in this order.
-- Each statement commits by itself: best have one in the file (CREATE INDEX CONCURRENTLY, VACUUM).
`

// New writes an empty file with the next version. It is a fault of the directory
// until a statement stands in it. Faults that are there do not matter to it, but
// those that keep atlas.sum from being trusted.
func (a *Authoring) New(name string, mode migration.TxMode) Answer {
	clean, err := fileName(name)
	if err != nil {
		return Answer{Outcome: migration.Invalid, Failure: failure(err, ""), Next: "Give the migration another name."}
	}
	dir, err := readDirectory(a.Dir)
	if err != nil {
		return failed(failure(err, "Check that the directory is there and can be read."))
	}
	if faults := ofSum(dir.findings); len(faults) > 0 {
		return Answer{Outcome: migration.Blocked, Summary: "atlas.sum does not fit the files", Findings: identified(faults),
			Next: "Nothing was written: a new atlas.sum would hide what is wrong. Mend the findings, then run the same command again."}
	}
	text := header
	if mode == migration.TxNone {
		text = headerAlone
	}
	text += "\n" // directives count only if an empty line follows
	file := nextVersion(dir.last(), a.Now) + "_" + clean + ".sql"
	files, err := dir.with(file, text)
	if err != nil {
		return failed(failure(err, ""))
	}
	if err := write(dir, file, text, files[sumName]); err != nil {
		return failed(failure(err, "Run the same command again."))
	}
	path := filepath.Join(a.Dir, file)
	return Answer{Outcome: migration.Current, Summary: "wrote " + path + " and atlas.sum", File: path, Text: text, Written: true,
		Next: "Write its statements, then run aurora-migrate hash: an empty file is a fault, with which nothing can be planned."}
}

// ofSum are the findings that say that atlas.sum does not fit.
func ofSum(findings []migration.Finding) (faults []migration.Finding) {
	for _, f := range findings {
		if strings.HasPrefix(f.Code, "AM10") {
			faults = append(faults, f)
		}
	}
	return faults
}
