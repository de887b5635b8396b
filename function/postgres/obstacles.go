package postgres

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// obstacleQueries ask what can stand in the way of a plan that locks these
// relations. None of them fails for want of a privilege, and none waits.
func (s *Session) obstacleQueries(relations []string, o *migration.Obstacles) []query {
	return []query{
		{heldSQL, qualifiedArgs(relations), func(rows pgx.Rows) (err error) {
			o.Locks, err = pgx.CollectRows(rows, scanHeld)
			return err
		}},
		{snapshotsSQL, nil, func(rows pgx.Rows) (err error) {
			o.Snapshots, err = pgx.CollectRows(rows, scanSnapshot)
			return err
		}},
		{replicatingSQL, nil, column(&o.Replicating)},
	}
}

// lockModes are the modes of relations by the names that pg_locks has for them.
var lockModes = map[string]migration.LockMode{
	"AccessShareLock": migration.AccessShare, "RowShareLock": migration.RowShare, "RowExclusiveLock": migration.RowExclusive,
	"ShareUpdateExclusiveLock": migration.ShareUpdateExclusive, "ShareLock": migration.Share,
	"ShareRowExclusiveLock": migration.ShareRowExclusive, "ExclusiveLock": migration.Exclusive, "AccessExclusiveLock": migration.AccessExclusive,
}

func scanHeld(row pgx.CollectableRow) (l migration.HeldLock, err error) {
	var mode string
	var seconds float64
	p := &l.Holder
	err = row.Scan(&l.Relation, &mode, &p.PID, &p.User, &p.Application, &p.Client, &p.State, &p.Transaction, &seconds, &l.Prepared, &l.Yields, &l.Wraparound)
	l.Mode, l.Age = lockModes[mode], time.Duration(seconds*float64(time.Second))
	return l, err
}

func scanSnapshot(row pgx.CollectableRow) (o migration.OpenSnapshot, err error) {
	var seconds float64
	p := &o.Holder
	err = row.Scan(&p.PID, &p.User, &p.Application, &p.Client, &p.State, &p.Transaction, &seconds)
	o.Age = time.Duration(seconds * float64(time.Second))
	return o, err
}

const secondsOpen = `coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), 0)::pg_catalog.float8`

// A prepared transaction has no process; which one it is says its lock on its
// own number.
var heldSQL = fmt.Sprintf(`
WITH RECURSIVE %s, %s
SELECT t.name, l.mode, coalesce(a.pid, l.pid, 0), coalesce(a.usename::text, p.owner::text, ''), coalesce(a.application_name, ''), coalesce(pg_catalog.host(a.client_addr), ''),
       coalesce(a.state, ''), coalesce(pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - coalesce(a.xact_start, p.prepared))::text, ''),
       coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, p.prepared)), 0)::pg_catalog.float8, coalesce(p.gid, ''),
       coalesce(a.backend_type = 'autovacuum worker' AND a.query NOT LIKE '%%(to prevent wraparound)', false),
       coalesce(a.backend_type = 'autovacuum worker' AND a.query LIKE '%%(to prevent wraparound)', false)
FROM tree t JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = t.oid AND l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND coalesce(a.leader_pid, 0) <> pg_catalog.pg_backend_pid()
ORDER BY 9 DESC, 1, 2 LIMIT 1000`, askedSQL, treeSQL)

// Who vacuums, or builds an index CONCURRENTLY, is not waited for.
var snapshotsSQL = fmt.Sprintf(`
SELECT %s, %s
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_xmin IS NOT NULL
  AND a.backend_type NOT IN ('walsender', 'autovacuum worker', 'autovacuum launcher') AND a.leader_pid IS NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = a.pid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index i WHERE i.pid = a.pid AND i.command LIKE '%%CONCURRENTLY')
ORDER BY a.xact_start LIMIT %d`, peerColumns, secondsOpen, many)

const replicatingSQL = `
SELECT pubname::text FROM pg_catalog.pg_publication
UNION
SELECT s.subname::text FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()
UNION
SELECT r.slot_name::text FROM pg_catalog.pg_replication_slots r WHERE NOT r.temporary AND r.database = pg_catalog.current_database()
ORDER BY 1`
