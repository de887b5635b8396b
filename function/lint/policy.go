package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Policy says from when on something is a warning, or an error. The zero value
// has the defaults stated at each field.
type Policy struct {
	// HoldError and HoldWarning: others wait longer than this. 1 s and 0.1 s.
	HoldError, HoldWarning time.Duration
	// SizeError and SizeWarning stand for them where no time is known: the
	// statement works on that many bytes while others wait. 16 MiB and 1 MiB.
	SizeError, SizeWarning int64
	// Busy: scans and written rows a second that make a short lock worth a
	// note. 200.
	Busy float64
	// ManyLocks: relations that one statement locks. 100.
	ManyLocks int
}

// Defaults returns p with its zero fields filled in.
func (p Policy) Defaults() Policy {
	if p.HoldError == 0 {
		p.HoldError = time.Second
	}
	if p.HoldWarning == 0 {
		p.HoldWarning = 100 * time.Millisecond
	}
	if p.SizeError == 0 {
		p.SizeError = 16 << 20
	}
	if p.SizeWarning == 0 {
		p.SizeWarning = 1 << 20
	}
	if p.Busy == 0 {
		p.Busy = 200
	}
	if p.ManyLocks == 0 {
		p.ManyLocks = 100
	}
	return p
}

// weigh says how bad it is that others wait while relations are worked on. What
// is not known counts as large; a relation known to be empty as nothing.
func (s *statement) weigh(relations []string) migration.Severity {
	p := s.in.Policy
	if s.empty(relations) || s.locksNewOnly() {
		return migration.Info
	}
	if held, ok := s.heldFor(); ok {
		return graded(held, p.HoldWarning, p.HoldError)
	}
	var bytes int64
	for _, name := range relations {
		f, ok := s.in.Facts[name]
		if !ok || f.Bytes < 0 {
			return migration.Error
		}
		bytes += f.Bytes + max(f.IndexBytes, 0)
	}
	if len(relations) == 0 {
		return migration.Error
	}
	return graded(bytes, p.SizeWarning, p.SizeError)
}

func graded[T int64 | time.Duration](is, warning, fault T) migration.Severity {
	switch {
	case is >= fault:
		return migration.Error
	case is >= warning:
		return migration.Warning
	}
	return migration.Info
}

// empty says that all of the relations are known to have no rows.
func (s *statement) empty(relations []string) bool {
	for _, name := range relations {
		if f, ok := s.in.Facts[name]; (!ok || !f.Empty()) && !s.pending(name) {
			return false
		}
	}
	return len(relations) > 0
}

// locksNewOnly says that others would wait only for tables that the run itself made,
// which nobody uses yet.
func (s *statement) locksNewOnly() bool {
	var tables []string
	for _, l := range s.own() {
		tables = append(tables, l.Relation)
	}
	for _, h := range s.earlier() {
		tables = append(tables, h.Relation)
	}
	return s.newOnly(slices.DeleteFunc(tables, func(name string) bool {
		return s.before.table(name) == nil && !s.newInRun(objectKey("table", name))
	}))
}

// newOnly says that the run itself made the tables, with rows or without.
func (s *statement) newOnly(tables []string) bool {
	return len(tables) > 0 && !slices.ContainsFunc(tables, func(name string) bool { return !s.newInRun(objectKey("table", name)) })
}

// pending says that the table is not there yet in the database in use: a file
// before this one makes it, and no file reads rows into it.
func (s *statement) pending(name string) bool {
	if _, ok := s.in.Facts[name]; ok || !s.newInRun(objectKey("table", name)) {
		return false
	}
	return !slices.ContainsFunc(s.in.Files, func(f migration.File) bool {
		return slices.ContainsFunc(f.Stmts, func(stmt migration.Stmt) bool { return fills(stmt, name) })
	})
}

// fills says that a statement may put more rows into a table than it spells out.
func fills(stmt migration.Stmt, name string) bool {
	t := deepTokens(stmt.Text)
	any := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return says(t, w) })
	}
	if any("call") || executesVariable(t) || executesLiteral(t) && any("insert", "copy", "merge") {
		return true
	}
	return any("insert", "copy", "merge", "create table") && any("select", "copy", "merge", "loop", "as table") &&
		slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && x.Text == last(name) })
}

// executesVariable says that a body executes what no literal of it tells.
func executesVariable(t []migration.Token) bool {
	return executes(t, func(next migration.Token) bool {
		return next.Kind != migration.Literal && !next.Is("format") && !next.Is("function") && !next.Is("procedure")
	})
}

// executesLiteral says that a body executes literals, into which names may be put.
func executesLiteral(t []migration.Token) bool {
	return executes(t, func(next migration.Token) bool { return next.Kind == migration.Literal || next.Is("format") })
}

func executes(t []migration.Token, what func(next migration.Token) bool) bool {
	for i, x := range t[:max(0, len(t)-1)] {
		if x.Is("execute") && what(t[i+1]) {
			return true
		}
	}
	return false
}

// fromTheBeginning says that no file comes before those that are judged: they need
// not run together, and tell nothing of what is there when each does.
func (in *Input) fromTheBeginning() bool {
	return len(in.Replay.Files) == 0 || in.Replay.Files[0].Name >= in.Files[0].Name
}

// lesser is severity, or info where the relations are known to be empty, or nobody uses
// them yet.
func (s *statement) lesser(severity migration.Severity, relations ...string) migration.Severity {
	if s.empty(relations) || s.newOnly(relations) {
		return migration.Info
	}
	return severity
}

// sizes says how large the relations are here, "" where nothing is known.
func (s *statement) sizes(relations []string) string {
	var said []string
	for _, name := range relations {
		f, ok := s.in.Facts[name]
		switch {
		case !ok:
		case f.Empty():
			said = append(said, name+" has no rows")
		case f.Rows > 0:
			said = append(said, fmt.Sprintf("%s has about %s rows in %s", name, grouped(f.Rows), size(f.Bytes)))
		case f.Bytes >= 0:
			said = append(said, fmt.Sprintf("%s has %s", name, size(f.Bytes)))
		}
	}
	if f := s.foreseen(); f != "" {
		said = append(said, strings.TrimSuffix(f, "."))
	}
	if len(said) == 0 {
		return ""
	}
	return "Here " + strings.Join(said, "; ") + "."
}

func grouped(n int64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

func size(bytes int64) string {
	const kib = 1 << 10
	switch {
	case bytes >= kib*kib*kib:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(kib*kib*kib))
	case bytes >= kib*kib:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(kib*kib))
	}
	return fmt.Sprintf("%d KiB", max(bytes, 0)/kib)
}
