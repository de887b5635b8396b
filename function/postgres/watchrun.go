package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// seen is what was seen of one statement, still by oid.
type seen struct {
	locks      []lockPair // held after it and not before
	released   []lockPair // taken and given back
	counts     map[uint32]counted
	changes    map[uint32]change
	notices    []notice
	alone      bool
	unobserved string
	privileged bool
	behind     []migration.BehindSeen
	pieces     []seen // where it committed in between: what each of its transactions did
}

// change is a relation before and after; nil where it was, or is, not there.
type change struct{ was, is *relation }

// An attempt is one way to run a file; where it fails for a reason that can be
// mended, the next one differs.
type attempt struct {
	file    migration.File
	watched bool
	skip    map[int]string // statements that cannot be run here, and why
	super   map[int]bool   // statements that take a superuser
	// undo is each relation that was changed as it was before; nil for a new one.
	undo  states
	fresh map[uint32]bool // made by the file
	made  map[uint32]int  // by which statement, where that was not looked at by itself
	later bool            // what the last statements made is still to be looked at
	// rows runs statements with rows in the tables, nil where that is not asked for.
	rows     func(from, to int) (rowsSeen, error)
	withRows rowsSeen
}

// run runs the statements of f that form transactions with one another, each
// group in the transaction mode that a runner would use, and hands what was seen
// of each group to each as soon as it is committed. The error is a
// *migration.Failure with its place, after which nothing of the failed
// transaction is left.
func (w *Watcher) run(ctx context.Context, a *attempt, each func(from int, all []seen) error) error {
	size := len(a.file.Stmts)
	if a.file.TxMode == migration.TxNone {
		size = 1
		if err := w.prepare(ctx); err != nil {
			return w.place(a.file, -1, err)
		}
	}
	for from := 0; from < len(a.file.Stmts); from += size {
		all, err := w.persist(ctx, a, from, from+size)
		if err != nil {
			return err
		}
		if err := each(from, all); err != nil {
			return w.place(a.file, -1, err)
		}
	}
	return nil
}

// begun forgets what the last transaction changed.
func (a *attempt) begun() {
	a.undo, a.fresh, a.made, a.later = states{}, map[uint32]bool{}, map[uint32]int{}, false
}

func newAttempt(f migration.File, watched bool) *attempt {
	return &attempt{file: f, watched: watched, skip: map[int]string{}, super: map[int]bool{}}
}

// persist runs statements as one transaction until they run, mending what can be
// mended in between.
func (w *Watcher) persist(ctx context.Context, a *attempt, from, to int) ([]seen, error) {
	for {
		if a.rows != nil {
			var err error
			if a.withRows, err = a.rows(from, to); err != nil {
				return nil, w.place(a.file, -1, err)
			}
		}
		a.begun()
		were, err := w.positions(ctx, a.file.Stmts[from:to], false)
		if err != nil {
			return nil, w.place(a.file, -1, err)
		}
		all, at, err := w.transaction(ctx, a, from, to)
		if err == nil {
			return all, nil
		}
		w.rollBack(ctx, a)
		if failed := w.setBack(ctx, were); failed != nil {
			return nil, w.place(a.file, at, errors.Join(err, failed))
		}
		if a.file.TxMode == migration.TxNone && (isCode(err, activeTransaction) || isCode(err, invalidTermination)) {
			one, bare := w.bare(ctx, a, from, isCode(err, invalidTermination))
			if bare == nil {
				return []seen{one}, nil
			}
			err, at = bare, from
		}
		mended, failed := w.mend(ctx, a, at, err)
		if failed != nil {
			err = failed
		}
		if !mended {
			return nil, w.place(a.file, at, err)
		}
	}
}

// watchPrepare makes the session what a runner's is before a file.
const watchPrepare = "RESET ALL; RESET SESSION AUTHORIZATION; RESET ROLE; CLOSE ALL; DISCARD TEMP; DISCARD SEQUENCES; " +
	"SELECT pg_catalog.set_config('role', '" + migration.ReplayRole + "', false), pg_catalog.pg_stat_force_next_flush()"

func (w *Watcher) prepare(ctx context.Context) error { return w.script(ctx, watchPrepare) }

