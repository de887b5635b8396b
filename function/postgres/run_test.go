package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func open(t testing.TB, url string, settings migration.Settings) *postgres.Session {
	t.Helper()
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), config, postgres.Options{Settings: settings.Defaults(), Release: "v0.0.0", Name: "aurora-migrate test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// step is a file as one step, whatever stands in it: nothing has checked it.
func step(t testing.TB, name, text string) migration.Step {
	t.Helper()
	stmts, err := migration.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
	return migration.Step{
		File: migration.File{Name: name, Version: version, Text: text, TxMode: migration.TxFile, Stmts: stmts},
		To:   len(stmts), First: true,
		Row: migration.Revision{Version: version, Type: migration.Executed, Applied: len(stmts), Total: len(stmts), Hash: "h", OperatorVersion: "test"},
	}
}

func run(ctx context.Context, s *postgres.Session, step migration.Step) (migration.StepResult, *migration.Failure) {
	for result, err := range s.Run(ctx, []migration.Step{step}) {
		var f *migration.Failure
		if errors.As(err, &f) {
			return result, f
		}
		return result, nil
	}
	return migration.StepResult{}, nil
}

// Reading refuses a COMMIT in a file. Should one get by all the same, the row
// must not be written as if nothing had happened.
func TestRun_noticesThatTheTransactionWasEnded(t *testing.T) {
	for _, text := range []string{
		"CREATE TABLE a ();\nCOMMIT;\nCREATE TABLE b ();\n",
		"CREATE TABLE a ();\nCOMMIT;\nBEGIN;\nCREATE TABLE b ();\n",
		"CREATE TABLE a ();\nROLLBACK;\nCREATE TABLE b ();\n",
		"CREATE TABLE a ();\nROLLBACK;\nBEGIN;\nCREATE TABLE b ();\n",
		"CREATE TABLE a ();\nCOMMIT AND CHAIN;\nCREATE TABLE b ();\n",
	} {
		db := pgtest.New(t)
		s := open(t, db.URL, migration.Settings{})
		if _, f := run(t.Context(), s, step(t, "0.sql", "SELECT 1;\n")); f != nil {
			t.Fatal(f)
		}
		result, f := run(t.Context(), s, step(t, "1_a.sql", text))
		if f == nil || !strings.Contains(f.Message, "ended inside the file") || result.Committed || f.Kind != migration.Refused {
			t.Errorf("%q: %+v, %+v", text, result, f)
		}
		if got := db.Query(t, "SELECT count(*) = 1 FROM atlas_schema_revisions.atlas_schema_revisions"); got != "t" {
			t.Errorf("%q: a row was written", text)
		}
	}
}

// Reading refuses what would make the transaction of a file another one where
// PostgreSQL refuses it in the middle of a run, and nowhere else.
func TestRun_transactionsAreAsTheyAre(t *testing.T) {
	db := pgtest.New(t)
	s := open(t, db.URL, migration.Settings{})
	for _, c := range []struct {
		sql     string
		refused bool
	}{
		{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", true},
		{"SET LOCAL TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE", true},
		{"SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", true},
		{"SET TRANSACTION READ ONLY", true},
		{"SET SESSION TRANSACTION DEFERRABLE", true},
		{"SET TRANSACTION NOT DEFERRABLE", true},
		{"SET TRANSACTION SNAPSHOT '00000003-1'", true},
		{"SET transaction_isolation = serializable", true},
		{"SET transaction_isolation = DEFAULT", true},
		{"SET LOCAL transaction_read_only TO true", true},
		{"SET transaction_deferrable = off", true},
		{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", false},
		{"SET LOCAL TRANSACTION READ WRITE ISOLATION LEVEL READ COMMITTED", false},
		{"SET transaction_isolation TO 'Read Committed'", false},
		{"SET SESSION transaction_read_only = off", false},
		{"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", false},
	} {
		text := c.sql + ";\nCREATE TABLE a ();\nDROP TABLE a;\n"
		if _, f := run(t.Context(), s, step(t, "1.sql", text)); (f != nil) != c.refused {
			t.Errorf("%s: the server says %v", c.sql, f)
		}
		sum, err := migration.HashDir(fstest.MapFS{"1.sql": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		_, findings, err := migration.ReadDir(fstest.MapFS{"1.sql": {Data: []byte(text)}, "atlas.sum": {Data: sum}})
		if err != nil || (len(findings) > 0) != c.refused {
			t.Errorf("%s: reading says %+v, %v", c.sql, findings, err)
		}
	}
}

// The statement that runs when the time is over is stopped by the server, the
// session survives, and nothing of the file stays.
func TestRun_stopsWithItsContext(t *testing.T) {
	db := pgtest.New(t)
	s := open(t, db.URL, migration.Settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, f := run(ctx, s, step(t, "1.sql", "CREATE TABLE a ();\nSELECT pg_sleep(30);\n"))
	if f == nil || f.Kind != migration.Stopped || f.SQLState != "57014" || f.Statement != 2 {
		t.Fatalf("%+v", f)
	}
	if _, f := run(t.Context(), s, step(t, "1.sql", "CREATE TABLE a ();\n")); f != nil {
		t.Errorf("the session did not survive: %v", f)
	}
	if _, f := run(ctx, s, step(t, "2.sql", "CREATE TABLE z ();\n")); f == nil || f.Kind != migration.Stopped {
		t.Errorf("ran although its context was over: %+v", f)
	}
}

// The server keeps the deadline by itself: a client that is frozen cannot ask
// it to stop.
func TestRun_serverKeepsTheDeadline(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE seen (name text, ms int); CREATE FUNCTION see() RETURNS void LANGUAGE sql AS 'INSERT INTO seen SELECT name, setting::int FROM pg_settings WHERE name IN (''statement_timeout'', ''transaction_timeout'')'")
	s := open(t, db.URL, migration.Settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, f := run(ctx, s, step(t, "1.sql", "SELECT see();\n")); f != nil {
		t.Fatal(f)
	}
	if got := db.Query(t, "SELECT ms BETWEEN 15000 AND 20000 FROM seen WHERE name = 'statement_timeout'"); got != "t" {
		t.Errorf("statement_timeout: %s", db.Query(t, "SELECT name, ms FROM seen"))
	}
	if pgtest.Major(t) >= 17 {
		if got := db.Query(t, "SELECT ms BETWEEN 20000 AND 25000 FROM seen WHERE name = 'transaction_timeout'"); got != "t" {
			t.Errorf("transaction_timeout: %s", db.Query(t, "SELECT name, ms FROM seen"))
		}
	}
	s2 := open(t, db.URL, migration.Settings{StatementTimeout: 70 * time.Millisecond})
	if _, f := run(t.Context(), s2, step(t, "2.sql", "SELECT pg_sleep(20);\n")); f == nil || f.SQLState != "57014" {
		t.Errorf("the configured statement_timeout does not hold: %+v", f)
	}
}

// A CONCURRENTLY statement has no timeout at all while it runs, whatever the
// file set, and the session has its own ones back behind it.
func TestRun_concurrentlyHasNoTimeouts(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, `CREATE TABLE t (id int); CREATE TABLE seen (at serial, name text, value text);
		INSERT INTO t SELECT generate_series(1, 10);
		CREATE FUNCTION see(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
			IF current_setting('test.quiet', true) IS DISTINCT FROM 'on' THEN
			PERFORM pg_notify('seen', (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name COLLATE "C") FROM pg_settings
				WHERE name IN ('lock_timeout', 'statement_timeout', 'transaction_timeout', 'client_connection_check_interval'))); END IF; RETURN $1; END $$`)
	listener := db.Conn(t)
	if _, err := listener.Exec(t.Context(), "LISTEN seen"); err != nil {
		t.Fatal(err)
	}
	s := open(t, db.URL, migration.Settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	text := "SET lock_timeout = '3s';\nCREATE INDEX CONCURRENTLY t_i ON t (see(id));\nSELECT see(1);\n"
	stmts := step(t, "1.sql", text)
	stmts.File.TxMode = migration.TxNone
	for i := range stmts.File.Stmts {
		one := stmts
		one.From, one.To, one.First = i, i+1, i == 0
		one.Row.Applied = i + 1
		if _, f := run(ctx, s, one); f != nil {
			t.Fatal(f)
		}
	}
	during, err := listener.WaitForNotification(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(during.Payload) {
		if !strings.HasSuffix(field, "=0") {
			t.Errorf("during the build: %s", during.Payload)
		}
	}
	var behind string
	for !strings.Contains(behind, "lock_timeout=3000") {
		n, err := listener.WaitForNotification(ctx)
		if err != nil {
			t.Fatalf("%v; behind the build: %s", err, behind)
		}
		behind = n.Payload
	}
	if !strings.Contains(behind, "client_connection_check_interval=1000") || strings.Contains(behind, "statement_timeout=0") {
		t.Errorf("behind the build: %s", behind)
	}
}
