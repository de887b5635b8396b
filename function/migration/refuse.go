package migration

import (
	"fmt"
	"slices"
	"strings"
)

const (
	fixCopy     = "Write INSERT statements, or load the rows by other means: none can be sent along with a migration."
	fixTxFile   = "Take it out: the file runs in one transaction already, together with its row in the history, and with it half a file would stay behind."
	fixTxNone   = "Take it out: each statement of this file commits by itself. What must stand or fall together belongs into a file without txmode none."
	fixModes    = "Take it out: the transaction of a file is READ COMMITTED and READ WRITE, and has begun before the first statement. Where nobody else may change a table meanwhile, LOCK TABLE it."
	fixNoModes  = "Take it out: each statement of this file commits by itself, in a transaction that is READ COMMITTED and READ WRITE."
	fixOutside  = "Make -- atlas:txmode none the first line of the file and leave the second empty: each statement then commits by itself. Best with no other statement in the file."
	fixSession  = "Take it out: the session is the migrator's, with its lock and its timeouts, and ends with the run."
	fixNoName   = "Name the index: after a crash, only its name can tell whether it was built."
	fixTooLarge = "Cut it into several statements, or load the rows by other means."
)

// checkStmts looks at each statement for what must not run in a migration.
func checkStmts(file File, s *scanner) []Finding {
	var faults []Finding
	for _, e := range s.errs {
		if e.code == codeCopy { // told of its statement below
			continue
		}
		faults = append(faults, Finding{Code: e.code, Severity: Error, File: file.Name, Line: e.Line, Statement: stmtAt(s.stmts, e.Pos), Summary: e.Reason, Fix: e.Fix})
	}
	for i, stmt := range s.stmts {
		f := refuse(stmt, file.TxMode, slices.Contains(s.unlocking, i))
		if f.Code == "" {
			continue
		}
		f.Severity, f.File, f.Line, f.Statement = Error, file.Name, stmt.Line, i+1
		faults = append(faults, f)
	}
	if len(s.stmts) == 0 && len(s.errs) == 0 {
		faults = append(faults, Finding{Code: codeEmpty, Severity: Error, File: file.Name, Summary: "no statement in the file",
			Fix: "Write one, or remove the file and run atlas migrate hash."})
	}
	return faults
}

// stmtAt returns the number of the statement that holds a position, 0 for none.
func stmtAt(stmts []Stmt, at int) int {
	i := slices.IndexFunc(stmts, func(s Stmt) bool { return s.Pos <= at && at < s.Pos+len(s.Text) })
	return i + 1
}

// refuse returns a Finding without a place; one without a code is none.
func refuse(stmt Stmt, mode TxMode, unlocks bool) Finding {
	t := firstTokens(stmt.Text, 64)
	if len(stmt.Text) > maxStmt {
		size := float64(len(stmt.Text)) / (1 << 20)
		return Finding{Code: codeTooLarge, Summary: fmt.Sprintf("a statement of %.1f MiB, and %d MiB is the limit", size, maxStmt>>20), Fix: fixTooLarge}
	}
	if what := controlsTransaction(t); what != "" {
		fix := fixTxFile
		if mode == TxNone {
			fix = fixTxNone
		}
		return Finding{Code: codeTransaction, Summary: what + " in a migration", Fix: fix}
	}
	if what := setsTransaction(t); what != "" {
		fix := fixModes
		if mode == TxNone {
			fix = fixNoModes
		}
		return Finding{Code: codeTransaction, Summary: what + " in a migration", Fix: fix}
	}
	if stmt.Keyword() == "copy" {
		if what := copiesClient(stmt.Text); what != "" {
			return Finding{Code: codeCopy, Summary: "COPY ... " + what + " in a migration", Fix: fixCopy}
		}
	}
	if what := disturbsSession(t); what != "" || unlocks {
		if what == "" {
			what = unlockAll
		}
		return Finding{Code: codeSession, Summary: what + " in a migration", Fix: fixSession}
	}
	what := runsOutside(t)
	switch {
	case mode != TxNone && what != "":
		return Finding{Code: codeOutside, Summary: what + " cannot run in a transaction (SQLSTATE 25001)", Fix: fixOutside}
	case what == "CREATE INDEX CONCURRENTLY" && unnamed(t):
		return Finding{Code: codeUnnamedIndex, Summary: "CREATE INDEX CONCURRENTLY without a name", Fix: fixNoName}
	}
	return Finding{}
}

