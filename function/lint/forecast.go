package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// foretellable is the time from which on a statement is worth a note of its own.
const foretellable = time.Second

// forecast is how long the statement will take, where that is known.
func (s *statement) forecast() (migration.Forecast, bool) {
	f, ok := s.in.Forecasts[Place{s.file.Name, s.e.Statement}]
	return f, ok
}

// heldFor is how long others may have to wait for the statement, where that is
// known: as long as a forecast says at most.
func (s *statement) heldFor() (time.Duration, bool) {
	if held, ok := s.in.Holds[Place{s.file.Name, s.e.Statement}]; ok {
		return held, true
	}
	f, ok := s.forecast()
	return f.High, ok
}

// foreseen says how long the statement will take under which lock, "" where that
// is not known.
func (s *statement) foreseen() string {
	if f, ok := s.forecast(); ok {
		s.foretold = true
		return fmt.Sprintf("the forecast is %s%s for %s rows. %s", f, s.under(), grouped(f.Rows), f.Unsure)
	}
	if held, ok := s.in.Holds[Place{s.file.Name, s.e.Statement}]; ok {
		return fmt.Sprintf("the forecast is %s", held.Round(10*time.Millisecond))
	}
	return ""
}

// givesUp says whose sessions will not wait for the statement to its end, since a
// timeout of theirs is over first.
func (s *statement) givesUp() string {
	held, known := s.heldFor()
	if !known || s.under() == "" {
		return ""
	}
	var said []string
	for _, t := range s.in.Timeouts {
		if t.After < held {
			who := "any role"
			if t.Role != "" {
				who = "the role " + t.Role
			}
			said = append(said, fmt.Sprintf("of %s (%s %s)", who, t.Setting, migration.Span(t.After)))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return "Waiting fails with an error sooner, by their own timeouts, for sessions " + strings.Join(said, ", ") + "."
}

// under names the strongest lock that others wait for meanwhile.
func (s *statement) under() string {
	var strongest migration.LockMode
	for _, l := range s.own() {
		if l.Mode.Strength() > strongest.Strength() {
			strongest = l.Mode
		}
	}
	for _, h := range s.earlier() {
		if h.Mode.Strength() > strongest.Strength() {
			strongest = h.Mode
		}
	}
	if strongest == "" {
		return ""
	}
	return " under " + string(strongest)
}

// foretells tells of a statement that takes long, where no other finding says
// so, and of one that will be cut off before it ends.
func (s *statement) foretells() {
	f, ok := s.forecast()
	if !ok {
		return
	}
	if limit := s.in.StatementTimeout; limit > 0 && f.High > limit {
		severity := migration.Warning
		if f.Likely > limit {
			severity = migration.Error
		}
		s.tell(codeCutOff, severity, fmt.Sprintf("takes %s, and the statement timeout is %s", f, migration.Span(limit)), sentence(s.foreseen()),
			"Raise the statement timeout of the runner (MIGRATE_STATEMENT_TIMEOUT), or part the statement, so that each piece takes less.")
	}
	if !s.foretold && f.Likely >= foretellable {
		s.tell(codeTakes, migration.Info, "takes "+f.String(), sentence(s.foreseen()), "Nobody waits for it by a lock of its own; apply it when the server has room for the work.")
	}
}

func sentence(said string) string {
	if said == "" {
		return ""
	}
	return "Here " + said
}

// lasts tells of a file that one invocation has not the time for.
func (s *sheet) lasts() {
	whole := s.in.Time
	if whole <= 0 {
		return
	}
	var all, high, longest time.Duration
	place := 0
	for i, e := range s.effects {
		f, ok := s.in.Forecasts[Place{s.file.Name, e.Statement}]
		if !ok {
			continue
		}
		all, high = all+f.Likely, high+f.High
		if f.Likely > longest || longest == 0 {
			longest, place = f.Likely, i
		}
	}
	if high <= whole {
		return
	}
	apart := s.file.TxMode == migration.TxNone
	found := migration.Finding{File: s.file.Name, Statement: place + 1, Line: s.file.Stmts[place].Line}
	switch {
	case !apart || longest > whole:
		found.Code, found.Severity = codeNeverEnds, migration.Error
		what, took := "one transaction", all
		if apart {
			what, took = "one statement", longest
		}
		found.Summary = fmt.Sprintf("%s of %s: an invocation has %s, so that it can never finish here", what, migration.Span(took), migration.Span(whole))
		if took <= whole {
			found.Severity = migration.Warning
			found.Summary = fmt.Sprintf("%s of up to %s: an invocation has %s, so that it may never finish here", what, migration.Span(high), migration.Span(whole))
		}
		found.Detail = "What does not fit is rolled back and begins anew the next time."
		found.Fix = "Split it: several files, or batches that each commit in a file outside a transaction (-- atlas:txmode none); or run it from a machine near the database, where no invocation ends it (aurora-migrate apply --url)."
	case all > whole:
		found.Code, found.Severity = codeUnfinished, migration.Info
		found.Summary = fmt.Sprintf("needs %s, and an invocation has %s: it will end `unfinished` %s", migration.Span(all), migration.Span(whole), times(int((all-1)/whole)))
		found.Detail = "What is done by then stays done; the same plan goes on from there."
		found.Fix = "Apply again with the same digest until it is applied, or let the state machine do so."
	default:
		return
	}
	s.findings = append(s.findings, found)
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// Foretold are the findings that hang on a forecast alone, that are accepted, and
// that are not among those found now.
func Foretold(files []migration.Pending, found []migration.Finding, accept []string) (missing []migration.Finding) {
	for _, p := range files {
		for i, stmt := range p.Stmts {
			for _, code := range []string{codeTakes, codeNeverEnds, codeUnfinished, codeCutOff} {
				f := migration.Finding{Code: code, Severity: migration.Info, File: p.Name, Line: stmt.Line, Statement: i + 1,
					Summary: "took longer by the forecast of the plan; the approval accepts that"}.Identified()
				known := slices.ContainsFunc(found, func(o migration.Finding) bool { return o.ID == f.ID })
				if !known && slices.Contains(accept, f.ID) {
					missing = append(missing, f)
				}
			}
		}
	}
	return missing
}
