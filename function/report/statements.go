package report

import (
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// statementList collects statements up to a size, and counts the others.
type statementList struct {
	limits limits
	list   []statementDocument
	room   int // bytes left
	beyond int
}

// statements lists those that a plan will run, or those that an apply ran, the
// one included that failed. The second result counts those for which there was
// no room.
func statements(r migration.Result, l limits) ([]statementDocument, int) {
	s := statementList{limits: l, list: []statementDocument{}, room: l.report}
	for _, p := range planFiles(r) {
		for i := p.Applied(); i < len(p.Stmts); i++ {
			s.add(p.File, i, statementPlanned, nil)
		}
	}
	for _, f := range ranFiles(r) {
		s.addRan(f, failedIn(f, r.Failure), stoppedIn(f, r.Failure) && inDoubt(r.Failure))
	}
	return s.list, s.beyond
}

// addRan adds what was run of a file. failed is the statement, from 1, at which
// that ended, 0 for none; doubt says that it is not known what of it was kept.
func (s *statementList) addRan(f migration.FileResult, failed int, doubt bool) {
	ran := make(map[int]*migration.Ran, len(f.Ran))
	for i := range f.Ran {
		ran[f.Ran[i].Statement] = &f.Ran[i]
	}
	for i := range f.Stmts {
		switch {
		case i < f.Row.Applied:
			s.add(f.File, i, statementApplied, ran[i])
		case doubt && (i == failed-1 || ran[i] != nil):
			s.add(f.File, i, statementInDoubt, ran[i])
		case i == failed-1:
			s.add(f.File, i, statementFailed, ran[i])
		case ran[i] != nil:
			s.add(f.File, i, statementRolledBack, ran[i])
		}
	}
}

func (s *statementList) add(f migration.File, i int, state statementState, ran *migration.Ran) {
	if s.room <= 0 {
		s.beyond++
		return
	}
	sql := migration.Mask(f.Stmts[i].Text)
	d := statementDocument{
		File: f.Name, Line: f.Stmts[i].Line, Statement: i + 1, Of: len(f.Stmts),
		State: state, SQL: head(sql, s.limits.sql),
	}
	d.Cut = len(sql) - len(d.SQL)
	if ran != nil {
		d.Found, d.Healed = ran.Found, clip(migration.Mask(ran.Healed), s.limits.text)
		if !ran.Found {
			d.Milliseconds = milliseconds(ran.Took)
		}
	}
	s.room -= len(d.SQL) + len(d.File) + 120 // the least that the rest of it takes
	s.list = append(s.list, d)
}
