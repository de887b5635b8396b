package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// An objectID names an object for as long as it lives: 'r' a relation, 't' a type
// and 'f' a function by oid; 'i' the
// identities of a table by its oid; 'b' what is none of these, by kind and name.
type objectID struct {
	class string
	oid   uint32
	name  string
}

// definitions are all objects that are there, as Everything would read them.
type definitions map[objectID]catalog.Object

// touched is what a file may have changed.
type touched struct {
	relations, types, functions map[uint32]bool
	beside                      bool // what is no relation, type or function
	all                         bool
}

func newTouched() touched {
	return touched{relations: map[uint32]bool{}, types: map[uint32]bool{}, functions: map[uint32]bool{}}
}

// parts are classes of objects that are part of a relation.
var parts = []uint32{classConstraint, classTrigger, classPolicy, classRule, classDefault, classStatistics}

// join adds what another transaction of the file touched.
func (t *touched) join(o touched) {
	maps.Copy(t.relations, o.relations)
	maps.Copy(t.types, o.types)
	maps.Copy(t.functions, o.functions)
	t.beside, t.all = t.beside || o.beside, t.all || o.all
}

// touches collects what statements of a file, from the given one on, may have
// changed.
func (w *Watcher) touches(f migration.File, from int, all []seen) touched {
	t := newTouched()
	for i, s := range all {
		for _, p := range slices.Concat(s.locks, s.released) {
			if modes[p.Mode].Strength() >= migration.ShareUpdateExclusive.Strength() {
				w.touch(t.relations, p.Relation)
			}
		}
		for oid, c := range s.changes {
			w.touch(t.relations, oid)
			if c.was != nil && c.is != nil && renames(c.was, c.is) {
				t.all = true
			}
			if c.was != nil && c.was.isIndex() {
				t.relations[c.was.On] = true
			}
		}
		for _, n := range s.notices {
			for _, c := range n.Commands {
				t.add(w, c.Class, c.OID)
				w.touchTag(&t, f.Stmts[from+i], c)
			}
			for _, d := range n.Dropped {
				t.add(w, d.Class, d.OID)
			}
		}
	}
	return t
}

func (t *touched) add(w *Watcher, class, oid uint32) {
	switch {
	case class == classRelation:
		w.touch(t.relations, oid)
	case class == classType:
		t.types[oid] = true
	case class == classFunction:
		t.functions[oid] = true
	case !slices.Contains(parts, class):
		t.beside = true
	}
}

// touchTag knows the commands whose report does not say what they changed: that of
// ALTER TYPE of attributes names no type but the relation that they are columns of.
func (w *Watcher) touchTag(t *touched, s migration.Stmt, c command) {
	switch {
	case c.Tag == "ALTER SCHEMA", c.Tag == "ALTER TYPE" && c.Class == classRelation, c.Tag == "REASSIGN OWNED", c.Tag == "DROP OWNED", strings.HasPrefix(c.Tag, "ALTER DEFAULT"):
		t.all = true
	case c.Tag == "GRANT", c.Tag == "REVOKE", c.Tag == "COMMENT":
		t.beside = true
		words := migration.Words(s.Text)
		if migration.Dynamic([]migration.Stmt{s}) || slices.Contains(words, "all") && slices.Contains(words, "schema") || slices.Contains(words, "owned") { // DROP OWNED revokes
			t.all = true
			return
		}
		w.touchWords(t, words)
	}
}

func (w *Watcher) touchWords(t *touched, words []string) {
	for _, r := range w.known.named(words) {
		w.touch(t.relations, r.OID)
	}
	for id, o := range w.objects {
		name, _, _ := strings.Cut(o.Name, "(")
		_, name, _ = strings.Cut(name, ".")
		if !slices.Contains(words, strings.Trim(name, `"`)) {
			continue
		}
		switch id.class {
		case "t":
			t.types[id.oid] = true
		case "f":
			t.functions[id.oid] = true
		}
	}
}

// touch adds a relation; of an index, its table; of a table, its parent.
func (w *Watcher) touch(into map[uint32]bool, oid uint32) {
	into[oid] = true
	r := w.known.all[oid]
	if r == nil {
		return
	}
	if r.isIndex() {
		into[r.On] = true
	}
	if r.Parent != 0 {
		into[r.Parent] = true
	}
}

