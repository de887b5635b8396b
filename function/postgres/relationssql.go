package postgres

import (
	"fmt"
	"strings"
)

// askedSQL are the relations that $1 names, $2 by schema and $3 by name, with
// their oids. No function that takes a name is used: it would fail for want of
// USAGE on the schema.
const askedSQL = `asked (name, oid) AS (
	SELECT q.name, c.oid
	FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[])) AS q (name, schema, relation)
	JOIN pg_catalog.pg_namespace n ON n.nspname = q.schema
	JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = q.relation
)`

// treeSQL adds, to each relation that is asked for, the partitions below it,
// without locking any of them as pg_partition_tree would.
const treeSQL = `tree (name, oid) AS (
	SELECT name, oid FROM asked
	UNION
	SELECT t.name, h.inhrelid FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind IN ('p', 'I')
	JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
)`

// sizeOf is the size in bytes of forks of the relation c of pg_class, or what was
// last seen of it where asking would have to wait; NULL where nothing is known.
// $4 says whether to ask.
func sizeOf(forks ...string) string {
	var sizes []string
	for _, f := range forks {
		sizes = append(sizes, "pg_catalog.pg_relation_size(c.oid, '"+f+"')")
	}
	return `CASE
	WHEN c.relkind NOT IN ('r', 'm', 't', 'i', 'S') THEN NULL
	WHEN $4 AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND l.relation = c.oid
		AND l.mode = 'AccessExclusiveLock' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
	THEN ` + strings.Join(sizes, " + ") + `
	WHEN c.relpages > 0 THEN c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint END`
}

var (
	mainSize  = sizeOf("main")
	wholeSize = sizeOf("main", "fsm", "vm", "init")
)

