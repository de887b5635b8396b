package postgres

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Run runs steps in order and yields the result of each, or the first
// *migration.Failure, after which it ends. What a result calls committed is
// committed; of a step that failed nothing stays, unless the failure is of a
// kind that leaves it open (see migration.FailureKind).
//
// When ctx ends, the server is asked to stop the statement that runs; the
// session survives that. A statement of the CONCURRENTLY family is not
// stopped, since that would leave its work INVALID: the server goes on with it
// and the session is given up.
func (s *Session) Run(ctx context.Context, steps []migration.Step) iter.Seq2[migration.StepResult, error] {
	return func(yield func(migration.StepResult, error) bool) {
		for _, step := range steps {
			var (
				result migration.StepResult
				err    error
			)
			if step.Alone() {
				result, err = s.runAlone(ctx, step)
			} else {
				result, err = s.runTransaction(ctx, step)
			}
			if err != nil {
				err = s.place(step, result, err)
			}
			if !yield(result, err) || err != nil {
				return
			}
		}
	}
}

// runTransaction runs a step and writes its row in one transaction, sent in
// one round trip. A Flush behind each statement makes the server answer it at
// once, so that a client that is gone is noticed and times can be told.
func (s *Session) runTransaction(ctx context.Context, step migration.Step) (migration.StepResult, error) {
	result := migration.StepResult{Step: step}
	trip := s.newTrip(ctx)
	trip.send(begin)
	s.prepare(ctx, trip, step)
	for i, stmt := range step.Stmts() {
		trip.sendStatement(step, step.From+i)
		s.prepares = s.prepares || stmt.Keyword() == "prepare"
	}
	s.finish(trip, step)
	trip.send("COMMIT")
	err := trip.run(&result)
	result.Committed = err == nil
	return s.committed(result, err)
}

// committed notes what a commit brought: from then on the history is there.
func (s *Session) committed(result migration.StepResult, err error) (migration.StepResult, error) {
	if err != nil {
		result.Row = migration.Revision{}
		return result, err
	}
	if schema, there, _ := s.historySchema(); !there {
		s.facts.Histories = append(s.facts.Histories, schema)
		s.schemaThere = true
	}
	return result, nil
}

// begin says what a transaction is, since a file can have changed what it is by
// default: RESET ALL, inside, comes too late for that.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

// prepare makes the session ready for the step: for the first of a file all
// that an earlier file may have left is undone, our settings are made, and the
// configured role is SET. It makes the history where there is none: in the
// transaction of the first step, so that nothing stays where that fails.
func (s *Session) prepare(ctx context.Context, trip *trip, step migration.Step) {
	if step.First {
		trip.send("RESET ALL")
		trip.send("RESET SESSION AUTHORIZATION")
		trip.send("RESET ROLE")
		s.discard(trip)
		s.sendSettings(ctx, trip)
	}
	trip.sendRepeated(mark)
	if _, there, _ := s.historySchema(); !there {
		for _, ddl := range s.historyDDL() {
			trip.send(ddl)
		}
	}
	if !step.First {
		return
	}
	if role := s.settings.Role; role != "" {
		trip.sendRepeated("SELECT pg_catalog.set_config('role', $1, false)", role)
	}
	// What an earlier run of the file had set for its session has to be set
	// again before its next statement.
	for i, stmt := range step.File.Stmts[:step.From] {
		if stmt.SetsSession() {
			trip.sendQuiet(step, i)
		}
	}
}

// discard takes away what lives as long as the session and is no setting. A file
// that found what an earlier one has left would fail where a new run, in a new
// session, begins with it; and one that makes it again would fail where none does.
// DISCARD ALL would drop the advisory lock too.
func (s *Session) discard(trip *trip) {
	trip.send("CLOSE ALL")
	trip.send("DISCARD TEMP")
	trip.send("DISCARD SEQUENCES")
	if s.prepares {
		trip.send("DEALLOCATE ALL")
		s.prepared.statements = nil
	}
}

// marker is a setting local to the transaction of a step. Where it is gone at
// the end, the transaction that began is not the one that ends: something in
// the file committed or rolled back on its own.
const (
	marker = "aurora_migrate.file"
	mark   = "SELECT pg_catalog.set_config('" + marker + "', 'runs', true)"
)

// Timeouts of our own sessions, so that one whose client was frozen does not
// keep the lock for ever.
const (
	idleSession     = 60 * time.Second
	idleTransaction = 10 * time.Second
	checkInterval   = time.Second
)

func (s *Session) sendSettings(ctx context.Context, trip *trip) {
	sql := `SELECT pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.set_config('statement_timeout', $2, false),
		pg_catalog.set_config('idle_session_timeout', $3, false), pg_catalog.set_config('idle_in_transaction_session_timeout', $4, false),
		pg_catalog.set_config('client_connection_check_interval', $5, false)`
	left := timeLeft(ctx, 0)
	statement := left
	if s.settings.StatementTimeout > 0 && (left == 0 || s.settings.StatementTimeout < left) {
		statement = s.settings.StatementTimeout
	}
	args := []string{milliseconds(s.settings.LockTimeout), milliseconds(statement), milliseconds(idleSession), milliseconds(idleTransaction), milliseconds(checkInterval)}
	if s.facts.Target.Major() >= 17 && left > 0 {
		// A backstop: by then we have asked the server to stop and waited.
		sql += ", pg_catalog.set_config('transaction_timeout', $6, false)"
		args = append(args, milliseconds(left+stopPatience))
	}
	trip.sendRepeated(sql, args...)
}

