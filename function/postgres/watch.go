package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Watcher runs migrations on a dev database and sees what each statement does:
// the locks it takes, what it reads, rewrites and builds, and what is there
// afterwards. It needs a superuser on an otherwise empty database of its own, and
// runs the files as migration.ReplayRole, which has to be no more than the owner
// of that database. It is for one goroutine.
//
// Where PostgreSQL can tell by itself, it is asked: event triggers report every
// command and every drop, at whatever depth of functions and DO blocks; what they
// say goes through notices, which no rollback takes back. Statements that run
// outside a transaction are watched from another session while they wait for others.
type Watcher struct {
	conn  *pgx.Conn // runs the files
	side  *pgx.Conn // makes roles, looks at what conn does
	hold  *pgx.Conn // has what runs outside a transaction wait
	guard *pgx.Conn // has it wait before
	pid   uint32

	known    *stock             // every relation, as it is now
	domains  map[uint32]domain  // constraints of domains, by oid
	counts   map[uint32]counted // what the transaction did so far
	held     locks              // what it has locked so far
	notices  []notice           // since they were last taken
	planner  string             // what planning was set to
	objects  definitions        // what the catalogue holds
	missing  bool               // an extension could not be had
	roles    []string           // that were made here
	everyone bool               // read all definitions after each file
}

// OpenWatcher connects to a dev database, which must be empty, and makes it
// ready. The error says what is missing, a superuser for example.
func OpenWatcher(ctx context.Context, url string) (*Watcher, error) {
	w := &Watcher{known: newStock(), domains: map[uint32]domain{}, counts: map[uint32]counted{}, held: locks{}, objects: definitions{}}
	for c, search := range map[**pgx.Conn]string{&w.conn: "", &w.side: `""`, &w.hold: "", &w.guard: ""} {
		conn, err := w.connect(ctx, url, search)
		if err != nil {
			w.Close()
			return nil, err
		}
		*c = conn
	}
	w.pid = w.conn.PgConn().PID()
	if err := w.install(ctx); err != nil {
		w.Close()
		return nil, fmt.Errorf("make the dev database ready to be watched, which takes a superuser: %w", err)
	}
	if err := w.lookAtAll(ctx); err != nil {
		w.Close()
		return nil, err
	}
	_, err := w.edits(ctx, touched{all: true})
	return w, err
}

// Settings of the sessions of a Watcher. What a file does must not depend on the
// machine that it is watched on.
var watchSettings = map[string]string{
	"application_name": "aurora-migrate replay", "timezone": "UTC", "datestyle": "ISO, MDY", "lc_messages": "C",
	"client_min_messages": "warning", "extra_float_digits": "1", "jit": "off", "max_parallel_workers_per_gather": "0", "max_parallel_maintenance_workers": "0",
}

func (w *Watcher) connect(ctx context.Context, url, search string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL of the dev database cannot be read") // pgx may quote it, password and all
	}
	for name, value := range watchSettings {
		c.RuntimeParams[name] = value
	}
	if search != "" {
		c.RuntimeParams["search_path"] = search
	}
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { w.hear(n) }
	return pgx.ConnectConfig(ctx, c)
}

// hear keeps what our event triggers say.
func (w *Watcher) hear(n *pgconn.Notice) {
	text, ours := strings.CutPrefix(n.Message, watchMessage)
	if !ours {
		return
	}
	var said notice
	if json.Unmarshal([]byte(text), &said) == nil {
		w.notices = append(w.notices, said)
	}
}

func (w *Watcher) install(ctx context.Context) error {
	if err := w.makeRole(ctx, migration.ReplayRole); err != nil {
		return err
	}
	owner := fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", pgx.Identifier{w.conn.Config().Database}.Sanitize(), migration.ReplayRole)
	for _, sql := range slices.Concat([]string{owner}, watchInstall, watchMarks, []string{"SET plan_cache_mode = 'force_generic_plan'", "SET enable_seqscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off"}) {
		if _, err := w.side.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// makeRole makes a role that is not there, which the one who runs files is a
// member of. Another Watcher on the same server may make it at the same moment.
func (w *Watcher) makeRole(ctx context.Context, name string) error {
	quoted := pgx.Identifier{name}.Sanitize()
	_, err := w.side.Exec(ctx, "CREATE ROLE "+quoted+" NOLOGIN")
	switch {
	case err == nil:
		w.roles = append(w.roles, name)
	case !isCode(err, "42710") && !isCode(err, "23505"):
		return err
	}
	if name == migration.ReplayRole {
		return nil
	}
	for range 20 {
		if _, err = w.side.Exec(ctx, "GRANT "+quoted+" TO "+migration.ReplayRole); !isCode(err, internalError) {
			break // else "tuple concurrently updated": another Watcher grants it at this moment
		}
	}
	return err
}

// lookAtAll reads the state of all that is there.
func (w *Watcher) lookAtAll(ctx context.Context) error {
	var text string
	if err := w.conn.QueryRow(ctx, watchAllSQL).Scan(&text); err != nil {
		return err
	}
	w.known = newStock()
	if err := w.known.read([]byte(text)); err != nil {
		return err
	}
	return w.lookAtDomains(ctx)
}

func (w *Watcher) lookAtDomains(ctx context.Context) error {
	var text string
	if err := w.conn.QueryRow(ctx, watchDomainsSQL).Scan(&text); err != nil {
		return err
	}
	var all []domain
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return err
	}
	w.domains = map[uint32]domain{}
	for _, d := range all {
		w.domains[d.OID] = d
	}
	return nil
}

// Close ends the sessions. Roles that were missing and made for this database stay on
// the server; they have no password and cannot log in.
func (w *Watcher) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, c := range []*pgx.Conn{w.conn, w.guard, w.hold, w.side} {
		if c != nil {
			_ = c.Close(ctx)
		}
	}
}

