package postgres

// watchSchema holds what a Watcher needs on the server. Nothing in it is shown.
const watchSchema = "aurora_migrate_watch"

// watchMessage begins what our event triggers say. They say it as INFO, which
// reaches the client whatever the settings are, and which no rollback takes back:
// so also what an exception block undoes is seen.
const watchMessage = "aurora_migrate_watch "

// watchPlans has our own queries planned once, and by indexes: the catalogue of a
// database that was just made has no statistics. When autovacuum has analysed it they
// are planned again, whatever planning has set for the statement that is watched then:
// without its indexes, 30 ms for each look and not 0.5.
const watchPlans = `SET plan_cache_mode = 'force_generic_plan' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off ` +
	`SET enable_indexscan = on SET enable_indexonlyscan = on SET enable_bitmapscan = on`

// locksSQL are the locks of the session that asks, as [oid, mode].
const locksSQL = `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(l.relation::bigint, l.mode)), '[]'::json)
	FROM pg_catalog.pg_locks l
	WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384)`

// watchInstall is what a Watcher makes on its dev database. state and seen have
// a search_path of their own, so that a definition reads the same whatever a
// file has set.
var watchInstall = []string{
	`CREATE SCHEMA ` + watchSchema,
	`GRANT USAGE ON SCHEMA ` + watchSchema + ` TO PUBLIC`,
	// Relations, and the indexes of those that are tables.
	`CREATE FUNCTION ` + watchSchema + `.state(VARIADIC relations oid[]) RETURNS json LANGUAGE plpgsql SET search_path = '' ` + watchPlans + ` AS $f$ BEGIN RETURN (
	SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
		'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'qualified', pg_catalog.format('%I.%I', n.nspname, c.relname),
		'kind', c.relkind, 'persistence', c.relpersistence, 'file', c.relfilenode::bigint, 'type', c.reltype::bigint,
		'rls', c.relrowsecurity, 'partition', c.relispartition,
		'parent', (SELECT h.inhparent::bigint FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid LIMIT 1),
		'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('number', a.attnum, 'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'type_oid', a.atttypid::bigint, 'type_mod', a.atttypmod,
				'not_null', a.attnotnull, 'default', pg_catalog.pg_get_expr(e.adbin, e.adrelid), 'generated', a.attgenerated, 'identity', a.attidentity <> '',
				'base', coalesce(nullif(t.typbasetype, 0), t.oid)::pg_catalog.regtype::text, 'mod', CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END,
				'category', coalesce(b.typcategory, t.typcategory), 'element', CASE WHEN coalesce(b.typelem, t.typelem) <> 0 THEN (SELECT pg_catalog.format_type(x.oid, NULL) FROM pg_catalog.pg_type x WHERE x.oid = coalesce(b.typelem, t.typelem) AND x.typarray <> 0) END,
				'labels', CASE WHEN coalesce(b.typtype, t.typtype) = 'e' THEN (SELECT pg_catalog.json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l WHERE l.enumtypid = coalesce(b.oid, t.oid)) END,
				'domain', t.typbasetype <> 0) ORDER BY a.attnum)
			FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON b.oid = nullif(t.typbasetype, 0)
			LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'v', 'f')),
		'constraints', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', k.oid::bigint, 'name', k.conname, 'kind', k.contype, 'valid', k.convalidated,
				'definition', pg_catalog.pg_get_constraintdef(k.oid), 'references', nullif(k.confrelid, 0)::bigint, 'index', nullif(k.conindid, 0)::bigint,
				'key', k.conkey, 'foreign_key', k.confkey) ORDER BY k.oid)
			FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 't'),
		'on', i.indrelid::bigint, 'unique', i.indisunique, 'primary', i.indisprimary, 'valid', i.indisvalid,
		'definition', CASE WHEN i.indexrelid IS NOT NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid) END)), '[]'::json)
	FROM (SELECT pg_catalog.unnest(relations) UNION SELECT x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = ANY (relations)) r (oid)
	JOIN pg_catalog.pg_class c ON c.oid = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '` + watchSchema + `')
	); END $f$`,
	// What the transaction has done so far: its locks, what it read and wrote of
	// each relation that it locked, and how these relations, and those beside, are now.
	`CREATE FUNCTION ` + watchSchema + `.seen(VARIADIC beside oid[]) RETURNS json LANGUAGE plpgsql SET search_path = '' ` + watchPlans + ` AS $f$ BEGIN RETURN (
	WITH locked AS MATERIALIZED (
		SELECT l.relation, l.mode FROM pg_catalog.pg_locks l
		WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
	), relations AS MATERIALIZED (SELECT relation FROM locked UNION SELECT pg_catalog.unnest(beside))
	SELECT pg_catalog.json_build_object(
		'locks', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(relation::bigint, mode)), '[]'::json) FROM locked),
		'counts', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(relation::bigint, pg_catalog.pg_stat_get_xact_numscans(relation),
				pg_catalog.pg_stat_get_xact_tuples_inserted(relation), pg_catalog.pg_stat_get_xact_tuples_updated(relation), pg_catalog.pg_stat_get_xact_tuples_deleted(relation))), '[]'::json)
			FROM relations WHERE pg_catalog.pg_stat_get_xact_numscans(relation) + pg_catalog.pg_stat_get_xact_tuples_inserted(relation)
				+ pg_catalog.pg_stat_get_xact_tuples_updated(relation) + pg_catalog.pg_stat_get_xact_tuples_deleted(relation) > 0),
		'relations', ` + watchSchema + `.state(VARIADIC (SELECT coalesce(pg_catalog.array_agg(relation), '{}') FROM relations)))
	); END $f$`,
	// What the transaction has done so far to relations.
	`CREATE FUNCTION ` + watchSchema + `.counts(VARIADIC relations oid[]) RETURNS json LANGUAGE plpgsql SET search_path = '' ` + watchPlans + ` AS $f$ BEGIN RETURN (
	SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(r::bigint, pg_catalog.pg_stat_get_xact_numscans(r),
		pg_catalog.pg_stat_get_xact_tuples_inserted(r), pg_catalog.pg_stat_get_xact_tuples_updated(r), pg_catalog.pg_stat_get_xact_tuples_deleted(r))), '[]'::json)
	FROM pg_catalog.unnest(relations) AS t (r)
	); END $f$`,
	// How far each sequence has counted.
	`CREATE FUNCTION ` + watchSchema + `.positions() RETURNS TABLE (id bigint, value bigint, called boolean) LANGUAGE plpgsql SET search_path = '' AS $f$
	DECLARE s text;
	BEGIN
		FOR id, s IN SELECT q.seqrelid::bigint, pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_sequence q
			JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't'
		LOOP
			EXECUTE 'SELECT last_value, is_called FROM ' || s INTO value, called;
			RETURN NEXT;
		END LOOP;
	END $f$`,
	// Definitions, as Touched reads them. One function for all would have PostgreSQL make
	// ready, each time it is called, what only one kind of object takes.
	definitionsOf("relations", relationsDefinedSQL),
	definitionsOf("types", typesDefinedSQL),
	definitionsOf("functions", functionsDefinedSQL),
	definitionsOf("relations_and_identities", relationsDefinedSQL+" UNION ALL "+identitiesDefinedSQL),
	`CREATE FUNCTION ` + watchSchema + `.on_command() RETURNS event_trigger LANGUAGE plpgsql SET search_path = '' AS $f$
	BEGIN
		RAISE INFO USING MESSAGE = '` + watchMessage + `' || pg_catalog.json_build_object('locks', ` + locksSQL + `, 'commands',
			(SELECT pg_catalog.json_agg(pg_catalog.json_build_object('class', classid::bigint, 'oid', objid::bigint, 'tag', command_tag, 'kind', object_type,
				'name', object_identity, 'extension', in_extension)) FROM pg_catalog.pg_event_trigger_ddl_commands()))::text;
	END $f$`,
	`CREATE FUNCTION ` + watchSchema + `.on_drop() RETURNS event_trigger LANGUAGE plpgsql SET search_path = '' AS $f$
	BEGIN
		RAISE INFO USING MESSAGE = '` + watchMessage + `' || pg_catalog.json_build_object('locks', ` + locksSQL + `, 'dropped',
			(SELECT pg_catalog.json_agg(pg_catalog.json_build_object('class', classid::bigint, 'oid', objid::bigint, 'kind', object_type, 'name', object_identity,
				'original', original)) FROM pg_catalog.pg_event_trigger_dropped_objects() WHERE NOT is_temporary))::text;
	END $f$`,
	`CREATE FUNCTION ` + watchSchema + `.on_rewrite() RETURNS event_trigger LANGUAGE plpgsql SET search_path = '' AS $f$
	BEGIN
		RAISE INFO USING MESSAGE = '` + watchMessage + `' || pg_catalog.json_build_object('rewrite', pg_catalog.pg_event_trigger_table_rewrite_oid()::bigint)::text;
	END $f$`,
	`CREATE EVENT TRIGGER ` + watchSchema + `_command ON ddl_command_end EXECUTE FUNCTION ` + watchSchema + `.on_command()`,
	`CREATE EVENT TRIGGER ` + watchSchema + `_drop ON sql_drop EXECUTE FUNCTION ` + watchSchema + `.on_drop()`,
	`CREATE EVENT TRIGGER ` + watchSchema + `_rewrite ON table_rewrite EXECUTE FUNCTION ` + watchSchema + `.on_rewrite()`,
}

