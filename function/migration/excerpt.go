package migration

import (
	"strings"
	"unicode/utf8"
)

// Excerpt shows where in the file PostgreSQL points at: position is in
// characters from 1 relative to the statement, as servers report it; 0 means
// the statement as a whole, and there is no column and no caret then. Secrets
// in the line are masked, and a line with one has no caret. Of a long line it
// shows the part around the column.
func (f File) Excerpt(statement, position int) (line, column int, excerpt string) {
	s := f.Stmts[statement]
	if position <= 0 {
		return s.Line, 0, ""
	}
	offset := s.Pos
	for range position - 1 {
		if offset >= len(f.Text) {
			break
		}
		_, n := utf8.DecodeRuneInString(f.Text[offset:])
		offset += n
	}
	start := strings.LastIndexByte(f.Text[:offset], '\n') + 1
	end := len(f.Text)
	if i := strings.IndexByte(f.Text[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	line = 1 + strings.Count(f.Text[:offset], "\n")
	column = 1 + utf8.RuneCountInString(f.Text[start:offset])
	// What is a secret shows in its statement, not in one line of it.
	masked := strings.Split(Mask(f.Text), "\n")[line-1]
	return line, column, caret(f.Text[start:end], masked, column)
}

// width bounds an excerpt: a line of a dump can be megabytes long.
const width = 120

func caret(text, masked string, column int) string {
	runes := []rune(masked)
	from := max(0, min(column-1-width/2, len(runes)-width))
	to := min(len(runes), from+width)
	shown := string(runes[from:to])
	if masked != text {
		return shown // a caret under a line that is not the one it was meant for would lie
	}
	lead := make([]rune, 0, width)
	for _, r := range runes[from:min(column-1, to)] {
		if r != '\t' {
			r = ' '
		}
		lead = append(lead, r)
	}
	return shown + "\n" + string(lead) + "^"
}
