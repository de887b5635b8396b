package migration

import (
	"slices"
	"strings"
)

// Survey lists every version that the directory or the history has, in order,
// with where it stands.
func Survey(dir *Dir, history History) []Migration {
	wrong := make(map[string]MigrationState)
	for _, f := range compare(dir, history) {
		switch f.Code {
		case "AM201", "AM203":
			wrong[f.File] = StateChanged
		case "AM204":
			wrong[f.File] = StateOutOfOrder
		}
	}
	pending := make(map[string]bool)
	for _, f := range dir.pending(history) {
		pending[f.Version] = true
	}
	var all []Migration
	for _, f := range dir.Files {
		m := Migration{Version: f.Version, File: f.Name, Total: len(f.Stmts), State: StateSkipped}
		if r, ok := history.Find(f.Version); ok {
			m.recorded(r)
		} else if pending[f.Version] {
			m.State = StatePending
		}
		if state, ok := wrong[f.Name]; ok {
			m.State = state
		}
		all = append(all, m)
	}
	for i, r := range history {
		if dir.has(r.Version) {
			continue
		}
		m := Migration{Version: r.Version}
		m.recorded(r)
		if r.Type == Executed && !excused(dir, history, i) {
			m.State = StateMissing
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b Migration) int { return strings.Compare(a.Version, b.Version) })
	return all
}

// recorded fills in what the row of a version tells.
func (m *Migration) recorded(r Revision) {
	at := r.ExecutedAt
	m.Row = r
	m.ExecutedAt, m.ExecutionTime, m.By, m.Error = &at, Milliseconds(r.ExecutionTime), r.OperatorVersion, r.Error
	m.Applied, m.Total = r.Applied, r.Total
	switch {
	case r.Type == Baseline:
		m.State = StateBaseline
	case r.Partial():
		m.State = StatePartial
	default:
		m.State = StateApplied
	}
}
