package migration

import "strings"

// delimiter returns what the first line of a file sets as the end of a
// statement, and where the second line begins; "" where it sets nothing.
func delimiter(text string) (mark string, rest int) {
	first, _, found := strings.Cut(text, "\n")
	arg, ok := strings.CutPrefix(first, "-- atlas:delimiter ")
	if !ok || !found {
		return "", 0
	}
	arg = strings.TrimLeft(arg, " ")
	return strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(arg), len(first) + 1
}

// pieceEnd returns where the next delimiter stands from at on, or the end of
// the text. It looks where Atlas does: not in quotes, comments and parentheses,
// and not at the end of a line that is a comment; but a delimiter may begin a comment.
func pieceEnd(text string, at int, mark string) int {
	depth := 0
	l := lexer{text: text, pos: at}
	for {
		x, ok := l.next()
		if !ok {
			return len(text)
		}
		c := text[x.start]
		switch {
		case x.shape == symbol && c == '(':
			depth++
		case x.shape == symbol && c == ')':
			depth = max(depth-1, 0)
		case depth > 0 || x.shape == literal || x.shape == quotedIdent:
		case strings.HasPrefix(text[x.start:], mark):
			return x.start
		case x.shape == lineComment:
			l.pos = min(x.end+1, len(text))
		case x.shape == blockComment || x.shape == dollarQuote:
		default:
			if i := within(text, x, mark); i >= 0 {
				return i
			}
		}
	}
}

// within returns where mark begins inside of x, or -1.
func within(text string, x lexeme, mark string) int {
	for i := x.start + 1; i < x.end; i++ {
		if strings.HasPrefix(text[i:], mark) {
			return i
		}
	}
	return -1
}
