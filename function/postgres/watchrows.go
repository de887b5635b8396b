package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// rowsSeen is what was seen of statements where tables had rows, by their index.
type rowsSeen map[int]*rowSeen

type rowSeen struct {
	fails    string // SQLSTATE
	scans    []migration.ScanSeen
	rows     []migration.RowsSeen
	unfilled []string
	breaks   []migration.BreakSeen
	discards []migration.DiscardSeen
}

// into adds it to effects that were seen without rows.
func (r rowsSeen) into(effects []migration.Effects) {
	for i := range effects {
		e := &effects[i]
		s := r[e.Statement-1]
		if s == nil || e.Unobserved != "" {
			continue
		}
		e.WithRows, e.Rows, e.Breaks, e.Discards = s.fails, s.rows, s.breaks, s.discards
		for _, scan := range s.scans {
			if !slices.ContainsFunc(e.Scans, func(o migration.ScanSeen) bool { return o.Relation == scan.Relation }) {
				e.Scans = append(e.Scans, scan)
			}
		}
		for _, name := range s.unfilled {
			if slices.ContainsFunc(e.Locks, func(l migration.LockSeen) bool { return l.Relation == name }) {
				e.Unfilled = append(e.Unfilled, name)
			}
		}
		sortEffects(e)
	}
}

// withRows runs statements with rows in the tables that they may work on, as one
// transaction that it takes back. What fails without rows too is left for the run
// that counts.
func (w *Watcher) withRows(ctx context.Context, a *attempt, from, to int) (rowsSeen, error) {
	fired, err := w.firedBy(ctx, wordsOf(a.file.Stmts[from:to]))
	if err != nil {
		return nil, err
	}
	tables := w.concerned(a.file.Stmts[from:to], fired)
	if len(tables) == 0 {
		return nil, nil
	}
	beside := w.apart(a.file.Stmts, from, to)
	if len(fired) > 0 || makesFire(wordsOf(a.file.Stmts[from:to])) {
		beside = nil // what a trigger runs is not beside
	}
	for {
		all, err := w.runWithRows(ctx, a, from, to, tables, beside)
		if made, failed := w.makeMissing(ctx, err); failed != nil {
			return nil, failed
		} else if made {
			continue
		}
		if err == nil && len(beside) > 0 && len(all)+len(beside) < to-from { // something stood on what was left out
			beside = nil
			continue
		}
		return all, err
	}
}

// queries says that a statement with these words may make something of what a query
// returns: AS stands in it, and not for a generated column or an identity alone.
func queries(words []string) bool {
	return slices.Contains(words, "as") && (!slices.Contains(words, "generated") || slices.ContainsFunc([]string{"select", "values", "execute"}, func(w string) bool { return slices.Contains(words, w) }))
}

// apart are statements that make something new and name no relation of before:
// rows do not matter to them, and they can be left out where no other stands on
// what they make.
func (w *Watcher) apart(stmts []migration.Stmt, from, to int) map[int]bool {
	beside := map[int]bool{}
	for i := from; i < to; i++ {
		words := migration.Words(stmts[i].Text)
		if creates.MatchString(stmts[i].Text) && len(w.known.named(words)) == 0 && !queries(words) {
			beside[i] = true
		}
	}
	return beside
}

