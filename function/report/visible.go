package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible returns s as one line that a terminal prints and does not obey: every
// character that is not plainly visible (controls, escapes, line breaks, marks
// that turn the direction of writing, spaces that only look like one, bytes
// that are not UTF-8) is spelled out, as \x1b or \u202e. A tab becomes four
// spaces.
func visible(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for i, width := 0, 0; i < len(s); i += width {
		var r rune
		r, width = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteString("    ")
		case !hidden(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// hidden is true also of U+FFFD, so that broken UTF-8 is looked at closely.
func hidden(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// escaped replaces in JSON what encoding/json lets through and a terminal may
// obey, such as the control characters above U+007F, by its \u form. Outside
// strings JSON has no such character.
func escaped(json []byte) []byte {
	clean := true
	for _, r := range string(json) {
		if loose(r) {
			clean = false
			break
		}
	}
	if clean {
		return json
	}
	out := make([]byte, 0, len(json)+len(json)/8)
	for _, r := range string(json) {
		switch {
		case !loose(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func loose(r rune) bool { return r >= 0x7f && r != utf8.RuneError && !unicode.IsPrint(r) }
