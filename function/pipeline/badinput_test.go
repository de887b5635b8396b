package pipeline_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	tell "github.com/alquimistaai/aurora-migrator/function/report"
)

// Nothing that is told may hold these: rowValue stands in rows, password in
// what a case hands over as one.
const (
	rowValue = "SECRET-ROW-VALUE"
	password = "SECRET-PASSWORD-9"
)

// patience bounds a case: whatever does not answer by then hangs.
const patience = 20 * time.Second

// A badInput is one thing that can be wrong, and what a person is told of it.
type badInput struct {
	name    string
	before  string               // SQL run by a superuser before anything else
	ran     []string             // files applied first: name, text, ...
	files   []string             // the directory then, with a valid atlas.sum: name, text, ...
	alter   func(fstest.MapFS)   // what is done to it without atlas.sum
	arrange func(*scene)         // what else is wrong
	request pipeline.Request     // the one that shows it; plan, then apply, where it has no action
	event   string               // the same as it comes over the wire
	outcome migration.Outcome    // blocked where it is not said
	says    []string             // words that the report has
	silent  []string             // words that it has not
	next    string               // words of the next step
	stays   string               // a query that yields t: for what rightly stays of the run; "" for nothing at all
	check   func(*scene, result) // what else has to hold
}

type result = migration.Result

// badInputs are all there are, by what is wrong.
func badInputs() []badInput {
	return slices.Concat(badSums(), badFiles(), badDirectives(), badHistories(), badStatements(), badValues(),
		badEvents(), badDigests(), badDatabases(), badRoles(), badServers(), badCertificates())
}

// Whatever is wrong with what comes in, the answer says what, where and what to
// do next; it comes in time; and it has changed nothing, left nothing running,
// and told neither a password nor a value of a row.
func TestBadInput(t *testing.T) {
	pgtest.New(t) // the server of this process runs from here on
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { // after all cases
		if err := goleak.Find(running); err != nil {
			t.Error(err)
		}
	})
	seen := map[string]bool{}
	for _, c := range badInputs() {
		if seen[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, c.run)
	}
}

// A scene is what a case plays in.
type scene struct {
	*testing.T
	conn     *pgx.Conn // a superuser's, to look at the database
	db       *pgtest.DB
	files    fstest.MapFS
	p        *pipeline.Pipeline
	request  pipeline.Request
	patience time.Duration
	log      *lockedBuffer
	secrets  []string // beside rowValue and password
}

func (c badInput) run(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := &scene{T: t, db: db, conn: db.Conn(t), request: c.request, patience: patience, log: &lockedBuffer{}}
	if c.before != "" {
		s.db.Exec(t, c.before)
	}
	if c.ran != nil {
		applied(t, on(t, s.db.URL, dir(t, c.ran...)))
	}
	s.files = dir(t, c.files...)
	if c.alter != nil {
		c.alter(s.files)
	}
	s.connect(s.db.URL)
	if c.arrange != nil {
		c.arrange(s)
	}
	was := s.snapshot()
	r := s.answer(c)
	s.judge(c, r)
	s.nothingTold(r)
	if c.stays == "" {
		if is := s.snapshot(); is != was {
			t.Errorf("it changed the database\nfrom\n%s\nto\n%s", was, is)
		}
	} else if got := s.ask(c.stays); got != "t" {
		t.Errorf("%s: %s", c.stays, got)
	}
	s.nothingRuns()
}

// nothingRuns waits until the sessions of the migrator are gone, which a server
// needs a moment for.
func (s *scene) nothingRuns() {
	s.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		left := s.ask(`SELECT pid, state, query FROM pg_stat_activity WHERE application_name LIKE 'aurora-migrate%' AND datname = current_database()`)
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("a session stays: %s", left)
		}
	}
}

// ask returns the rows of one statement, columns joined by "|", rows by "\n".
func (s *scene) ask(sql string) string {
	s.Helper()
	rows, err := s.conn.Query(s.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		s.Fatalf("%v\nin: %s", err, sql)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		return string(bytes.Join(row.RawValues(), []byte("|"))), nil
	})
	if err != nil {
		s.Fatalf("%v\nin: %s", err, sql)
	}
	return strings.Join(lines, "\n")
}

// connect makes a pipeline over the scene's files and the database at address,
// whose password is not to be told.
func (s *scene) connect(address string) {
	s.Helper()
	s.p = on(s, address, s.files)
	s.p.Log = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if u, err := url.Parse(address); err == nil {
		if secret, _ := u.User.Password(); secret != "" {
			s.secrets = append(s.secrets, secret)
		}
	}
}

// through connects by way of something in between.
func (s *scene) through(config postgres.Config) {
	s.p.Connect = func(context.Context) (postgres.Config, error) { return config, nil }
}

// answer is that of the case's own request, or else of plan and, where that
// plans, of apply. What cannot be planned cannot be applied either.
func (s *scene) answer(c badInput) result {
	switch {
	case c.event != "":
		r, err := pipeline.ParseRequest([]byte(c.event))
		if err != nil {
			return pipeline.Refuse(err)
		}
		return s.do(r)
	case s.request.Action != "":
		return s.do(s.request)
	}
	r := s.do(pipeline.Request{Action: migration.ActionPlan})
	if r.Outcome == migration.Planned {
		return s.do(pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String()})
	}
	if applied := s.do(pipeline.Request{Action: migration.ActionApply, Plan: someDigest}); applied.Outcome != r.Outcome || applied.Next != r.Next {
		s.Errorf("plan is %s, apply %s: %s", r.Outcome, applied.Outcome, told(applied))
	}
	return r
}

