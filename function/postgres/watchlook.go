package postgres

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// look asks what the transaction has done since it was last asked.
func (w *Watcher) look(ctx context.Context, a *attempt) (seen, error) {
	a.later = false
	s := seen{notices: w.take(), counts: map[uint32]counted{}, changes: map[uint32]change{}}
	beside := besides(s.notices)
	if renamesAround(s.notices) {
		beside = append(beside, slices.Collect(maps.Keys(w.known.all))...)
	}
	for oid := range a.made {
		beside = append(beside, oid)
	}
	var text string
	if err := w.conn.QueryRow(ctx, "SELECT "+watchSchema+".seen(VARIADIC $1::pg_catalog.oid[])", beside).Scan(&text); err != nil {
		return s, err
	}
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return s, err
	}
	now := locks{}
	now.add(r.Locks)
	for _, p := range r.Locks {
		if !w.held[p.Relation][modes[p.Mode]] {
			s.locks = append(s.locks, p)
		}
	}
	for _, n := range s.notices {
		for _, p := range n.Locks {
			if mode := modes[p.Mode]; !now[p.Relation][mode] && !w.held[p.Relation][mode] {
				s.released = append(s.released, p)
			}
		}
	}
	w.held = now
	counts := r.counts()
	for oid, c := range counts {
		b := w.counts[oid]
		if d := (counted{c.scans - b.scans, c.inserted - b.inserted, c.updated - b.updated, c.deleted - b.deleted}); d != (counted{}) {
			s.counts[oid] = d
		}
	}
	w.counts = counts
	w.note(a, &s, r.Relations, slices.Concat(slices.Collect(maps.Keys(now)), beside))
	return s, nil
}

// renamesAround says that relations may have other names now, or their columns
// types with other names, without any of them having been touched.
func renamesAround(notices []notice) bool {
	for _, n := range notices {
		for _, c := range n.Commands {
			if slices.Contains([]string{"ALTER SCHEMA", "ALTER TYPE", "ALTER DOMAIN"}, c.Tag) {
				return true
			}
		}
	}
	return false
}

// take hands out what was said since it was last taken.
func (w *Watcher) take() []notice {
	said := w.notices
	w.notices = nil
	return said
}

// besides are relations that notices tell of and that may be locked no more.
func besides(notices []notice) []uint32 {
	oids := []uint32{}
	for _, n := range notices {
		for _, c := range n.Commands {
			if c.Class == classRelation {
				oids = append(oids, c.OID)
			}
		}
		for _, d := range n.Dropped {
			if d.Class == classRelation {
				oids = append(oids, d.OID)
			}
		}
	}
	return oids
}

// note compares relations as they are now with what was known of them. asked are
// those that were looked for: one that is not among them now is gone.
func (w *Watcher) note(a *attempt, s *seen, now []*relation, asked []uint32) {
	found := make(map[uint32]bool, len(now))
	for _, r := range now {
		found[r.OID] = true
		w.changed(a, s, r.OID, r)
	}
	for _, oid := range asked {
		if found[oid] || w.known.all[oid] == nil {
			continue
		}
		for _, index := range w.known.indexes(oid) {
			if !found[index.OID] {
				w.changed(a, s, index.OID, nil)
			}
		}
		w.changed(a, s, oid, nil)
	}
	// An index of a table that was looked at and is there no more.
	for _, r := range now {
		if r.isIndex() {
			continue
		}
		for _, index := range w.known.indexes(r.OID) {
			if !found[index.OID] {
				w.changed(a, s, index.OID, nil)
			}
		}
	}
}

func (w *Watcher) changed(a *attempt, s *seen, oid uint32, is *relation) {
	was := w.known.all[oid]
	if same(was, is) {
		return
	}
	s.changes[oid] = change{was, is}
	if _, noted := a.undo[oid]; !noted {
		a.undo[oid] = was
		a.fresh[oid] = was == nil
	}
	if is == nil {
		w.known.drop(oid)
	} else {
		w.known.put(is)
	}
}

func same(a, b *relation) bool {
	return reflect.DeepEqual(a, b)
}

// mentions says that a statement names a relation, or the table of an index.
func mentions(words []string, r *relation) bool {
	return slices.Contains(words, r.Name) || slices.Contains(words, strings.ToLower(r.Name))
}
