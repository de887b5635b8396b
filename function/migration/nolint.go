package migration

import "strings"

// A Quiet is a directive "-- atlas:nolint CODE... -- reason": findings that a
// person has looked at and does not want to see again.
type Quiet struct {
	Line int // of the directive, from 1
	// Statement, from 1, that it speaks of: the one directly below. 0 where it
	// stands in the header of the file and speaks of all.
	Statement int
	// Stray: it stands neither above a statement nor in the header.
	Stray bool
	Codes []string // in upper case
	// Reason is what stands behind the codes, after " -- " or ": "; "" for none.
	Reason string
}

// Covers says that q speaks of the statement, from 1, and has the code.
func (q Quiet) Covers(statement int, code string) bool {
	if q.Stray || q.Statement != 0 && q.Statement != statement {
		return false
	}
	for _, c := range q.Codes {
		if c == code {
			return true
		}
	}
	return false
}

// Quiets returns the directives atlas:nolint of a file, in order. The header is
// what Atlas takes for it: the comments that begin the file, set apart from what
// follows by an empty line.
func (f File) Quiets() []Quiet {
	if !strings.Contains(strings.ToLower(f.Text), nolint) {
		return nil
	}
	text := strings.ReplaceAll(strings.TrimPrefix(f.Text, bom), "\r\n", "\n")
	top, apart := header(text)
	var quiets []Quiet
	for _, r := range scan(text).remarks {
		if r.owner != "atlas" || r.name != nolint || r.loose {
			continue
		}
		q := Quiet{Line: r.line, Statement: r.stmt + 1}
		q.Codes, q.Reason = splitReason(r.arg)
		q.Stray = q.Statement == 0 && (!apart || r.pos >= top)
		if apart && r.pos < top {
			q.Statement = 0
		}
		quiets = append(quiets, q)
	}
	return quiets
}

// splitReason parts the codes from the reason.
func splitReason(arg string) (codes []string, reason string) {
	list := arg
	at, mark := len(arg), ""
	for _, m := range []string{" -- ", ": "} {
		if i := strings.Index(arg, m); i >= 0 && i < at {
			at, mark = i, m
		}
	}
	if mark != "" {
		list, reason = arg[:at], strings.TrimSpace(arg[at+len(mark):])
	}
	for _, code := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		codes = append(codes, strings.ToUpper(code))
	}
	return codes, reason
}
