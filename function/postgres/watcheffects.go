package postgres

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

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
	e := migration.Effects{Statement: i + 1, Line: stmt.Line, Alone: s.alone, Unobserved: s.unobserved, Privileged: s.privileged}
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

func (t *telling) indexChanged(e *migration.Effects, c change, files map[uint32]bool) {
	table := t.before(c.is.On)
	if table == nil {
		return
	}
	built := c.was == nil && !files[c.is.File] || c.was != nil && c.was.File != c.is.File
	if c.is.Kind == "I" {
		built = c.was == nil // a partitioned index has no file; its parts are built
	}
	if !built {
		return
	}
	i := migration.IndexSeen{Index: c.is.Qualified, Table: table.Qualified, Definition: c.is.Definition, Unique: c.is.Unique, Primary: c.is.Primary,
		Invalid: !c.is.Valid, Rebuilt: c.was != nil || t.replaced(c.is)}
	if now := t.w.known.all[c.is.On]; now != nil {
		for _, k := range now.Constraints {
			if k.Index == c.is.OID && k.Kind != "f" {
				i.Constraint = k.Name
			}
		}
	}
	e.Indexes = append(e.Indexes, i)
}

// replaced says that an index of this name was there when the file began.
func (t *telling) replaced(index *relation) bool {
	for _, r := range t.begin {
		if r.isIndex() && r.Qualified == index.Qualified && r.On == index.On {
			return true
		}
	}
	return false
}

// columnsChanged compares the columns of a relation by their number.
func columnsChanged(table string, c change) (all []migration.ColumnSeen) {
	was := make(map[int]columnState, len(c.was.Columns))
	for _, column := range c.was.Columns {
		was[column.Number] = column
	}
	for _, is := range c.is.Columns {
		old, there := was[is.Number]
		delete(was, is.Number)
		seen := migration.ColumnSeen{Table: table, Column: is.Name, Type: is.Type, NotNull: is.NotNull, Default: text(is.Default), Identity: is.Identity,
			Generated: map[string]string{"s": "stored", "v": "virtual"}[is.Generated]}
		switch {
		case !there:
			seen.Change = migration.Created
			all = append(all, seen)
			continue
		case old.Name != is.Name:
			seen.Change, seen.Column, seen.To = migration.Renamed, old.Name, is.Name
		default:
			seen.Change = migration.Altered
		}
		if old.TypeOID != is.TypeOID || old.TypeMod != is.TypeMod {
			seen.Was = old.Type
		}
		seen.NullsEnded, seen.NullsAllowed = is.NotNull && !old.NotNull, old.NotNull && !is.NotNull
		if text(old.Default) != text(is.Default) {
			before := text(old.Default)
			seen.DefaultWas = &before
		}
		if seen.Change == migration.Renamed || seen.Was != "" || seen.NullsEnded || seen.NullsAllowed || seen.DefaultWas != nil || old.Identity != is.Identity {
			all = append(all, seen)
		}
	}
	for _, gone := range was {
		all = append(all, migration.ColumnSeen{Table: table, Column: gone.Name, Change: migration.Dropped, Was: gone.Type, NotNull: gone.NotNull})
	}
	return all
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// constraintsChanged compares the constraints of a relation by oid.
func (t *telling) constraintsChanged(e *migration.Effects, table string, c change) {
	was := make(map[uint32]constraint, len(c.was.Constraints))
	for _, k := range c.was.Constraints {
		was[k.OID] = k
	}
	for _, k := range c.is.Constraints {
		old, there := was[k.OID]
		if !there { // made anew as it was, because its column was retyped
			for oid, o := range was {
				if o.Name == k.Name && o.Kind == k.Kind && o.Definition == k.Definition && o.Valid == k.Valid {
					there, old = true, o
					delete(was, oid)
				}
			}
		}
		delete(was, k.OID)
		if there && (old.Valid || !k.Valid) {
			continue
		}
		if k.Kind == "n" && !there { // from 18 on NOT NULL is a constraint too; the column tells, but for NOT VALID
			if k.Valid {
				continue
			}
		}
		seen := migration.ConstraintSeen{Name: k.Name, Table: table, Kind: constraintKinds[k.Kind], Definition: k.Definition, Valid: k.Valid, Validated: there}
		if r := t.before(k.References); r != nil {
			seen.References = r.Qualified
		} else if k.References != 0 {
			seen.References = t.w.known.name(k.References)
		}
		e.Constraints = append(e.Constraints, seen)
	}
	for _, k := range was {
		if k.Kind == "n" {
			continue
		}
		e.Objects = append(e.Objects, migration.ObjectSeen{Kind: constraintKinds[k.Kind] + " constraint", Name: k.Name, Change: migration.Dropped, Existed: true, On: table, Tag: k.Definition})
	}
}

// objects tells what was made, dropped, renamed or altered as a whole.
func (t *telling) objects(e *migration.Effects, s seen, words []string) {
	extends := s.extends()
	for oid, c := range s.changes {
		var o migration.ObjectSeen
		switch {
		case extends, t.madeAnew(s, c):
			continue
		case c.was == nil:
			o = migration.ObjectSeen{Kind: c.is.kind(), Name: c.is.Qualified, Change: migration.Created}
			if c.is.isIndex() {
				o.On = t.w.known.name(c.is.On)
			}
			if c.is.Parent != 0 {
				o.On = t.w.known.name(c.is.Parent)
			}
		case c.is == nil:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Dropped, Existed: !t.fresh[oid], Cascaded: !mentions(words, c.was)}
			if c.was.isIndex() {
				o.On = t.w.known.name(c.was.On)
				if before := t.before(c.was.On); o.On == "" && before != nil {
					o.On = before.Qualified
				}
			}
			if c.was.Parent != 0 {
				o.On = t.w.known.name(c.was.Parent)
			}
		case c.was.Schema != c.is.Schema:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Moved, To: c.is.Qualified, Existed: !t.fresh[oid]}
		case c.was.Name != c.is.Name:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Renamed, To: c.is.Qualified, Existed: !t.fresh[oid]}
		case c.was.RLS != c.is.RLS, c.was.Persistence != c.is.Persistence, c.was.Parent != c.is.Parent:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Altered, Existed: !t.fresh[oid], Tag: altered(c)}
			if c.was.Parent != c.is.Parent {
				o.On = t.w.known.name(max(c.was.Parent, c.is.Parent))
			}
		default:
			continue
		}
		e.Objects = append(e.Objects, o)
	}
	e.Objects = append(e.Objects, t.told(s, words)...)
}

