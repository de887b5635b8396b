package migration

import (
	"slices"
	"strings"
)

// Mask returns the text, SQL or a message of the server, with *** in the place
// of what looks like a secret: passwords in any kind of quotes, in connection
// strings, URLs and options, keys of AWS. It errs on the side of too much, keeps
// every line break and the quotes around a secret, and leaves alone what it has
// masked before. A secret that nothing near it names, such as a value in an
// INSERT, it cannot see.
func Mask(sql string) string {
	for range 8 { // what a mask uncovers or joins is looked at again
		m := masker{text: sql}
		m.code(0, len(sql))
		m.urls()
		m.tokens()
		masked := m.apply()
		if masked == sql {
			break
		}
		sql = masked
	}
	return sql
}

// A masker collects the places to mask in one text.
type masker struct {
	text  string
	spans []span
}

type span struct{ start, end int }

func (m *masker) hide(start, end int) {
	if start < end {
		m.spans = append(m.spans, span{start, end})
	}
}

// apply returns the text with each place masked, its line breaks kept.
func (m *masker) apply() string {
	if len(m.spans) == 0 {
		return m.text
	}
	slices.SortFunc(m.spans, func(a, b span) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for i := 0; i < len(m.spans); i++ {
		s := m.spans[i]
		for i+1 < len(m.spans) && m.spans[i+1].start <= s.end {
			i++
			s.end = max(s.end, m.spans[i].end)
		}
		b.WriteString(m.text[at:s.start])
		b.WriteString("***")
		for _, c := range []byte(m.text[s.start:s.end]) {
			if c == '\n' || c == '\r' {
				b.WriteByte(c)
			}
		}
		at = s.end
	}
	b.WriteString(m.text[at:])
	return b.String()
}

// code looks through SQL, or through what may be read as SQL.
func (m *masker) code(from, to int) {
	l := lexer{text: m.text[:to], pos: from}
	var c call
	for {
		x, ok := l.next()
		if !ok {
			return
		}
		switch x.shape {
		case blank:
			continue
		case lineComment, blockComment:
			m.code(x.start+2, x.end)
			continue
		case word, quotedIdent:
			m.name(x, to)
		case literal:
			m.literal(x, to, &c)
		case dollarQuote:
			m.dollar(x, &c)
		}
		if x.open && x.shape != literal { // a lone quote in a message, more likely
			l.pos = x.start + 1
		}
		c.follow(m.text, x)
	}
}

// A call is what code knows of the parentheses and the statement it is in.
type call struct {
	last    string // the word before this place
	name    string // the word before the innermost parenthesis that opened last
	depth   int
	secret  int  // depth of a call whose strings are all secret, 0 for none
	tainted bool // a string before it ended where a password begins
	next    bool // the next string is a password
}

func (c *call) follow(text string, x lexeme) {
	last := c.last
	c.last = ""
	switch {
	case x.shape == word:
		c.last = fold(text[x.start:x.end])
	case x.shape != symbol:
	case text[x.start] == '(':
		c.depth++
		c.name = last
		if c.secret == 0 && slices.Contains(secretCalls, last) {
			c.secret = c.depth
		}
	case text[x.start] == ')':
		if c.depth == c.secret {
			c.secret = 0
		}
		c.depth = max(c.depth-1, 0)
	case text[x.start] == ';':
		*c = call{}
	}
}

// hidden reports whether the string at this place is a secret whatever it says.
func (c *call) hidden() bool {
	next := c.next
	c.next = false
	return next || c.tainted || c.secret > 0
}

// literal looks at a string.
func (m *masker) literal(x lexeme, to int, c *call) {
	start, end := m.inside(x)
	if c.hidden() {
		m.hide(start, end)
		return
	}
	m.prose(start, end, to, c)
}

// dollar looks at a string in dollars, which is code more often than not.
func (m *masker) dollar(x lexeme, c *call) {
	start, end := m.inside(x)
	if c.hidden() {
		m.hide(start, end)
		return
	}
	m.code(start, end)
	if !strings.Contains(m.text[start:end], ";") {
		m.prose(start, end, end, &call{})
	}
}

// inside returns where what stands in the quotes of a string begins and ends.
func (m *masker) inside(x lexeme) (start, end int) {
	raw := m.text[x.start:x.end]
	if x.shape == dollarQuote {
		tag := strings.IndexByte(raw[1:], '$') + 2
		if x.open {
			return x.start + tag, x.end
		}
		return x.start + tag, x.end - tag
	}
	start = x.start + strings.IndexAny(raw, `'"`) + 1
	if x.open {
		return start, x.end
	}
	return start, x.end - 1
}

// name looks at a word outside of strings: PASSWORD 'x', password => 'x', password=x.
func (m *masker) name(x lexeme, to int) {
	n := m.text[x.start:x.end]
	if x.shape == quotedIdent {
		n = unquote(n, !x.open)
	}
	if !secretName(n) {
		return
	}
	at, sign := m.sign(x.end, to)
	if at >= to {
		return
	}
	l := lexer{text: m.text[:to]}
	v := l.lexeme(at)
	tight := sign == "=" && at == x.end+1
	switch {
	case v.shape == literal, v.shape == dollarQuote:
		m.hide(m.inside(v))
	case v.shape == quotedIdent && (tight || sign == ":"): // JSON, or a message
		m.marked(at, to)
	case tight:
		m.hide(at, bareEnd(m.text, at, to, m.inURL(x.start)))
	}
}

// sign steps over white space, comments and one of = := => : TO.
func (m *masker) sign(at, to int) (value int, sign string) {
	at = m.skipBlank(at, to)
	rest := m.text[at:to]
	for _, s := range []string{":=", "=>", "=", ":"} {
		if strings.HasPrefix(rest, s) && !strings.HasPrefix(rest, "::") {
			return m.skipBlank(at+len(s), to), s
		}
	}
	if len(rest) > 2 && strings.EqualFold(rest[:2], "to") && !wordParts[rest[2]] {
		return m.skipBlank(at+2, to), "to"
	}
	return at, ""
}

func (m *masker) skipBlank(at, to int) int {
	l := lexer{text: m.text[:to], pos: at}
	for {
		x, ok := l.next()
		if !ok || x.shape != blank && x.shape != lineComment && x.shape != blockComment {
			return min(at, to)
		}
		at = x.end
	}
}
