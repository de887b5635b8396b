package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A trip is a batch of statements that goes to the server in one round trip,
// with one Sync at its end: after an error the server skips what is left, a
// COMMIT that fails included.
type trip struct {
	session *Session
	ctx     context.Context
	items   []item
}

type item struct {
	sql       string
	args      []string
	statement int                 // index in the file; -1 for what is ours
	told      bool                // it is one of the step's: its end goes into the result
	repeated  bool                // every file has it: it is prepared
	row       *migration.Revision // the row that it writes
}

func (s *Session) newTrip(ctx context.Context) *trip { return &trip{session: s, ctx: ctx} }

// send adds a statement of ours. Arguments go as text.
func (t *trip) send(sql string, args ...string) {
	t.items = append(t.items, item{sql: sql, args: args, statement: -1})
}

// sendRepeated is send for what every file repeats.
func (t *trip) sendRepeated(sql string, args ...string) {
	t.items = append(t.items, item{sql: sql, args: args, statement: -1, repeated: true})
}

// sendStatement adds statement i of the step's file, to be told of.
func (t *trip) sendStatement(step migration.Step, i int) {
	t.items = append(t.items, item{sql: step.File.Stmts[i].Text, statement: i, told: true})
}

// sendQuiet adds it again for its effect on the session.
func (t *trip) sendQuiet(step migration.Step, i int) {
	t.items = append(t.items, item{sql: step.File.Stmts[i].Text, statement: i})
}

func (t *trip) sendRow(r migration.Revision, sql string, args ...string) {
	t.items = append(t.items, item{sql: sql, args: args, statement: -1, row: &r, repeated: true})
}

// A statementError is an error with the statement of the file that it came
// from, index -1 where that was none, and what was seen beside it.
type statementError struct {
	index    int
	sent     string // the SQL
	blockers []migration.Peer
	kind     migration.FailureKind // "" where the error says it itself
	note     string                // goes behind the message
	err      error
}

func (e *statementError) Error() string { return e.err.Error() }
func (e *statementError) Unwrap() error { return e.err }

// stopPatience is how long the server is given to stop a statement and to roll
// back before the session is given up.
const stopPatience = 5 * time.Second

// run sends all, reads all answers, and rolls back what an error left open. The
// statements that ran to their end, and the row as the server completed it, are
// in result also where it returns an error.
func (t *trip) run(result *migration.StepResult) error {
	rolledBack, err := t.once(result)
	if rolledBack && t.session.prepared.deallocated(err) {
		*result = migration.StepResult{Step: result.Step}
		_, err = t.once(result)
	}
	return err
}

func (t *trip) once(result *migration.StepResult) (rolledBack bool, err error) {
	if t.ctx.Err() != nil {
		return false, &statementError{index: -1, kind: migration.Stopped, err: errors.New("there was no time left to begin")}
	}
	ctx, hangUp := context.WithCancel(context.WithoutCancel(t.ctx))
	defer hangUp()
	endStop := t.session.stopWhenDone(t.ctx, hangUp)
	watch := t.session.watchLocks()
	err = t.exchange(ctx, result)
	watch.end()
	endStop()
	if err == nil {
		return false, nil
	}
	err = watch.explain(err)
	if t.session.conn.PgConn().TxStatus() == 'E' && !t.session.conn.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		_, rollback := t.session.conn.Exec(ctx, "ROLLBACK")
		if rollback != nil {
			t.session.log.Warn("the rollback was not answered; the server rolls back by itself when the session ends", "error", plain(rollback))
		}
		rolledBack = rollback == nil
	}
	return rolledBack, err
}

func (t *trip) exchange(ctx context.Context, result *migration.StepResult) error {
	p := t.session.conn.PgConn().StartPipeline(ctx)
	names := map[string]string{} // of what this trip prepares
	preparedAs := make([]string, len(t.items))
	for i := range t.items {
		preparedAs[i] = t.sendItem(p, t.items[i], names)
	}
	err := p.Sync()
	last := time.Now()
	for i := 0; err == nil && i < len(t.items); i++ {
		if preparedAs[i] != "" {
			err = t.receivePrepared(p, t.items[i], preparedAs[i])
		}
		if err == nil {
			err = t.receive(p, t.items[i], result)
		}
		if err == nil && t.items[i].told {
			result.Statements = append(result.Statements, migration.Ran{Statement: t.items[i].statement, Took: time.Since(last)})
			last = time.Now()
		}
	}
	if closed := p.Close(); err == nil && closed != nil {
		err = &statementError{index: -1, err: closed}
	}
	return err
}

