package migration

import "time"

// A Step is the least that is committed as one, with the row of the history
// that says so: a whole file in its transaction, or one statement of a file
// outside a transaction.
type Step struct {
	File     File
	From, To int      // statements From to To-1 of File.Stmts
	Row      Revision // as it stands once the step is done; the times in it are set by the server
	First    bool     // nothing of the file was run in this session yet: the session is made ready for it
	Doubt    bool     // an earlier run started the statement outside a transaction and left no word of its end
}

// Before is the row as it stands before the step: what of the file is applied.
// It carries no error.
func (s Step) Before() Revision {
	r := s.Row
	r.Applied = s.From
	r.PartialHashes = StatementHashes(s.File.Stmts)[:s.From]
	r.Error, r.ErrorStmt = "", ""
	return r
}

// Alone says that the step is one statement of a file outside a transaction.
// Such a statement shares a transaction with its row where PostgreSQL allows
// it, and is bracketed by two writes of the row where it does not.
func (s Step) Alone() bool { return s.File.TxMode == TxNone }

// Stmts returns the statements of the step.
func (s Step) Stmts() []Stmt { return s.File.Stmts[s.From:s.To] }

// StepResult is how a step ended. Statements are those that ran to their end,
// also where the step failed and all of it was rolled back.
type StepResult struct {
	Step       Step
	Statements []Ran
	Row        Revision // the row as it was written; the zero Revision where it was not
	Committed  bool
}

// Ran is one statement that ran to its end.
type Ran struct {
	Statement int           // index in File.Stmts
	Took      time.Duration // between two answers of the server
	Healed    string        // what was mended before it could run, such as an INVALID index dropped; "" for nothing
	Found     bool          // not run: an earlier run had started it, and its effect was there
}