// Rows are estimated as the planner does: as many a page as were seen last, on
// the pages that there are now. Without a page there is no row, and else there
// is said to be one at least. Statistics that were never reset are as old as the
// server at most, so that rates are rather too high than too low.
var relationsSQL = fmt.Sprintf(`
WITH RECURSIVE %s, %s, stored AS MATERIALIZED (
	SELECT t.name, c.oid, c.relkind, c.reltuples, c.relpages, c.reltoastrelid, %s AS bytes, %s AS main
	FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid WHERE c.relkind IN ('r', 'm', 'f')
), counted AS (
	SELECT s.name, s.relkind, s.bytes, s.main, s.reltuples, s.relpages, pg_catalog.pg_stat_get_live_tuples(s.oid) AS live,
	       coalesce((SELECT %[3]s FROM pg_catalog.pg_class c WHERE c.oid = s.reltoastrelid), 0)
	         + coalesce((SELECT pg_catalog.sum(%[3]s) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = s.reltoastrelid), 0) AS toast,
	       (SELECT CASE WHEN pg_catalog.count(*) = pg_catalog.count(x.bytes) THEN coalesce(pg_catalog.sum(x.bytes), 0) END
	        FROM (SELECT %[3]s AS bytes FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = s.oid) x) AS indexes,
	       pg_catalog.pg_stat_get_tuples_inserted(s.oid) + pg_catalog.pg_stat_get_tuples_updated(s.oid) + pg_catalog.pg_stat_get_tuples_deleted(s.oid) AS writes,
	       pg_catalog.pg_stat_get_numscans(s.oid) + coalesce((SELECT pg_catalog.sum(pg_catalog.pg_stat_get_numscans(i.indexrelid)) FROM pg_catalog.pg_index i WHERE i.indrelid = s.oid), 0) AS reads
	FROM stored s
), guessed AS (
	SELECT name, bytes + toast AS bytes, indexes, writes, reads,
	       CASE WHEN main = 0 THEN 0
	            WHEN reltuples > 0 AND relpages > 0 AND main IS NOT NULL THEN greatest(1, reltuples / relpages * (main / pg_catalog.current_setting('block_size')::int))
	            WHEN reltuples > 0 THEN reltuples
	            WHEN live > 0 THEN live
	            WHEN reltuples = 0 AND relpages > 0 THEN 1 END AS rows
	FROM counted
), summed AS (
	SELECT name, pg_catalog.count(*) AS leaves,
	       CASE WHEN pg_catalog.bool_and(rows IS NOT NULL) THEN pg_catalog.sum(rows) END AS rows,
	       CASE WHEN pg_catalog.bool_and(bytes IS NOT NULL) THEN pg_catalog.sum(bytes) END AS bytes,
	       CASE WHEN pg_catalog.bool_and(indexes IS NOT NULL) THEN pg_catalog.sum(indexes) END AS indexes,
	       pg_catalog.sum(writes) AS writes, pg_catalog.sum(reads) AS reads
	FROM guessed GROUP BY name
), since (seconds) AS (
	SELECT greatest(1, extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(d.stats_reset, pg_catalog.pg_postmaster_start_time())))
	FROM pg_catalog.pg_stat_database d WHERE d.datname = pg_catalog.current_database()
)
SELECT a.name,
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'm' THEN 'materialized view' WHEN 'v' THEN 'view'
         WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite type' ELSE 'index' END,
       CASE WHEN c.relkind = 'p' AND s.name IS NULL THEN 0 ELSE coalesce(pg_catalog.round(s.rows::numeric), -1) END::bigint,
       CASE WHEN c.relkind = 'p' AND s.name IS NULL THEN 0 ELSE coalesce(s.bytes, %[3]s, -1) END::bigint,
       CASE WHEN c.relkind = 'p' AND s.name IS NULL THEN 0 ELSE coalesce(s.indexes, -1) END::bigint,
       coalesce(s.writes / since.seconds, CASE c.relkind WHEN 'p' THEN 0 ELSE -1 END)::float8, coalesce(s.reads / since.seconds, CASE c.relkind WHEN 'p' THEN 0 ELSE -1 END)::float8,
       ARRAY(SELECT pg_catalog.quote_ident(k.conname) FROM pg_catalog.pg_constraint k
         WHERE k.conrelid = c.oid AND NOT k.convalidated AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::bool, true) ORDER BY k.conname),
       CASE c.relkind WHEN 'p' THEN coalesce(s.leaves, 0) ELSE 0 END::int,
       EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.puballtables AND c.relkind IN ('r', 'p'))
         OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel p JOIN tree t ON t.oid = p.prrelid WHERE t.name = a.name)
         OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace p JOIN tree t ON t.name = a.name
           JOIN pg_catalog.pg_class m ON m.oid = t.oid AND m.relnamespace = p.pnnspid WHERE m.relkind IN ('r', 'p'))
FROM asked a JOIN pg_catalog.pg_class c ON c.oid = a.oid CROSS JOIN since LEFT JOIN summed s ON s.name = a.name`, askedSQL, treeSQL, wholeSize, mainSize)

// An index of a partitioned table is the sum of those of its partitions.
var indexesSQL = fmt.Sprintf(`
WITH RECURSIVE %s, own (name, oid) AS (
	SELECT a.name || '/' || i.indexrelid, i.indexrelid FROM asked a JOIN pg_catalog.pg_index i ON i.indrelid = a.oid
), tree (name, oid) AS (
	SELECT name, oid FROM own
	UNION
	SELECT t.name, h.inhrelid FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind = 'I'
	JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), summed AS (
	SELECT t.name, CASE WHEN pg_catalog.count(*) = pg_catalog.count(x.bytes) THEN pg_catalog.sum(x.bytes) END AS bytes, pg_catalog.sum(pg_catalog.pg_stat_get_numscans(t.oid)) AS scans
	FROM tree t JOIN LATERAL (SELECT %s AS bytes FROM pg_catalog.pg_class c WHERE c.oid = t.oid AND c.relkind = 'i') x ON true GROUP BY t.name
)
SELECT a.name, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
       CASE WHEN c.relkind = 'I' AND s.name IS NULL THEN 0 ELSE coalesce(s.bytes, -1) END::bigint, coalesce(s.scans, CASE c.relkind WHEN 'I' THEN 0 ELSE -1 END)::bigint, NOT i.indisvalid
FROM asked a JOIN pg_catalog.pg_index i ON i.indrelid = a.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN summed s ON s.name = a.name || '/' || i.indexrelid`, askedSQL, wholeSize)