// begins reports whether the tokens begin with the key words; "[x]" is one that
// may be missing.
func begins(t []Token, keywords string) bool {
	for k := range strings.FieldsSeq(keywords) {
		optional := strings.HasPrefix(k, "[")
		switch {
		case len(t) > 0 && t[0].Is(strings.Trim(k, "[]")):
			t = t[1:]
		case !optional:
			return false
		}
	}
	return true
}

// controlsTransaction names the statement if it begins or ends a transaction.
func controlsTransaction(t []Token) string {
	if begins(t, "rollback [work] [transaction] to") {
		return ""
	}
	for _, k := range []string{"commit prepared", "rollback prepared", "prepare transaction", "start transaction",
		"begin", "commit", "end", "rollback", "abort"} {
		if begins(t, k) {
			return strings.ToUpper(k)
		}
	}
	return ""
}

// transactionSettings are what SET TRANSACTION sets, under their names as
// settings, with the values that make no difference.
var transactionSettings = map[string][]string{
	"transaction_isolation":  {"'read committed'"},
	"transaction_read_only":  {"off", "'off'", "false", "'false'"},
	"transaction_deferrable": nil,
}

// setsTransaction names the statement if it would make the transaction it runs
// in another one than that is: the server refuses it behind a query (25001), and
// what is read only takes no row of the history.
func setsTransaction(t []Token) string {
	w := &cursor{tokens: t}
	if !w.take("set") {
		return ""
	}
	_ = w.take("local") || w.take("session")
	if w.take("transaction") {
		for w.at < len(t) {
			if !w.take("isolation", "level", "read", "committed") && !w.take("read", "write") && !w.symbol(",") && !w.symbol(";") {
				return "SET TRANSACTION"
			}
		}
		return ""
	}
	name := w.name()
	same, known := transactionSettings[name]
	_ = w.take("to") || w.symbol("=")
	if !known || w.at < len(t) && slices.Contains(same, strings.ToLower(t[w.at].Text)) {
		return ""
	}
	return "SET " + name
}

// disturbsSession names the statement if it undoes what the run has set.
func disturbsSession(t []Token) string {
	for _, k := range []string{"discard all", "reset all"} {
		if begins(t, k) {
			return strings.ToUpper(k)
		}
	}
	return ""
}

// runsOutside names the statement if the server refuses it in a transaction.
func runsOutside(t []Token) string {
	has := func(keyword string) bool {
		return slices.ContainsFunc(t, func(t Token) bool { return t.Is(keyword) })
	}
	switch {
	case begins(t, "create [unique] index concurrently"):
		return "CREATE INDEX CONCURRENTLY"
	case begins(t, "reindex") && has("concurrently"):
		return "REINDEX CONCURRENTLY"
	case begins(t, "alter table") && detachesConcurrently(t):
		return "DETACH PARTITION CONCURRENTLY"
	case begins(t, "cluster") && len(t) <= 2: // without a table: all of them
		return "CLUSTER"
	}
	for _, k := range []string{"drop index concurrently", "vacuum", "create database", "drop database", "alter system",
		"create tablespace", "drop tablespace", "reindex database", "reindex schema", "reindex system"} {
		if begins(t, k) {
			return strings.ToUpper(k)
		}
	}
	return ""
}

func detachesConcurrently(t []Token) bool {
	i := slices.IndexFunc(t, func(t Token) bool { return t.Is("detach") })
	if i < 0 || !begins(t[i:], "detach partition") {
		return false
	}
	return slices.ContainsFunc(t[min(i+3, len(t)):], func(t Token) bool { return t.Is("concurrently") })
}

// unnamed reports whether ON follows where the name of the index could stand.
func unnamed(t []Token) bool {
	return begins(t, "create [unique] index concurrently on")
}
