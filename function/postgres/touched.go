package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Touched reads the definitions of every relation, type and function whose
// name is one of words, and of what depends directly on one of them; with
// everything, of all that the user's schemas hold. The history is left out,
// since every plan changes it, and what belongs to an extension, since that is
// not the user's. It is one query; objects that nothing names cost nothing,
// however many there are. Every role reads the same, whatever it may do and
// whatever settings it has.
func (s *Session) Touched(ctx context.Context, words []string, everything bool) (catalog.Snapshot, error) {
	return s.touched(ctx, words, everything, nil)
}

// TouchedAndObstacles is Touched, and in the same round trip what can stand in
// the way of locking the relations with these names, which are qualified and
// quoted where need be.
func (s *Session) TouchedAndObstacles(ctx context.Context, words []string, everything bool, locked []string) (catalog.Snapshot, migration.Obstacles, error) {
	var o migration.Obstacles
	snapshot, err := s.touched(ctx, words, everything, s.obstacleQueries(locked, &o))
	return snapshot, o, err
}

// Obstacles reads what can stand in the way of locking the relations with these
// names. The error is a *migration.Failure.
func (s *Session) Obstacles(ctx context.Context, locked []string) (o migration.Obstacles, err error) {
	if err := s.lookFor(ctx, probeTime, s.obstacleQueries(locked, &o)); err != nil {
		return o, s.failure(fmt.Errorf("look for what stands in the way: %w", err))
	}
	return o, nil
}

func (s *Session) touched(ctx context.Context, words []string, everything bool, also []query) (catalog.Snapshot, error) {
	// An object dropped while the catalogue is read makes PostgreSQL fail with
	// XX000 (cache lookup failed) or answer with an empty definition: both
	// mean that this was no single moment. And where somebody changes what is read, the
	// one who reads gives way, before PostgreSQL looks for a deadlock (after a second,
	// unless set otherwise) and ends the other. Read again.
	for began := time.Now(); ; {
		snapshot, err := s.readTouched(ctx, words, everything, also)
		if err == nil {
			return snapshot.Sorted(), nil
		}
		patience := time.Duration(0)
		switch {
		case isCode(err, internalError), errors.Is(err, errTorn):
			patience = tornPatience
		case isCode(err, lockNotAvailable), isCode(err, deadlockDetected):
			patience = s.settings.LockTimeout
		}
		if time.Since(began) >= patience {
			return nil, s.failure(fmt.Errorf("read the definitions of what the plan touches: %w", err))
		}
		s.log.DebugContext(ctx, "an object was changed while it was read; reading again", "error", plain(err))
	}
}

// tornPatience: a database in which things are dropped without a pause can tear
// one read after the other.
const tornPatience = 10 * time.Second

var errTorn = errors.New("a definition vanished while it was read")

func (s *Session) readTouched(ctx context.Context, words []string, everything bool, also []query) (snapshot catalog.Snapshot, err error) {
	wait := milliseconds(min(s.settings.LockTimeout, giveWay))
	err = s.look(ctx, append([]query{{plainlySQL, []any{wait}, func(rows pgx.Rows) error { rows.Close(); return nil }}, {touchedSQL, []any{words, everything}, func(rows pgx.Rows) error {
		snapshot, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (o catalog.Object, err error) {
			if err := row.Scan(&o.Kind, &o.Name, &o.Definition); err != nil {
				return o, err
			}
			if strings.Contains(o.Definition, torn) {
				return o, errTorn
			}
			return o, nil
		})
		return err
	}}}, also...))
	return snapshot, err
}

func isCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

// plainlySQL sets, for the transaction, all that changes how PostgreSQL writes a
// definition: a default or the bound of a partition is a timestamp in the time
// zone of whoever reads it. $1 is how long to wait for a lock.
const plainlySQL = `SELECT pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('TimeZone', 'UTC', true), pg_catalog.set_config('DateStyle', 'ISO, MDY', true),
	pg_catalog.set_config('IntervalStyle', 'postgres', true), pg_catalog.set_config('extra_float_digits', '1', true),
	pg_catalog.set_config('bytea_output', 'hex', true), pg_catalog.set_config('xmlbinary', 'base64', true),
	pg_catalog.set_config('lc_monetary', 'C', true), pg_catalog.set_config('quote_all_identifiers', 'off', true),
	pg_catalog.set_config('standard_conforming_strings', 'on', true)`

