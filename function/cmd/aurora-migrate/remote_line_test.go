package main

import (
	"io"
	"net"
	"strings"
	"sync"
)

// A line is what lies between a caller and Lambda. Cut, it leaves the callers
// with broken connections; what they sent has arrived, and is carried out.
type line struct {
	listener net.Listener
	upstream string

	mu      sync.Mutex
	callers map[net.Conn]bool
}

// open carries calls to another endpoint from now on.
func (l *line) open(endpoint string) (err error) {
	if l.listener != nil {
		l.close()
	}
	l.upstream, l.callers = strings.TrimPrefix(endpoint, "http://"), map[net.Conn]bool{}
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	go l.accept(l.listener)
	return nil
}

func (l *line) accept(from net.Listener) {
	for {
		caller, err := from.Accept()
		if err != nil {
			return // closed
		}
		go l.carry(caller)
	}
}

func (l *line) endpoint() string { return "http://" + l.listener.Addr().String() }

func (l *line) carry(caller net.Conn) {
	lambda, err := net.Dial("tcp", l.upstream)
	if err != nil {
		_ = caller.Close()
		return
	}
	l.keep(caller, true)
	go func() {
		_, _ = io.Copy(lambda, caller) // ends when the line is cut
	}()
	_, _ = io.Copy(caller, lambda)
	l.keep(caller, false)
	_ = caller.Close()
	_ = lambda.Close()
}

func (l *line) keep(caller net.Conn, keep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if keep {
		l.callers[caller] = true
	} else {
		delete(l.callers, caller)
	}
}

// cut returns how many connections it broke.
func (l *line) cut() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.callers)
	for caller := range l.callers {
		_ = caller.Close()
	}
	clear(l.callers)
	return n
}

func (l *line) close() {
	_ = l.listener.Close()
	l.cut()
}
