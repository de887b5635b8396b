package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// setting is a config with a bootstrap, on a server as the tests want it.
func setting(t *testing.T) config {
	t.Helper()
	c := config{bootstrap: filepath.Join(t.TempDir(), "bootstrap"), devURL: os.Getenv("MIGRATE_DEV_URL")}
	if major := os.Getenv("MIGRATE_TEST_MAJOR"); major != "" {
		if _, err := fmt.Sscan(major, &c.major); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", c.bootstrap, "../..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return c
}

// What a newcomer sees first: each of the three answers, as a person reads it,
// and what to try next; afterwards nothing is left running.
func TestWalk(t *testing.T) {
	s, err := set(t.Context(), setting(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	walked := s.walk(t.Context(), &out)
	endpoint := s.lambda.Endpoint()
	if err := s.clear(); err != nil {
		t.Error(err)
	}
	if walked != nil {
		t.Fatalf("%v\n%s", walked, &out)
	}
	at := 0
	for _, want := range []string{
		"\n> aurora-migrations-planner-local  {\"action\":\"plan\"}\n\n  Plan for ",
		"      CREATE TABLE dry_run_log (\n",
		"\n> aurora-migrations-runner-local  {\"action\":\"apply\",\"plan\":\"p1_",
		"\n\n  Applied 1 file to ",
		"\n> aurora-migrations-planner-local  {\"action\":\"status\"}\n\n  Up to date: ",
		"\n  make up ",
	} {
		i := strings.Index(out.String()[at:], want)
		if i < 0 {
			t.Fatalf("after byte %d no %q in\n%s", at, want, &out)
		}
		at += i + len(want)
	}
	if r, err := http.Get(endpoint); err == nil {
		r.Body.Close()
		t.Errorf("%s still answers", endpoint)
	}
}

// On a database where the walk has been, it cannot go again, and says so.
func TestWalk_onlyOnAnEmptyDatabase(t *testing.T) {
	s, err := set(t.Context(), setting(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.clear()
	if err := s.walk(t.Context(), new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	err = s.walk(t.Context(), new(bytes.Buffer))
	if want := "the outcome is nothing_to_do, and on an empty database it should be planned"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// It stays until it is told to go, at an address that it prints.
func TestStay(t *testing.T) {
	s, err := set(t.Context(), setting(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.clear()
	out := new(shown)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.stay(ctx, out) }()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(out.String(), "Left running until Ctrl-C"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 10 s: %s", out)
		}
	}
	endpoint := regexp.MustCompile(`(?m)^  endpoint +(\S+)$`).FindStringSubmatch(out.String())
	if endpoint == nil {
		t.Fatalf("no endpoint in\n%s", out)
	}
	r, err := http.Post(endpoint[1]+"/2015-03-31/functions/"+planner+"/invocations", "application/json", strings.NewReader(`{"action":"status"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("status %s", r.Status)
	}
	select {
	case err := <-ended:
		t.Fatalf("it did not stay: %v", err)
	default:
	}
	cancel()
	if err := <-ended; err != nil || !strings.HasSuffix(out.String(), "\nStopped.\n") {
		t.Errorf("%v, %s", err, out)
	}
}

func TestSet_portIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := setting(t)
	c.port = l.Addr().(*net.TCPAddr).Port
	_, err = set(t.Context(), c)
	if want := fmt.Sprintf("port %d is taken: name another one, make up PORT=%d", c.port, c.port+1); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReadConfig(t *testing.T) {
	t.Setenv("MIGRATE_DEV_URL", "postgres://dev")
	here := os.Args[0] // a file that is there
	c, err := readConfig([]string{"-bootstrap", here, "-major", "16", "-port", "9001", "up"})
	if want := (config{bootstrap: here, major: 16, devURL: "postgres://dev", port: 9001, stay: true}); err != nil || c != want {
		t.Errorf("got %+v, %v, want %+v", c, err, want)
	}
	if c, err := readConfig([]string{"-bootstrap", here, "run"}); err != nil || c.stay {
		t.Errorf("run: %+v, %v", c, err)
	}
	for said, args := range map[string][]string{
		`want "run" or "up"`: {"-bootstrap", here, "walk"},
		"stat missing: no such file or directory\nbuild it first: make run and make up do": {"-bootstrap", "missing", "run"},
	} {
		if _, err := readConfig(args); err == nil || err.Error() != said {
			t.Errorf("%v: got %v, want %s", args, err, said)
		}
	}
}

// shown may be read while it is written.
type shown struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
