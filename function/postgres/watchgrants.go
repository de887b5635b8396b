package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// mostGranted bounds as how many roles a write to one table is tried.
const mostGranted = 5

// A grant is what a role may do to a table by the privileges on the table itself.
type grant struct {
	Table                  uint32
	Role                   string
	Updates, InsertDeletes bool
}

func (g grant) may(kind string) bool {
	return kind == updates && g.Updates || kind == insertsOrDeletes && g.InsertDeletes
}

// granted are the roles that are granted INSERT, UPDATE or DELETE on tables, by table,
// with what they can do as it is tried: a row has to be found first, which takes SELECT
// and USAGE of the schema. So one from whom a file takes these is not tried any more:
// that it was taken is told of as that. Neither the owner nor the runner's role is among
// them, nor is PUBLIC.
func (w *Watcher) granted(ctx context.Context, tables []uint32) (map[uint32][]grant, error) {
	rows, err := w.conn.Query(ctx, `SELECT g.oid, r.rolname::text, pg_catalog.has_table_privilege(r.oid, g.oid, 'UPDATE'),
			pg_catalog.has_table_privilege(r.oid, g.oid, 'INSERT') AND pg_catalog.has_table_privilege(r.oid, g.oid, 'DELETE')
		FROM (SELECT DISTINCT c.oid, c.relnamespace, x.grantee FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) x
			WHERE c.oid = ANY ($1) AND c.relkind = 'r' AND x.grantee NOT IN (0, c.relowner) AND x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')) g
		JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
		WHERE r.rolname <> $2 AND pg_catalog.has_schema_privilege(r.oid, g.relnamespace, 'USAGE') AND pg_catalog.has_table_privilege(r.oid, g.oid, 'SELECT')
		ORDER BY g.oid, r.rolname COLLATE "C"`, tables, migration.ReplayRole)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[grant])
	if err != nil {
		return nil, err
	}
	grants := map[uint32][]grant{}
	for _, g := range all {
		if len(grants[g.Table]) < mostGranted {
			grants[g.Table] = append(grants[g.Table], g)
		}
	}
	return grants, nil
}

// lacks says that a write fails since the role may not do what a trigger does, or since
// it does not find that: without USAGE of a schema the names in it are not there, where
// they are not qualified. That row level security refuses a row, or does not find a
// setting that running code has, says nothing of the role.
func lacks(failure *pgconn.PgError) bool {
	switch failure.Code {
	case insufficientPrivilege:
		return !strings.Contains(failure.Message, "row-level security")
	case "42P01", "42883":
		return true
	}
	return false
}

// besides are the tables that statements name, where these may have something fire at
// writes that nothing has fired at.
func (w *Watcher) besides(words []string) []*relation {
	if !makesFire(words) {
		return nil
	}
	return w.known.named(words)
}

// makesFire says that statements with these words may have something fire at writes.
func makesFire(words []string) bool {
	return slices.Contains(words, "trigger") || slices.Contains(words, "rule")
}
