package migration

import (
	"strconv"
	"strings"
)

// Kind says what a Token is.
type Kind uint8

// The kinds of tokens.
const (
	Word        Kind = iota // a key word or a name without quotes, folded to lower case
	QuotedIdent             // a name in double quotes, without them
	Literal                 // a string in any form, as written, quotes and all
	Symbol                  // one byte of an operator or of punctuation
	Number                  // as written
	Param                   // $1, as written
)

// A Token is one word or sign of a statement.
type Token struct {
	Text string
	Kind Kind
	Pos  int // byte offset in the text
}

// Is reports whether t is the key word, which is given in lower case.
func (t Token) Is(keyword string) bool {
	return t.Kind == Word && t.Text == keyword
}

// Name reports whether t can name an object.
func (t Token) Name() bool {
	return t.Kind == Word || t.Kind == QuotedIdent
}

// Tokens returns the words and signs of a statement without white space and
// comments. It takes any text: a quote that does not end is a token up to the end.
func Tokens(sql string) []Token {
	return firstTokens(sql, -1)
}

// firstTokens is Tokens that stops after n; with n below zero it does not stop.
func firstTokens(sql string, n int) []Token {
	var tokens []Token
	l := lexer{text: sql}
	for len(tokens) != n {
		x, ok := l.next()
		if !ok {
			break
		}
		if t, ok := tokenOf(sql, x); ok {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

func tokenOf(sql string, x lexeme) (Token, bool) {
	raw := sql[x.start:x.end]
	switch x.shape {
	case blank, lineComment, blockComment:
		return Token{}, false
	case word:
		return Token{fold(raw), Word, x.start}, true
	case quotedIdent:
		return Token{unquote(raw, !x.open), QuotedIdent, x.start}, true
	case literal, dollarQuote:
		return Token{raw, Literal, x.start}, true
	case number:
		return Token{raw, Number, x.start}, true
	case param:
		return Token{raw, Param, x.start}, true
	}
	return Token{raw, Symbol, x.start}, true
}

// Keyword returns the first word of the statement in lower case, "" where the
// statement does not begin with one.
func (s Stmt) Keyword() string {
	if first := firstTokens(s.Text, 1); len(first) == 1 && first[0].Kind == Word {
		return first[0].Text
	}
	return ""
}

// fold gives a word as PostgreSQL folds a name without quotes: ASCII letters only.
func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// unquote returns the name in "..." or U&"...".
func unquote(raw string, closed bool) string {
	i := strings.IndexByte(raw, '"')
	name := raw[i+1:]
	if closed {
		name = name[:len(name)-1]
	}
	name = strings.ReplaceAll(name, `""`, `"`)
	if i > 0 {
		return unescape(name)
	}
	return name
}

// unescape decodes \XXXX and \+XXXXXX, the escapes of U&"...". What is not an
// escape stays as it is.
func unescape(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := escapeAt(name[i:])
		if n == 0 {
			b.WriteByte(name[i])
			i++
			continue
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// escapeAt reads one escape and says how many bytes it takes, 0 for none.
func escapeAt(s string) (rune, int) {
	from, to := 1, 5
	switch {
	case s[0] != '\\':
		return 0, 0
	case len(s) > 1 && s[1] == '\\':
		return '\\', 2
	case len(s) > 1 && s[1] == '+':
		from, to = 2, 8
	}
	if len(s) < to {
		return 0, 0
	}
	r, err := strconv.ParseUint(s[from:to], 16, 32)
	if err != nil {
		return 0, 0
	}
	return rune(r), to
}