// script runs several statements of our own in one round trip.
func (w *Watcher) script(ctx context.Context, sql string) error {
	_, err := w.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

func (w *Watcher) exec(ctx context.Context, sql string) error {
	_, err := w.conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}

// transaction runs statements as one transaction and commits it. at is the
// statement that failed, -1 for none in particular.
func (w *Watcher) transaction(ctx context.Context, a *attempt, from, to int) (all []seen, at int, err error) {
	opening := begin
	if a.file.TxMode != migration.TxNone {
		opening = watchPrepare + "; " + begin
	}
	if a.watched && from < to {
		opening += "; " + planning(a.file.Stmts[from].Text)
	}
	if err := w.script(ctx, opening); err != nil {
		return nil, -1, err
	}
	w.begun()
	if a.watched && from < to {
		w.planner = planning(a.file.Stmts[from].Text)
	}
	for i := from; i < to; i++ {
		s, err := w.statement(ctx, a, i)
		if err != nil {
			return nil, i, err
		}
		a.attribute(s, all, from)
		all = append(all, s)
	}
	if a.later {
		last, err := w.look(ctx, a)
		if err != nil {
			return nil, to - 1, err
		}
		a.attribute(last, all, from)
	}
	if a.watched {
		if err := w.behind(ctx, all); err != nil {
			return nil, to - 1, err
		}
	}
	if err := w.script(ctx, checkDeferred+"; COMMIT; SELECT pg_catalog.pg_stat_force_next_flush()"); err != nil {
		return nil, to - 1, err
	}
	return all, 0, nil
}

// begun forgets what the last transaction did.
func (w *Watcher) begun() {
	w.held, w.counts, w.notices, w.planner = locks{}, map[uint32]counted{}, nil, ""
}

// rollBack takes back what an attempt did, in the database and in what is known
// of it.
func (w *Watcher) rollBack(ctx context.Context, a *attempt) {
	_ = w.script(ctx, "ROLLBACK; SELECT pg_catalog.pg_stat_force_next_flush()") // a broken connection shows at the next statement
	for oid, was := range a.undo {
		if was == nil {
			w.known.drop(oid)
		} else {
			w.known.put(was)
		}
	}
}

// statement runs one within a transaction and looks at what it did.
func (w *Watcher) statement(ctx context.Context, a *attempt, i int) (seen, error) {
	if why, skipped := a.skip[i]; skipped {
		return seen{unobserved: why, privileged: a.super[i]}, nil
	}
	if err := w.send(ctx, a, i); err != nil || !a.watched {
		return seen{}, err
	}
	if a.makesOnly(w, i) {
		return seen{notices: w.take(), privileged: a.super[i], counts: map[uint32]counted{}, changes: map[uint32]change{}}, nil
	}
	s, err := w.look(ctx, a)
	s.privileged = a.super[i]
	return s, err
}

// send runs a statement, unless it is one that is skipped.
func (w *Watcher) send(ctx context.Context, a *attempt, i int) error {
	if _, skipped := a.skip[i]; skipped {
		return nil
	}
	text := a.file.Stmts[i].Text
	if sql := planning(text); a.watched && sql != w.planner {
		if err := w.exec(ctx, sql); err != nil {
			return err
		}
		w.planner = sql
	}
	if a.super[i] {
		if err := w.exec(ctx, asSuperuser); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, text); err != nil {
		return err
	}
	if a.super[i] {
		return w.exec(ctx, asRunner)
	}
	return nil
}

// asRunner has what follows run as the one who runs files, asSuperuser as who connected.
const asRunner = "SELECT pg_catalog.set_config('role', '" + migration.ReplayRole + "', false)"
const asSuperuser = "SELECT pg_catalog.set_config('role', 'none', false)"

var plans = regexp.MustCompile(`(?i)^\W*(insert|update|delete|merge|with|select|values|table|do|call|copy|execute)\b`)

// planning has PostgreSQL choose plans by what there is and not by how little it
// is: what the planner decides reads a table from end to end only where no index
// serves, and what a command of its own reads, it reads.
func planning(text string) string {
	if plans.MatchString(text) {
		return "SELECT pg_catalog.set_config('enable_seqscan', 'off', true), pg_catalog.set_config('enable_indexscan', 'on', true), pg_catalog.set_config('enable_indexonlyscan', 'on', true), pg_catalog.set_config('enable_bitmapscan', 'on', true)"
	}
	return "SELECT pg_catalog.set_config('enable_seqscan', 'on', true), pg_catalog.set_config('enable_indexscan', 'off', true), pg_catalog.set_config('enable_indexonlyscan', 'off', true), pg_catalog.set_config('enable_bitmapscan', 'off', true)"
}

var creates = regexp.MustCompile(`(?i)^create\b`)

// makesOnly says that a statement made something new and held, at its end, no lock
// that tells anything on a relation of before: then what it made can be looked at
// when the next statement is, or at the end. It notes what that is.
func (a *attempt) makesOnly(w *Watcher, i int) bool {
	if len(w.notices) == 0 || !creates.MatchString(a.file.Stmts[i].Text) {
		return false
	}
	now := locks{}
	for _, n := range w.notices {
		if len(n.Dropped) > 0 || n.Rewrite != 0 {
			return false
		}
		now.add(n.Locks)
	}
	for oid := range now {
		for mode := range now[oid] {
			if w.known.all[oid] != nil && !a.fresh[oid] && mode.Strength() > migration.AccessShare.Strength() && !w.held[oid][mode] {
				return false
			}
		}
	}
	a.later = true
	for _, n := range w.notices {
		for _, c := range n.Commands {
			if c.Class == classRelation {
				if _, there := a.made[c.OID]; !there {
					a.made[c.OID] = i
				}
			}
		}
	}
	return true
}

// attribute gives what was made to the statement that made it.
func (a *attempt) attribute(s seen, all []seen, from int) {
	for oid, c := range s.changes {
		at, made := a.made[oid]
		if !made && c.is != nil && c.is.isIndex() { // of a table that was made
			at, made = a.made[c.is.On]
		}
		if !made || c.was != nil || at-from >= len(all) {
			continue
		}
		all[at-from].changes[oid] = c
		delete(s.changes, oid)
	}
}

var (
	roleMissing      = regexp.MustCompile(`^role "(.+)" does not exist$`)
	extensionMissing = regexp.MustCompile(`^extension "(.+)" is not available$`)
	// undefined: what an extension that is not here would have brought may be
	// missed in these ways.
	undefined = []string{"42704", "42883", "42P01", "3F000", "42703", "42P02"}
)

// mend says whether a failure is one of the dev database and not of the file,
// and that it was mended: the same can be tried again.
func (w *Watcher) mend(ctx context.Context, a *attempt, at int, err error) (bool, error) {
	var pg *pgconn.PgError
	if at < 0 || !errors.As(err, &pg) {
		return false, nil
	}
	if made, err := w.makeMissing(ctx, err); made || err != nil || roleMissing.MatchString(pg.Message) {
		return made, err
	}
	if name := extensionMissing.FindStringSubmatch(pg.Message); name != nil {
		w.missing = true
		a.skip[at] = fmt.Sprintf("the extension %s is not available on the dev server", name[1])
		return true, nil
	}
	if pg.Code == insufficientPrivilege && !a.super[at] {
		a.super[at] = true
		if ofTheServer(a.file.Stmts[at].Text) {
			a.skip[at] = "it reaches beyond the database, to files, programs or settings of the server, and is not run for a look: " + pg.Message
		}
		return true, nil
	}
	if w.missing && slices.Contains(undefined, pg.Code) {
		a.skip[at] = "it needs something that an extension brings which is not available on the dev server: " + pg.Message
		return true, nil
	}
	return false, nil
}

// makeMissing makes the role for want of which a statement failed, and says that it did:
// false where it failed for something else, or has the role since.
func (w *Watcher) makeMissing(ctx context.Context, err error) (made bool, _ error) {
	name := w.missingRole(err)
	if name == "" {
		return false, nil
	}
	err = w.makeRole(ctx, name)
	w.roles = append(w.roles, name)
	return err == nil, err
}

// missingRole is the role that an error says is missing, "" for any other error and for
// a role that was made already.
func (w *Watcher) missingRole(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	if name := roleMissing.FindStringSubmatch(pg.Message); name != nil && !slices.Contains(w.roles, name[1]) {
		return name[1]
	}
	return ""
}

// place makes a failure of an error, with its place in the file.
func (w *Watcher) place(f migration.File, at int, err error) *migration.Failure {
	s := &Session{}
	failure := s.failureIn(f.Text, err)
	failure.File = f.Name
	if at < 0 || at >= len(f.Stmts) {
		return failure
	}
	failure.Statement, failure.Of = at+1, len(f.Stmts)
	position := 0
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		position = int(pg.Position)
	}
	failure.Line, failure.Column, failure.Excerpt = f.Excerpt(at, position)
	return failure
}