func (w *Watcher) runWithRows(ctx context.Context, a *attempt, from, to int, tables []*relation, beside map[int]bool) (all rowsSeen, err error) {
	firing, err := w.firing(ctx, tables)
	if err != nil {
		return nil, err
	}
	words := wordsOf(a.file.Stmts[from:to])
	fires := len(firing) > 0 || makesFire(words)
	were, err := w.positions(ctx, a.file.Stmts[from:to], fires)
	if err != nil {
		return nil, err
	}
	defer func() {
		if failed := w.setBack(ctx, were); err == nil {
			err = failed
		}
	}()
	if err := w.script(ctx, watchPrepare+"; "+begin+"; "+asSuperuser); err != nil {
		return nil, err
	}
	a.begun()
	w.begun()
	names := make(map[uint32]string, len(tables))
	for _, r := range tables {
		names[r.OID] = r.Qualified
	}
	defer w.rollBack(ctx, a)
	filled, err := w.fill(ctx, tables)
	if err != nil {
		return nil, err
	}
	if _, err := w.count(ctx, names); err != nil {
		return nil, err
	}
	var before map[write]*pgconn.PgError
	var reachedBefore map[write][]reached
	if fires {
		if err := w.countOn(ctx, slices.Collect(maps.Keys(filled))); err != nil {
			return nil, err
		}
		if reachedBefore, err = w.reach(ctx, slices.Collect(maps.Keys(filled))); err != nil {
			return nil, err
		}
		if before, err = w.writes(ctx, filled, w.besides(words)); err != nil {
			return nil, err
		}
		if _, err := w.count(ctx, names); err != nil {
			return nil, err
		}
	}
	all = rowsSeen{}
	last := from
	for i := from; i < to; i++ {
		if beside[i] {
			continue
		}
		one, err := w.statementWithRows(ctx, a, i, filled, names)
		if w.missingRole(err) != "" {
			return nil, err
		}
		if err != nil {
			return all, nil //nolint:nilerr // it fails without rows too, which the run that counts tells
		}
		all[i], last = one, i
	}
	if !fires {
		return all, nil
	}
	after, err := w.writes(ctx, filled, nil)
	if err != nil {
		return all, nil //nolint:nilerr // a file may leave the session so that nothing more can be asked
	}
	reachedAfter, err := w.reach(ctx, slices.Collect(maps.Keys(filled)))
	if err != nil {
		return all, nil //nolint:nilerr // the same
	}
	if all[last] != nil {
		all[last].breaks, all[last].discards = breaksSince(before, after), discardsSince(reachedBefore, reachedAfter)
	}
	return all, nil
}

// statementWithRows runs one statement; where rows make it fail they are taken
// away, and it runs without.
func (w *Watcher) statementWithRows(ctx context.Context, a *attempt, i int, filled map[uint32]int64, names map[uint32]string) (*rowSeen, error) {
	one := &rowSeen{}
	planned := planning(a.file.Stmts[i].Text)
	if err := w.script(ctx, planned+"; SAVEPOINT aurora_migrate_watch"); err != nil {
		return nil, err
	}
	w.planner = planned // before the savepoint, so that going back to it leaves that
	byIndex, err := w.readsByIndex(ctx, a, i)
	if err != nil {
		return nil, err
	}
	err = w.send(ctx, a, i)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && w.missingRole(err) == "" { // else another Watcher may make it at this moment

		one.fails = pg.Code
		if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_watch"); err != nil {
			return nil, err
		}
		if err := w.empty(ctx, filled); err != nil {
			return nil, err
		}
		clear(filled)
		if _, err = w.count(ctx, names); err == nil {
			err = w.send(ctx, a, i)
		}
	}
	if err != nil {
		return nil, err
	}
	counts, err := w.count(ctx, names)
	if err != nil {
		return nil, err
	}
	for oid, name := range names {
		n, there := filled[oid]
		c := counts[oid]
		if c.scans > 0 {
			scan := migration.ScanSeen{Relation: name}
			if c.scans > 1 {
				scan.Times = int(c.scans)
			}
			one.scans = append(one.scans, scan)
		} else if there && byIndex[oid] {
			one.scans = append(one.scans, migration.ScanSeen{Relation: name})
		}
		if !there {
			one.unfilled = append(one.unfilled, name)
		}
		if row := wrote(name, c, n); row != (migration.RowsSeen{}) {
			row.Cascade = w.known.all[oid] != nil && !mentions(migration.Words(a.file.Stmts[i].Text), w.known.all[oid])
			one.rows = append(one.rows, row)
		}
	}
	return one, nil
}

