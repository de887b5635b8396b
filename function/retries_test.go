package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// gated are two migrations that count how often they run; the first ends when
// nobody holds the advisory lock 4711 any more.
var gated = map[string]string{
	"001_slow.sql": `CREATE TABLE runs (file text, at timestamptz DEFAULT clock_timestamp());
INSERT INTO runs VALUES ('001');
DO $$ BEGIN
    FOR i IN 1..6000 LOOP
        EXIT WHEN pg_try_advisory_xact_lock(4711);
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
`,
	"002_outside.sql": `-- atlas:txmode none

INSERT INTO runs VALUES ('002');
CREATE INDEX CONCURRENTLY runs_at ON runs (at);
`,
}

// atWork counts the sessions that run the first file, and says whether at least so
// many others asked for the lock and have to wait; the one that runs has a session
// beside it that looks at locks too, if it takes long.
const atWork = `SELECT count(*) FILTER (WHERE query ~ 'pg_sleep' AND state = 'active'), count(*) FILTER (WHERE query ~ 'pg_locks|pg_try_advisory_lock') >= %d
FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'aurora-migrate%%'`

// A client that hears nothing for a minute sends the same event again, and does
// not tell that it did: SAM's and boto3's do so up to four times. Each one that
// comes while the first is at work, in a sandbox of its own, joins it; so does
// one that comes when all is done. There is one run, and all answers are equal
// but for times.
func TestRetries(t *testing.T) {
	db := pgtest.New(t)
	gate := db.Conn(t)
	if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_lock(4711)"); err != nil {
		t.Fatal(err)
	}
	lambda := serveGated(t, db)
	payload, _, err := lambda.Invoke(t.Context(), "runner", []byte(`{"action":"plan"}`))
	var plan answer
	if err != nil || json.Unmarshal(payload, &plan) != nil || plan.Outcome != "planned" {
		t.Fatalf("plan: %v\n%s", err, payload)
	}
	event := fmt.Appendf(nil, `{"action":"apply","plan":%q}`, plan.Plan.Digest)
	answers := make([]chan []byte, 6)
	for i := range answers[:5] {
		answers[i] = post(t, lambda, event)
		awaitRows(t, db, fmt.Sprintf(atWork, i), "1|t")
	}
	if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_unlock(4711)"); err != nil {
		t.Fatal(err)
	}
	first := <-answers[0]
	answers[5] = post(t, lambda, event)
	for i, coming := range answers[1:] {
		got := <-coming
		if !reflect.DeepEqual(timeless(t, got), timeless(t, first)) {
			t.Errorf("answer %d is another than the first:\n%s\n%s", i+2, got, first)
		}
	}
	if got := db.Query(t, "SELECT string_agg(file, ' ' ORDER BY at) FROM runs"); got != "001 002" {
		t.Errorf("what ran is %q", got)
	}
	if got := db.Query(t, "SELECT count(*), count(*) FILTER (WHERE applied = total) FROM atlas_schema_revisions.atlas_schema_revisions"); got != "2|2" {
		t.Errorf("rows in the history, whole ones: %s", got)
	}
}

func serveGated(t *testing.T, db *pgtest.DB) *lambdatest.Lambda {
	t.Helper()
	dir := t.TempDir()
	for name, text := range gated {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bootstrap, err := bootstrapWith(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lambdatest.Start(lambdatest.Function{Name: "runner", Bootstrap: bootstrap, Timeout: time.Minute, Env: []string{"DATABASE_URL=" + db.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// post sends an event; its answer comes through the channel, nil for none.
func post(t *testing.T, l *lambdatest.Lambda, event []byte) chan []byte {
	coming := make(chan []byte, 1)
	go func() {
		payload, failed, err := l.Invoke(context.WithoutCancel(t.Context()), "runner", event)
		if failed != "" || err != nil {
			t.Errorf("no answer: %s %v %s", failed, err, payload)
		}
		coming <- payload
	}()
	return coming
}

func awaitRows(t *testing.T, db *pgtest.DB, query, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := db.Query(t, query)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: after 20 s %q, want %q", query, got, want)
		}
	}
}

// timeless is a report without the times of statements, which only the one has
// that ran them. When a file was applied, and how long it took, all tell alike.
func timeless(t *testing.T, report []byte) any {
	t.Helper()
	var r any
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatalf("%v in %s", err, report)
	}
	strip(r, "milliseconds")
	return r
}

// strip takes the fields of a name out of all objects in value.
func strip(value any, name string) {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			strip(x, name)
		}
	case map[string]any:
		delete(v, name)
		for _, x := range v {
			strip(x, name)
		}
	}
}
