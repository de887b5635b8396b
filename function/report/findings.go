package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// findings shows judgements, the gravest first.
func (p *page) findings(r migration.Result, a allowance) {
	sorted := gravest(r.Findings)
	for i, f := range sorted {
		p.gap()
		if i == a.findings {
			p.say(0, 2, caution, fmt.Sprintf("... and %s, not shown here: %s", count(len(sorted)-i, "more finding"), foundInAll(sorted[i:])))
			return
		}
		p.finding(f)
	}
}

// gravest orders findings by severity, and leaves the order of equals as it is.
func gravest(findings []migration.Finding) []migration.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(x, y migration.Finding) int { return rank[y.Severity] - rank[x.Severity] })
	return sorted
}

func (p *page) finding(f migration.Finding) {
	head := strings.ToUpper(string(f.Severity)) + " " + f.Code
	if f.Place() != "" {
		head += "  " + f.Place()
	}
	if f.Statement > 0 {
		head += fmt.Sprintf(", statement %d", f.Statement)
	}
	s := map[migration.Severity]style{migration.Error: bad, migration.Warning: caution}[f.Severity]
	p.put(0, s, head)
	p.say(4, 0, plain, migration.Mask(f.Summary))
	if f.Detail != "" {
		p.say(4, 0, plain, migration.Mask(f.Detail))
	}
	p.labelled(4, "Fix:", migration.Mask(f.Fix))
}
