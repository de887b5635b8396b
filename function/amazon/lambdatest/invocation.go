package lambdatest

import (
	"fmt"
	"time"
)

// invocation is one event on its way through a sandbox.
type invocation struct {
	id            string
	arn           string // as the caller named it, with the qualifier if there was one
	traceID       string
	clientContext string // JSON, or empty
	event         []byte

	// Set by the sandbox.
	deadline time.Time
	done     chan struct{} // closed when the process, having answered, asks for the next event
	answer   *answer       // guarded by the sandbox's mutex
}

// answer is what the caller of the function gets.
type answer struct {
	payload   []byte
	errorType string // of a function error; empty on success
	timedOut  bool
	logLine   string // what Lambda itself has to say of it in the log
	logTail   []byte // the end of the log of the invocation
}

// invoke hands the event to the process and returns when the process is ready for another, or dead.
func (s *sandbox) invoke(inv *invocation) (answer, Report) {
	inv.done = make(chan struct{})
	report := Report{RequestID: inv.id, ColdStart: s.isCold()}
	s.wake()
	fault := s.awaitInit(inv.id)

	s.logs.startTail()
	s.logs.platform(s.pool.startLine(inv.id))
	began := time.Now()
	var a answer
	if fault != nil {
		a = *fault
	} else {
		a = s.handle(inv, began)
	}
	report.Duration = time.Since(began)
	s.rest()
	s.complete(&report, a)
	s.logs.drain()
	if a.logLine != "" {
		s.logs.platform(a.logLine)
	}
	s.logs.platform(s.pool.endLines(report)...)
	a.logTail = s.logs.tailBytes()
	return a, report
}

func (s *sandbox) isCold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initTime == 0
}

// awaitInit waits until the process has asked for its first event; a warm one has. If it never does, it is dead on
// return and the answer says why.
func (s *sandbox) awaitInit(requestID string) *answer {
	timer := time.NewTimer(s.pool.Timeout)
	defer timer.Stop()
	select {
	case <-s.initialized:
		return nil
	case <-s.initFailed:
	case <-s.exited:
	case <-timer.C:
		s.kill()
		<-s.gone
		return new(timeoutError(requestID, s.pool.Timeout))
	}
	s.kill() // whoever reports that it cannot start has nothing more to do
	<-s.gone
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.initError != nil {
		return s.initError
	}
	return new(s.death(requestID))
}

// handle gives the event to the process. What the process has answered counts, even if it dies right after.
func (s *sandbox) handle(inv *invocation, began time.Time) answer {
	inv.deadline = began.Add(s.pool.Timeout)
	timer := time.NewTimer(s.pool.Timeout)
	defer timer.Stop()
	s.mu.Lock()
	s.current = inv
	s.mu.Unlock()

	timedOut := false
	events := s.events
	for waiting := true; waiting; {
		select {
		case events <- inv:
			events = nil // handed over; from now on only the end is awaited
		case <-inv.done:
			waiting = false
		case <-s.exited:
			<-s.gone
			waiting = false
		case <-timer.C:
			timedOut = true
			s.kill()
			<-s.gone
			waiting = false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case inv.answer != nil:
		return *inv.answer
	case timedOut:
		return timeoutError(inv.id, s.pool.Timeout)
	default:
		return s.death(inv.id)
	}
}

// complete fills in what the sandbox knows of an invocation that has ended.
func (s *sandbox) complete(r *Report, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observe()
	r.MaxRSS = s.maxRSS
	if s.startErr == nil {
		r.PID = s.cmd.Process.Pid
	}
	if r.ColdStart {
		r.Init = s.initTime
	}
	r.ErrorType = a.errorType
	switch {
	case a.timedOut:
		r.Status = StatusTimeout
	case a.errorType != "":
		r.Status = StatusError
	default:
		r.Status = StatusSuccess
	}
}

func newRequestID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newTraceID() string {
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), randomBytes(12), randomBytes(8))
}