// watchRemove takes it away again, before all that a database holds is read.
var watchRemove = []string{
	`DROP EVENT TRIGGER ` + watchSchema + `_command`,
	`DROP EVENT TRIGGER ` + watchSchema + `_drop`,
	`DROP EVENT TRIGGER ` + watchSchema + `_rewrite`,
	`DROP EVENT TRIGGER ` + watchSchema + `_start`,
	`DROP EVENT TRIGGER ` + watchSchema + `_end`,
	`DROP SCHEMA ` + watchSchema + ` CASCADE`,
}

// watchAllSQL lists the relations whose state is known at the beginning.
const watchAllSQL = `SELECT ` + watchSchema + `.state(VARIADIC (SELECT coalesce(pg_catalog.array_agg(c.oid), '{}') FROM pg_catalog.pg_class c
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND c.oid >= 16384))`

// watchDomainsSQL reads the constraints of all domains.
const watchDomainsSQL = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', k.oid::bigint, 'name', k.conname, 'kind', k.contype, 'valid', k.convalidated,
		'definition', pg_catalog.pg_get_constraintdef(k.oid), 'domain', pg_catalog.format('%I.%I', n.nspname, t.typname))), '[]'::json)
	FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`

func definitionsOf(what, sql string) string {
	return `CREATE FUNCTION ` + watchSchema + `.` + what + `(oids oid[])
	RETURNS TABLE (class text, id bigint, kind text, name text, definition text) LANGUAGE plpgsql SET search_path = '' ` + watchPlans + ` AS $f$
	#variable_conflict use_column
	BEGIN RETURN QUERY ` + sql + `; END $f$`
}

// mineSQL are the schemas whose objects are defined.
const mineSQL = `(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', '` + watchSchema + `'))`

// ofNoExtension says that the object with an oid does not belong to an extension.
func ofNoExtension(class, oid string) string {
	return `NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.` + class + `'::pg_catalog.regclass AND e.objid = ` + oid + `)`
}

// These read the definitions of single objects, as touchedSQL does.
var (
	relationsDefinedSQL = `
SELECT 'r'::text, c.oid::bigint, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       c.oid::pg_catalog.regclass::text,
       ` + relationSQL + `
FROM pg_catalog.pg_class c
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace IN ` + mineSQL + `
  AND c.relname <> '` + HistoryName + `' AND c.relpersistence <> 't' AND ` + ofNoExtension("pg_class", "c.oid")

	typesDefinedSQL = `
SELECT 't'::text, t.oid::bigint, CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'composite type' END,
       pg_catalog.format_type(t.oid, NULL),
       ` + typeSQL + `
FROM pg_catalog.pg_type t
WHERE t.oid = ANY ($1::pg_catalog.oid[]) AND t.typnamespace IN ` + mineSQL + `
  AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = t.typrelid AND k.relkind = 'c'))
  AND ` + ofNoExtension("pg_type", "t.oid")

	functionsDefinedSQL = `
SELECT 'f'::text, p.oid::bigint, CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       p.oid::pg_catalog.regprocedure::text,
       ` + functionSQL + `
FROM pg_catalog.pg_proc p
WHERE p.oid = ANY ($1::pg_catalog.oid[]) AND p.pronamespace IN ` + mineSQL + ` AND ` + ofNoExtension("pg_proc", "p.oid")

	// The last condition has the identities found by their tables, and not by all
	// sequences, which a database without statistics is thought to have none of.
	identitiesDefinedSQL = `
SELECT 'i'::text, a.attrelid::bigint, ` + identitySQL + ` AND a.attrelid = ANY ($1::pg_catalog.oid[])
  AND q.seqrelid = ANY (ARRAY(SELECT x.objid FROM pg_catalog.pg_depend x WHERE x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.refobjid = ANY ($1::pg_catalog.oid[]) AND x.deptype = 'i'))
GROUP BY a.attrelid`
)
