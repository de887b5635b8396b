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
		var texts map[string][]string
		if tried {
			texts = w.writesSQL(ctx, r)
		}
		for _, kind := range []string{updates, insertsOrDeletes} {
			if fires && len(texts[kind]) > 0 {
				if found[write{r.Qualified, kind, ""}], err = w.writeAs(ctx, "", texts[kind]); err != nil {
					return nil, err
				}
			}
			for _, g := range grants[oid] {
				if !g.may(kind) {
					continue
				}
				if found[write{r.Qualified, kind, g.Role}], err = w.writeAs(ctx, g.Role, texts[kind]); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, nil
}

// writeAs tries statements that write one after the other, each on the rows as they
// are, as a role, "" for the one that the session has, and returns how the first that
// fails does; nil also where the session may not become the role. That a row which is
// made up breaks a constraint says nothing.
func (w *Watcher) writeAs(ctx context.Context, role string, texts []string) (*pgconn.PgError, error) {
	before := "SAVEPOINT aurora_migrate_write"
	if role != "" {
		// A function keeps what it planned, and what names mean, for whoever calls it next.
		before += "; DISCARD PLANS; SET LOCAL ROLE " + pgx.Identifier{role}.Sanitize()
	}
	for n, sql := range texts {
		var failure *pgconn.PgError
		err := w.script(ctx, before)
		if err == nil {
			_ = errors.As(w.exec(ctx, sql), &failure) // a broken connection shows at the next statement
		} else if role == "" {
			return nil, err
		}
		if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_write"); err != nil {
			return nil, err
		}
		if failure != nil && (n == 0 || !strings.HasPrefix(failure.Code, "23")) {
			return failure, nil
		}
	}
	return nil, nil
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

// writesSQL are statements that write to a row of a table what it has, by the columns
// that it has at this moment; and, for triggers that look at what changes, one that
// updates a row by what another has, but for the columns that are unique.
func (w *Watcher) writesSQL(ctx context.Context, r *relation) map[string][]string {
	rows, err := w.conn.Query(ctx, `SELECT pg_catalog.quote_ident(a.attname),
			EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND (i.indisunique OR i.indisexclusion) AND a.attnum = ANY (i.indkey::int2[]))
		FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a' ORDER BY a.attnum`, r.OID)
	if err != nil {
		return nil
	}
	var names, same, others []string
	var name string
	var unique bool
	_, err = pgx.ForEachRow(rows, []any{&name, &unique}, func() error {
		names, same = append(names, name), append(same, name+" = "+name)
		if !unique {
			others = append(others, name)
		}
		return nil
	})
	var table string
	if err != nil || len(names) == 0 || w.conn.QueryRow(ctx, "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1", r.OID).Scan(&table) != nil {
		return nil
	}
	first := fmt.Sprintf("ctid = (SELECT ctid FROM ONLY %s LIMIT 1)", table)
	update := []string{fmt.Sprintf("UPDATE ONLY %s SET %s WHERE %s", table, strings.Join(same, ", "), first)}
	if len(others) > 0 {
		update = append(update, fmt.Sprintf("UPDATE ONLY %[1]s SET (%[2]s) = (SELECT %[2]s FROM ONLY %[1]s OFFSET 1 LIMIT 1) WHERE %[3]s AND EXISTS (SELECT FROM ONLY %[1]s OFFSET 1)", table, strings.Join(others, ", "), first))
	}
	return map[string][]string{
		updates:          update,
		insertsOrDeletes: {fmt.Sprintf("WITH gone AS (DELETE FROM ONLY %[1]s WHERE %[2]s RETURNING *) INSERT INTO %[1]s (%[3]s) SELECT %[3]s FROM gone", table, first, strings.Join(names, ", "))},
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
