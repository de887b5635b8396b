package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A reached is what a write did: to how many rows of its table by its own account, and
// how many were put, inserted or updated, or deleted where such a row may be: in its
// table, own, or in one that has all of its columns. A log that has some of them holds
// no row of the table. One that failed, or had no two rows to work on, says nothing.
type reached struct {
	failed                  bool
	rows, put, own, deleted int64
}

// reach tries the writes of each of the tables that have no rules, and returns what the
// statements of each kind did. Nothing stays.
func (w *Watcher) reach(ctx context.Context, tables []uint32) (map[write][]reached, error) {
	rows, err := w.conn.Query(ctx, "SELECT oid, pg_catalog.format('%I.%I', relnamespace::pg_catalog.regnamespace, relname) FROM pg_catalog.pg_class WHERE oid = ANY ($1) AND relkind = 'r' AND NOT relhasrules", tables)
	if err != nil {
		return nil, err
	}
	names := map[uint32]string{}
	var oid uint32
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &name}, func() error { names[oid] = name; return nil }); err != nil {
		return nil, err
	}
	found := map[write][]reached{}
	for oid, name := range names {
		r := w.known.all[oid]
		if r == nil {
			continue
		}
		for kind, texts := range w.writesSQL(ctx, r) {
			for _, sql := range texts {
				one, err := w.reaches(ctx, oid, name, sql)
				if err != nil {
					return nil, err
				}
				at := write{r.Qualified, kind, ""}
				found[at] = append(found[at], one)
			}
		}
	}
	return found, nil
}

// reaches tries one write to a table and takes it back.
func (w *Watcher) reaches(ctx context.Context, oid uint32, table, sql string) (one reached, err error) {
	if err := w.exec(ctx, "SAVEPOINT aurora_migrate_write"); err != nil {
		return one, err
	}
	const countSQL = `SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0)::bigint, coalesce(sum(n_tup_ins + n_tup_upd) FILTER (WHERE relid = $1), 0)::bigint, coalesce(sum(n_tup_del), 0)::bigint
		FROM pg_catalog.pg_stat_xact_user_tables s WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND NOT EXISTS (SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
			EXCEPT SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = s.relid AND attnum > 0 AND NOT attisdropped)`
	var there int64
	var before reached
	failure := w.conn.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY "+table+" LIMIT 2) AS r").Scan(&there)
	if failure == nil && there == 2 {
		failure = w.conn.QueryRow(ctx, countSQL, oid).Scan(&before.put, &before.own, &before.deleted)
	}
	if failure == nil && there == 2 {
		tag, err := w.conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Close()
		one.rows, failure = tag.RowsAffected(), err
	}
	if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_write"); err != nil {
		return one, err
	}
	if failure != nil || there < 2 {
		return reached{failed: true}, nil
	}
	err = w.conn.QueryRow(ctx, countSQL, oid).Scan(&one.put, &one.own, &one.deleted)
	one.put, one.own, one.deleted = one.put-before.put, one.own-before.own, one.deleted-before.deleted
	return one, err
}

// discardsSince are the writes that change no row and did before, and that put none
// elsewhere instead; a row that is to be deleted and is put elsewhere too stays where it
// was, unless it is marked there. Of a trigger that lets through only what changes, the second
// UPDATE tells.
func discardsSince(before, after map[write][]reached) (all []migration.DiscardSeen) {
	for at, is := range after {
		was := before[at]
		if len(was) != len(is) || slices.ContainsFunc(slices.Concat(was, is), func(r reached) bool { return r.failed }) {
			continue
		}
		what := ""
		switch last := len(is) - 1; {
		case was[last].rows == 0:
		case at.kind == updates && len(is) == 2 && is[0].rows+is[0].put+is[1].rows+is[1].put == 0:
			what = "UPDATE"
		case at.kind == insertsOrDeletes && is[last].rows+is[last].deleted+is[last].own == 0:
			what = "DELETE"
		case at.kind == insertsOrDeletes && is[last].rows == 0 && is[last].deleted > 0 && is[last].put < was[last].put:
			what = "INSERT"
		}
		if what != "" {
			all = append(all, migration.DiscardSeen{Table: at.table, Write: what})
		}
	}
	return all
}