// count asks what was done to relations since it was last asked.
func (w *Watcher) count(ctx context.Context, names map[uint32]string) (map[uint32]counted, error) {
	var text string
	if err := w.conn.QueryRow(ctx, "SELECT "+watchSchema+".counts(VARIADIC $1::pg_catalog.oid[])", slices.Collect(maps.Keys(names))).Scan(&text); err != nil {
		return nil, err
	}
	var r report
	if err := json.Unmarshal([]byte(text), &r.Counts); err != nil {
		return nil, err
	}
	counts := r.counts()
	since := make(map[uint32]counted, len(counts))
	for oid, c := range counts {
		b := w.counts[oid]
		since[oid] = counted{c.scans - b.scans, c.inserted - b.inserted, c.updated - b.updated, c.deleted - b.deleted}
	}
	w.counts = counts
	return since, nil
}

// wrote says which part of n rows was written.
func wrote(name string, c counted, n int64) (r migration.RowsSeen) {
	if c.inserted+c.updated+c.deleted == 0 {
		return r
	}
	portion := func(of int64) migration.Portion {
		switch {
		case of == 0:
			return ""
		case n > 0 && of < n:
			return migration.SomeRows
		}
		return migration.AllRows
	}
	return migration.RowsSeen{Table: name, Insert: c.inserted > 0, Update: portion(c.updated), Delete: portion(c.deleted)}
}

// empty takes the rows away again.
func (w *Watcher) empty(ctx context.Context, filled map[uint32]int64) error {
	return w.unchecked(ctx, func() error {
		for oid := range filled {
			r := w.known.all[oid]
			if r == nil {
				continue
			}
			if err := w.exec(ctx, "DELETE FROM ONLY "+pgx.Identifier{r.Schema, r.Name}.Sanitize()); err != nil {
				return err
			}
		}
		return nil
	})
}

// unchecked does something in the transaction that no trigger sees and no
// foreign key checks.
func (w *Watcher) unchecked(ctx context.Context, do func() error) error {
	if err := w.exec(ctx, asSuperuser+", pg_catalog.set_config('session_replication_role', 'replica', true)"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return w.script(ctx, "SELECT pg_catalog.set_config('session_replication_role', 'origin', true); "+asRunner)
}

// concerned are the tables that statements may work on: those that they name, by
// themselves or by an index, and what hangs together with these by foreign keys
// and as partitions; and others beside.
func (w *Watcher) concerned(stmts []migration.Stmt, others []*relation) []*relation {
	found := map[uint32]*relation{}
	var next []*relation
	for _, r := range append(w.known.named(wordsOf(stmts)), others...) {
		if r.isIndex() {
			r = w.known.all[r.On]
		}
		if r != nil && (r.Kind == "r" || r.Kind == "p") && found[r.OID] == nil {
			found[r.OID] = r
			next = append(next, r)
		}
	}
	if len(found) == 0 {
		return nil
	}
	w.related(found, next)
	leaves := slices.DeleteFunc(slices.Collect(maps.Values(found)), func(r *relation) bool { return r.Kind != "r" })
	slices.SortFunc(leaves, func(a, b *relation) int { return int(a.OID) - int(b.OID) })
	return leaves
}

func wordsOf(stmts []migration.Stmt) (words []string) {
	for _, s := range stmts {
		words = append(words, migration.Words(s.Text)...)
	}
	return words
}

// mostRelated bounds how many tables are filled beside those that are named.
const mostRelated = 40

// related adds referenced tables, at any distance, partitions, and tables that
// reference one of those that are named.
func (w *Watcher) related(found map[uint32]*relation, next []*relation) {
	add := func(r *relation) {
		if r != nil && found[r.OID] == nil && len(found) < mostRelated {
			found[r.OID] = r
			next = append(next, r)
		}
	}
	for _, r := range slices.Clone(next) {
		for _, other := range w.known.referring(r.OID) {
			add(other)
		}
	}
	for len(next) > 0 {
		r := next[0]
		next = next[1:]
		if r.Kind == "p" {
			for _, part := range w.known.partitions(r.OID) {
				add(part)
			}
		}
		for _, k := range r.Constraints {
			if k.References != 0 {
				add(w.known.all[k.References])
			}
		}
	}
}
