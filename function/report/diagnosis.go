package report

import (
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// health is the headline of a doctor.
func health(r migration.Result, where string) string {
	if broken, is := r.Diagnosis.Broken(); is {
		if r.Target == nil {
			where = "the database was not reached"
		}
		return "Unhealthy: the chain breaks at " + string(broken.Name) + "; " + where
	}
	if n := len(inState(r.Diagnosis.Checks, migration.CheckWarning)); n > 0 {
		return "Healthy, with " + count(n, "warning") + ": " + where
	}
	return "Healthy: " + where
}

// nextOnScreen is next, but for a doctor's that the screen has already told: as
// the fix beside the link which is broken.
func nextOnScreen(r migration.Result) string {
	if broken, is := r.Diagnosis.Broken(); is && broken.Fix == r.Next {
		return "Mend " + string(broken.Name) + ", as its fix above says; then look again."
	}
	return next(r)
}

func inState(checks []migration.Check, s migration.CheckState) []migration.Check {
	var some []migration.Check
	for _, c := range checks {
		if c.State == s {
			some = append(some, c)
		}
	}
	return some
}

// diagnosis shows what is broken and how to mend it, then every link in its
// order, and the SQL for what is missing.
func (p *page) diagnosis(r migration.Result) {
	checks := clippedChecks(r.Diagnosis.Checks, whole)
	for _, c := range inState(checks, migration.CheckBroken) {
		p.gap()
		p.say(0, 4, bad, "BROKEN "+string(c.Name)+": "+c.Said)
		p.labelled(4, "Fix:", c.Fix)
	}
	p.links(checks)
	for _, s := range r.Diagnosis.Scripts {
		if !s.Missing {
			continue
		}
		p.gap()
		p.put(0, plain, "SQL for whoever administers the database ("+s.For+"):")
		for _, statement := range s.Statements {
			p.put(2, plain, statement)
		}
	}
}

// markWidth and nameWidth are the columns in front of what is said.
const markWidth, nameWidth = 9, 15

var marks = map[migration.CheckState]string{
	migration.CheckOK: "ok", migration.CheckBroken: "BROKEN", migration.CheckWarning: "warning", migration.CheckSkipped: "-",
}

// links puts a line for each check, and one for all that could not be seen for
// the same reason. What is broken is told above.
func (p *page) links(checks []migration.Check) {
	p.gap()
	for i := 0; i < len(checks); i++ {
		c := checks[i]
		names := []string{string(c.Name)}
		for c.State == migration.CheckSkipped && i+1 < len(checks) && checks[i+1].State == c.State && checks[i+1].Said == c.Said {
			i++
			names = append(names, string(checks[i].Name))
		}
		mark := column(marks[c.State], markWidth)
		switch {
		case len(names) > 1:
			p.labelled(2, strings.TrimSuffix(mark, " "), c.Said+": "+strings.Join(names, ", "))
			continue
		case c.State == migration.CheckBroken:
			p.put(2, bad, mark+names[0])
			continue
		}
		from := len(p.lines)
		p.labelled(2, strings.TrimSuffix(mark+column(names[0], nameWidth), " "), c.Said)
		if c.State == migration.CheckWarning {
			p.labelled(2+markWidth+nameWidth, "Fix:", c.Fix)
			p.lines[from].style = caution
		}
	}
}
