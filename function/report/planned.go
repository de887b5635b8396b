package report

import (
	"fmt"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// planned shows every file that a plan runs, with its statements.
func (p *page) planned(r migration.Result, a allowance) {
	lines := a.sql
	files := planFiles(r)
	for i, f := range files {
		if i == a.files || lines <= 0 {
			n, statements := totals(files[i:])
			p.gap()
			p.say(0, 2, caution, fmt.Sprintf("... and %s with %s, not shown here", count(n, "more file"), count(statements, "statement")))
			return
		}
		p.gap()
		p.say(0, 2, title, f.Name+": "+manner(f))
		lines = p.statements(f, lines, a)
	}
}

// manner says how a file runs: how many statements, from where on, how committed.
func manner(f migration.Pending) string {
	said := count(len(f.Stmts), "statement")
	if done := f.Applied(); done > 0 {
		said = fmt.Sprintf("goes on at statement %d of %d (%d %s in the database already)", done+1, len(f.Stmts), done, isOrAre(done))
	}
	if f.TxMode == migration.TxNone {
		return said + ", one by one, outside a transaction"
	}
	return said + ", in one transaction"
}

// statements shows those of a file that are still to run, until lines are used
// up, and returns how many lines are left. Long ones have empty lines around
// them, short ones stand close.
func (p *page) statements(f migration.Pending, lines int, a allowance) int {
	short := true
	for i := f.Applied(); i < len(f.Stmts); i++ {
		if lines <= 0 {
			p.gap()
			p.put(2, caution, fmt.Sprintf("... and %s of this file, not shown here", count(len(f.Stmts)-i, "more statement")))
			break
		}
		sql := excerpt(migration.Mask(f.Stmts[i].Text), a.first, a.last)
		if !short || len(sql) > 1 && i > f.Applied() {
			p.gap()
		}
		short = len(sql) == 1
		p.put(2, faint, fmt.Sprintf("%s:%d, statement %d of %d", f.Name, f.Stmts[i].Line, i+1, len(f.Stmts)))
		for _, l := range sql {
			p.put(4, plain, l)
		}
		lines -= len(sql)
	}
	return lines
}

// adoption shows what a baseline does to the history.
func (p *page) adoption(r migration.Result, a allowance) {
	if r.Adoption == nil || r.Outcome != migration.Planned && r.Outcome != migration.Baselined {
		return
	}
	p.gap()
	p.bullets(2, r.Adoption.Sentences(), a)
	if r.Outcome == migration.Baselined && r.Version != "" {
		p.gap()
		p.say(0, 0, plain, "The database is at version "+r.Version+".")
	}
}
