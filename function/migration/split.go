package migration

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// A SplitError says why a text cannot be cut into statements.
type SplitError struct {
	Line   int    // where what is wrong begins, from 1
	Pos    int    // the same as a byte offset
	Reason string // "quoted string that never ends"
	Fix    string

	code string
}

func (e *SplitError) Error() string {
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Split cuts a file into its statements, as the server does: at semicolons
// outside quotes, comments, parentheses and BEGIN ATOMIC ... END. Statements
// with nothing in them are left out. A comment before a statement is not part of
// it; one behind its last word, where no semicolon follows, is, as it is to Atlas.
// A first line "-- atlas:delimiter X" makes X end a statement too.
//
// The error is a *SplitError and names the first place that a person has to
// mend. The statements found in spite of it come with it.
func Split(text string) ([]Stmt, error) {
	s := scan(text)
	if len(s.errs) > 0 {
		return s.stmts, s.errs[0]
	}
	return s.stmts, nil
}

// StatementHashes returns for each statement the hash of it and of all before
// it, "h1:...", as Atlas keeps them in partial_hashes for a file that stopped
// half-way.
func StatementHashes(stmts []Stmt) []string {
	hashes := make([]string, len(stmts))
	h := sha256.New()
	for i, s := range stmts {
		h.Write([]byte(s.Text))
		hashes[i] = "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	return hashes
}
