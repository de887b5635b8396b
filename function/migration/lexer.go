package migration

import "strings"

// shape is what a piece of SQL is made of, to the lexer.
type shape uint8

const (
	blank        shape = iota // white space
	lineComment               // -- to the end of the line, which is not part of it
	blockComment              // /* */, nested
	word                      // a key word or a name as it is written without quotes
	quotedIdent               // "..." or U&"..."
	literal                   // '...', E'...', U&'...', N'...', B'...', X'...' with what continues it on later lines
	dollarQuote               // $tag$...$tag$
	number
	param     // $1
	symbol    // one byte of anything else
	backslash // what psql takes for a command and the server for an error
)

// A lexeme is a stretch of the text. open says that the text ended before the
// quote or the comment did.
type lexeme struct {
	shape shape
	start int
	end   int
	open  bool
}

// A lexer cuts SQL into lexemes as PostgreSQL's scanner does (scan.l) with
// standard_conforming_strings on. It never fails, and the lexemes put together
// are the text.
type lexer struct {
	text string
	pos  int
}

// next returns the lexeme at the position and steps behind it; false at the end.
func (l *lexer) next() (lexeme, bool) {
	if l.pos >= len(l.text) {
		return lexeme{}, false
	}
	x := l.lexeme(l.pos)
	l.pos = x.end
	return x, true
}

func (l *lexer) lexeme(at int) lexeme {
	s, c := l.text, l.text[at]
	following := byte(0)
	if at+1 < len(s) {
		following = s[at+1]
	}
	switch {
	case spaces[c]:
		return lexeme{shape: blank, start: at, end: skip(s, at+1, spaces)}
	case c == '-' && following == '-':
		return lexeme{shape: lineComment, start: at, end: lineEnd(s, at)}
	case c == '/' && following == '*':
		end, closed := blockEnd(s, at)
		return lexeme{blockComment, at, end, !closed}
	case c == '\'':
		return literalAt(s, at, at, false)
	case c == '"':
		return identAt(s, at, at)
	case following == '\'' && strings.IndexByte("eEbBxXnN", c) >= 0:
		return literalAt(s, at, at+1, c|0x20 == 'e')
	case c|0x20 == 'u' && following == '&' && at+2 < len(s) && s[at+2] == '\'':
		return literalAt(s, at, at+2, false)
	case c|0x20 == 'u' && following == '&' && at+2 < len(s) && s[at+2] == '"':
		return identAt(s, at, at+2)
	case wordStart[c]:
		return lexeme{shape: word, start: at, end: skip(s, at+1, wordParts)}
	case digits[c], c == '.' && digits[following]:
		return lexeme{shape: number, start: at, end: numberEnd(s, at)}
	case c == '$' && digits[following]:
		return lexeme{shape: param, start: at, end: skip(s, at+1, digits)}
	case c == '$':
		return dollarAt(s, at)
	case c == '\\':
		return lexeme{shape: backslash, start: at, end: at + 1}
	}
	return lexeme{shape: symbol, start: at, end: at + 1}
}

// literalAt reads a string literal whose first quote stands at open. A literal
// that ends, and after a line break begins again, is one literal to the server,
// and the later parts are read by the rules of the first.
func literalAt(s string, start, open int, escapes bool) lexeme {
	for {
		end, closed := quoteEnd(s, open+1, '\'', escapes)
		if !closed {
			return lexeme{literal, start, end, true}
		}
		more := continued(s, end)
		if more < 0 {
			return lexeme{shape: literal, start: start, end: end}
		}
		open = more
	}
}

func identAt(s string, start, open int) lexeme {
	end, closed := quoteEnd(s, open+1, '"', false)
	return lexeme{quotedIdent, start, end, !closed}
}

// quoteEnd returns the position behind the quote that ends what began before at.
func quoteEnd(s string, at int, quote byte, escapes bool) (end int, closed bool) {
	for at < len(s) {
		i := strings.IndexByte(s[at:], quote)
		if escapes {
			if j := strings.IndexByte(s[at:], '\\'); j >= 0 && (i < 0 || j < i) {
				at = min(at+j+2, len(s))
				continue
			}
		}
		if i < 0 {
			return len(s), false
		}
		at += i + 1
		if at < len(s) && s[at] == quote {
			at++
			continue
		}
		return at, true
	}
	return len(s), false
}

// continued returns where the quote stands that takes up a literal which ended
// at at, or -1: between the two is a line break, and nothing but white space and
// line comments.
func continued(s string, at int) int {
	broken := false
	for at < len(s) {
		switch c := s[at]; {
		case c == '\n' || c == '\r':
			broken = true
			at++
		case spaces[c]:
			at++
		case c == '-' && at+1 < len(s) && s[at+1] == '-':
			at = lineEnd(s, at)
		case c == '\'' && broken:
			return at
		default:
			return -1
		}
	}
	return -1
}

// dollarAt reads $tag$...$tag$, or a lone dollar where that is no dollar quote.
func dollarAt(s string, at int) lexeme {
	i := at + 1
	if i < len(s) && wordStart[s[i]] {
		i = skip(s, i+1, tagParts)
	}
	if i >= len(s) || s[i] != '$' {
		return lexeme{shape: symbol, start: at, end: at + 1}
	}
	tag := s[at : i+1]
	j := strings.Index(s[i+1:], tag)
	if j < 0 {
		return lexeme{dollarQuote, at, len(s), true}
	}
	return lexeme{shape: dollarQuote, start: at, end: i + 1 + j + len(tag)}
}

// blockEnd returns the position behind the comment that begins at at.
func blockEnd(s string, at int) (end int, closed bool) {
	depth := 0
	for at+1 < len(s) {
		switch {
		case s[at] == '/' && s[at+1] == '*':
			depth++
			at += 2
		case s[at] == '*' && s[at+1] == '/':
			depth--
			at += 2
			if depth == 0 {
				return at, true
			}
		default:
			at++
		}
	}
	return len(s), false
}

func numberEnd(s string, at int) int {
	for at < len(s) {
		c := s[at]
		sign := (c == '+' || c == '-') && s[at-1]|0x20 == 'e' && at+1 < len(s) && digits[s[at+1]]
		switch {
		case tagParts[c], sign:
		case c == '.' && !(at+1 < len(s) && s[at+1] == '.'): // 1..10 is a range in PL/pgSQL
		default:
			return at
		}
		at++
	}
	return at
}

func lineEnd(s string, at int) int {
	if i := strings.IndexAny(s[at:], "\r\n"); i >= 0 {
		return at + i
	}
	return len(s)
}

// What a byte can be a part of. Tables, because a file may hold millions of bytes.
var (
	spaces    = table(func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' })
	digits    = table(func(c byte) bool { return '0' <= c && c <= '9' })
	wordStart = table(func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80 })
	tagParts  = table(func(c byte) bool { return wordStart[c] || digits[c] })
	wordParts = table(func(c byte) bool { return tagParts[c] || c == '$' })
)

func table(in func(byte) bool) *[256]bool {
	var t [256]bool
	for c := range t {
		t[c] = in(byte(c))
	}
	return &t
}

// skip returns the position of the first byte from at on that is not in the table.
func skip(s string, at int, in *[256]bool) int {
	for at < len(s) && in[s[at]] {
		at++
	}
	return at
}
