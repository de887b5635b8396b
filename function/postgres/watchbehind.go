package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// behind notes, with the last statement of a transaction that inserted into a table,
// the sequences of the table that have still to give out values which it inserted.
func (w *Watcher) behind(ctx context.Context, all []seen) error {
	last := map[uint32]int{}
	for i, s := range all {
		for oid, c := range s.counts {
			if c.inserted > 0 {
				last[oid] = i
			}
		}
	}
	for oid, i := range last {
		r := w.known.all[oid]
		if r == nil || r.Kind != "r" {
			continue
		}
		for _, c := range r.Columns {
			if !slices.Contains([]string{"smallint", "integer", "bigint"}, c.Base) || !c.Identity && !strings.HasPrefix(text(c.Default), "nextval(") {
				continue
			}
			one, ok, err := w.sequenceBehind(ctx, r, c)
			if err != nil {
				return err
			}
			if ok {
				all[i].behind = append(all[i].behind, one)
			}
		}
	}
	return nil
}

// sequenceBehind compares the values of a column that this transaction inserted with
// what its sequence gives out next.
func (w *Watcher) sequenceBehind(ctx context.Context, r *relation, c columnState) (seen migration.BehindSeen, ok bool, err error) {
	seen = migration.BehindSeen{Table: r.Qualified, Column: c.Name}
	if err := w.exec(ctx, asSuperuser); err != nil {
		return seen, false, err
	}
	var oid, by *int64
	var sequence *string
	err = w.conn.QueryRow(ctx, `SELECT q.seqrelid::bigint, q.seqincrement, pg_catalog.format('%I.%I', n.nspname, s.relname)
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence q ON q.seqrelid = CASE WHEN d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid ELSE d.refobjid END
		JOIN pg_catalog.pg_class s ON s.oid = q.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
		WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1 AND d.refobjsubid = $2 AND d.deptype = 'i'
			OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = (SELECT e.oid FROM pg_catalog.pg_attrdef e WHERE e.adrelid = $1 AND e.adnum = $2)
		LIMIT 1`, r.OID, c.Number).Scan(&oid, &by, &sequence)
	if err == pgx.ErrNoRows || err == nil && *by < 1 {
		return seen, false, w.exec(ctx, asRunner)
	}
	if err != nil {
		return seen, false, err
	}
	var largest *int64
	err = w.conn.QueryRow(ctx, "SELECT (SELECT last_value + CASE WHEN is_called THEN $1::bigint ELSE 0 END FROM "+*sequence+"), (SELECT pg_catalog.max("+pgx.Identifier{c.Name}.Sanitize()+
		")::bigint FROM ONLY "+quotedName(r)+" WHERE xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid)", *by).Scan(&seen.Next, &largest)
	if err != nil {
		return seen, false, err
	}
	seen.Sequence = *sequence
	if largest != nil {
		seen.Largest = *largest
	}
	return seen, largest != nil && seen.Largest >= seen.Next, w.exec(ctx, asRunner)
}

// positions are how far sequences have counted, by oid, and whether they have given
// out that value.
type positions struct {
	oids, values []int64
	called       []bool
}

// positions reads them where statements, or what fires at a write, may have some
// counted: nil where nothing takes a value. Reading them all takes long where there
// are many.
func (w *Watcher) positions(ctx context.Context, stmts []migration.Stmt, fires bool) (*positions, error) {
	if !fires && !slices.ContainsFunc(stmts, func(s migration.Stmt) bool {
		return plans.MatchString(s.Text) || slices.Contains(migration.Words(s.Text), "nextval")
	}) {
		return nil, nil
	}
	p := &positions{}
	err := w.side.QueryRow(ctx, "SELECT coalesce(pg_catalog.array_agg(id), '{}'), coalesce(pg_catalog.array_agg(value), '{}'), coalesce(pg_catalog.array_agg(called), '{}') FROM "+watchSchema+".positions()").Scan(&p.oids, &p.values, &p.called)
	return p, err
}

// setBack has sequences go on where they were: no rollback takes back what they
// gave out.
func (w *Watcher) setBack(ctx context.Context, p *positions) error {
	if p == nil {
		return nil
	}
	_, err := w.side.Exec(ctx, `SELECT pg_catalog.setval(now.id::pg_catalog.oid::pg_catalog.regclass, was.value, was.called)
		FROM ROWS FROM (pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::boolean[])) AS was (id, value, called)
		JOIN `+watchSchema+`.positions() now ON now.id = was.id
		WHERE (now.value, now.called) IS DISTINCT FROM (was.value, was.called)`, p.oids, p.values, p.called)
	return err
}
