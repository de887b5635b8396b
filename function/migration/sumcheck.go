package migration

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
)

const (
	sumFile = migrate.HashFileName
	fixHash = "Run atlas migrate hash (or aurora-migrate hash) once the files are as they should be."
)

// checkSum compares atlas.sum with the files, in the order of their names. It
// finds nothing exactly where Atlas's own check finds nothing.
func checkSum(files []File, text string, present bool) []Finding {
	if !present {
		if len(files) == 0 {
			return nil
		}
		return []Finding{sumFault(codeSumMissing, 0, "atlas.sum is missing: nothing says that the files are the ones that were reviewed", fixHash)}
	}
	var listed migrate.HashFile
	err := listed.UnmarshalText([]byte(text))
	if err != nil && !errors.Is(err, migrate.ErrChecksumMismatch) {
		return []Finding{malformed(text, err)}
	}
	if err == nil && listed.Sum() == expected(files).Sum() {
		return nil
	}
	var faults []Finding
	if err != nil {
		faults = append(faults, sumFault(codeSumMalformed, 1, "the first line of atlas.sum is not the sum of the lines below it: it was merged or edited by hand", fixHash))
	}
	faults = append(faults, extraLines(files, listed)...)
	faults = append(faults, unlisted(files, listed)...)
	if f, found := firstEdited(files, listed); found {
		faults = append(faults, f)
	}
	if len(faults) == 0 {
		faults = append(faults, sumFault(codeSumMalformed, 0, "atlas.sum does not fit the files", fixHash))
	}
	return faults
}

func sumFault(code string, line int, summary, fix string) Finding {
	return Finding{Code: code, Severity: Error, File: sumFile, Line: line, Summary: summary, Fix: fix}
}

// malformed points at the first line that Atlas cannot read.
func malformed(text string, err error) Finding {
	_, rest, _ := strings.Cut(text, "\n")
	line := 2
	for l := range strings.Lines(rest) {
		if !strings.Contains(l, "h1:") {
			return sumFault(codeSumMalformed, line, fmt.Sprintf("line %d of atlas.sum is not a name and a hash", line),
				"Take it out if a merge left it there. "+fixHash)
		}
		line++
	}
	return sumFault(codeSumMalformed, 0, "atlas.sum cannot be read: "+err.Error(), fixHash)
}

func expected(files []File) migrate.HashFile {
	var h migrate.HashFile
	for i, hash := range CumulativeHash(files) {
		if hash != "" {
			h = append(h, struct{ N, H string }{files[i].Name, hash})
		}
	}
	return h
}

// extraLines finds lines for which there is no file, or not here.
func extraLines(files []File, listed migrate.HashFile) []Finding {
	var faults []Finding
	want := expected(files)
	for i, l := range listed {
		line := i + 2
		isName := func(e struct{ N, H string }) bool { return e.N == l.N }
		switch {
		case slices.ContainsFunc(listed[:i], isName):
			faults = append(faults, sumFault(codeSumLine, line, fmt.Sprintf("atlas.sum lists %s twice, here again", l.N), fixHash))
		case !slices.ContainsFunc(want, isName):
			faults = append(faults, sumFault(codeRemoved, line, fmt.Sprintf("atlas.sum lists %s, and there is no such file", l.N),
				"Bring the file back if it was removed or renamed by mistake. Else "+lower(fixHash)))
		case i > 0 && l.N < listed[i-1].N:
			faults = append(faults, sumFault(codeSumLine, line, fmt.Sprintf("atlas.sum lists %s behind %s, out of order", l.N, listed[i-1].N), fixHash))
		}
	}
	return faults
}

// unlisted finds files that atlas.sum does not know.
func unlisted(files []File, listed migrate.HashFile) []Finding {
	var faults []Finding
	for _, e := range expected(files) {
		if _, err := listed.SumByName(e.N); err == nil {
			continue
		}
		faults = append(faults, Finding{Code: codeAdded, Severity: Error, File: e.N,
			Summary: fmt.Sprintf("%s is not in atlas.sum", e.N),
			Fix:     "Remove it if it does not belong here. Else " + lower(fixHash)})
	}
	return faults
}

// firstEdited finds the first file that differs from its line. Those behind it
// differ too, edited or not, because each line covers the files before it; and
// of files behind a removed one nothing can be told.
func firstEdited(files []File, listed migrate.HashFile) (Finding, bool) {
	known := slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		_, err := listed.SumByName(f.Name)
		return err != nil && f.Hash != ""
	})
	want := expected(known)
	for i, l := range listed {
		if i >= len(want) || want[i].N != l.N {
			break
		}
		if want[i].H == l.H {
			continue
		}
		return Finding{Code: codeEdited, Severity: Error, File: l.N,
			Summary: fmt.Sprintf("%s was edited after atlas.sum was written", l.N),
			Detail:  fmt.Sprintf("Its hash is not the one in line %d of atlas.sum.", i+2),
			Fix:     "Undo the edit if the file was applied anywhere: write a new file instead. Else " + lower(fixHash)}, true
	}
	return Finding{}, false
}

// lower makes a sentence the end of another.
func lower(sentence string) string {
	return strings.ToLower(sentence[:1]) + sentence[1:]
}
