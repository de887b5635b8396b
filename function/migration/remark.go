package migration

import "strings"

// A remark is a comment that is a directive, or was meant to be one.
type remark struct {
	directive
	comment string // as written, with its marks
	pos     int
	line    int
	first   bool // nothing but white space stands before it on its line
	stmt    int  // the statement, from 0, directly below it; -1 for none
}

// A directive is what a comment says to a tool: "atlas:txmode none".
type directive struct {
	owner string // atlas or aurora
	name  string
	arg   string
	loose bool // in upper case or with a space behind the colon, which Atlas passes over
}

func (d directive) String() string {
	return d.owner + ":" + d.name
}

// remark takes up a comment if it is a directive.
func (s *scanner) remark(x lexeme) {
	comment := s.text[x.start:x.end]
	d, ok := parseDirective(comment)
	if !ok {
		return
	}
	begin := strings.LastIndexByte(s.text[:x.start], '\n') + 1
	first := strings.TrimLeft(s.text[begin:x.start], " \t") == ""
	s.remarks = append(s.remarks, remark{d, comment, x.start, s.lineAt(x.start), first, -1})
	if first && s.start < 0 {
		s.directly = append(s.directly, len(s.remarks)-1)
	}
}

// parseDirective reads a comment that says "atlas:name argument" or
// "aurora:name argument" and nothing before that; false for any other.
func parseDirective(comment string) (directive, bool) {
	body := strings.TrimSuffix(strings.TrimPrefix(comment, "/*"), "*/")
	body = strings.TrimSpace(strings.TrimLeft(body, "-*#"))
	owner, rest, found := strings.Cut(body, ":")
	d := directive{owner: strings.ToLower(owner)}
	if !found || d.owner != "atlas" && d.owner != "aurora" {
		return directive{}, false
	}
	trimmed := strings.TrimLeft(rest, " \t")
	end := skip(trimmed, 0, directiveParts)
	d.name, d.arg = trimmed[:end], strings.TrimSpace(trimmed[end:])
	spaced := len(trimmed) < len(rest)
	d.loose = spaced || d.owner != owner
	// "-- Atlas: see the docs" is prose.
	return d, d.name != "" && (!spaced || d.known())
}

// directiveParts can stand in the name of a directive.
var directiveParts = table(func(c byte) bool { return c < 0x80 && tagParts[c] || c == '-' })