// checkDeferred does what COMMIT would do with deferred constraints and
// triggers, while the role and the search_path are still those of the file.
const checkDeferred = "SET CONSTRAINTS ALL IMMEDIATE"

// asLogin and plainly undo, for the rest of a transaction, what a file set for
// its session and what a row would be written wrongly or not at all under.
const (
	asLogin = "SET LOCAL SESSION AUTHORIZATION DEFAULT"
	plainly = "SELECT pg_catalog.set_config('role', 'none', true), pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('client_encoding', 'UTF8', true)"
)

// finish undoes, for the rest of the transaction, what the file did to the
// session, and writes the row.
func (s *Session) finish(trip *trip, step migration.Step) {
	trip.send(checkDeferred)
	trip.send(asLogin)
	trip.sendRepeated(plainly)
	s.sendRow(trip, step.Row, true)
}

// sendRow writes a row of the history. What a version took is added up over the
// runs that it took. With marked, it fails where the marker is gone. Where the
// lock was taken and is gone it fails too: somebody else may write by then.
func (s *Session) sendRow(trip *trip, r migration.Revision, marked bool) {
	table, _ := s.historyTable()
	applied := "$4::bigint"
	if s.locked {
		applied = `CASE WHEN ` + stillLocked + ` THEN $4::bigint ELSE ('` + lockLost + `' || pg_catalog.pg_backend_pid())::bigint END`
	}
	if marked {
		applied = `CASE WHEN pg_catalog.current_setting('` + marker + `', true) = 'runs' THEN ` + applied + ` ELSE ('` + markerLost + `' || pg_catalog.current_setting('` + marker + `', true))::bigint END`
	}
	sql := `INSERT INTO ` + table + ` AS h (version, description, type, applied, total, executed_at, execution_time, error, error_stmt, hash, partial_hashes, operator_version)
VALUES ($1::text, $2::text, $3::bigint, ` + applied + `, $5::bigint, now(), (extract(epoch from clock_timestamp() - now()) * 1e9)::bigint, $6::text, $7::text, $8::text, $9::jsonb, $10::text)
ON CONFLICT (version) DO UPDATE SET description = excluded.description, type = excluded.type, applied = excluded.applied, total = excluded.total,
	execution_time = h.execution_time + excluded.execution_time, error = excluded.error, error_stmt = excluded.error_stmt,
	hash = excluded.hash, partial_hashes = excluded.partial_hashes, operator_version = excluded.operator_version
RETURNING (extract(epoch from executed_at) * 1000000)::bigint::text, execution_time::text`
	trip.sendRow(r, sql, r.Version, r.Description, strconv.Itoa(int(r.Type)), strconv.Itoa(r.Applied), strconv.Itoa(r.Total),
		r.Error, r.ErrorStmt, r.Hash, hashesJSON(r.PartialHashes), r.OperatorVersion)
}

const markerLost = "aurora-migrate: the transaction of this file was ended inside the file "

// WriteRows writes and deletes rows of the history in one transaction and runs
// nothing else: it is what baseline does.
func (s *Session) WriteRows(ctx context.Context, write []migration.Revision, remove []string) error {
	trip := s.newTrip(ctx)
	trip.send(begin)
	trip.send("RESET ALL")
	trip.send("RESET SESSION AUTHORIZATION")
	trip.send("RESET ROLE")
	s.sendSettings(ctx, trip)
	if _, there, _ := s.historySchema(); !there {
		for _, ddl := range s.historyDDL() {
			trip.send(ddl)
		}
	}
	table, _ := s.historyTable()
	for _, v := range remove {
		trip.send("DELETE FROM "+table+" WHERE version = $1", v)
	}
	for _, r := range write {
		s.sendRow(trip, r, false)
	}
	trip.send("COMMIT")
	result, err := s.committed(migration.StepResult{}, trip.run(&migration.StepResult{}))
	if err != nil {
		return s.place(result.Step, result, err)
	}
	return nil
}

// place says where in a file a failure is, and turns it into one that can be
// shown.
func (s *Session) place(step migration.Step, result migration.StepResult, err error) error {
	f := s.failureIn(step.File.Text, err)
	at := -1
	var stmt *statementError
	if errors.As(err, &stmt) {
		at = stmt.index
		s.placeOurs(f, stmt)
		f.Blockers = stmt.blockers
		f.Message += stmt.note
		if stmt.kind != "" {
			f.Kind = stmt.kind
		}
	}
	if step.File.Name == "" {
		return f
	}
	f.File = step.File.Name
	f.Of = len(step.File.Stmts)
	if at >= 0 {
		f.Statement = at + 1
		position := 0
		var pg *pgconn.PgError
		if errors.As(err, &pg) {
			position = int(pg.Position)
		}
		f.Line, f.Column, f.Excerpt = step.File.Excerpt(at, position)
	}
	if unlocked(err) {
		placeUnlocked(f)
		return f
	}
	if f.SQLState == invalidText && markerGone(err) {
		f.Statement, f.Line = 0, 0
		f.Message = "the transaction of this file was ended inside the file (a COMMIT or ROLLBACK in what it calls); what ran before that point may have been committed"
	}
	return f
}
