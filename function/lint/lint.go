// Package lint judges what the statements of a directory do: effects that a
// replay saw, and what is known of the database they will meet, become findings.
// Values from values: it asks nothing and nobody.
package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// An Input is all that a judgement rests on.
type Input struct {
	// Files are judged, in the order in which they run.
	Files []migration.File
	// Replay has the effects of Files and of those before them. Nil: nothing is
	// known of what the statements do, which is one warning.
	Replay *migration.Replay
	// Facts of the relations in the database in use, by name as in Effects. Nil,
	// or one that is missing: of unknown size, which counts as large.
	Facts map[string]migration.RelationFacts
	// Holds say how long others will have to wait for a statement, where a
	// forecast knows; sizes stand in for those that are missing.
	Holds map[Place]time.Duration
	// Forecasts say how long statements will take, where that is known.
	Forecasts map[Place]migration.Forecast
	// Time that one invocation has; 0 for any. StatementTimeout is that of the
	// runner; 0 for none.
	Time, StatementTimeout time.Duration
	// Timeouts are those of the sessions that wait for a statement.
	Timeouts []migration.Timeout
	// Major of the database that the files will run on; 0: that of the replay.
	Major  int
	Policy Policy
}

// A Place is a statement.
type Place struct {
	File      string
	Statement int // from 1
}

// Check returns what is to be said of the files, in the order of the statements,
// each finding identified. A statement has at most one finding of a code. What
// a directive atlas:nolint quiets, with a reason, is left out.
func Check(in Input) []migration.Finding {
	in.Policy = in.Policy.Defaults()
	if len(in.Files) == 0 {
		return nil
	}
	if in.Replay == nil {
		return append(unreplayed(), strayDirectives(in.Files)...)
	}
	if in.Major == 0 {
		in.Major = in.Replay.Major
	}
	start := newCatalogue(in.before())
	d := &directory{in: &in, start: start, now: start, made: newMade()}
	for _, f := range in.Files {
		d.file(f)
	}
	d.spare()
	d.keyless()
	d.end()
	var kept []migration.Finding
	for _, f := range in.Files {
		kept = append(kept, audible(f, d.findings[f.Name])...)
	}
	for i := range kept {
		kept[i] = kept[i].Identified()
	}
	return kept
}

// Failed is the finding of a statement that failed when the file was replayed: so it
// will on the database in use, unless other rows are there.
func Failed(file migration.File, f *migration.Failure) migration.Finding {
	code := codeFails
	if f.SQLState == "23502" && strings.Contains(f.Message, "contains null values") {
		code = codeNoDefault
	}
	fix := f.Remedy(file.TxMode == migration.TxNone)
	if fix == "" {
		fix = f.Hint
	}
	if fix == "" {
		fix = "Mend the statement."
	}
	summary := fmt.Sprintf("fails: %s (%s)", strings.TrimPrefix(f.Message, "ERROR: "), f.SQLState)
	return migration.Finding{Code: code, Severity: migration.Error, File: f.File, Line: f.Line, Statement: f.Statement, Summary: summary, Detail: f.Detail, Fix: fix}.Identified()
}

// unreplayed is all that can be said without a replay.
func unreplayed() []migration.Finding {
	return []migration.Finding{migration.Finding{Code: codeUnknown, Severity: migration.Warning, File: migration.ReplayName,
		Summary: "what the statements do is not known: there is no " + migration.ReplayName,
		Detail:  "Locks, scans, rewrites and losses of these files were not judged.",
		Fix:     "Run aurora-migrate replay, and put the " + migration.ReplayName + " that it writes beside the files."}.Identified()}
}

// before is what the database holds before the first of the files.
func (in *Input) before() catalog.Snapshot {
	var edits []catalog.Edit
	for _, f := range in.Replay.Files {
		if f.Name >= in.Files[0].Name {
			break
		}
		edits = append(edits, f.Catalogue...)
	}
	return catalog.Snapshot{}.Apply(edits)
}

// A directory is a judgement under way.
type directory struct {
	in       *Input
	start    *catalogue // before them
	now      *catalogue // after those that were judged
	findings map[string][]migration.Finding
	dropped  []gap   // indexes that were dropped
	created  []fresh // tables that were created
	made     made
	own      made // by the statements of this file so far
	built    []builtIndex
	unproven []unproven // constraints that were added NOT VALID
	unusable []locked   // inserts that lack a privilege on a sequence
}

