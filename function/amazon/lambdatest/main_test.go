package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// parentVariable makes this test program a mere parent of one busy sandbox, to be killed.
const parentVariable = "LAMBDATEST_PARENT_OF"

var bootstrap string

func TestMain(m *testing.M) {
	if path := os.Getenv(parentVariable); path != "" {
		beParent(path)
	}
	os.Exit(withBootstrap(m))
}

func withBootstrap(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lambdatest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bootstrap = filepath.Join(dir, "bootstrap")
	out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./testdata/echo").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build the test function: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func beParent(path string) {
	l, err := Start(Function{Name: "echo", Bootstrap: path, Logs: os.Stdout})
	if err != nil {
		panic(err)
	}
	payload, _, err := l.Invoke(context.Background(), "echo", []byte(`{}`))
	fmt.Println(string(payload), err)
	l.Invoke(context.Background(), "echo", []byte(`{"Do":"hang"}`))
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

// served is a stand-in with one function, named echo, and its log.
type served struct {
	*Lambda
	logs *logBuffer
}

func serve(t *testing.T, f Function) served {
	t.Helper()
	logs := new(logBuffer)
	if f.Name == "" {
		f.Name = "echo"
	}
	if f.Bootstrap == "" {
		f.Bootstrap = bootstrap
	}
	f.Logs = logs
	l, err := Start(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("log of the function:\n%s", logs)
		}
	})
	return served{l, logs}
}

// echo is the answer of the test function.
type echo struct {
	PID                         int
	Text                        string
	Env                         []string
	Count                       int
	RequestID, ARN, Client, Dir string
	Deadline                    time.Time
	ErrorType, ErrorMessage     string
	StackTrace                  []any
	functionError               string
}

func (s served) invoke(t *testing.T, event string) echo {
	t.Helper()
	e, err := s.try(event)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s served) try(event string) (e echo, err error) {
	payload, functionError, err := s.Invoke(context.Background(), "echo", []byte(event))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return e, fmt.Errorf("answer %.200s: %w", payload, err)
	}
	e.functionError = functionError
	return e, nil
}

// background invokes, and has the answer later.
func (s served) background(event string) <-chan echo {
	c := make(chan echo, 1)
	go func() {
		e, err := s.try(event)
		if err != nil {
			e.functionError = err.Error()
		}
		c <- e
	}()
	return c
}

// post sends a request as a client without any library does.
func (s served) post(t *testing.T, path, event string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.Endpoint()+path, strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// eventually polls until ok, for ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 10 s not yet: %s", what)
		}
	}
}

func (s served) eventuallyLogs(t *testing.T, text string, times int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d times %q in the log", times, text), func() bool {
		return strings.Count(s.logs.String(), text) >= times
	})
}

// processState is the letter that Linux gives: T for stopped; empty for a process that is gone.
func processState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

func alive(pid int) bool {
	return syscall.Kill(pid, 0) == nil && processState(pid) != "Z"
}
