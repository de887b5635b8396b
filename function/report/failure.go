package report

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// failure shows what went wrong, where, and in which state the database is now.
func (p *page) failure(r migration.Result, a allowance) {
	f := clippedFailure(r.Failure, whole)
	if f == nil {
		return
	}
	p.gap()
	p.say(0, 2, bad, f.Error())
	if f.Excerpt != "" {
		for _, l := range shortLines(strings.Split(strings.ReplaceAll(f.Excerpt, "\t", " "), "\n")) {
			p.put(4, plain, l)
		}
	}
	p.labelled(4, "Detail:", f.Detail)
	p.labelled(4, "PostgreSQL's hint:", f.Hint)
	var waits []string
	for _, b := range f.Blockers {
		waits = append(waits, "Waiting for "+b.String())
	}
	p.bullets(4, waits, a)
	p.labelled(4, "State:", f.State)
	if f.RetryAfter > 0 {
		p.put(4, plain, waiting(f.RetryAfter))
	}
	if f.Next != "" && f.Next != next(r) {
		p.labelled(4, "Then:", f.Next)
	}
}

// maskedExcerpt masks an excerpt and keeps each caret below what it points at,
// where a mask before it on the line made that move.
func maskedExcerpt(text string) string {
	was, is := strings.Split(text, "\n"), strings.Split(migration.Mask(text), "\n")
	if slices.Equal(was, is) || len(was) != len(is) {
		return strings.Join(is, "\n")
	}
	for i := 1; i < len(is); i++ {
		at := strings.IndexByte(was[i], '^')
		if at < 0 || strings.Trim(was[i], " \t^") != "" || was[i-1] == is[i-1] {
			continue
		}
		line, masked := []rune(was[i-1]), []rune(is[i-1])
		if moved := len(masked) - len(line); at < len(line) && at+moved >= 0 &&
			strings.HasSuffix(is[i-1], string(line[at:])) {
			is[i] = strings.Repeat(" ", at+moved) + strings.TrimLeft(was[i], " \t")
		}
	}
	return strings.Join(is, "\n")
}
