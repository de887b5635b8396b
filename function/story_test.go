package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A story tells what a caller sees. It sends events, byte for byte, to the real
// bootstrap, which a stand-in for Lambda runs against a database of the story's
// own. Besides what each story checks, none may let the password out, nor the
// value of a row that begins with markedRow: not in an answer, not in a log line.
//
//	deploy [directory] [NAME=value ...]   build with these files, or those of the repository, and serve; again to deploy again
//	invoke [runner|planner] 'event' [&]   the answer is stdout; with & the story goes on meanwhile
//	answer                                wait for what was invoked with &; its answer is stdout
//	digest NAME                           set NAME to the digest of the plan in the last answer
//	sql 'statements'                      as a superuser; the rows are stdout, columns joined by |
//	until 'query' 'rows'                  wait until the query has these rows
func TestStories(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	plain := sync.OnceValues(func() (string, error) { return bootstrapWith(t, "") })
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := &story{t: t, db: pgtest.New(t), plain: plain, logs: new(logBuffer)}
			t.Cleanup(s.end)
			testscript.Run(t, testscript.Params{
				Files: []string{script},
				Setup: func(e *testscript.Env) error {
					e.Setenv("DATABASE_URL", s.db.URL)
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"deploy": s.deploy, "invoke": s.invoke, "answer": s.await, "digest": s.digest, "sql": s.sql, "until": s.until,
				},
				RequireUniqueNames: true,
			})
		})
	}
}

// markedRow begins the values of rows that are to be told to nobody.
const markedRow = "MARKED-ROW"

type story struct {
	t      *testing.T
	db     *pgtest.DB
	plain  func() (string, error) // bootstrap with the files of the repository, built once for all stories
	lambda *lambdatest.Lambda     // nil before the first deploy
	logs   *logBuffer
	last   []byte
	coming chan reply // of what was invoked with &
}

type reply struct {
	payload       []byte
	functionError string
	err           error
}

func (s *story) deploy(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("deploy cannot fail")
	}
	built := s.plain
	if len(args) > 0 && !strings.Contains(args[0], "=") {
		dir := ts.MkAbs(args[0])
		built, args = func() (string, error) { return bootstrapWith(s.t, dir) }, args[1:]
	}
	bootstrap, err := built()
	ts.Check(err)
	if s.lambda != nil {
		ts.Check(s.lambda.Close())
	}
	f := lambdatest.Function{Name: "runner", Bootstrap: bootstrap, Timeout: time.Minute, MemoryMB: 256, Logs: s.logs,
		Env: append([]string{"DATABASE_URL=" + s.db.URL}, args...)}
	p := f
	p.Name, p.Env = "planner", append([]string{"MIGRATE_READ_ONLY=true"}, f.Env...)
	s.lambda, err = lambdatest.Start(f, p)
	ts.Check(err)
}

func (s *story) invoke(ts *testscript.TestScript, neg bool, args []string) {
	function := "runner"
	if len(args) > 0 && (args[0] == "planner" || args[0] == "runner") {
		function, args = args[0], args[1:]
	}
	background := len(args) == 2 && args[1] == "&"
	if s.lambda == nil || len(args) == 0 || len(args) > 1 && !background {
		ts.Fatalf("usage, after deploy: invoke [runner|planner] 'event' [&]")
	}
	coming := make(chan reply, 1)
	go func() {
		var r reply
		r.payload, r.functionError, r.err = s.lambda.Invoke(context.Background(), function, []byte(args[0]))
		coming <- r
	}()
	if background {
		s.coming = coming
		return
	}
	s.tell(ts, neg, <-coming)
}

func (s *story) await(ts *testscript.TestScript, neg bool, _ []string) {
	if s.coming == nil {
		ts.Fatalf("nothing was invoked with &")
	}
	s.tell(ts, neg, <-s.coming)
	s.coming = nil
}

// tell makes an answer, or the error in its place, the output of the command.
func (s *story) tell(ts *testscript.TestScript, neg bool, r reply) {
	failed := r.err != nil || r.functionError != ""
	s.last = r.payload
	ts.Stdout().Write(r.payload)
	if r.err != nil {
		fmt.Fprintln(ts.Stderr(), r.err)
	}
	switch s.leaks(ts, r.payload); {
	case failed && !neg:
		ts.Fatalf("not an answer: %s%v %s", r.functionError, r.err, r.payload)
	case neg && !failed:
		ts.Fatalf("an answer where an error was expected")
	}
}

// leaks fails the story if said holds what is to be told to nobody.
func (s *story) leaks(ts *testscript.TestScript, said []byte) {
	for what, secret := range s.secrets() {
		if bytes.Contains(said, []byte(secret)) {
			ts.Fatalf("%s is in it", what)
		}
	}
}

// secrets are what is to be told to nobody, by what it is. A server without a
// password worth the name has none.
func (s *story) secrets() map[string]string {
	secrets := map[string]string{"the value of a row": markedRow}
	if u, err := url.Parse(s.db.URL); err != nil {
		s.t.Error(err)
	} else if password, _ := u.User.Password(); len(password) > 8 {
		secrets["the password"] = password
	}
	return secrets
}

func (s *story) digest(ts *testscript.TestScript, neg bool, args []string) {
	var report struct{ Plan struct{ Digest string } }
	ts.Check(json.Unmarshal(s.last, &report))
	if neg || len(args) != 1 || report.Plan.Digest == "" {
		ts.Fatalf("usage: digest NAME, after an answer with a plan")
	}
	ts.Setenv(args[0], report.Plan.Digest)
}

func (s *story) sql(ts *testscript.TestScript, neg bool, args []string) {
	rows, err := s.query(args[0])
	if neg {
		ts.Fatalf("sql cannot be negated: count, and look at the number")
	}
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), rows)
}

func (s *story) until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until 'query' 'rows'")
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		rows, err := s.query(args[0])
		ts.Check(err)
		if rows == args[1] {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("after 20 s still %q", rows)
		}
	}
}

// query runs statements on a connection of its own and returns the rows of all.
func (s *story) query(sql string) (string, error) {
	c := pgtest.Connect(s.t, s.db.URL).PgConn()
	defer c.Close(context.Background())
	results, err := c.Exec(context.Background(), sql).ReadAll()
	var rows []string
	for _, result := range results {
		for _, row := range result.Rows {
			rows = append(rows, string(bytes.Join(row, []byte("|"))))
		}
	}
	return strings.Join(rows, "\n"), err
}

// end stops the functions and looks at what they logged.
func (s *story) end() {
	if s.lambda == nil {
		return
	}
	if err := s.lambda.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
	logged := s.logs.String()
	for what, secret := range s.secrets() {
		if strings.Contains(logged, secret) {
			s.t.Errorf("%s is in the log", what)
		}
	}
	if s.t.Failed() {
		s.t.Logf("log of the functions:\n%s", logged)
	}
}

// logBuffer may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
