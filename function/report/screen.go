package report

import (
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// ScreenOptions say for whom a screen is.
type ScreenOptions struct {
	// Brief shows the beginnings of statements only, and fewer of everything.
	Brief bool
	// Stack is the name of the stack in the commands for sam. "<stack>" where empty.
	Stack string
	// Flags are repeated in the commands for aurora-migrate, such as
	// "--function" and "runner". Not --url: it may hold a password.
	Flags []string
}

// Screen tells r to a person, as lines without ends of line. Lines of ours have
// at most 100 characters; SQL, commands and long names are not broken. No line
// ends with a space or holds a character that a terminal would obey.
func Screen(r migration.Result, o ScreenOptions) []string { return texts(compose(r, o)) }

// Color says whether a text for a terminal is coloured.
type Color bool

// A terminal that shows colours gets them, a file does not.
const (
	NoColor Color = false
	ANSI    Color = true
)

// Text is the screen of r as a terminal prints it; every line ends with a newline.
func Text(r migration.Result, o ScreenOptions, c Color) string {
	var b strings.Builder
	for _, l := range compose(r, o) {
		code := codes[l.style]
		if c == NoColor || code == "" || l.text == "" {
			b.WriteString(l.text + "\n")
			continue
		}
		b.WriteString("\x1b[" + code + "m" + l.text + "\x1b[0m\n")
	}
	return b.String()
}

var codes = map[style]string{title: "1", good: "1;32", bad: "1;31", caution: "33", faint: "2"}

// allowance is how much of each list a screen shows.
type allowance struct {
	files, findings, migrations, names int // of each how many
	sql                                int // lines of SQL in all
	first, last                        int // lines of the beginning and end of one statement
}

var (
	fullScreen  = allowance{files: 300, findings: 200, migrations: 500, names: 100, sql: 1500, first: 30, last: 6}
	briefScreen = allowance{files: 15, findings: 10, migrations: 30, names: 10, sql: 60, first: 3}
)

// compose writes the screen from its first line, the outcome, to its last, the
// next step.
func compose(r migration.Result, o ScreenOptions) []line {
	a := fullScreen
	if o.Brief {
		a = briefScreen
	}
	p := &page{}
	p.say(0, 2, mood(r.Outcome), headline(r))
	p.subline(r)
	p.joined(r)
	p.refusal(r, a)
	p.failure(r, a)
	p.progress(r, a)
	p.planned(r, a)
	p.adoption(r, a)
	p.findings(r, a)
	p.status(r, a)
	p.drift(r, a)
	p.diagnosis(r)
	p.names("Not looked at, because time was short:", r.Unseen, a)
	p.digest(r)
	p.gap()
	p.labelled(0, "Next:", nextOnScreen(r))
	p.commands(r, o)
	return p.done()
}

// mood is the colour of an outcome.
func mood(o migration.Outcome) style {
	switch o {
	case migration.Applied, migration.Baselined, migration.Current, migration.NothingToDo, migration.Clean, migration.Healthy:
		return good
	case migration.Planned, migration.Outstanding:
		return title
	case migration.Unfinished:
		return caution
	}
	return bad
}

// names lists texts under a title, as many as the screen allows.
func (p *page) names(heading string, names []string, a allowance) {
	if len(names) == 0 {
		return
	}
	p.gap()
	p.say(0, 2, caution, heading)
	p.bullets(2, names, a)
}

func (p *page) bullets(indent int, names []string, a allowance) {
	for i, n := range names {
		if i == a.names {
			p.say(indent, 2, plain, "... and "+number(len(names)-i)+" more")
			return
		}
		p.say(indent, 2, plain, n)
	}
}

func texts(lines []line) []string {
	said := make([]string, len(lines))
	for i, l := range lines {
		said[i] = l.text
	}
	return said
}
