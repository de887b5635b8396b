package report

import (
	"fmt"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// verifiedDocument says what a verification covers.
type verifiedDocument struct {
	Objects    int    `json:"objects"`
	Before     int    `json:"before,omitempty"`     // of before a baseline: the migrations did not make them
	Half       string `json:"half,omitempty"`       // the file that is applied only in part
	Unobserved int    `json:"unobserved,omitempty"` // statements that the replay did not see
	ReplayedOn int    `json:"replayed_on,omitempty"`
}

func newVerifiedDocument(v *migration.Verification, l limits) *verifiedDocument {
	if v == nil {
		return nil
	}
	return &verifiedDocument{Objects: v.Objects, Before: v.Before, Half: clip(v.Half, l.text), Unobserved: v.Missed, ReplayedOn: v.Other}
}

// manyFacts is how many facts, and lines, of one object are told; who needs more
// has the object itself to look at.
const manyFacts = 50

// clippedDrift is nil where nothing was compared.
func clippedDrift(v *migration.Verification, l limits) []migration.Drift {
	if v == nil {
		return nil
	}
	list := make([]migration.Drift, 0, len(v.Drift))
	for _, d := range v.Drift {
		d.Name = clip(d.Name, l.text)
		d.Facts, d.Plus, d.Minus = clippedLines(d.Facts, l), clippedLines(d.Plus, l), clippedLines(d.Minus, l)
		list = append(list, d)
	}
	return list
}

// clippedLines masks and clips them, and says how many it left out.
func clippedLines(texts []string, l limits) []string {
	var kept []string
	for i, s := range texts {
		if i == manyFacts {
			return append(kept, fmt.Sprintf("... and %s more", number(len(texts)-i)))
		}
		kept = append(kept, clip(migration.Mask(s), l.text))
	}
	return kept
}

func driftSize(d migration.Drift) int {
	n := len(d.Name) + 60
	for _, list := range [][]string{d.Facts, d.Plus, d.Minus} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n
}

func verifiedHeadline(r migration.Result, where string) string {
	if r.Outcome == migration.Clean {
		return "Clean: " + where + " is what its migrations say" + upTo(r)
	}
	n := 0
	for _, d := range r.Verified.Drift {
		if d.Counts() {
			n++
		}
	}
	return fmt.Sprintf("Drifted: %s of %s %s not what the migrations say%s", count(n, "object"), where, isOrAre(n), upTo(r))
}

func upTo(r migration.Result) string {
	if r.Version == "" {
		return ", of which none is applied"
	}
	return " up to version " + r.Version
}

// drift shows what was compared, then every object that differs: those that
// count first.
func (p *page) drift(r migration.Result, a allowance) {
	v := r.Verified
	if v == nil {
		return
	}
	p.covered(v)
	var counted, told []migration.Drift
	for _, d := range clippedDrift(v, whole) {
		if d.Counts() {
			counted = append(counted, d)
		} else {
			told = append(told, d)
		}
	}
	for i, d := range counted {
		p.gap()
		if i == a.findings {
			p.say(0, 2, caution, fmt.Sprintf("... and %s, not shown here", count(len(counted)-i, "more object")))
			break
		}
		p.put(0, bad, strings.ToUpper(string(d.How))+"  "+d.Kind+" "+d.Name)
		p.bullets(4, explained(d), a)
	}
	var names []string
	for _, d := range told {
		names = append(names, d.String())
	}
	p.names("Told, and no drift (partitions that were added, privileges beyond those of the migrations):", names, a)
}

// explained is what a person reads below the name of an object.
func explained(d migration.Drift) []string {
	switch d.How {
	case migration.DriftMissing:
		return []string{"The migrations make it, and it is not there."}
	case migration.DriftExtra:
		return []string{"It is there, and no migration makes it."}
	}
	return d.Facts
}

func (p *page) covered(v *migration.Verification) {
	said := count(v.Objects, "object") + " compared."
	if v.Before > 0 {
		said += fmt.Sprintf(" %s %s from before the baseline, and not from the migrations.", count(v.Before, "object"), isOrAre(v.Before))
	}
	p.say(0, 0, plain, said)
	if v.Half != "" {
		p.say(0, 0, caution, "Applied only in part: "+v.Half+". What it changes may be as it was before it, as it is after it, or in between.")
	}
	if v.Missed > 0 {
		p.say(0, 0, caution, count(v.Missed, "statement")+" could not be seen in the replay: what they name is not compared.")
	}
	if v.Other > 0 {
		p.say(0, 0, caution, fmt.Sprintf("The migrations were replayed on PostgreSQL %d, which is not the major version here: definitions may be written differently, and that looks like drift.", v.Other))
	}
}
