package lint

import (
	"fmt"
	"strconv"
	"strings"
)

// A Rewrite is what to write in place of one statement: files that run one
// after the other. What stands before the statement in its file belongs into a
// file before them, what stands behind it into one after them.
type Rewrite struct {
	Files []RewriteFile
}

// A RewriteFile is one file of a Rewrite.
type RewriteFile struct {
	// Alone: the file has the directive -- atlas:txmode none.
	Alone bool
	SQL   string
}

const (
	fileMark  = "-- file "
	aloneMark = " (-- atlas:txmode none)"
)

// String writes each file below a line "-- file 1", or
// "-- file 1 (-- atlas:txmode none)", as ParseRewrite reads it.
func (r Rewrite) String() string {
	var b strings.Builder
	for i, f := range r.Files {
		b.WriteString(fileMark + strconv.Itoa(i+1))
		if f.Alone {
			b.WriteString(aloneMark)
		}
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(f.SQL))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ParseRewrite finds the Rewrite in the Fix of a finding; false where the fix is
// words alone.
func ParseRewrite(fix string) (Rewrite, bool) {
	var r Rewrite
	for line := range strings.SplitSeq(fix, "\n") {
		if n := len(r.Files) + 1; line == fileMark+strconv.Itoa(n) || line == fileMark+strconv.Itoa(n)+aloneMark {
			r.Files = append(r.Files, RewriteFile{Alone: strings.HasSuffix(line, aloneMark)})
			continue
		}
		if len(r.Files) > 0 {
			r.Files[len(r.Files)-1].SQL += line + "\n"
		}
	}
	return r, len(r.Files) > 0
}

// one is a file that runs in one transaction, alone one whose statements each
// commit by themselves. Statements that are "" are left out.
func one(statements ...string) RewriteFile {
	return RewriteFile{SQL: joined(statements)}
}

func alone(statements ...string) RewriteFile {
	return RewriteFile{Alone: true, SQL: joined(statements)}
}

func joined(statements []string) string {
	var lines []string
	for _, s := range statements {
		if s = strings.TrimSpace(s); s != "" {
			lines = append(lines, strings.TrimSuffix(s, ";")+";")
		}
	}
	return strings.Join(lines, "\n")
}

// fix is advice in words, and below it the rewrite with what does not fit one
// file put into several; files with nothing in them are left out. Words that end
// in a colon end in a full stop where no file is left.
func fix(words string, files ...RewriteFile) string {
	var r Rewrite
	for _, f := range files {
		if f.SQL != "" {
			r.Files = append(r.Files, f)
		}
	}
	if len(r.Files) == 0 {
		if announced, ok := strings.CutSuffix(words, ":"); ok {
			words = announced + "."
		}
		return words
	}
	return words + "\n" + r.String()
}