// touchedSQL: named is what carries one of the words; reached adds the direct
// dependents, each resolved to the relation, type or function that it is part
// of; then a definition for each, a line for each fact.
//
// What differs from one moment to the next without anybody changing the schema
// (statistics, file numbers, sequence values, the xmin of a row) is not in it.
const touchedSQL = `
WITH mine AS MATERIALIZED (
	SELECT oid FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), carriers (class, oid) AS (
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, coalesce(i.indrelid, c.oid)
	FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
	WHERE ($2 OR c.relname = ANY ($1::pg_catalog.text[])) AND c.relnamespace IN (SELECT oid FROM mine) AND c.relkind NOT IN ('t', 'c')
	  AND c.relname <> '` + HistoryName + `' AND c.relpersistence <> 't'
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid
	FROM pg_catalog.pg_type t
	WHERE ($2 OR t.typname = ANY ($1::pg_catalog.text[])) AND t.typnamespace IN (SELECT oid FROM mine)
	  AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = t.typrelid AND k.relkind = 'c'))
	UNION
	SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid
	FROM pg_catalog.pg_proc p
	WHERE ($2 OR p.proname = ANY ($1::pg_catalog.text[])) AND p.pronamespace IN (SELECT oid FROM mine)
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, z.stxrelid
	FROM pg_catalog.pg_statistic_ext z
	WHERE z.stxname = ANY ($1::pg_catalog.text[]) AND z.stxnamespace IN (SELECT oid FROM mine)
), named (class, oid) AS (
	SELECT class, oid FROM carriers n
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = n.class AND e.objid = n.oid AND e.deptype = 'e')
), parts (class, oid) AS (
	-- what dependents hang on: the object itself, the row type of a table, and arrays of either
	SELECT class, oid FROM named
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, c.reltype FROM named n JOIN pg_catalog.pg_class c ON n.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = n.oid AND c.reltype <> 0
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.typarray FROM named n JOIN pg_catalog.pg_type t ON n.class = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = n.oid AND t.typarray <> 0
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.typarray FROM named n JOIN pg_catalog.pg_class c ON n.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = n.oid
		JOIN pg_catalog.pg_type t ON t.oid = c.reltype AND t.typarray <> 0
), dependents (class, oid) AS (
	SELECT d.classid, d.objid FROM parts p JOIN pg_catalog.pg_depend d ON d.refclassid = p.class AND d.refobjid = p.oid
	WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S')
), near (class, oid) AS (
	SELECT class, oid FROM named
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, coalesce(i.indrelid, c.oid)
	FROM dependents d JOIN pg_catalog.pg_class c ON c.oid = d.oid LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
	WHERE d.class = 'pg_catalog.pg_class'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class
	FROM dependents d JOIN pg_catalog.pg_rewrite r ON r.oid = d.oid WHERE d.class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, k.conrelid
	FROM dependents d JOIN pg_catalog.pg_constraint k ON k.oid = d.oid AND k.conrelid <> 0 WHERE d.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, k.contypid
	FROM dependents d JOIN pg_catalog.pg_constraint k ON k.oid = d.oid AND k.contypid <> 0 WHERE d.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, c.reltype
	FROM dependents d JOIN pg_catalog.pg_class c ON c.oid = d.oid AND c.relkind = 'c' WHERE d.class = 'pg_catalog.pg_class'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, z.stxrelid
	FROM dependents d JOIN pg_catalog.pg_statistic_ext z ON z.oid = d.oid WHERE d.class = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, a.adrelid
	FROM dependents d JOIN pg_catalog.pg_attrdef a ON a.oid = d.oid WHERE d.class = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, t.tgrelid
	FROM dependents d JOIN pg_catalog.pg_trigger t ON t.oid = d.oid WHERE d.class = 'pg_catalog.pg_trigger'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, y.polrelid
	FROM dependents d JOIN pg_catalog.pg_policy y ON y.oid = d.oid WHERE d.class = 'pg_catalog.pg_policy'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, d.oid FROM dependents d WHERE d.class = 'pg_catalog.pg_proc'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, d.oid FROM dependents d WHERE d.class = 'pg_catalog.pg_type'::pg_catalog.regclass
	UNION
	SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, h.inhrelid
	FROM named n JOIN pg_catalog.pg_inherits h ON h.inhparent = n.oid WHERE n.class = 'pg_catalog.pg_class'::pg_catalog.regclass
), reached (class, oid) AS (
	SELECT class, oid FROM near n
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = n.class AND e.objid = n.oid AND e.deptype = 'e')
)
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       c.oid::pg_catalog.regclass::text,
       ` + relationSQL + `
FROM reached r JOIN pg_catalog.pg_class c ON c.oid = r.oid
WHERE r.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND c.relnamespace IN (SELECT oid FROM mine) AND c.relname <> '` + HistoryName + `' AND c.relpersistence <> 't'
UNION ALL
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'composite type' END,
       pg_catalog.format_type(t.oid, NULL),
       ` + typeSQL + `
FROM reached r JOIN pg_catalog.pg_type t ON t.oid = r.oid
WHERE r.class = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typnamespace IN (SELECT oid FROM mine)
  AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = t.typrelid AND k.relkind = 'c'))
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       p.oid::pg_catalog.regprocedure::text,
       ` + functionSQL + `
FROM reached r JOIN pg_catalog.pg_proc p ON p.oid = r.oid
WHERE r.class = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.pronamespace IN (SELECT oid FROM mine)`
