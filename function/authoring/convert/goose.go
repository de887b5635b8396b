package convert

import (
	"fmt"
	"regexp"
	"strings"
)

var gooseName = regexp.MustCompile(`^([0-9]+)_(.*)\.(sql|go)$`)

// readGoose reads the files at the top of the directory, as goose does.
func readGoose(src *source) ([]script, error) {
	var scripts []script
	for _, p := range src.top() {
		m := gooseName.FindStringSubmatch(p)
		switch {
		case m == nil && strings.HasSuffix(p, ".sql"):
			src.note(p, 0, codeLeftOut, "goose passes over it, since it is not named like 00001_create_users.sql", "")
		case m == nil || strings.HasSuffix(p, "_test.go"):
		case m[3] == "go":
			s := script{from: p, line: 1, version: m[1], name: m[2]}
			src.note(p, 0, codeNotSQL, fmt.Sprintf("version %s is a Go function, not SQL", m[1]),
				"Write in SQL what it does to the schema into the file that holds its place, then run aurora-migrate hash.")
			scripts = append(scripts, s.placeholder("What "+p+" of goose did"))
		default:
			if s, ok := src.gooseFile(script{from: p, version: m[1], name: m[2]}); ok {
				scripts = append(scripts, s)
			}
		}
	}
	return scripts, nil
}

// gooseFile reads one file; false where nothing is to run.
func (src *source) gooseFile(s script) (script, bool) {
	g := gooseText{src: src, path: s.from}
	for i, line := range strings.SplitAfter(src.texts[s.from], "\n") {
		g.line(i+1, line)
	}
	open := g.block != nil
	g.end()
	s.up, s.down, s.alone, s.line = terminated(g.up.String()), terminated(g.down.String()), g.alone, max(g.began, 1)
	switch {
	case g.broken:
	case g.began == 0:
		src.note(s.from, 0, codeBroken, "there is no -- +goose Up in it", "Say in the file where the way up begins.")
	case open:
		src.note(s.from, g.blockLine, codeBroken, "-- +goose StatementBegin without its StatementEnd", "Write it behind the statement.")
	case bare(s.up):
		src.note(s.from, s.line, codeLeftOut, "nothing runs on its way up", "")
		return s, false
	}
	return s, true
}

// gooseText parts a file of goose.
type gooseText struct {
	src       *source
	path      string
	up, down  strings.Builder
	downwards bool
	began     int // the line of Up
	alone     bool
	broken    bool
	block     *strings.Builder // what stands between StatementBegin and StatementEnd
	blockLine int
	told      bool
}

func (g *gooseText) line(number int, line string) {
	comment := strings.HasPrefix(strings.TrimSpace(line), "--")
	if !comment || !strings.Contains(line, "+goose") {
		g.into().WriteString(line)
		return
	}
	word := strings.TrimSpace(strings.Replace(strings.ReplaceAll(line, "--", ""), "+goose", "", 1))
	switch strings.ToLower(word) {
	case "up":
		g.began = number
	case "down":
		g.downwards = true
	case "statementbegin":
		g.block, g.blockLine = &strings.Builder{}, number
	case "statementend":
		g.end()
	case "no transaction":
		g.alone = true
	case "envsub on":
		if !g.told {
			g.src.note(g.path, number, codePlaceholder, "goose puts variables of the environment into what follows, and there is nobody to do so any more",
				"Write the values into the new file, then run aurora-migrate hash.")
			g.told = true
		}
	case "envsub off":
	default:
		g.broken = true
		g.src.note(g.path, number, codeBroken, fmt.Sprintf("goose knows no %q", "+goose "+word), "It knows Up, Down, StatementBegin, StatementEnd, NO TRANSACTION, ENVSUB ON and ENVSUB OFF.")
	}
}

// end ends a block; goose needs no semicolon there.
func (g *gooseText) end() {
	if g.block == nil {
		return
	}
	text := terminated(g.block.String())
	g.block = nil
	g.into().WriteString(text)
}

func (g *gooseText) into() *strings.Builder {
	switch {
	case g.block != nil:
		return g.block
	case g.downwards:
		return &g.down
	}
	return &g.up
}