// madeAnew says that an index was dropped and made again under its name, which is
// told as one that was rebuilt.
func (t *telling) madeAnew(s seen, c change) bool {
	one := c.is
	if one == nil {
		one = c.was
	}
	if c.was != nil && c.is != nil || !one.isIndex() {
		return false
	}
	for _, other := range s.changes {
		if (c.is == nil && other.was == nil && other.is.Qualified == one.Qualified || c.was == nil && other.is == nil && other.was.Qualified == one.Qualified) && t.w.known.all[one.On] != nil {
			return true
		}
	}
	return false
}

// extends says that the statement made or altered an extension, which brings
// objects of its own.
func (s seen) extends() bool {
	for _, n := range s.notices {
		for _, c := range n.Commands {
			if c.Kind == "extension" {
				return true
			}
		}
	}
	return false
}

func altered(c change) string {
	switch {
	case c.is.RLS && !c.was.RLS:
		return "ENABLE ROW LEVEL SECURITY"
	case c.was.RLS && !c.is.RLS:
		return "DISABLE ROW LEVEL SECURITY"
	case c.is.Persistence == "u":
		return "SET UNLOGGED"
	case c.was.Persistence != c.is.Persistence:
		return "SET LOGGED"
	case c.is.Parent != 0:
		return "ATTACH PARTITION"
	}
	return "DETACH PARTITION"
}

// relations are kinds of objects whose changes are seen in the relations themselves.
var relationObjects = []string{"table", "view", "materialized view", "foreign table", "sequence", "index", "table column", "table constraint", "default value", "type", "toast table", "view column", "materialized view column"}

// told is what event triggers tell of objects that are no relations.
func (t *telling) told(s seen, words []string) (all []migration.ObjectSeen) {
	said := map[migration.ObjectSeen]bool{}
	extends := s.extends()
	for _, n := range s.notices {
		for _, c := range n.Commands {
			if c.Extension || extends && c.Kind != "extension" || c.Class == classRelation && !strings.HasPrefix(c.Tag, "COMMENT") || strings.HasPrefix(c.Name, watchSchema) {
				continue
			}
			o := migration.ObjectSeen{Kind: strings.ToLower(c.Kind), Name: c.Name, Change: migration.Altered, Tag: c.Tag}
			if strings.HasPrefix(c.Tag, "CREATE") {
				o.Change, o.Tag = migration.Created, ""
			}
			if c.Kind == "" { // GRANT of 15 and before
				o.Kind = "privileges"
			}
			said[o] = true
		}
		for _, d := range n.Dropped {
			if slices.Contains(relationObjects, d.Kind) && d.Class != classType || strings.HasPrefix(d.Name, watchSchema) || d.Kind == "type" && t.ofRelation(s, d.Name) ||
				extends || strings.HasSuffix(d.Name, "[]") || d.Kind == "trigger" && strings.Contains(d.Name, "RI_ConstraintTrigger") || d.Kind == "rule" && strings.HasPrefix(d.Name, `"_RETURN"`) {
				continue
			}
			said[migration.ObjectSeen{Kind: d.Kind, Name: d.Name, Change: migration.Dropped, Existed: true, Cascaded: !d.Original}] = true
		}
	}
	for o := range said {
		all = append(all, o)
	}
	return all
}

// ofRelation says that a dropped type is the row type of a dropped relation, or
// an array of it.
func (t *telling) ofRelation(s seen, name string) bool {
	name = strings.TrimSuffix(name, "[]")
	for _, c := range s.changes {
		if c.is == nil && c.was.Qualified == name {
			return true
		}
	}
	return false
}

// sortEffects brings everything into an order that does not depend on oids.
func sortEffects(e *migration.Effects) {
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
}
