package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Function is one function that the stand-in serves.
type Function struct {
	// Name is what callers invoke: letters, digits, - and _, at most 64.
	Name string
	// Bootstrap is the path of the executable. That it is missing or not executable shows at the first invocation, as on
	// Lambda, as function error Runtime.InvalidEntrypoint.
	Bootstrap string
	// Env is the whole environment as NAME=value, besides what Lambda itself sets; nothing comes from this process.
	// Names that Lambda reserves are refused, and so is more than 4 KB. Region and credentials (AWS_REGION,
	// AWS_ACCESS_KEY_ID, ...) may be given, since there is no role to take them from; without, the region is us-east-1 and
	// the credentials are invented. AWS_LAMBDA_LOG_FORMAT=JSON makes Lambda's own log lines JSON too.
	Env []string
	// Timeout ends an invocation with a SIGKILL; 0 is Lambda's maximum of 900 s.
	Timeout time.Duration
	// MemoryMB is what the function is told that it has; 0 is 128.
	MemoryMB int
	// Logs gets what CloudWatch would get: whole lines of stdout and stderr of all sandboxes of the function, and
	// Lambda's own lines (START, END, REPORT). Nil drops them. Writes of one Lambda never overlap, even where functions
	// share a writer. The lines of an invocation are written before Invoke returns, and none after Close has.
	Logs io.Writer
	// NoFreeze leaves idle sandboxes running. Lambda stops them between invocations, and so does the zero value.
	NoFreeze bool
}

// Lambda serves functions until Close. All methods may be called at once from several goroutines.
type Lambda struct {
	address string
	server  *http.Server
	client  *http.Client
	pools   map[string]*pool
	starter *starter

	mu          sync.Mutex
	closed      bool
	invocations sync.WaitGroup
}

// Start serves functions on a free port of 127.0.0.1. No process is started before the first invocation.
func Start(functions ...Function) (*Lambda, error) {
	return Listen("127.0.0.1:0", functions...)
}

// Listen is Start on a given address such as 127.0.0.1:9001. Anyone who reaches it may invoke: there is no signature
// check, so keep it on the loopback interface.
func Listen(address string, functions ...Function) (*Lambda, error) {
	l := &Lambda{pools: map[string]*pool{}, client: &http.Client{Transport: &http.Transport{}}}
	logs := new(sync.Mutex)
	for _, f := range functions {
		p, err := newPool(f, logs)
		if err != nil {
			return nil, fmt.Errorf("function %q: %w", f.Name, err)
		}
		if l.pools[f.Name] != nil {
			return nil, fmt.Errorf("function %q: given twice", f.Name)
		}
		l.pools[f.Name] = p
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the Invoke API: %w", err)
	}
	l.starter = newStarter()
	for _, p := range l.pools {
		p.starter = l.starter
	}
	l.address = listener.Addr().String()
	l.server = &http.Server{Handler: l.invokeAPI(), ReadHeaderTimeout: time.Minute}
	go l.server.Serve(listener) // ends with http.ErrServerClosed in Close
	return l, nil
}

// Endpoint is the address of the Invoke API, for AWS_ENDPOINT_URL_LAMBDA or --endpoint-url.
func (l *Lambda) Endpoint() string {
	return "http://" + l.address
}

// Kill kills every sandbox of the function at once (SIGKILL, the whole process group), idle or in the middle of an
// invocation, and returns how many there were, after all of them are gone. Their callers get Runtime.ExitError; the next
// invocation starts a new sandbox. For an unknown function there are none.
func (l *Lambda) Kill(name string) int {
	if p := l.pools[name]; p != nil {
		return p.kill()
	}
	return 0
}

// Freeze stops every sandbox of the function where it is (SIGSTOP), also in the middle of an invocation, until Thaw, and
// returns how many there were. Deadlines go on; a stopped sandbox can be killed. Sandboxes started later are not stopped.
func (l *Lambda) Freeze(name string) int {
	if p := l.pools[name]; p != nil {
		return p.freeze()
	}
	return 0
}

// Thaw undoes Freeze and returns how many sandboxes it concerned. Idle ones stay stopped as they were before.
func (l *Lambda) Thaw(name string) int {
	if p := l.pools[name]; p != nil {
		return p.thaw()
	}
	return 0
}

// Last tells of the invocation of the function that ended last; it is there when Invoke returns. Before the first one,
// and for an unknown function, it is the zero Report.
func (l *Lambda) Last(name string) Report {
	if p := l.pools[name]; p != nil {
		return p.lastReport()
	}
	return Report{}
}

// Close kills all sandboxes, answers the invocations that this cuts off (as after Kill), and stops serving. When it
// returns no process, goroutine or listener is left. Closing again does nothing.
func (l *Lambda) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	for _, p := range l.pools {
		p.close()
	}
	l.invocations.Wait()
	l.starter.close()
	l.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = l.server.Close() // a caller that keeps its connection busy does not hold up the end
	}
	return err
}

// begin admits an invocation; each admitted one calls l.invocations.Done. After Close it admits none.
func (l *Lambda) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.invocations.Add(1)
	}
	return !l.closed
}
