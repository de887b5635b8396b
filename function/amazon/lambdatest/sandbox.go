package lambdatest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// sandbox is one process of a function with the Runtime API that it talks to. It handles one invocation at a time; the
// goroutine that has taken it out of the pool drives it.
type sandbox struct {
	pool    *pool
	cmd     *exec.Cmd
	logs    *logStream
	api     *http.Server
	started time.Time

	events      chan *invocation // to the request for the next invocation that waits in the Runtime API
	initialized chan struct{}    // closed when the process asks for its first invocation
	initFailed  chan struct{}    // closed when it reports that it cannot
	exited      chan struct{}    // closed when the process is dead; exitErr and startErr may be read then
	gone        chan struct{}    // closed when the sandbox has left the pool, after exited
	startErr    error            // why there never was a process
	exitErr     error            // nil: it left with status 0

	mu        sync.Mutex // guards what follows
	initTime  time.Duration
	initError *answer
	current   *invocation
	maxRSS    int64
	idle      bool // stopped, or would be but for NoFreeze
	held      bool // stopped by Freeze
	dead      bool // no signals any more: the process id may be another's
}

// newSandbox starts a process. An executable that cannot be started makes a sandbox that is dead from the beginning;
// an error means that this machine could not make one (no more file descriptors, no more ports).
func newSandbox(p *pool) (*sandbox, error) {
	s := &sandbox{
		pool:        p,
		events:      make(chan *invocation),
		initialized: make(chan struct{}),
		initFailed:  make(chan struct{}),
		exited:      make(chan struct{}),
		gone:        make(chan struct{}),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the Runtime API: %w", err)
	}
	logs, stdout, err := newLogStream(p.out)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("collect the logs: %w", err)
	}
	defer stdout.Close()
	s.logs = logs
	s.api = &http.Server{Handler: s.runtimeAPI(), ReadHeaderTimeout: time.Minute}
	go s.api.Serve(listener) // ends with http.ErrServerClosed in wait

	stream := time.Now().UTC().Format("2006/01/02/") + "[" + latest + "]" + hex.EncodeToString(randomBytes(16))
	s.cmd = &exec.Cmd{
		Path:        p.Bootstrap,
		Args:        []string{p.Bootstrap},
		Dir:         filepath.Dir(p.Bootstrap),
		Env:         p.environment(listener.Addr().String(), stream),
		Stdout:      stdout,
		Stderr:      stdout,
		SysProcAttr: processAttributes(),
	}
	s.mu.Lock() // the process may ask for an event before start returns
	defer s.mu.Unlock()
	s.started = time.Now()
	s.startErr = p.starter.start(s.cmd)
	return s, nil
}

// wait returns when the process is dead and everything that belonged to it is put away.
func (s *sandbox) wait() {
	if s.startErr == nil {
		s.exitErr = s.cmd.Wait()
	}
	s.mu.Lock()
	s.dead = true
	s.mu.Unlock()
	if s.startErr == nil {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // what it started goes with it; mostly there is nothing
	}
	s.api.Close()
	s.logs.close()
	close(s.exited)
}

// kill ends the process group; what follows from it happens in wait. Killing a dead sandbox does nothing.
func (s *sandbox) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observe()
	s.signal(syscall.SIGKILL)
}

// signal is called under the mutex.
func (s *sandbox) signal(sig syscall.Signal) {
	if !s.dead && s.startErr == nil {
		syscall.Kill(-s.cmd.Process.Pid, sig) // fails only if the group has just died, which wait will tell
	}
}

// hold stops the process until release, whatever it is doing.
func (s *sandbox) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
	s.signal(syscall.SIGSTOP)
}

func (s *sandbox) release() (wasHeld bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasHeld, s.held = s.held, false
	if wasHeld && (!s.idle || s.pool.NoFreeze) {
		s.signal(syscall.SIGCONT)
	}
	return wasHeld
}

// wake lets the process run for an invocation, unless Freeze holds it.
func (s *sandbox) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = false
	if !s.held {
		s.signal(syscall.SIGCONT)
	}
}

// rest stops the process until the next invocation.
func (s *sandbox) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = true
	if !s.pool.NoFreeze {
		s.signal(syscall.SIGSTOP)
	}
}

// observe notes how much memory the process has used so far; called under the mutex. A process that is dead, or a system
// that does not tell, leaves the note as it is.
func (s *sandbox) observe() {
	if !s.dead && s.startErr == nil {
		s.maxRSS = max(s.maxRSS, peakMemory(s.cmd.Process.Pid))
	}
}

// death says why a dead process died, in Lambda's words.
func (s *sandbox) death(requestID string) answer {
	if s.startErr != nil {
		reason := s.startErr.Error()
		if errors.Is(s.startErr, os.ErrNotExist) {
			reason = "Couldn't find valid bootstrap(s): [" + s.pool.Bootstrap + "]"
		}
		return platformError(requestID, "Runtime.InvalidEntrypoint", reason)
	}
	if s.exitErr == nil {
		return platformError(requestID, "Runtime.ExitError", "Runtime exited without providing a reason")
	}
	return platformError(requestID, "Runtime.ExitError", "Runtime exited with error: "+s.exitErr.Error())
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