// sendItem sends an item, and returns the name under which it was prepared for
// the first time, "" where it was not.
func (t *trip) sendItem(p *pgconn.Pipeline, i item, names map[string]string) (preparedAs string) {
	known := t.session.prepared.statements[i.sql]
	switch {
	case !i.repeated:
		p.SendQueryParams(i.sql, texts(i.args), nil, nil, nil)
	case known != nil:
		p.SendQueryStatement(known, texts(i.args), nil, nil)
	default:
		name, sent := names[i.sql]
		if !sent {
			name = t.session.prepared.name()
			names[i.sql], preparedAs = name, name
			p.SendPrepare(name, i.sql, nil)
		}
		p.SendQueryPrepared(name, texts(i.args), nil, nil)
	}
	if i.statement >= 0 {
		p.SendFlushRequest()
	}
	return preparedAs
}

func (t *trip) receivePrepared(p *pgconn.Pipeline, i item, name string) error {
	answer, err := p.GetResults()
	if err != nil {
		return &statementError{index: i.statement, sent: i.sql, err: err}
	}
	description, ok := answer.(*pgconn.StatementDescription)
	if !ok {
		return &statementError{index: i.statement, sent: i.sql, err: fmt.Errorf("answer %T in the place of a description", answer)}
	}
	description.Name = name
	t.session.prepared.add(i.sql, description)
	return nil
}

func (t *trip) receive(p *pgconn.Pipeline, i item, result *migration.StepResult) error {
	answer, err := p.GetResults()
	if err != nil {
		return &statementError{index: i.statement, sent: i.sql, err: err}
	}
	rows, ok := answer.(*pgconn.ResultReader)
	if !ok {
		return &statementError{index: i.statement, sent: i.sql, err: fmt.Errorf("answer %T in the place of a result", answer)}
	}
	for rows.NextRow() {
		if i.row != nil {
			if err := complete(i.row, rows.Values()); err != nil {
				return err
			}
			result.Row = *i.row
		}
	}
	if _, err := rows.Close(); err != nil {
		return &statementError{index: i.statement, sent: i.sql, err: err}
	}
	return nil
}

// complete fills in the times that the server set.
func complete(r *migration.Revision, values [][]byte) error {
	at, err := strconv.ParseInt(string(values[0]), 10, 64)
	if err != nil {
		return fmt.Errorf("read executed_at: %w", err)
	}
	took, err := strconv.ParseInt(string(values[1]), 10, 64)
	if err != nil {
		return fmt.Errorf("read execution_time: %w", err)
	}
	r.ExecutedAt, r.ExecutionTime = time.UnixMicro(at).UTC(), time.Duration(took)
	return nil
}

// stopWhenDone asks the server to stop what it runs when ctx ends, and hangs up
// where it does not. The function returned ends the watch and waits for it.
func (s *Session) stopWhenDone(ctx context.Context, hangUp func()) (end func()) {
	return whenDone(ctx, func(ended <-chan struct{}) {
		asking, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if err := s.conn.PgConn().CancelRequest(asking); err != nil {
			s.log.Warn("the server could not be asked to stop", "error", plain(err))
		}
		select {
		case <-ended:
		case <-asking.Done():
			hangUp()
		}
	})
}

// whenDone calls f once when ctx ends. The function returned ends the watch,
// tells f of it, and waits until f is through.
func whenDone(ctx context.Context, f func(ended <-chan struct{})) (end func()) {
	ended, through := make(chan struct{}), make(chan struct{})
	unbegun := context.AfterFunc(ctx, func() {
		defer close(through)
		f(ended)
	})
	return func() {
		if !unbegun() {
			close(ended)
			<-through
		}
	}
}

func texts(args []string) [][]byte {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	return values
}

// hashesJSON is the column partial_hashes: JSON null for none, as Atlas writes.
func hashesJSON(hashes []string) string {
	if len(hashes) == 0 {
		return "null"
	}
	b, err := json.Marshal(hashes)
	if err != nil {
		return "null" // strings always marshal
	}
	return string(b)
}
