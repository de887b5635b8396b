package postgres

import (
	"fmt"
	"strings"
)

// What the probes ask. None of these fails for want of a privilege: what may
// not be seen is left out or counted.

// many is how many of a kind a probe lists; somebody who has more has other
// ways to look.
const many = 20

// $1 is the role that files run as.
const accountSQL = `
SELECT r.rolsuper OR coalesce((SELECT pg_catalog.pg_has_role(r.oid, a.oid, 'MEMBER') FROM pg_catalog.pg_roles a WHERE a.rolname = 'rds_superuser'), false),
       pg_catalog.pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE'),
       EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname = 'rds_iam'),
       pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CREATE'),
       pg_catalog.has_database_privilege($1::pg_catalog.name, pg_catalog.current_database(), 'CREATE'),
       r.rolconnlimit
FROM pg_catalog.pg_roles r WHERE r.rolname = SESSION_USER`

// $1 is the schema of the history.
const historyAccessSQL = `
SELECT n.oid IS NOT NULL,
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false), coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),
       coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT'), false),
       coalesce(pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE'), false)
FROM (SELECT) AS always LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = '` + HistoryName + `'`

const userSchema = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

// $1 is the role that files run as, $2 the schema of the history, $3 the words
// of the pending files, $4 whether they may touch anything.
const schemasSQL = `
SELECT n.nspname::text,
       n.nspname = ANY ($3::pg_catalog.text[]) OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
         AND ($4 OR c.relname = ANY ($3::pg_catalog.text[]))),
       pg_catalog.has_schema_privilege($1::pg_catalog.name, n.oid, 'USAGE'), pg_catalog.has_schema_privilege($1::pg_catalog.name, n.oid, 'CREATE')
FROM pg_catalog.pg_namespace n
WHERE ` + userSchema + ` AND n.nspname <> $2
ORDER BY 1`

// What may be altered only by its owner, or by who has the owner's rights.
var foreignSQL = fmt.Sprintf(`
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW ' WHEN 'm' THEN 'MATERIALIZED VIEW ' WHEN 'f' THEN 'FOREIGN TABLE ' ELSE 'TABLE ' END || c.oid::pg_catalog.regclass::text,
       pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE ($3 OR c.relname = ANY ($2::pg_catalog.text[])) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND %s
  AND c.relname <> '%s' AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
  AND NOT pg_catalog.pg_has_role($1::pg_catalog.name, c.relowner, 'USAGE')
ORDER BY 1 LIMIT %d`, userSchema, HistoryName, many)

// As holderSQL, with the time since the holder last did something.
var lockSQL = strings.Replace(holderSQL, "\nFROM", `,
	coalesce(CASE WHEN a.state = 'idle' THEN pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - a.state_change)::text END, '')
FROM`, 1)

// reset_val is what a session begins with; what this transaction sets for
// itself does not show in it.
const timeoutsSQL = `
SELECT name, reset_val || coalesce(unit, '') FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
  AND reset_val <> '0' ORDER BY 1`

const unusualSQL = `
SELECT name, reset_val || CASE WHEN name = 'temp_file_limit' THEN unit ELSE '' END FROM pg_catalog.pg_settings
WHERE (name = 'temp_file_limit' AND reset_val <> '-1') OR (name = 'session_replication_role' AND reset_val <> 'origin') ORDER BY 1`

const checkIntervalSQL = `SELECT pg_catalog.set_config('client_connection_check_interval', '1000', true)`

// Whose sessions we may not look into have no backend_type for us.
const connectionsSQL = `
SELECT (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity WHERE coalesce(backend_type, 'client backend') = 'client backend'),
       pg_catalog.current_setting('max_connections')::int - pg_catalog.current_setting('superuser_reserved_connections')::int
         - coalesce(pg_catalog.current_setting('reserved_connections', true)::int, 0)`

// $1 is a number of milliseconds.
var oldSQL = fmt.Sprintf(`
SELECT %s FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_type = 'client backend'
  AND a.xact_start < pg_catalog.clock_timestamp() - $1::pg_catalog.text::pg_catalog.float8 * interval '1 millisecond'
ORDER BY a.xact_start LIMIT %d`, peerColumns, many)

