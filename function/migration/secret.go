package migration

import (
	"slices"
	"strings"
)

// secretNames are how names of secrets end.
var secretNames = []string{
	"password", "passwd", "pwd", "passphrase", "senha", "secret",
	"secret_key", "secretkey", "secret_access_key", "secretaccesskey", "private_key", "api_key", "apikey",
	"session_token", "sessiontoken", "access_token", "accesstoken", "auth_token", "authtoken",
}

// secretCalls are functions whose strings are secrets, or not worth showing.
var secretCalls = []string{"create_aws_credentials", "crypt", "pgp_sym_encrypt", "pgp_sym_decrypt",
	"pgp_sym_encrypt_bytea", "pgp_sym_decrypt_bytea"}

// pairCalls are functions that take a name and then its value.
var pairCalls = []string{"set_config", "jsonb_build_object", "json_build_object", "hstore"}

func secretName(name string) bool {
	name = fold(name)
	return slices.ContainsFunc(secretNames, func(end string) bool { return strings.HasSuffix(name, end) })
}

// prose looks through the inside of a string for password=x and the like. to is
// where the text around the string ends.
func (m *masker) prose(start, end, to int, c *call) {
	for i := start; i < end; i++ {
		if !wordParts[m.text[i]] {
			continue
		}
		word := skip(m.text[:end], i+1, wordParts)
		if secretName(m.text[i:word]) {
			m.said(i, word, end, to, c)
		}
		i = word - 1
	}
}

// said looks at what follows the name of a secret within a string.
func (m *masker) said(name, at, end, to int, c *call) {
	url := m.inURL(name)
	at = skip(m.text[:end], at, quoteMarks) // "password": "x", "password\": ...
	v := skip(m.text[:end], at, spaces)
	sign := byte(0)
	if v < end && (m.text[v] == '=' || m.text[v] == ':') {
		sign = m.text[v]
		v = skip(m.text[:end], v+1, spaces)
	}
	switch {
	case v >= end:
		m.cutOff(end, to, sign, c)
	case m.text[v] == '%':
		c.tainted = true
	case m.text[v] == '\'':
		m.nested(v, end)
	case m.text[v] == '"' || strings.HasPrefix(m.text[v:end], `\"`) || strings.HasPrefix(m.text[v:end], `\'`):
		m.marked(v, end)
	case m.text[v] == '$':
		l := lexer{text: m.text[:end]}
		if x := l.lexeme(v); x.shape == dollarQuote {
			m.hide(m.inside(x))
		} else if sign != 0 {
			m.hide(v, bareEnd(m.text, v, end, url))
		}
	case sign != 0:
		m.hide(v, bareEnd(m.text, v, end, url))
	}
}

// cutOff deals with a string that ends where a password begins.
func (m *masker) cutOff(end, to int, sign byte, c *call) {
	behind := m.skipBlank(min(end+1, to), to)
	switch {
	case strings.HasPrefix(m.text[behind:to], "||"):
		c.tainted = true
	case strings.HasPrefix(m.text[behind:to], ",") && sign == 0:
		c.next = c.next || slices.Contains(pairCalls, c.name)
	case strings.HasPrefix(m.text[behind:to], ","), behind >= to, strings.IndexByte(");:", m.text[behind]) >= 0:
	default: // its last quote is the first one of the password: it is no string
		l := lexer{text: m.text[:to]}
		if x := l.lexeme(end); x.shape == literal {
			m.hide(m.inside(x))
		}
	}
}

// nested masks a password in doubled quotes: 'ALTER ROLE r PASSWORD ”x”'.
func (m *masker) nested(at, end int) {
	run := len(m.text[at:end]) - len(strings.TrimLeft(m.text[at:end], "'"))
	unit := "''"
	if run >= 4 {
		unit = "''''"
	} else if run == 1 {
		unit = "'"
	}
	start := at + len(unit)
	for i := start; ; {
		j := strings.Index(m.text[i:end], unit)
		if j < 0 {
			m.hide(start, end)
			return
		}
		i += j
		if !strings.HasPrefix(m.text[i+len(unit):end], unit) {
			m.hide(start, i)
			return
		}
		i += 2 * len(unit)
	}
}

// marked masks what stands between " and ", \" and \", \' and \'.
func (m *masker) marked(at, end int) {
	escaped := m.text[at] == '\\'
	mark := m.text[at]
	start := at + 1
	if escaped {
		mark = m.text[at+1]
		start++
	}
	for i := start; i < end; i++ {
		switch {
		case escaped && m.text[i] == '\\' && i+1 < end && m.text[i+1] == mark:
			m.hide(start, i)
			return
		case m.text[i] == '\\':
			i++
		case !escaped && m.text[i] == mark:
			m.hide(start, i)
			return
		}
	}
	m.hide(start, end)
}

// inURL reports whether the word at at is a parameter of a URL.
func (m *masker) inURL(at int) bool {
	return at > 0 && (m.text[at-1] == '?' || m.text[at-1] == '&')
}

// bareEnd returns where a value without quotes ends.
func bareEnd(text string, at, end int, url bool) int {
	for at < end {
		switch c := text[at]; {
		case spaces[c], c == '\'', url && c == '&':
			return at
		case c == '\\' && at+1 < end && text[at+1] != '\n' && text[at+1] != '\r':
			at++
		}
		at++
	}
	return min(at, end)
}

// quoteMarks can stand between a name and the colon behind it.
var quoteMarks = table(func(c byte) bool { return c == '"' || c == '\\' })

// urls masks the password in scheme://user:password@host.
func (m *masker) urls() {
	for at := 0; ; {
		i := strings.Index(m.text[at:], "://")
		if i < 0 {
			return
		}
		at += i + len("://")
		run := m.text[at : at+endOfURL(m.text[at:])]
		colon := strings.IndexByte(run, ':')
		last := strings.LastIndexByte(run, '@')
		if slash := strings.IndexAny(run, "/?#"); slash >= 0 && (last < 0 || slash < last) {
			last = authorityEnd(run, colon, slash, last)
		}
		if colon >= 0 && colon < last {
			m.hide(at+colon+1, at+last)
		}
	}
}

// authorityEnd returns where the @ before the host stands in a URL that has a
// slash before its last @. A slash behind a port ends the host; any other may be
// part of a password.
func authorityEnd(run string, colon, slash, last int) int {
	if at := strings.LastIndexByte(run[:slash], '@'); at >= 0 {
		return at
	}
	if colon < 0 || colon > slash || strings.Trim(run[colon+1:slash], "0123456789") == "" {
		return -1
	}
	return last
}

func endOfURL(s string) int {
	if i := strings.IndexAny(s, " \t\r\n\v\f'\"<>`"); i >= 0 {
		return i
	}
	return len(s)
}

// tokens masks what is a secret by its looks: access keys of AWS, verifiers of SCRAM.
func (m *masker) tokens() {
	for i := 0; i < len(m.text); i++ {
		if !wordParts[m.text[i]] {
			continue
		}
		end := skip(m.text, i+1, wordParts)
		if w := m.text[i:end]; len(w) == 20 && (strings.HasPrefix(w, "AKIA") || strings.HasPrefix(w, "ASIA")) && strings.ToUpper(w) == w {
			m.hide(i, end)
		}
		i = end - 1
	}
	const scram = "SCRAM-SHA-256$"
	for at := 0; ; {
		i := strings.Index(m.text[at:], scram)
		if i < 0 {
			return
		}
		at += i + len(scram)
		m.hide(at, at+endOfURL(m.text[at:]))
	}
}
