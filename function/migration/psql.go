package migration

import "strings"

// unlockAll lets go of the advisory lock that keeps two runs apart.
const unlockAll = "pg_advisory_unlock_all"

// command notes a psql meta-command and steps over the rest of its line.
func (s *scanner) command(x lexeme) {
	end := lineEnd(s.text, x.start)
	name, _, _ := strings.Cut(s.text[x.start:end], " ")
	s.fail(x.start, codeMetaCommand, "psql meta-command "+name,
		"psql runs these, the server does not know them: take it out, or write what it does as SQL.")
	s.pos = end
}

// skipCopyData steps over the rows that stand below COPY ... FROM STDIN up to
// the line "\.", which are no SQL.
func (s *scanner) skipCopyData() {
	last := s.stmts[len(s.stmts)-1]
	if last.Keyword() != "copy" || copiesClient(last.Text) != "FROM STDIN" {
		return
	}
	i := strings.Index(s.text[s.pos:], "\n\\.")
	if i < 0 {
		return
	}
	s.fail(last.Pos, codeCopy, "rows for COPY ... FROM STDIN", fixCopy)
	s.pos = lineEnd(s.text, s.pos+i+1)
}

// copiesClient returns FROM STDIN or TO STDOUT for a COPY that moves rows
// between the server and the client, "" for any other statement.
func copiesClient(sql string) string {
	depth := 0
	before := Token{}
	for _, t := range Tokens(sql) {
		switch {
		case t.Kind == Symbol && t.Text == "(":
			depth++
		case t.Kind == Symbol && t.Text == ")":
			depth--
		case depth > 0:
		case before.Is("from") && t.Is("stdin"), before.Is("from") && t.Is("stdout"):
			return "FROM STDIN"
		case before.Is("to") && t.Is("stdout"), before.Is("to") && t.Is("stdin"):
			return "TO STDOUT"
		}
		before = t
	}
	return ""
}

// unended names what x is that does not end.
func unended(x lexeme, text string) string {
	switch x.shape {
	case blockComment:
		return "comment /*"
	case quotedIdent:
		return "quoted name"
	case dollarQuote:
		tag, _, _ := strings.Cut(text[x.start+1:], "$")
		return "quoted string $" + tag + "$"
	}
	return "quoted string"
}

// runsUnlock reports whether the quoted text is the body of a DO that names
// pg_advisory_unlock_all.
func (s *scanner) runsUnlock(quoted string) bool {
	first := firstTokens(s.text[s.start:], 1)
	return len(first) == 1 && first[0].Is("do") && strings.Contains(strings.ToLower(quoted), unlockAll)
}
