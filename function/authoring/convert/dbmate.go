package convert

import (
	"regexp"
	"slices"
	"strings"
)

var (
	dbmateName = regexp.MustCompile(`^([0-9]+)[-_. ]*(.*)\.sql$`)
	dbmateUp   = regexp.MustCompile(`(?m)^--[ \t]*migrate:up([ \t].*)?$`)
	dbmateDown = regexp.MustCompile(`(?m)^--[ \t]*migrate:down([ \t].*)?$`)
)

// readDbmate reads the files at the top of the directory, as dbmate does.
func readDbmate(src *source) ([]script, error) {
	var scripts []script
	for _, p := range src.top() {
		m := dbmateName.FindStringSubmatch(p)
		switch {
		case m == nil && strings.HasSuffix(p, ".sql"):
			src.note(p, 0, codeLeftOut, "dbmate passes over it, since it is not named like 20240105120000_create_users.sql", "")
		case m != nil:
			if s, ok := src.dbmateFile(script{from: p, version: m[1], name: m[2]}); ok {
				scripts = append(scripts, s)
			}
		}
	}
	return scripts, nil
}

// dbmateFile reads one file; false where nothing is to run.
func (src *source) dbmateFile(s script) (script, bool) {
	text := src.texts[s.from]
	up, down := dbmateUp.FindStringIndex(text), dbmateDown.FindStringIndex(text)
	if up == nil {
		src.note(s.from, 0, codeBroken, "there is no -- migrate:up in it", "Say in the file where the way up begins.")
		s.up, s.line = text, 1
		return s, true
	}
	end := len(text)
	switch {
	case down != nil && down[0] < up[0]:
		src.note(s.from, lineOf(text, down[0]), codeBroken, "-- migrate:down stands above -- migrate:up", "Write the way up first.")
	case down != nil:
		end, s.down = down[0], text[down[1]:]
	}
	if !bare(text[:up[0]]) {
		src.note(s.from, 1, codeBroken, "a statement stands above -- migrate:up", "Write it below.")
	}
	s.line = lineOf(text, up[0])
	s.alone = slices.Contains(strings.Fields(text[up[0]:up[1]]), "transaction:false")
	s.up = text[:up[0]] + text[up[1]:end]
	if bare(s.up) {
		src.note(s.from, s.line, codeLeftOut, "nothing runs on its way up", "")
		return s, false
	}
	return s, true
}
