package report

import (
	"strings"
	"unicode/utf8"
)

// width is how many characters a line of ours has at most. Only what cannot be
// broken is longer: SQL, commands, names.
const width = 100

// style says what a line means to who reads it, for colours.
type style int

const (
	plain style = iota
	title
	good
	bad
	caution
	faint
)

type line struct {
	text  string
	style style
}

// page is a screen while it is written. Whatever is put on it is made visible
// here and nowhere else, so that nothing can get past.
type page struct{ lines []line }

// put adds one line as it is.
func (p *page) put(indent int, s style, text string) {
	text = strings.TrimRight(strings.Repeat(" ", indent)+visible(text), " ")
	p.lines = append(p.lines, line{text, s})
}

// say adds a text, broken at spaces so that it fits the width. Every line of it
// after the first is indented by hang more.
func (p *page) say(indent, hang int, s style, text string) {
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n") {
		lines := wrap(visible(paragraph), width-indent, width-indent-hang)
		p.put(indent, s, lines[0])
		for _, l := range lines[1:] {
			p.put(indent+hang, s, l)
		}
	}
}

// labelled adds a text behind a label, its further lines below its first.
// Nothing is added where the text is empty.
func (p *page) labelled(indent int, label, text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	margin := label + " "
	hang := utf8.RuneCountInString(margin)
	for _, paragraph := range strings.Split(text, "\n") {
		for _, l := range wrap(visible(paragraph), width-indent-hang, width-indent-hang) {
			p.put(indent, plain, margin+l)
			margin = strings.Repeat(" ", hang)
		}
	}
}

// gap adds an empty line, unless the page begins or has one there.
func (p *page) gap() {
	if n := len(p.lines); n > 0 && p.lines[n-1].text != "" {
		p.lines = append(p.lines, line{})
	}
}

// done returns the lines without an empty one at the end.
func (p *page) done() []line {
	for n := len(p.lines); n > 0 && p.lines[n-1].text == ""; n-- {
		p.lines = p.lines[:n-1]
	}
	return p.lines
}

// wrap breaks a paragraph into lines of at most first, then further, characters.
// A longer word has a line for itself. Spaces at its beginning stay.
func wrap(text string, first, further int) []string {
	if utf8.RuneCountInString(text) <= first {
		return []string{text}
	}
	var lines []string
	body := strings.TrimLeft(text, " ")
	now, room := text[:len(text)-len(body)], first
	fresh := true
	for _, word := range words(body) {
		if !fresh && utf8.RuneCountInString(now)+1+utf8.RuneCountInString(word) > room {
			lines = append(lines, now)
			now, room, fresh = "", further, true
		}
		if !fresh {
			now += " "
		}
		now, fresh = now+word, false
	}
	return append(lines, now)
}

// words are what a line is not broken in: what spaces part, but an SQLSTATE
// stays with its number.
func words(text string) []string {
	const name, glued = "(SQLSTATE ", "(SQLSTATE\x00"
	list := strings.Fields(strings.ReplaceAll(text, name, glued))
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], glued, name)
	}
	return list
}