const hiddenSQL = `
SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.backend_type IS NULL`

var preparedSQL = fmt.Sprintf(`
SELECT gid, owner::text, pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - prepared)::text
FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared LIMIT %d`, many)

// An index of a partitioned table is invalid until each partition has its own:
// that is no leftover. Nor is one that is being built.
var invalidSQL = fmt.Sprintf(`
SELECT i.indexrelid::pg_catalog.regclass::text, i.indrelid::pg_catalog.regclass::text
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i' AND %s
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.relid = i.indrelid)
ORDER BY 1 LIMIT %d`, userSchema, many)

// From 18 on a constraint can be NOT ENFORCED, which is meant to stay.
var notValidSQL = fmt.Sprintf(`
SELECT pg_catalog.quote_ident(k.conname), k.conrelid::pg_catalog.regclass::text
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
WHERE NOT k.convalidated AND k.conrelid <> 0 AND k.conparentid = 0 AND k.coninhcount = 0 AND %s
  AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::bool, true)
ORDER BY 2, 1 LIMIT %d`, userSchema, many)

const publicationsSQL = `SELECT pubname::text FROM pg_catalog.pg_publication ORDER BY 1`

const subscriptionsSQL = `
SELECT s.subname::text FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
WHERE d.datname = pg_catalog.current_database() ORDER BY 1`

const slotsSQL = `
SELECT slot_name::text, slot_type = 'logical', active,
       coalesce(pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)), '')
FROM pg_catalog.pg_replication_slots WHERE NOT temporary AND (database IS NULL OR database = pg_catalog.current_database()) ORDER BY 1`

// state is NULL where we may not see it, replay_lag where nothing is behind.
const replicasSQL = `
SELECT coalesce(nullif(application_name, ''), pid::text), CASE WHEN state IS NOT NULL THEN coalesce(extract(epoch FROM replay_lag), 0)::pg_catalog.float8 END
FROM pg_catalog.pg_stat_replication ORDER BY 1`

const auroraReplicasSQL = `
SELECT server_id::text, (coalesce(replica_lag_in_msec, 0) / 1000.0)::pg_catalog.float8
FROM pg_catalog.aurora_replica_status() WHERE session_id <> 'MASTER_SESSION_ID' ORDER BY 1`

// used is which columns a sequence fills: as its own (serial, identity) or by a
// default. What fits into the narrowest is where it ends.
var keysSQL = fmt.Sprintf(`
WITH used (seq, rel, att) AS (
	SELECT d.objid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
	WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
	UNION
	SELECT d.refobjid, ad.adrelid, ad.adnum FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
	WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
), filled AS (
	SELECT DISTINCT ON (u.seq) u.seq, u.rel::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname) AS col,
	       CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END AS most
	FROM used u JOIN pg_catalog.pg_attribute a ON a.attrelid = u.rel AND a.attnum = u.att
	ORDER BY u.seq, most, col
), state AS (
	SELECT s.seqrelid, f.col, least(s.seqmax, f.most) AS most,
	       CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') THEN pg_catalog.pg_sequence_last_value(s.seqrelid) END AS last
	FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid AND c.relpersistence = 'p'
	LEFT JOIN filled f ON f.seq = s.seqrelid
	WHERE s.seqincrement > 0 AND NOT s.seqcycle
)
SELECT seqrelid::pg_catalog.regclass::text, coalesce(col, ''), last, most FROM state
WHERE last > 0.75 * most ORDER BY last::pg_catalog.float8 / most DESC, 1 LIMIT %d`, many)

const hiddenKeysSQL = `
SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_sequence s WHERE NOT pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')`

const ageSQL = `
SELECT datname::text, pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid) FROM pg_catalog.pg_database
ORDER BY greatest(pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid)) DESC LIMIT 1`

const sizeSQL = `SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(pg_catalog.current_database()))`