// someDigest is well-formed and names nothing.
const someDigest = "p1_0000000000000000000000000000000000000000000000000000000000000000_000000000000000000000000"

// do serves a request; one that does not answer in time ends the test.
func (s *scene) do(r pipeline.Request) result {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), s.patience)
	defer cancel()
	answer := make(chan result, 1)
	go func() { answer <- s.p.Do(ctx, r) }()
	select {
	case got := <-answer:
		return got
	case <-ctx.Done():
		s.Fatalf("%s gives no answer within %s", r.Action, s.patience)
		panic("not reached")
	}
}

// judge compares what was answered with what a person needs.
func (s *scene) judge(c badInput, r result) {
	s.Helper()
	outcome := c.outcome
	if outcome == "" {
		outcome = migration.Blocked
	}
	if r.Outcome != outcome {
		s.Errorf("outcome %s, want %s", r.Outcome, outcome)
	}
	text := page(r)
	for _, words := range c.says {
		if !strings.Contains(text, words) {
			s.Errorf("it does not say %q", words)
		}
	}
	for _, words := range c.silent {
		if strings.Contains(text, words) {
			s.Errorf("it says %q", words)
		}
	}
	if next := strings.Join(strings.Fields(r.Next), " "); next == "" || !strings.Contains(next, c.next) {
		s.Errorf("next is %q, want %q in it", next, c.next)
	}
	if c.check != nil {
		c.check(s, r)
	}
	if s.Failed() || testing.Verbose() {
		s.Logf("%s", strings.Join(tell.Screen(r, tell.ScreenOptions{}), "\n"))
	}
}

// page is the screen of a result in one line, however it was broken into lines.
func page(r result) string {
	return strings.Join(strings.Fields(strings.Join(tell.Screen(r, tell.ScreenOptions{}), " ")), " ")
}

// nothingTold looks for secrets and for values of rows in all that is told, of
// status too, and in what the history says.
func (s *scene) nothingTold(r result) {
	s.Helper()
	s.patience = min(s.patience, 10*time.Second)
	status := s.do(pipeline.Request{Action: migration.ActionStatus})
	places := map[string]string{
		"the report":       string(tell.JSON(r, false)),
		"the brief report": string(tell.JSON(r, true)),
		"the screen":       strings.Join(tell.Screen(r, tell.ScreenOptions{}), "\n"),
		"what it says":     told(r),
		"the log":          s.log.String(),
		"the history":      s.history(),
		"the status":       string(tell.JSON(status, false)),
	}
	for place, text := range places {
		for _, secret := range append(s.secrets, rowValue, password) {
			if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
				s.Errorf("%s tells %q:\n%s", place, secret, text)
			}
		}
	}
}

// history is what stands in the columns that a run writes words into.
func (s *scene) history() string {
	s.Helper()
	if s.ask("SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('atlas_schema_revisions.atlas_schema_revisions') AND attname = 'error_stmt'") == "0" {
		return ""
	}
	return s.ask("SELECT version, error, error_stmt FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY version")
}

// snapshot is everything that the database holds: the definition of each
// object, and how many rows each relation has and which.
func (s *scene) snapshot() string {
	s.Helper()
	definitions := s.ask(snapshotSQL)
	count := s.ask(`SELECT coalesce(string_agg(format('SELECT %L, count(*), md5(string_agg(%2$s::text, E''\n'' ORDER BY %2$s::text)) FROM %1$s r', c.oid::regclass, CASE relkind WHEN 'S' THEN 'r.last_value' ELSE 'r' END), ' UNION ALL '
		ORDER BY c.oid::regclass::text), '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm', 'S') AND nspname !~ '^(pg_|information_schema)'`)
	if count == "" {
		return definitions
	}
	return definitions + "\n" + s.ask(count)
}

const snapshotSQL = `
WITH mine AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
SELECT line FROM (
	SELECT format('schema %s %s %s', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE oid IN (SELECT oid FROM mine)
	UNION ALL SELECT format('relation %s %s %s %s %s', oid::regclass, relkind, relowner::regrole, relacl, reloptions) FROM pg_class WHERE relnamespace IN (SELECT oid FROM mine)
	UNION ALL SELECT format('column %s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
		FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE relnamespace IN (SELECT oid FROM mine) AND attnum > 0 AND NOT attisdropped
	UNION ALL SELECT format('index %s %s', pg_get_indexdef(indexrelid), indisvalid) FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE relnamespace IN (SELECT oid FROM mine)
	UNION ALL SELECT format('constraint %s %s %s', conname, pg_get_constraintdef(oid), convalidated) FROM pg_constraint WHERE connamespace IN (SELECT oid FROM mine)
	UNION ALL SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger
	UNION ALL SELECT format('view %s %s', oid::regclass, pg_get_viewdef(oid)) FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace IN (SELECT oid FROM mine)
	UNION ALL SELECT format('type %s %s', oid::regtype, typtype) FROM pg_type WHERE typnamespace IN (SELECT oid FROM mine)
	UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM mine) AND prokind IN ('f', 'p')
	UNION ALL SELECT format('setting of %s: %s', setrole::regrole, setconfig) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS all_there_is (line) ORDER BY line COLLATE "C"`

// A lockedBuffer takes a log from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// text is a file of a directory.
func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
