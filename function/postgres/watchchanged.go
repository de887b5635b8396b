package postgres

import (
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

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
