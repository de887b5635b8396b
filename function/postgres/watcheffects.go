package postgres

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A telling turns what was seen of the statements of one file into effects, in
// names.
type telling struct {
	w     *Watcher
	file  migration.File
	begin states          // relations as they were when the file began, as far as it changed them
	fresh map[uint32]bool // made by the file
}

// tell returns the effects of statements of f, from the given one on, that ran
// as one transaction.
func (w *Watcher) tell(f migration.File, from int, all []seen) []migration.Effects {
	t := &telling{w: w, file: f, begin: states{}, fresh: map[uint32]bool{}}
	for _, s := range all {
		for _, p := range append(slices.Clip(s.pieces), s) {
			t.began(p.changes)
		}
	}
	effects := make([]migration.Effects, len(all))
	for i, s := range all {
		effects[i] = t.effects(from+i, s)
	}
	return effects
}

// began keeps what relations were before changes that came after all others.
func (t *telling) began(changes map[uint32]change) {
	for oid, c := range changes {
		if _, noted := t.begin[oid]; noted || t.fresh[oid] {
			continue
		}
		if c.was == nil {
			t.fresh[oid] = true
		} else {
			t.begin[oid] = c.was
		}
	}
}

// before is a relation as it was when the file began; nil for one that was not
// there then, or of which nothing is known.
func (t *telling) before(oid uint32) *relation {
	if t.fresh[oid] {
		return nil
	}
	if r, ok := t.begin[oid]; ok {
		return r
	}
	return t.w.known.all[oid]
}

func (t *telling) effects(i int, s seen) migration.Effects {
	stmt := t.file.Stmts[i]
	e := migration.Effects{Statement: i + 1, Line: stmt.Line, Alone: s.alone, Unobserved: s.unobserved, Privileged: s.privileged, Behind: s.behind}
	words := migration.Words(stmt.Text)
	e.Locks = t.locks(s, words)
	for oid, c := range s.counts {
		if r := t.before(oid); r != nil && r.holdsRows() && c.scans > 0 {
			seen := migration.ScanSeen{Relation: r.Qualified}
			if c.scans > 1 {
				seen.Times = int(c.scans)
			}
			e.Scans = append(e.Scans, seen)
		}
	}
	rewritten := map[uint32]bool{}
	for _, n := range s.notices {
		if n.Rewrite != 0 {
			rewritten[n.Rewrite] = true
		}
	}
	files := map[uint32]bool{} // of indexes before: one that has a new oid and an old file was kept
	for _, c := range s.changes {
		if c.was != nil && c.was.isIndex() {
			files[c.was.File] = true
		}
	}
	for oid, c := range s.changes {
		emptied := !rewritten[oid] && (slices.Contains(words, "truncate") || t.emptied(stmt.Text, s, oid))
		t.relationChanged(&e, oid, c, emptied, files, words)
	}
	t.objects(&e, s, words)
	if len(s.pieces) > 0 {
		e.Pieces = t.pieces(i, s)
	}
	sortEffects(&e)
	return e
}

// pieces tells of transactions that a statement committed in between: of those
// that did something, and of what a loop did each time, once.
func (t *telling) pieces(i int, s seen) (all []migration.Effects) {
	nothing := t.effects(i, seen{alone: s.alone, privileged: s.privileged})
	for _, p := range s.pieces {
		p.alone, p.privileged, p.pieces = s.alone, s.privileged, nil
		e := t.effects(i, p)
		if alike := func(o migration.Effects) bool { return reflect.DeepEqual(o, e) }; !alike(nothing) && !slices.ContainsFunc(all, alike) {
			all = append(all, e)
		}
	}
	if len(all) < 2 {
		return nil
	}
	return all
}

// locks are those of a statement on relations of before, the strongest that it
// took of each.
func (t *telling) locks(s seen, words []string) (all []migration.LockSeen) {
	taken, released := locks{}, locks{}
	taken.add(s.locks)
	released.add(s.released)
	for _, l := range []struct {
		locks    locks
		released bool
	}{{taken, false}, {released, true}} {
		for oid := range l.locks {
			r := t.before(oid)
			if r == nil || l.released && taken.strongest(oid).Strength() >= released.strongest(oid).Strength() {
				continue
			}
			mode := l.locks.strongest(oid)
			if mode.Strength() <= migration.AccessShare.Strength() {
				continue
			}
			table := t.before(r.On)
			all = append(all, migration.LockSeen{Relation: r.Qualified, Kind: r.kind(), Mode: mode, Released: l.released,
				Collateral: !mentions(words, r) && (table == nil || !mentions(words, table))})
		}
	}
	return all
}

