package lambdatest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func touch(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func linuxOnly(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows it")
	}
}

// Invocations at the same time run in processes of their own; invocations one after another share one.
func TestSandbox_oneInvocationAtATime(t *testing.T) {
	s := serve(t, Function{})
	file := filepath.Join(t.TempDir(), "go")
	const n = 4
	var all [n]<-chan echo
	for i := range all {
		all[i] = s.background(fmt.Sprintf(`{"Do":"wait","Text":%q}`, file))
	}
	s.eventuallyLogs(t, "waiting\n", n)
	touch(t, file)
	pids := map[int]bool{}
	for _, c := range all {
		e := <-c
		if e.functionError != "" || e.Count != 1 {
			t.Errorf("answer %+v", e)
		}
		pids[e.PID] = true
	}
	if len(pids) != n {
		t.Errorf("%d invocations at once ran in %d processes", n, len(pids))
	}
	pid := 0
	for i := range 20 {
		e := s.invoke(t, "{}")
		if !pids[e.PID] || pid != 0 && e.PID != pid {
			t.Errorf("invocation %d ran in process %d, the one before in %d, and the warm ones are %v", i, e.PID, pid, pids)
		}
		if r := s.Last("echo"); r.ColdStart || r.Init != 0 {
			t.Errorf("report of a warm invocation: %+v", r)
		}
		pid = e.PID
	}
}

// An idle sandbox is stopped, as on Lambda, and does not notice.
func TestSandbox_stoppedWhileIdle(t *testing.T) {
	linuxOnly(t)
	for _, c := range []struct {
		noFreeze bool
		state    string
	}{{false, "T"}, {true, "S"}} {
		s := serve(t, Function{NoFreeze: c.noFreeze})
		for i := range 3 {
			e := s.invoke(t, "{}")
			if e.Count != i+1 {
				t.Errorf("event %d of its process, want %d", e.Count, i+1)
			}
			eventually(t, "state "+c.state, func() bool { return processState(e.PID) == c.state })
		}
	}
}

// Freeze stops a function in the middle; after Thaw it ends as if nothing had been.
func TestFreeze(t *testing.T) {
	linuxOnly(t)
	s := serve(t, Function{})
	pid := s.invoke(t, "{}").PID
	file := filepath.Join(t.TempDir(), "go")
	answer := s.background(fmt.Sprintf(`{"Do":"wait","Text":%q}`, file))
	s.eventuallyLogs(t, "waiting\n", 1)
	if n := s.Freeze("echo"); n != 1 {
		t.Errorf("froze %d", n)
	}
	eventually(t, "a stopped process", func() bool { return processState(pid) == "T" })
	touch(t, file)
	select {
	case e := <-answer:
		t.Fatalf("a frozen function answered %+v", e)
	case <-time.After(50 * time.Millisecond): // time enough to answer, if it could
	}
	if n := s.Thaw("echo"); n != 1 {
		t.Errorf("thawed %d", n)
	}
	if e := <-answer; e.functionError != "" || e.PID != pid {
		t.Errorf("answer %+v, want one of process %d", e, pid)
	}
	if n := s.Thaw("echo") + s.Thaw("nobody") + s.Freeze("nobody"); n != 0 {
		t.Errorf("found %d more to do", n)
	}
}

// A frozen function dies at its deadline like any other.
func TestFreeze_deadlineGoesOn(t *testing.T) {
	s := serve(t, Function{Timeout: time.Second})
	answer := s.background(`{"Do":"hang"}`)
	s.eventuallyLogs(t, "hanging\n", 1)
	s.Freeze("echo")
	if e := <-answer; e.ErrorType != "Sandbox.Timedout" {
		t.Errorf("answer %+v", e)
	}
}

// Thaw leaves idle sandboxes as it found them, and one that was frozen while idle waits for it.
func TestThaw_idle(t *testing.T) {
	linuxOnly(t)
	s := serve(t, Function{})
	pid := s.invoke(t, "{}").PID
	s.Freeze("echo")
	eventually(t, "a stopped process", func() bool { return processState(pid) == "T" }) // a signal takes a moment
	answer := s.background("{}")
	select {
	case e := <-answer:
		t.Fatalf("a frozen function answered %+v", e)
	case <-time.After(50 * time.Millisecond): // time enough to answer, if it could
	}
	s.Thaw("echo")
	if e := <-answer; e.PID != pid {
		t.Errorf("answer %+v, want one of process %d", e, pid)
	}
	s.Freeze("echo")
	s.Thaw("echo")
	eventually(t, "an idle process that is stopped", func() bool { return processState(pid) == "T" })
}

