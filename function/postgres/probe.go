package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// ProbeOptions say what a probe is to look at.
type ProbeOptions struct {
	Words      []string      // that name what the pending files touch
	Everything bool          // they may touch anything
	Old        time.Duration // a transaction open for so long is old
}

// probeTime bounds each of the probes.
const probeTime = 3 * time.Second

// A probe looks at one link. Where it fails, failed is told why, and that link
// alone was not looked at.
type probe struct {
	link   migration.Link
	query  query
	failed func(why string)
}

// Probe looks at everything beside the history that can stand in the way of a
// migration or be in danger from one. It is read-only and takes two round trips
// where all goes well. It always returns: what could not be looked at is in
// Missed, and Lost says where the connection broke.
func (s *Session) Probe(ctx context.Context, o ProbeOptions) migration.Live {
	live := migration.Live{Missed: map[migration.Link]string{}}
	missed := func(links ...migration.Link) func(string) {
		return func(why string) {
			for _, l := range links {
				live.Missed[l] = why
			}
		}
	}
	if err := s.probeClock(ctx, &live); err != nil {
		missed(migration.LinkClock, migration.LinkPrivileges)(s.why(err))
	}
	probes := s.probes(o, &live, missed)
	queries := make([]query, len(probes))
	for i, p := range probes {
		queries[i] = p.query
	}
	if err := s.lookFor(ctx, probeTime, queries); err == nil {
		return live
	}
	for _, p := range probes { // one by one, to see which it is
		err := s.lookFor(ctx, probeTime, []query{p.query})
		if err != nil && live.Lost == "" && s.conn.IsClosed() {
			live.Lost = s.failure(err).Error()
		}
		switch {
		case err != nil && p.failed != nil:
			p.failed(s.why(err))
		case err != nil:
			missed(p.link)(s.why(err))
		}
	}
	return live
}

// why says in a few words why a probe failed.
func (s *Session) why(err error) string {
	f := s.failure(err)
	if s.conn.IsClosed() {
		return "the time was over, or the connection broke"
	}
	return f.Error()
}

// probeClock asks for the time, and as the role that files run as for the
// schema in which what they create without one lands.
func (s *Session) probeClock(ctx context.Context, live *migration.Live) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var b pgx.Batch
	b.Queue("BEGIN READ ONLY")
	if role := s.settings.Role; role != "" && !s.facts.RoleMissing && !s.facts.RoleForbidden {
		b.Queue("SELECT pg_catalog.set_config('role', $1, true)", role)
	}
	began := time.Now()
	var now time.Time
	b.Queue("SELECT pg_catalog.clock_timestamp(), coalesce(pg_catalog.current_schema()::text, '')").QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&now, &live.Landing); err != nil {
			return err
		}
		took := time.Since(began)
		live.Within = took / 2
		live.Ahead = now.Sub(began.Add(live.Within))
		return nil
	})
	b.Queue("COMMIT")
	err := s.conn.SendBatch(ctx, &b).Close()
	if err != nil && !s.conn.IsClosed() && s.conn.PgConn().TxStatus() == 'E' {
		_, _ = s.conn.Exec(ctx, "ROLLBACK") // the next query tells, where the connection is lost
	}
	return err
}

// ProbeHistory says what the login role may do with the history, without
// reading it.
func (s *Session) ProbeHistory(ctx context.Context) (migration.HistoryProbe, error) {
	var h migration.HistoryProbe
	var err error
	if h.Schema, h.There, err = s.historySchema(); err != nil {
		return h, err // the facts tell
	}
	err = s.lookFor(ctx, probeTime, []query{{historyAccessSQL, []any{h.Schema},
		one(&h.SchemaThere, &h.Use, &h.Create, &h.Read, &h.Write)}})
	if err != nil {
		return h, s.failure(err)
	}
	return h, nil
}

