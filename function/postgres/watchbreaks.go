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

// The kinds of writes that are tried.
const (
	updates          = "UPDATE"
	insertsOrDeletes = "INSERT or DELETE"
)

// A write is one of a kind to a table, by a role: "" for the runner's.
type write struct{ table, kind, role string }

// writes tries to update a row of each of the tables that have triggers or rules, and
// to take one away and put it there again, and returns how that fails, nil for what
// does not. The same is tried as each role that is granted it; as these also on the
// tables of beside. What a role may write to a table that has neither is there with
// nil, untried. Nothing stays.
func (w *Watcher) writes(ctx context.Context, filled map[uint32]int64, beside []*relation) (map[write]*pgconn.PgError, error) {
	all := slices.Collect(maps.Keys(filled))
	oids, err := w.fires(ctx, all)
	if err != nil {
		return nil, err
	}
	grants, err := w.granted(ctx, all)
	if err != nil {
		return nil, err
	}
	found := map[write]*pgconn.PgError{}
	for oid := range filled {
		r := w.known.all[oid]
		if r == nil || filled[oid] == 0 {
			continue
		}
		fires := slices.Contains(oids, oid)
		tried := fires || len(grants[oid]) > 0 && slices.Contains(beside, r)
		var texts map[string]string
		if tried {
			texts = w.writesSQL(ctx, r)
		}
		for _, kind := range []string{updates, insertsOrDeletes} {
			if sql := texts[kind]; fires && sql != "" {
				if found[write{r.Qualified, kind, ""}], err = w.writeAs(ctx, "", sql); err != nil {
					return nil, err
				}
			}
			for _, g := range grants[oid] {
				if !g.may(kind) {
					continue
				}
				var failure *pgconn.PgError
				if sql := texts[kind]; sql != "" {
					if failure, err = w.writeAs(ctx, g.Role, sql); err != nil {
						return nil, err
					}
				}
				found[write{r.Qualified, kind, g.Role}] = failure
			}
		}
	}
	return found, nil
}

// writeAs tries one as a role, "" for the one that the session has, and returns how it
// fails; nil also where the session may not become the role.
func (w *Watcher) writeAs(ctx context.Context, role, sql string) (*pgconn.PgError, error) {
	before := "SAVEPOINT aurora_migrate_write"
	if role != "" {
		// A function keeps what it planned, and what names mean, for whoever calls it next.
		before += "; DISCARD PLANS; SET LOCAL ROLE " + pgx.Identifier{role}.Sanitize()
	}
	var failure *pgconn.PgError
	err := w.script(ctx, before)
	if err == nil {
		_ = errors.As(w.exec(ctx, sql), &failure) // a broken connection shows at the next statement
	} else if role == "" {
		return nil, err
	}
	return failure, w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_write")
}

// breaksSince are the writes that fail and did not before. One that fails for the
// runner's role is not said of the others too.
func breaksSince(before, after map[write]*pgconn.PgError) (all []migration.BreakSeen) {
	for at, failure := range after {
		was, there := before[at]
		switch {
		case failure == nil:
			continue
		case at.role == "" && (!faulty(failure) || faulty(was)):
			continue
		case at.role != "" && (!lacks(failure) || !there || was != nil || faulty(after[write{at.table, at.kind, ""}])):
			continue
		}
		all = append(all, migration.BreakSeen{Table: at.table, Write: at.kind, Role: at.role, Code: failure.Code, Says: failure.Message})
	}
	return all
}

func faulty(failure *pgconn.PgError) bool {
	return failure != nil && slices.Contains(broken, failure.Code)
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
		updates:          fmt.Sprintf("UPDATE ONLY %s SET %s WHERE %s", table, strings.Join(sets, ", "), first),
		insertsOrDeletes: fmt.Sprintf("WITH gone AS (DELETE FROM ONLY %[1]s WHERE %[2]s RETURNING *) INSERT INTO %[1]s (%[3]s) SELECT %[3]s FROM gone", table, first, strings.Join(names, ", ")),
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