// Kill ends busy and idle sandboxes, and everything that they started.
func TestKill(t *testing.T) {
	s := serve(t, Function{})
	child, err := strconv.Atoi(s.invoke(t, `{"Do":"child"}`).Text)
	if err != nil {
		t.Fatal(err)
	}
	first := s.background(`{"Do":"hang"}`)
	s.eventuallyLogs(t, "hanging\n", 1)
	idle := s.invoke(t, "{}")
	if n := s.Kill("echo"); n != 2 {
		t.Errorf("killed %d, want the busy one and the idle one", n)
	}
	e := <-first
	report := s.Last("echo")
	want := "RequestId: " + report.RequestID + " Error: Runtime exited with error: signal: killed"
	if e.functionError != "Unhandled" || e.ErrorType != "Runtime.ExitError" || e.ErrorMessage != want {
		t.Errorf("answer %+v, want %s", e, want)
	}
	for what, pid := range map[string]int{"busy": report.PID, "idle": idle.PID} {
		if alive(pid) {
			t.Errorf("the %s process lives", what)
		}
	}
	eventually(t, "the end of the child", func() bool { return !alive(child) })
	if next := s.invoke(t, "{}"); next.Count != 1 || !s.Last("echo").ColdStart {
		t.Errorf("after Kill: %+v", next)
	}
	if n := s.Kill("nobody"); n != 0 {
		t.Errorf("killed %d of nobody", n)
	}
}

// Close answers those who wait, leaves no process, and may be repeated.
func TestClose(t *testing.T) {
	s := serve(t, Function{})
	idle := s.invoke(t, "{}")
	s.post(t, invokePath, `{"Do":"hang"}`, "X-Amz-Invocation-Type", "Event")
	s.eventuallyLogs(t, "hanging\n", 1)
	other := s.background(`{"Do":"hang"}`)
	s.eventuallyLogs(t, "hanging\n", 2)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(s.logs.String(), "REPORT RequestId: "); n != 3 {
		t.Errorf("%d of 3 invocations had ended when Close returned", n)
	}
	if e := <-other; e.ErrorType != "Runtime.ExitError" {
		t.Errorf("who waited has %+v", e)
	}
	for _, pid := range []int{idle.PID, s.Last("echo").PID} {
		if alive(pid) {
			t.Errorf("process %d lives", pid)
		}
	}
	logs := s.logs.String()
	if _, err := s.try("{}"); err == nil {
		t.Error("an invocation after Close was answered")
	}
	if s.logs.String() != logs {
		t.Error("something was logged after Close")
	}
}

// Close may come at any moment of any invocation: all callers get an answer, and no process or goroutine is left.
func TestClose_atAnyMoment(t *testing.T) {
	linuxOnly(t)
	goroutines := runtime.NumGoroutine()
	for i := range 20 {
		link := filepath.Join(t.TempDir(), "bootstrap")
		if err := os.Symlink(bootstrap, link); err != nil {
			t.Fatal(err)
		}
		s := serve(t, Function{Bootstrap: link})
		s.background(`{"Do":"hang"}`)
		answer := s.background(`{}`)
		for end := time.Now().Add(time.Duration(i) * time.Millisecond); time.Now().Before(end); {
			runtime.Gosched()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-answer
		if pids := running(t, link); len(pids) > 0 {
			t.Fatalf("closed after %d ms, processes %v are left", i, pids)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() // of other tests
	eventually(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// running are the processes of an executable.
func running(t *testing.T, path string) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.HasPrefix(line, []byte(path)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

// What a process started goes when it goes.
func TestSandbox_takesItsChildrenAlong(t *testing.T) {
	s := serve(t, Function{})
	child, err := strconv.Atoi(s.invoke(t, `{"Do":"child"}`).Text)
	if err != nil {
		t.Fatal(err)
	}
	if !alive(child) {
		t.Fatal("there is no child")
	}
	s.invoke(t, `{"Do":"exit"}`)
	eventually(t, "the end of the child", func() bool { return !alive(child) })
}

// Sandboxes do not outlive a program that is killed. A busy one shows it: an idle one would also end by itself, when its
// request for the next event breaks off.
func TestSandbox_diesWithItsParent(t *testing.T) {
	linuxOnly(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"="+bootstrap)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Wait()
	defer parent.Process.Kill()
	var e echo
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "hanging" {
		if strings.HasPrefix(lines.Text(), "{") {
			json.NewDecoder(strings.NewReader(lines.Text())).Decode(&e)
		}
	}
	if e.PID == 0 || !alive(e.PID) {
		t.Fatalf("no sandbox: process %d, last line %q", e.PID, lines.Text())
	}
	parent.Process.Kill()
	eventually(t, "the end of the orphan", func() bool { return !alive(e.PID) })
}

// A runtime that gets the protocol wrong is told so, and the invocation goes on.
func TestRuntimeAPI_misuse(t *testing.T) {
	s := serve(t, Function{})
	e := s.invoke(t, `{"Do":"misuse"}`)
	want := `403 {"errorType":"InvalidStateTransition","errorMessage":"Transition from InvocationInProgress to Ready failed for runtime: answer the current invocation first"}
400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}
400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}
403 {"errorType":"InvalidStateTransition","errorMessage":"Transition to InitError failed for runtime: the initialization is over"}`
	if e.Text != want {
		t.Errorf("answered\n%s\nwant\n%s", e.Text, want)
	}
	if e := s.invoke(t, `{}`); e.Count != 2 {
		t.Errorf("afterwards: %+v", e)
	}
}
