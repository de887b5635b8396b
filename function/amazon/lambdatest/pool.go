package lambdatest

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

const (
	latest         = "$LATEST"
	handlerName    = "bootstrap"
	defaultRegion  = "us-east-1"
	account        = "000000000000"
	defaultTimeout = 900 * time.Second
	defaultMemory  = 128
)

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)

// pool is a function with its sandboxes.
type pool struct {
	Function
	region  string
	starter *starter
	out     *lineWriter

	mu     sync.Mutex
	idle   []*sandbox // the one used last is last, and is used again first
	live   map[*sandbox]bool
	last   Report
	closed bool
}

var errClosed = errors.New("the stand-in is closed")

func newPool(f Function, logs *sync.Mutex) (*pool, error) {
	switch {
	case !namePattern.MatchString(f.Name):
		return nil, errors.New("a name has 1 to 64 letters, digits, - and _")
	case f.Timeout < 0 || f.Timeout > defaultTimeout:
		return nil, fmt.Errorf("timeout %s: want at most %s", f.Timeout, defaultTimeout)
	case f.MemoryMB != 0 && (f.MemoryMB < 128 || f.MemoryMB > 10240):
		return nil, fmt.Errorf("memory %d MB: want 128 to 10240", f.MemoryMB)
	}
	if err := checkEnvironment(f.Env); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(f.Bootstrap) // the process starts in the folder of the bootstrap
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	f.Bootstrap = path
	f.Env = slices.Clone(f.Env)
	if f.Timeout == 0 {
		f.Timeout = defaultTimeout
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = defaultMemory
	}
	if f.Logs == nil {
		f.Logs = io.Discard
	}
	p := &pool{Function: f, region: f.lookup("AWS_REGION"), live: map[*sandbox]bool{}}
	if p.region == "" {
		p.region = defaultRegion
	}
	p.out = &lineWriter{mu: logs, w: f.Logs}
	return p, nil
}

func (p *pool) arn() string {
	return "arn:aws:lambda:" + p.region + ":" + account + ":function:" + p.Name
}

func (p *pool) logGroup() string {
	return "/aws/lambda/" + p.Name
}

// invoke carries out one invocation, in an idle sandbox or else in a new one. Its error means that this machine could not
// do it, before anything of the function ran.
func (p *pool) invoke(inv *invocation) (answer, error) {
	s := p.takeIdle()
	if s == nil {
		var err error
		if s, err = p.start(); err != nil {
			return answer{}, err
		}
	}
	a, report := s.invoke(inv)
	p.mu.Lock()
	p.last = report
	if p.live[s] {
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	return a, nil
}

func (p *pool) takeIdle() *sandbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return s
}

func (p *pool) start() (*sandbox, error) {
	s, err := newSandbox(p)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	closed := p.closed
	p.live[s] = true
	p.mu.Unlock()
	go func() {
		s.wait()
		p.remove(s)
		close(s.gone)
	}()
	if closed {
		s.kill()
		<-s.gone
		return nil, errClosed
	}
	return s, nil
}

func (p *pool) remove(s *sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, s)
	p.idle = slices.DeleteFunc(p.idle, func(i *sandbox) bool { return i == s })
}

func (p *pool) sandboxes() []*sandbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*sandbox, 0, len(p.live))
	for s := range p.live {
		all = append(all, s)
	}
	return all
}

func (p *pool) kill() int {
	all := p.sandboxes()
	for _, s := range all {
		s.kill()
	}
	for _, s := range all {
		<-s.gone
	}
	return len(all)
}

func (p *pool) freeze() int {
	all := p.sandboxes()
	for _, s := range all {
		s.hold()
	}
	return len(all)
}

func (p *pool) thaw() int {
	n := 0
	for _, s := range p.sandboxes() {
		if s.release() {
			n++
		}
	}
	return n
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.kill()
}

func (p *pool) lastReport() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}
