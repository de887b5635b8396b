package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// broken are SQLSTATEs that say that what runs at a write is itself at fault, and
// not the row: a name that is not there, an operator that fits nothing, a trigger
// function that returns nothing.
var broken = []string{"42703", "42P01", "42883", "42704", "42702", "42804", "42725", "42P10", "42601", "2F005", "39P01"}

// writes tries to update a row of each of the tables that have triggers or rules, and
// to take one away and put it there again, and returns how that fails. Nothing stays.
func (w *Watcher) writes(ctx context.Context, filled map[uint32]int64) (map[migration.BreakSeen]bool, error) {
	oids, err := w.fires(ctx, slices.Collect(maps.Keys(filled)))
	if err != nil {
		return nil, err
	}
	found := map[migration.BreakSeen]bool{}
	for _, oid := range oids {
		r := w.known.all[oid]
		if r == nil || filled[oid] == 0 {
			continue
		}
		for write, sql := range w.writesSQL(ctx, r) {
			if sql == "" {
				continue
			}
			if err := w.exec(ctx, "SAVEPOINT aurora_migrate_write"); err != nil {
				return nil, err
			}
			err := w.exec(ctx, sql)
			var pg *pgconn.PgError
			if errors.As(err, &pg) && slices.Contains(broken, pg.Code) {
				found[migration.BreakSeen{Table: r.Qualified, Write: write, Code: pg.Code, Says: pg.Message}] = true
			}
			if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_write"); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// firing are those of the tables that run something at a write.
func (w *Watcher) firing(ctx context.Context, tables []*relation) ([]uint32, error) {
	oids := make([]uint32, len(tables))
	for i, r := range tables {
		oids[i] = r.OID
	}
	return w.fires(ctx, oids)
}

func (w *Watcher) fires(ctx context.Context, oids []uint32) ([]uint32, error) {
	rows, err := w.conn.Query(ctx, `SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1) AND c.relkind = 'r'
		AND (c.relhasrules OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))`, oids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

// writesSQL are statements that write to a row of a table what it has, by the
// columns that it has at this moment.
func (w *Watcher) writesSQL(ctx context.Context, r *relation) map[string]string {
	rows, err := w.conn.Query(ctx, "SELECT pg_catalog.quote_ident(attname) FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum", r.OID)
	if err != nil {
		return nil
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	var table string
	if err != nil || len(names) == 0 || w.conn.QueryRow(ctx, "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1", r.OID).Scan(&table) != nil {
		return nil
	}
	var sets []string
	for _, n := range names {
		sets = append(sets, n+" = "+n)
	}
	first := fmt.Sprintf("ctid = (SELECT ctid FROM ONLY %s LIMIT 1)", table)
	return map[string]string{
		"UPDATE":           fmt.Sprintf("UPDATE ONLY %s SET %s WHERE %s", table, strings.Join(sets, ", "), first),
		"INSERT or DELETE": fmt.Sprintf("WITH gone AS (DELETE FROM ONLY %[1]s WHERE %[2]s RETURNING *) INSERT INTO %[1]s (%[3]s) SELECT %[3]s FROM gone", table, first, strings.Join(names, ", ")),
	}
}

// firedBy are the tables whose triggers run a function that is among words.
func (w *Watcher) firedBy(ctx context.Context, words []string) (all []*relation, err error) {
	if !slices.Contains(words, "function") {
		return nil, nil
	}
	rows, err := w.conn.Query(ctx, "SELECT DISTINCT t.tgrelid FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND p.proname = ANY ($1)", words)
	if err != nil {
		return nil, err
	}
	oids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	for _, oid := range oids {
		if r := w.known.all[oid]; r != nil {
			all = append(all, r)
		}
	}
	return all, err
}