// Plain runs files without watching them, as fast as it goes: their effects are
// known, and what they leave. The error is the first failure, a *migration.Failure.
func (w *Watcher) Plain(ctx context.Context, files []migration.File) error {
	if err := w.listen(ctx, "DISABLE"); err != nil {
		return err
	}
	for some := range slices.Chunk(files, atOnce) {
		if w.whole(ctx, some) {
			continue
		}
		for _, f := range some {
			if w.whole(ctx, []migration.File{f}) {
				continue
			}
			if err := w.run(ctx, newAttempt(f, false), func(int, []seen) error { return nil }); err != nil {
				return err
			}
		}
	}
	if err := w.listen(ctx, "ENABLE"); err != nil {
		return err
	}
	if err := w.lookAtAll(ctx); err != nil {
		return err
	}
	_, err := w.edits(ctx, touched{all: true})
	return err
}

// listen turns our event triggers off or on.
func (w *Watcher) listen(ctx context.Context, how string) error {
	for _, event := range []string{"command", "drop", "rewrite"} {
		if _, err := w.side.Exec(ctx, "ALTER EVENT TRIGGER "+watchSchema+"_"+event+" "+how); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many files of which everything is known are run as one transaction: a
// look at one file behind 2,000 took 3.6 s and not 4.4, since there were fewer commits.
const atOnce = 20

// whole runs files in one round trip and as one transaction. Where that fails nothing
// of them is left: one may need what another committed, and statement by statement
// tells why, and may mend it.
func (w *Watcher) whole(ctx context.Context, files []migration.File) bool {
	if slices.ContainsFunc(files, func(f migration.File) bool { return f.TxMode == migration.TxNone }) {
		return false
	}
	var text strings.Builder
	var stmts []migration.Stmt
	text.WriteString(begin + ";\n")
	for _, f := range files {
		stmts = append(stmts, f.Stmts...)
		text.WriteString(watchPrepare + ";\n")
		for _, s := range f.Stmts {
			text.WriteString(s.Text + "\n;\n")
		}
		text.WriteString(checkDeferred + ";\n")
	}
	text.WriteString("COMMIT")
	were, err := w.positions(ctx, stmts, false)
	if err == nil && w.script(ctx, text.String()) == nil {
		return true
	}
	_ = w.exec(ctx, "ROLLBACK") // a broken connection shows at the next statement
	_ = w.setBack(ctx, were)
	return false
}

// Watch runs one file and tells what its statements did: first with rows in the
// tables that it names, which is taken back, then without, which stays and
// decides whether the file runs. The error is a *migration.Failure; then nothing
// of the file is left but statements outside a transaction that ran before.
func (w *Watcher) Watch(ctx context.Context, f migration.File) (migration.FileReplay, error) {
	replay := migration.FileReplay{Name: f.Name, Hash: f.Hash}
	t := newTouched()
	a := newAttempt(f, true)
	a.rows = func(from, to int) (rowsSeen, error) { return w.withRows(ctx, a, from, to) }
	err := w.run(ctx, a, func(from int, all []seen) error {
		effects := w.tell(f, from, all)
		a.withRows.into(effects)
		replay.Statements = append(replay.Statements, effects...)
		if slices.ContainsFunc(all, func(s seen) bool { return s.ofDomains() }) {
			if err := w.domainsChanged(ctx, replay.Statements[len(replay.Statements)-len(all):]); err != nil {
				return err
			}
		}
		t.join(w.touches(f, from, all))
		return nil
	})
	if err != nil {
		return replay, err
	}
	if replay.Catalogue, err = w.edits(ctx, t); err != nil {
		return replay, w.place(f, -1, err)
	}
	return replay, nil
}

// ReadAll has every definition read after each file, which is slower: for a
// directory in which something changed that nothing told of.
func (w *Watcher) ReadAll() { w.everyone = true }

// Holds is what the files so far have left, as Watch told it.
func (w *Watcher) Holds() catalog.Snapshot {
	return catalog.Snapshot(slices.Collect(maps.Values(w.objects))).Sorted()
}

// Left is what the database really holds. Nothing can be watched after it.
func (w *Watcher) Left(ctx context.Context) (catalog.Snapshot, error) {
	for _, sql := range watchRemove {
		if _, err := w.side.Exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	s := &Session{conn: w.side, settings: migration.Settings{}.Defaults(), log: slog.New(slog.DiscardHandler)}
	return s.Everything(ctx)
}

// Version is that of the server, "17.11" for example, with its major.
func (w *Watcher) Version() (version string, major int) {
	version = w.conn.PgConn().ParameterStatus("server_version")
	version, _, _ = strings.Cut(version, " ")
	first, _, _ := strings.Cut(version, ".")
	major, _ = strconv.Atoi(first)
	return version, major
}