var constraintKinds = map[string]string{"c": "check", "f": "foreign key", "n": "not null", "p": "primary key", "u": "unique", "x": "exclusion"}

// relationChanged tells what became of one relation.
func (t *telling) relationChanged(e *migration.Effects, oid uint32, c change, emptied bool, files map[uint32]bool, words []string) {
	switch {
	case c.is != nil && c.is.isIndex():
		t.indexChanged(e, c, files)
		return
	case c.was == nil || c.is == nil || t.before(oid) == nil:
		return // made or dropped as a whole, or the file's own
	}
	name := t.before(oid).Qualified
	if c.was.holdsRows() && c.was.File != c.is.File && c.was.File != 0 {
		if emptied {
			e.Truncates = append(e.Truncates, name)
		} else {
			e.Rewrites = append(e.Rewrites, name)
		}
	}
	e.Columns = append(e.Columns, columnsChanged(name, c)...)
	t.constraintsChanged(e, name, c)
}

// emptied says that a statement whose text does not tell, a DO block or a call, has
// put an empty file in the place of a table's: it was read only to build its indexes
// anew, none of these was read, as CLUSTER does, and no command told of it, as ALTER
// TABLE does.
func (t *telling) emptied(text string, s seen, oid uint32) bool {
	if r := t.before(oid); r == nil || r.Kind != "r" || !plans.MatchString(text) {
		return false
	}
	built := int64(0)
	for other, c := range s.changes {
		if c.is != nil && c.is.On == oid {
			built++
		}
		if c.is != nil && c.is.On == oid && s.counts[other].scans > 0 {
			return false
		}
	}
	if s.counts[oid].scans > built {
		return false
	}
	for _, n := range s.notices {
		if slices.ContainsFunc(n.Commands, func(c command) bool { return c.Class == classRelation && c.OID == oid }) {
			return false
		}
	}
	return true
}

// relations are kinds of objects whose changes are seen in the relations themselves.
var relationObjects = []string{"table", "view", "materialized view", "foreign table", "sequence", "index", "table column", "table constraint", "default value", "type", "toast table", "view column", "materialized view column"}

// sortEffects brings everything into an order that does not depend on oids.
func sortEffects(e *migration.Effects) {
	slices.SortFunc(e.Discards, func(a, b migration.DiscardSeen) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Write, b.Write))
	})
	slices.SortFunc(e.Locks, func(a, b migration.LockSeen) int {
		return cmp.Or(cmp.Compare(b.Mode.Strength(), a.Mode.Strength()), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortFunc(e.Scans, func(a, b migration.ScanSeen) int { return cmp.Compare(a.Relation, b.Relation) })
	slices.Sort(e.Rewrites)
	slices.Sort(e.Truncates)
	slices.SortFunc(e.Indexes, func(a, b migration.IndexSeen) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(e.Constraints, func(a, b migration.ConstraintSeen) int {
		return cmp.Or(cmp.Compare(a.Table+a.Domain, b.Table+b.Domain), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(e.Columns, func(a, b migration.ColumnSeen) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Change, b.Change))
	})
	slices.SortFunc(e.Objects, func(a, b migration.ObjectSeen) int {
		return cmp.Or(cmp.Compare(a.Change, b.Change), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.On, b.On))
	})
	slices.SortFunc(e.Rows, func(a, b migration.RowsSeen) int { return cmp.Compare(a.Table, b.Table) })
	slices.Sort(e.Unfilled)
	slices.SortFunc(e.Behind, func(a, b migration.BehindSeen) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column))
	})
	slices.SortFunc(e.Breaks, func(a, b migration.BreakSeen) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Write, b.Write), cmp.Compare(a.Role, b.Role))
	})
}
