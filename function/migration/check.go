package migration

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"ariga.io/atlas/sql/migrate"
)

// maxStmt is how large one statement may be, in bytes. PostgreSQL takes more;
// the memory of a function that holds it several times over does not.
const maxStmt = 16 << 20

const bom = "\ufeff"

// readFile returns what stands in a file and what is wrong with it. Where line
// ends or a byte order mark are wrong, its statements are cut as if they were not.
func readFile(local *migrate.LocalFile) (File, []Finding) {
	text := string(local.Bytes())
	file := File{Name: local.Name(), Version: local.Version(), Description: local.Desc(), Text: text, TxMode: TxFile}
	faults := checkBytes(file)
	if clean := strings.ReplaceAll(strings.TrimPrefix(text, bom), "\r\n", "\n"); clean != text {
		local = migrate.NewLocalFile(local.Name(), []byte(clean))
		text = clean
	}
	if ds := local.Directive(txmode); len(ds) == 1 && ds[0] == string(TxNone) {
		file.TxMode = TxNone
	}
	file.Checkpoint = local.IsCheckpoint()
	s := scan(text)
	file.Stmts = s.stmts
	faults = append(faults, checkDirectives(local, s.remarks)...)
	faults = append(faults, checkStmts(file, s)...)
	slices.SortStableFunc(faults, func(a, b Finding) int { return a.Line - b.Line })
	return file, faults
}

// checkBytes looks at what an editor does not show.
func checkBytes(file File) []Finding {
	var faults []Finding
	fault := func(at int, code, summary, fix string) {
		line := 1 + strings.Count(file.Text[:at], "\n")
		faults = append(faults, Finding{Code: code, Severity: Error, File: file.Name, Line: line, Summary: summary, Fix: fix})
	}
	if strings.HasPrefix(file.Text, bom) {
		fault(0, codeBOM, "the file begins with a byte order mark", "Save it as UTF-8 without BOM: the server takes the mark for a part of the first word.")
	}
	if i := strings.Index(file.Text, "\r\n"); i >= 0 {
		n := strings.Count(file.Text, "\r\n")
		fault(i, codeCRLF, fmt.Sprintf("line ends of Windows (CRLF), from here on %d", n),
			"Save it with LF, and have git keep them: *.sql text eol=lf in .gitattributes. Atlas reads over directives in lines that end with CRLF.")
	}
	if i := invalidUTF8(file.Text); i >= 0 {
		fault(i, codeUTF8, fmt.Sprintf("byte 0x%02x is not UTF-8", file.Text[i]), "Save the file as UTF-8.")
	}
	if i := strings.IndexByte(file.Text, 0); i >= 0 {
		fault(i, codeNUL, "a NUL byte, which no text of PostgreSQL can hold", "Take it out; a file saved as UTF-16 has one in each letter: save it as UTF-8.")
	}
	return faults
}

// invalidUTF8 returns where the first byte stands that is not UTF-8, or -1.
func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r != utf8.RuneError {
			continue
		}
		if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
			return i
		}
	}
	return -1
}

// checkNames looks at the names beside each other.
func checkNames(names dirNames) []Finding {
	var faults []Finding
	fault := func(file, code, summary, fix string) {
		faults = append(faults, Finding{Code: code, Severity: Error, File: file, Summary: summary, Fix: fix})
	}
	for _, name := range names.other {
		fault(name, codeName, "the name does not end with .sql in lower case, so that nobody would run the file", "Rename it.")
	}
	for i, name := range names.files {
		version := versionOf(name)
		if version == "" {
			fault(name, codeName, "the name has no version", "Name it like 017_create_users.sql: the version up to the first _, then what it does.")
		}
		if i == 0 {
			continue
		}
		last := names.files[i-1]
		switch before := versionOf(last); {
		case before == version:
			fault(name, codeSameVersion, fmt.Sprintf("version %q is taken by %s too", version, last), "Give one of the two another version, and run atlas migrate hash.")
		case before > version:
			fault(name, codeOrder, fmt.Sprintf("it runs after %s, yet version %q comes before %q", last, version, before),
				"Give all versions the same number of digits, and run atlas migrate hash.")
		}
	}
	return faults
}

func versionOf(name string) string {
	return migrate.NewLocalFile(name, nil).Version()
}