// among are the objects that are held of what was touched.
func (w *Watcher) among(t touched) (ids []objectID) {
	if t.all {
		return slices.Collect(maps.Keys(w.objects))
	}
	add := func(class string, oids map[uint32]bool) {
		for oid := range oids {
			if id := (objectID{class: class, oid: oid}); w.objects[id].Kind != "" {
				ids = append(ids, id)
			}
		}
	}
	add("r", t.relations)
	add("i", t.relations)
	add("t", t.types)
	add("f", t.functions)
	if t.beside {
		for id := range w.objects {
			if id.class == "b" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// renames says that the definitions of others, which name it, read otherwise now.
func renames(was, is *relation) bool {
	if was.Qualified != is.Qualified {
		return true
	}
	names := make(map[int]string, len(was.Columns))
	for _, c := range was.Columns {
		names[c.Number] = c.Name
	}
	for _, c := range is.Columns {
		if name, ok := names[c.Number]; ok && name != c.Name {
			return true
		}
	}
	return false
}

// edits reads what was touched and returns how the catalogue changed.
func (w *Watcher) edits(ctx context.Context, t touched) ([]catalog.Edit, error) {
	t.all = t.all || w.everyone
	var was catalog.Snapshot
	held := w.among(t)
	for _, id := range held {
		was = append(was, w.objects[id])
	}
	fresh, err := w.define(ctx, t)
	if err != nil {
		return nil, err
	}
	renamed := false
	for id, o := range fresh {
		if old, ok := w.objects[id]; ok && old.Name != o.Name {
			renamed = true
		}
	}
	if renamed && !t.all { // what names it reads otherwise now
		return w.edits(ctx, touched{all: true})
	}
	for _, id := range held {
		delete(w.objects, id)
	}
	maps.Copy(w.objects, fresh)
	return catalog.Edits(was, slices.Collect(maps.Values(fresh))), nil
}

const allOIDsSQL = `SELECT (SELECT coalesce(pg_catalog.array_agg(oid::bigint), '{}') FROM pg_catalog.pg_class WHERE oid >= 16384),
	(SELECT coalesce(pg_catalog.array_agg(oid::bigint), '{}') FROM pg_catalog.pg_type WHERE oid >= 16384),
	(SELECT coalesce(pg_catalog.array_agg(oid::bigint), '{}') FROM pg_catalog.pg_proc WHERE oid >= 16384)`

// define reads the definitions of what was touched.
func (w *Watcher) define(ctx context.Context, t touched) (definitions, error) {
	fresh := definitions{}
	relations, types, functions := integers(t.relations), integers(t.types), integers(t.functions)
	if t.all {
		if err := w.side.QueryRow(ctx, allOIDsSQL).Scan(&relations, &types, &functions); err != nil {
			return nil, err
		}
	}
	var asked []string
	var oids []any
	ask := func(what string, of []int64) {
		if len(of) > 0 {
			oids = append(oids, of)
			asked = append(asked, fmt.Sprintf("SELECT * FROM %s.%s($%d)", watchSchema, what, len(oids)))
		}
	}
	if t.all || w.haveIdentity(t.relations) {
		ask("relations_and_identities", relations)
	} else {
		ask("relations", relations)
	}
	ask("types", types)
	ask("functions", functions)
	if len(asked) > 0 {
		rows, err := w.conn.Query(ctx, strings.Join(asked, " UNION ALL "), oids...)
		if err != nil {
			return nil, err
		}
		var id objectID
		var o catalog.Object
		if _, err := pgx.ForEachRow(rows, []any{&id.class, &id.oid, &o.Kind, &o.Name, &o.Definition}, func() error {
			fresh[id] = o
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if t.beside || t.all {
		rows, err := w.side.Query(ctx, besideSQL)
		if err != nil {
			return nil, err
		}
		var o catalog.Object
		if _, err := pgx.ForEachRow(rows, []any{&o.Kind, &o.Name, &o.Definition}, func() error {
			if !ours(o) {
				fresh[objectID{class: "b", name: o.Kind + " " + o.Name}] = o
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// haveIdentity says that some of the relations have a column that is an identity.
func (w *Watcher) haveIdentity(relations map[uint32]bool) bool {
	for oid := range relations {
		if r := w.known.all[oid]; r != nil && slices.ContainsFunc(r.Columns, func(c columnState) bool { return c.Identity }) {
			return true
		}
	}
	return false
}

// ours says that an object is of a Watcher.
func ours(o catalog.Object) bool { return strings.HasPrefix(strings.Trim(o.Name, `"`), watchSchema) }

func integers(set map[uint32]bool) []int64 {
	all := make([]int64, 0, len(set))
	for oid := range set {
		all = append(all, int64(oid))
	}
	return all
}
