package migration

import "strings"

// A scanner cuts one text into statements. It goes on after what is wrong, to
// tell all of it.
type scanner struct {
	lexer
	counted int // bytes whose line ends are counted in line
	line    int

	stmts     []Stmt
	errs      []*SplitError
	remarks   []remark
	unlocking []int // statements, from 0, that name pg_advisory_unlock_all

	statement
}

// A statement is what the scanner knows of the one that it is in.
type statement struct {
	start    int   // -1 before its first word
	depth    int   // parentheses that are open
	paren    int   // where the outermost of them stands
	bodies   []int // where each BEGIN ATOMIC that is open stands
	fresh    bool  // the next word begins a statement within a body
	head     head
	begin    int // where the word before this one stands if it is BEGIN, else -1
	unlocks  bool
	directly []int // remarks between which and here stands no empty line
}

// head tells how far the first words of a statement make it the definition of
// a function or a procedure, which alone can hold BEGIN ATOMIC.
type head uint8

const (
	headStart head = iota
	headCreate
	headOr
	headReplace
	headRoutine
	headOther
)

func scan(text string) *scanner {
	s := &scanner{lexer: lexer{text: text}, line: 1}
	mark, rest := delimiter(text)
	if mark == "" {
		s.piece(len(text))
		return s
	}
	s.piece(rest)
	for rest < len(text) {
		end := pieceEnd(text, rest, mark)
		s.piece(end)
		rest = min(end+len(mark), len(text))
		s.pos = rest
	}
	return s
}

// piece cuts what stands between the position and end.
func (s *scanner) piece(end int) {
	whole := s.text
	s.text = whole[:end]
	s.statement = statement{start: -1, begin: -1}
	for {
		x, ok := s.next()
		if !ok {
			break
		}
		s.take(x)
	}
	s.finish(end)
	s.text = whole
}

func (s *scanner) take(x lexeme) {
	if x.open {
		s.fail(x.start, codeUnterminated, unended(x, s.text)+" never ends", "Close it, or take out the sign that opens it.")
	}
	switch x.shape {
	case blank:
		if s.start < 0 && strings.Count(s.text[x.start:x.end], "\n") > 1 {
			s.directly = s.directly[:0]
		}
		return
	case lineComment, blockComment:
		s.remark(x)
		return
	case backslash:
		s.command(x)
		return
	case symbol:
		if s.text[x.start] == ';' && s.depth == 0 {
			s.semicolon(x)
			return
		}
	}
	if s.start < 0 {
		s.open(x.start)
	}
	s.follow(x)
}

// follow keeps count of what a semicolon would not end.
func (s *scanner) follow(x lexeme) {
	begin, fresh := s.begin, s.fresh
	s.begin, s.fresh = -1, false
	if x.shape == symbol {
		s.parenthesis(x)
	}
	if x.shape != word {
		s.head = s.head.after("")
		if x.shape == dollarQuote || x.shape == literal {
			s.unlocks = s.unlocks || s.runsUnlock(s.text[x.start:x.end])
		}
		return
	}
	w := s.text[x.start:x.end]
	routine := s.head == headRoutine
	s.head = s.head.after(w)
	switch {
	case len(w) == len(unlockAll) && strings.EqualFold(w, unlockAll):
		s.unlocks = true
	case s.depth > 0:
	case routine && strings.EqualFold(w, "begin"):
		s.begin = x.start
	case begin >= 0 && strings.EqualFold(w, "atomic"):
		s.bodies = append(s.bodies, begin)
		s.head, s.fresh = headStart, true
	case fresh && strings.EqualFold(w, "end"):
		s.bodies = s.bodies[:len(s.bodies)-1]
		s.head = headOther
	}
}

func (s *scanner) parenthesis(x lexeme) {
	switch s.text[x.start] {
	case '(':
		if s.depth == 0 {
			s.paren = x.start
		}
		s.depth++
	case ')':
		s.depth = max(s.depth-1, 0)
	}
}

// after returns what the head is when w follows.
func (h head) after(w string) head {
	is := func(keyword string) bool { return strings.EqualFold(w, keyword) }
	switch {
	case h == headRoutine || h == headOther:
		return h
	case h == headStart && is("create"):
		return headCreate
	case h == headCreate && is("or"):
		return headOr
	case h == headOr && is("replace"):
		return headReplace
	case (h == headCreate || h == headReplace) && (is("function") || is("procedure")):
		return headRoutine
	}
	return headOther
}

func (s *scanner) open(at int) {
	s.start = at
	for _, i := range s.directly {
		s.remarks[i].stmt = len(s.stmts)
	}
}

func (s *scanner) semicolon(x lexeme) {
	switch {
	case len(s.bodies) > 0:
		s.fresh, s.head, s.begin = true, headStart, -1
	case s.start < 0:
		s.statement = statement{start: -1, begin: -1} // nothing between two semicolons
	default:
		s.cut(x.end)
		s.skipCopyData()
	}
}

// cut ends the statement at end and begins the next.
func (s *scanner) cut(end int) {
	stmt := Stmt{Text: s.text[s.start:end], Pos: s.start, Line: s.lineAt(s.start)}
	for _, i := range s.directly {
		stmt.Rerunnable = stmt.Rerunnable || s.remarks[i].rerunnable()
	}
	if s.unlocks {
		s.unlocking = append(s.unlocking, len(s.stmts))
	}
	s.stmts = append(s.stmts, stmt)
	s.statement = statement{start: -1, begin: -1}
}

// finish ends the last statement of a piece, which needs no semicolon.
func (s *scanner) finish(end int) {
	if s.start < 0 {
		return
	}
	open := len(s.errs) > 0 && s.errs[len(s.errs)-1].Pos >= s.start && s.errs[len(s.errs)-1].code == codeUnterminated
	switch {
	case open: // said already
	case s.depth > 0:
		s.fail(s.paren, codeUnterminated, "parenthesis that is never closed", "Close it: the semicolons behind it end no statement.")
	case len(s.bodies) > 0:
		s.fail(s.bodies[0], codeUnterminated, "BEGIN ATOMIC without its END", "Write END; behind the last statement of the body.")
	}
	for end > s.start && spaces[s.text[end-1]] {
		end--
	}
	s.cut(end)
}

// lineAt returns the line of a position, from 1.
func (s *scanner) lineAt(at int) int {
	if at < s.counted {
		s.counted, s.line = 0, 1
	}
	s.line += strings.Count(s.text[s.counted:at], "\n")
	s.counted = at
	return s.line
}

func (s *scanner) fail(at int, code, reason, fix string) {
	s.errs = append(s.errs, &SplitError{Line: s.lineAt(at), Pos: at, Reason: reason, Fix: fix, code: code})
}
