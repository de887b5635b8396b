package report

import (
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// failure shows what went wrong, where, and in which state the database is now.
func (p *page) failure(r migration.Result, a allowance) {
	f := clippedFailure(r.Failure, whole)
	if f == nil {
		return
	}
	p.gap()
	p.say(0, 2, bad, f.Error())
	for _, l := range pointedAt(r, f) {
		p.put(4, plain, l)
	}
	p.labelled(4, "Detail:", f.Detail)
	p.labelled(4, "PostgreSQL's hint:", f.Hint)
	var waits []string
	for _, b := range f.Blockers {
		waits = append(waits, "Waiting for "+b.String())
	}
	p.bullets(4, waits, a)
	p.labelled(4, "State:", f.State)
	if f.RetryAfter > 0 {
		p.put(4, plain, waiting(f.RetryAfter))
	}
	if f.Next != "" && f.Next != next(r) {
		p.labelled(4, "Then:", f.Next)
	}
}

// pointedAt returns the lines of the file that failed: the excerpt with its
// caret, else the beginning of the statement.
func pointedAt(r migration.Result, f *migration.Failure) []string {
	if f.Excerpt != "" {
		// One column for a tab, as the caret counts it.
		return shortLines(strings.Split(strings.ReplaceAll(f.Excerpt, "\t", " "), "\n"))
	}
	for _, ran := range ranFiles(r) {
		if n := failedIn(ran, f); n > 0 && n <= len(ran.Stmts) {
			return excerpt(migration.Mask(ran.Stmts[n-1].Text), 5, 0)
		}
	}
	return nil
}