// file judges one file.
func (d *directory) file(f migration.File) {
	if d.findings == nil {
		d.findings = make(map[string][]migration.Finding)
	}
	seen, ok := d.in.Replay.Find(f.Name)
	if !ok || len(seen.Statements) != len(f.Stmts) {
		d.findings[f.Name] = []migration.Finding{{Code: codeUnknown, Severity: migration.Warning, File: f.Name,
			Summary: "what the statements of the file do is not known: " + migration.ReplayName + " does not tell of it",
			Fix:     "Run aurora-migrate replay, which adds it."}}
		return
	}
	effects := slices.Clone(seen.Statements)
	for i := range effects {
		effects[i].Statement = i + 1 // its place decides, whatever was written there
	}
	s := &sheet{directory: d, file: f, effects: effects, before: d.now, after: d.now.after(seen.Catalogue)}
	d.own = d.made.further()
	for i := range effects {
		s.statement(i)
		d.own.remember(s.before, effects[i:i+1])
	}
	s.whole()
	s.keepBuilt()
	s.lasts()
	d.made.remember(s.before, effects)
	d.made.reaches(s.after, effects)
	d.now = s.after
	slices.SortStableFunc(s.findings, func(a, b migration.Finding) int { return a.Statement - b.Statement })
	d.findings[f.Name] = s.findings
}

// A sheet is a file with what was seen of it.
type sheet struct {
	*directory
	file          migration.File
	effects       []migration.Effects
	before, after *catalogue
	held          []held // by the transaction of the file
	findings      []migration.Finding
}

// statement judges the statement of that number, from 0.
func (s *sheet) statement(i int) {
	e := s.effects[i]
	st := &statement{sheet: s, stmt: s.file.Stmts[i], e: e, tokens: deepTokens(s.file.Stmts[i].Text)}
	for _, transaction := range st.transactions() {
		st.e, st.worksOn = transaction, false
		for i, rule := range rules {
			st.rule = i
			rule(st)
		}
	}
	st.e = e
	if !st.apart() {
		s.hold(st)
	}
	s.findings = append(s.findings, st.findings...)
}

// rules in the order in which they speak: what a rule has told of, a later one
// does not tell again.
var rules = []func(*statement){
	(*statement).observed,
	(*statement).rewritten,
	(*statement).retyped,
	(*statement).attached,
	(*statement).refreshed,
	(*statement).domains,
	(*statement).constraints,
	(*statement).nullsEnded,
	(*statement).maintained,
	(*statement).built,
	(*statement).fails,
	(*statement).duplicates,
	(*statement).worked,
	(*statement).lockedByHand,
	(*statement).sleeps,
	(*statement).partitions,
	(*statement).manyLocks,
	(*statement).droppedIndexes,
	(*statement).droppedUniqueness,
	(*statement).droppedThings,
	(*statement).droppedConstraints,
	(*statement).renamed,
	(*statement).columnsChanged,
	(*statement).rowsWritten,
	(*statement).lockedRows,
	(*statement).copied,
	(*statement).lookedFor,
	(*statement).counted,
	(*statement).enums,
	(*statement).words,
	(*statement).sessionOnly,
	(*statement).otherSessions,
	(*statement).again,
	(*statement).cutShort,
	(*statement).busy,
	(*statement).foretells,
}

// audible returns the findings of a file that no directive quiets, and what is
// wrong with its directives.
func audible(f migration.File, findings []migration.Finding) []migration.Finding {
	quiets := f.Quiets()
	kept := slices.DeleteFunc(slices.Clone(findings), func(found migration.Finding) bool {
		return slices.ContainsFunc(quiets, func(q migration.Quiet) bool {
			return q.Reason != "" && found.Code != codeNolint && q.Covers(found.Statement, found.Code)
		})
	})
	return append(kept, badDirectives(f)...)
}

func strayDirectives(files []migration.File) []migration.Finding {
	var found []migration.Finding
	for _, f := range files {
		for _, b := range badDirectives(f) {
			found = append(found, b.Identified())
		}
	}
	return found
}

// badDirectives are those that quiet nothing.
func badDirectives(f migration.File) []migration.Finding {
	var found []migration.Finding
	for _, q := range f.Quiets() {
		b := migration.Finding{Code: codeNolint, Severity: migration.Warning, File: f.Name, Line: q.Line, Statement: q.Statement}
		codes := strings.Join(q.Codes, " ")
		switch {
		case q.Stray:
			b.Summary = "atlas:nolint belongs to no statement and quiets nothing"
			b.Fix = "Write it on a line of its own directly above the statement, or at the very top of the file with an empty line below it."
		case codes == "":
			b.Summary = "atlas:nolint names no code and quiets nothing"
			b.Fix = "Name the codes, and say why: -- atlas:nolint PG101 -- the table has ten rows"
		case q.Reason == "":
			b.Summary = "atlas:nolint " + codes + " gives no reason and quiets nothing"
			b.Fix = "Say why behind the codes: -- atlas:nolint " + codes + " -- the table has ten rows"
		default:
			continue
		}
		found = append(found, b)
	}
	return found
}
