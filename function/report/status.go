package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func statusHeadline(r migration.Result) string {
	where := place(r.Target)
	if r.Outcome == migration.Current {
		return "Up to date: " + where + standing(r)
	}
	var pending int
	for _, m := range r.Migrations {
		if m.State == migration.StatePending || m.State == migration.StatePartial {
			pending++
		}
	}
	return fmt.Sprintf("Pending: %s %s still to be applied; %s%s", count(pending, "file"), isOrAre(pending), where, standing(r))
}

// standing goes on behind the name of the database: " is at version 017".
func standing(r migration.Result) string {
	if r.Version == "" {
		return " has no version yet"
	}
	for _, m := range r.Migrations {
		if m.Version == r.Version && m.State == migration.StatePartial {
			return " is at version " + r.Version + ", which is applied only in part"
		}
	}
	return " is at version " + r.Version
}

// status shows every version and who holds the lock.
func (p *page) status(r migration.Result, a allowance) {
	told := r.Outcome == migration.Current || r.Outcome == migration.Outstanding || len(r.Migrations) > 0
	if r.Action != migration.ActionStatus || !told {
		return
	}
	p.versions(r.Migrations, a)
	p.gap()
	if r.Lock == nil {
		p.put(0, plain, "Nobody holds the migration lock.")
		return
	}
	p.say(0, 2, caution, "The migration lock is held by "+r.Lock.String()+".")
}

func (p *page) versions(all []migration.Migration, a allowance) {
	shown, older, more := latest(all, a.migrations)
	if len(shown) == 0 {
		return
	}
	p.gap()
	if older > 0 {
		p.put(2, caution, fmt.Sprintf("(%s applied earlier, not shown here)", count(older, "version")))
	}
	t := table{}
	t.addStyled(title, "VERSION", "STATE", "WHEN (UTC)", "TOOK", "BY, OR FILE")
	for _, m := range shown {
		t.addStyled(mark(m.State), statusRow(m)...)
		if m.Error != "" {
			first, _, _ := strings.Cut(migration.Mask(m.Error), "\n")
			t.addStyled(bad, "", "", clip(first, longLine))
		}
	}
	p.rows(2, t)
	if more > 0 {
		p.put(2, caution, fmt.Sprintf("... and %s, not shown here", count(more, "more version")))
	}
}

func mark(s migration.MigrationState) style {
	switch s {
	case migration.StateOutOfOrder, migration.StateChanged, migration.StateMissing:
		return bad
	case migration.StatePartial, migration.StatePending:
		return caution
	}
	return plain
}

// statusRow is the line of one version. What never ran shows its file in the
// place of who ran it.
func statusRow(m migration.Migration) []string {
	state := string(m.State)
	if m.State == migration.StatePartial {
		state = fmt.Sprintf("%d of %d applied", m.Applied, m.Total)
	}
	if m.ExecutedAt == nil {
		return []string{m.Version, state, "", "", m.File}
	}
	row := []string{m.Version, state, when(*m.ExecutedAt), took(time.Duration(m.ExecutionTime)), operator(m.By)}
	if m.State == migration.StateBaseline || m.ExecutionTime == 0 {
		row[3] = ""
	}
	return row
}

// operator shortens what the history says of who ran a version: a stamp of ours
// to its program and release.
func operator(by string) string {
	if s, ok := (migration.Revision{OperatorVersion: by}).Stamp(); ok {
		return "aurora-migrate " + s.Release
	}
	return clip(by, 60)
}

// latest returns at most n migrations and counts the others: what is left out is
// the oldest that is simply applied, and only then what stands last.
func latest(all []migration.Migration, n int) (shown []migration.Migration, older, more int) {
	over := len(all) - n
	for _, m := range all {
		if older < over && settled(m.State) {
			older++
			continue
		}
		shown = append(shown, m)
	}
	if len(shown) > n {
		shown, more = shown[:n], len(shown)-n
	}
	return shown, older, more
}

func settled(s migration.MigrationState) bool {
	return s == migration.StateApplied || s == migration.StateBaseline || s == migration.StateSkipped
}