// probes are all that are made on a session, cheap ones.
func (s *Session) probes(o ProbeOptions, live *migration.Live, missed func(...migration.Link) func(string)) []probe {
	acting := s.facts.Target.Role
	if s.facts.RoleMissing {
		acting = s.facts.Target.User
	}
	schema, _, _ := s.historySchema()
	words := append([]string{}, o.Words...) // never nil, which would be NULL
	a := &live.Account
	all := []probe{
		{migration.LinkLogin, query{accountSQL, []any{acting}, one(&a.Superuser, &a.ReadStats, &a.IAM, &a.CreateHere, &a.ActingCreates, &a.Limit)},
			missed(migration.LinkHistory, migration.LinkPrivileges, migration.LinkConnections, migration.LinkTransactions)},
		{migration.LinkPrivileges, query{schemasSQL, []any{acting, schema, words, o.Everything}, rowsOf(&live.Schemas)}, nil},
		{migration.LinkPrivileges, query{foreignSQL, []any{acting, words, o.Everything}, rowsOf(&live.Foreign)}, nil},
		{migration.LinkLock, query{lockSQL, nil, holder(live)}, nil},
		{migration.LinkSettings, query{timeoutsSQL, nil, rowsOf(&live.Timeouts)}, nil},
		{migration.LinkSettings, query{unusualSQL, nil, rowsOf(&live.Unusual)}, nil},
		{migration.LinkSettings, query{checkIntervalSQL, nil, one(new(string))}, func(why string) { live.Unwatched = why }},
		{migration.LinkConnections, query{connectionsSQL, nil, one(&live.Connections, &live.Room)}, nil},
		{migration.LinkTransactions, query{oldSQL, []any{milliseconds(o.Old)}, peers(&live.Old)}, nil},
		{migration.LinkTransactions, query{hiddenSQL, nil, one(&live.Hidden)}, nil},
		{migration.LinkPrepared, query{preparedSQL, nil, rowsOf(&live.Prepared)}, nil},
		{migration.LinkIndexes, query{invalidSQL, nil, rowsOf(&live.Indexes)}, nil},
		{migration.LinkConstraints, query{notValidSQL, nil, rowsOf(&live.Constraints)}, nil},
		{migration.LinkReplication, query{publicationsSQL, nil, column(&live.Publications)}, nil},
		{migration.LinkReplication, query{subscriptionsSQL, nil, column(&live.Subscriptions)}, nil},
		{migration.LinkReplication, query{slotsSQL, nil, rowsOf(&live.Slots)}, nil},
		{migration.LinkKeys, query{keysSQL, nil, rowsOf(&live.Keys)}, nil},
		{migration.LinkKeys, query{hiddenKeysSQL, nil, one(&live.HiddenKeys)}, nil},
		{migration.LinkWraparound, query{ageSQL, nil, one(&live.Age.Database, &live.Age.Transactions, &live.Age.Multixacts)}, nil},
		{migration.LinkRoom, query{sizeSQL, nil, one(&live.Size)}, nil},
	}
	return append(all, s.replicaProbe(live))
}

// replicaProbe asks for what follows this server. Aurora has its own way to say
// it, and its readers follow a volume, not a stream.
func (s *Session) replicaProbe(live *migration.Live) probe {
	sql := replicasSQL
	if s.facts.Target.Aurora() {
		sql = auroraReplicasSQL
	}
	return probe{link: migration.LinkReplicas, query: query{sql, nil, func(rows pgx.Rows) error {
		defer rows.Close()
		live.Replicas, live.HiddenReplicas = nil, 0
		for rows.Next() {
			var r migration.Replica
			var seconds *float64
			if err := rows.Scan(&r.Name, &seconds); err != nil {
				return err
			}
			if seconds == nil {
				live.HiddenReplicas++
				continue
			}
			r.Lag = time.Duration(*seconds * float64(time.Second))
			live.Replicas = append(live.Replicas, r)
		}
		return rows.Err()
	}}}
}

// holder reads who holds the advisory lock.
func holder(live *migration.Live) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p migration.Peer, err error) {
			err = row.Scan(&p.PID, &p.User, &p.Application, &p.Client, &p.State, &p.Transaction, &live.Idle)
			return p, err
		})
		live.Holder = nil
		if len(all) > 0 {
			live.Holder = &all[0]
		}
		return err
	}
}

func peers(into *[]migration.Peer) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, scanPeer)
		return err
	}
}

// rowsOf reads all rows, column by column as the fields of T stand.
func rowsOf[T any](into *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	}
}
