package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// PostgreSQL asks for the privilege on each function that a query names before
// it runs any of it, so that CASE would not help; query_to_xml reads its query
// when it is called.
const factsSQL = `
SELECT pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
       pg_catalog.current_database()::text, SESSION_USER::text,
       pg_catalog.pg_is_in_recovery(),
       pg_catalog.current_setting('default_transaction_read_only')::bool,
       pg_catalog.pg_backend_pid(),
       CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
            THEN substring(pg_catalog.query_to_xml('SELECT system_identifier FROM pg_catalog.pg_control_system()', false, false, '')::text FROM '>([0-9]+)<') END,
       pg_catalog.to_regproc('pg_catalog.aurora_version') IS NOT NULL,
       $1 = '' OR EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1),
       $1 = '' OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE rolname = $1 AND pg_catalog.pg_has_role(r.oid,
         CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)),
       EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $2)`

// historyColumns are those that Atlas's table has. A table of its name without
// one of them is something else.
const historyColumns = `{version,description,type,applied,total,executed_at,execution_time,error,error_stmt,hash,partial_hashes,operator_version}`

const historiesSQL = `
SELECT n.nspname::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'atlas_schema_revisions' AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = ANY ('` + historyColumns + `'::name[])) = 12
ORDER BY 1`

// What stands where the history belongs and is none: it has the name and not
// the columns.
const misshapenSQL = `
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = '` + HistoryName + `' AND n.nspname = $1 AND NOT (c.relkind IN ('r', 'p')
  AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = ANY ('` + historyColumns + `'::name[])) = 12)`

// Columns tell tables of one name apart: golang-migrate, dbmate, Rails and
// Ecto all call theirs schema_migrations.
const othersSQL = `
SELECT tool, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM (VALUES ('Flyway', 'flyway_schema_history', 'installed_rank'), ('goose', 'goose_db_version', 'version_id'),
	('golang-migrate', 'schema_migrations', 'dirty'), ('Ecto', 'schema_migrations', 'inserted_at'),
	('Liquibase', 'databasechangelog', 'md5sum'), ('tern', 'schema_version', 'version'),
	('Alembic', 'alembic_version', 'version_num'), ('Django', 'django_migrations', 'app'),
	('Prisma', '_prisma_migrations', 'migration_name'), ('Knex', 'knex_migrations', 'migration_time'),
	('sqlx', '_sqlx_migrations', 'checksum'), ('Sequelize', 'SequelizeMeta', 'name'),
	('dbmate or Rails', 'schema_migrations', 'version')) AS known (tool, relation, attribute)
JOIN pg_catalog.pg_class c ON c.relname = known.relation AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = known.attribute AND NOT a.attisdropped
WHERE known.tool <> 'dbmate or Rails'
   OR 1 = (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute o WHERE o.attrelid = c.oid AND o.attnum > 0 AND NOT o.attisdropped)
ORDER BY 2, 1`

// Objects of extensions are not the user's: every Aurora database has some.
const objectsSQL = `
SELECT said FROM (
	SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence '
		WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS said
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	  AND c.relname <> 'atlas_schema_revisions'
	  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
	UNION ALL
	SELECT 'function ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)
	FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
	WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
	UNION ALL
	SELECT 'type ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname)
	FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
	WHERE t.typtype IN ('e', 'd', 'r') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')
) AS mine LIMIT 4`

// timeoutsOfOthersSQL reads when sessions of other roles stop waiting: what is set
// for roles, for the database, and what the server has for any session like ours.
// $1 is the role that files run as.
const timeoutsOfOthersSQL = `
SELECT coalesce(r.rolname, '')::text, pg_catalog.split_part(c.said, '=', 1), pg_catalog.split_part(c.said, '=', 2)
FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (said)
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
  AND c.said ~ '^(lock|statement)_timeout=' AND coalesce(r.rolname, '') NOT IN (SESSION_USER, $1::pg_catalog.text)
UNION
SELECT '', p.name, p.reset_val || p.unit FROM pg_catalog.pg_settings p
WHERE p.name IN ('lock_timeout', 'statement_timeout') AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s
  CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (said) JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  WHERE r.rolname = SESSION_USER AND c.said LIKE p.name || '=%')
ORDER BY 1, 2, 3 LIMIT 100`

func scanTimeouts(rows pgx.Rows, timeouts *[]migration.Timeout) error {
	defer rows.Close()
	for rows.Next() {
		var t migration.Timeout
		var text string
		if err := rows.Scan(&t.Role, &t.Setting, &text); err != nil {
			return err
		}
		var ends bool
		if t.After, ends = migration.ParseTimeout(text); ends && !slices.Contains(*timeouts, t) {
			*timeouts = append(*timeouts, t)
		}
	}
	return rows.Err()
}

func (s *Session) readFacts(ctx context.Context) error {
	var (
		number, pid               int
		version, database, user   string
		identifier                *string
		aurora, roleThere, mayRun bool
	)
	f := &s.facts
	role := s.settings.Role
	queries := append([]query{{factsSQL, []any{role, cmp.Or(s.settings.HistorySchema, HistoryName)}, one(&number, &version, &database, &user,
		&f.Reader, &f.ReadOnly, &pid, &identifier, &aurora, &roleThere, &mayRun, &s.schemaThere)}}, s.contentQueries()...)
	if err := s.look(ctx, queries); err != nil {
		return fmt.Errorf("read the facts of the server: %w", err)
	}
	f.Pooled = pid != int(s.conn.PgConn().PID())
	f.RoleMissing, f.RoleForbidden = !roleThere, roleThere && !mayRun
	f.Target = migration.Target{
		Cluster: s.config.cluster, Database: database, Role: role, User: user, Host: s.config.Address(),
		Engine: "PostgreSQL " + version, VersionNumber: number,
	}
	if f.Target.Role == "" {
		f.Target.Role = user
	}
	if f.Target.Cluster == "" && identifier != nil {
		f.Target.Cluster = *identifier
	}
	if f.Target.Cluster == "" {
		f.Target.Cluster = s.config.Address()
	}
	if aurora {
		return s.readAurora(ctx)
	}
	return nil
}

// contentQueries ask what is in the database: histories, ours and of others,
// the first few objects, and when sessions stop waiting.
func (s *Session) contentQueries() []query {
	f := &s.facts
	return []query{
		{historiesSQL, nil, column(&f.Histories)},
		{misshapenSQL, []any{cmp.Or(s.settings.HistorySchema, HistoryName)}, column(&f.Misshapen)},
		{othersSQL, nil, func(rows pgx.Rows) (err error) {
			f.Others, err = pgx.CollectRows(rows, pgx.RowToStructByPos[migration.OtherTool])
			return err
		}},
		{objectsSQL, nil, column(&f.Objects)},
		{timeoutsOfOthersSQL, []any{s.settings.Role}, func(rows pgx.Rows) error { return scanTimeouts(rows, &f.Timeouts) }},
	}
}

// readAurora adds the version of Aurora, which patches without changing
// PostgreSQL's. The function exists only there, hence a query of its own.
func (s *Session) readAurora(ctx context.Context) error {
	var version string
	err := s.look(ctx, []query{{"SELECT pg_catalog.aurora_version()::text", nil, one(&version)}})
	if err != nil {
		return fmt.Errorf("read the version of Aurora: %w", err)
	}
	s.facts.Target.Engine += ", Aurora " + strings.TrimSpace(version)
	return nil
}

// column reads the only column of all rows.
func column(into *[]string) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}
}
