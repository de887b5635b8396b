package lambdatest

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
)

const (
	tailSize = 4 * 1024   // of the log, in an answer
	lineSize = 256 * 1024 // where CloudWatch cuts a line
	pipeSize = 64 * 1024  // what a pipe holds at most
)

// lineWriter passes whole lines to a writer that several sandboxes share.
type lineWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lineWriter) write(lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w.Write(lines) // a log that cannot be written stops no invocation
}

// logStream collects the output of one process, by way of a pipe, and what Lambda adds to it.
type logStream struct {
	out  *lineWriter
	read *os.File
	pipe syscall.RawConn

	mu      sync.Mutex
	buffer  []byte
	partial []byte // a line that has not ended yet
	tail    []byte
	pumped  chan struct{}
}

// newLogStream returns the stream and the end of the pipe that is for the process. The caller closes that.
func newLogStream(out *lineWriter) (*logStream, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		r.Close()
		w.Close()
		return nil, nil, err
	}
	s := &logStream{out: out, read: r, pipe: raw, buffer: make([]byte, pipeSize), pumped: make(chan struct{})}
	go s.pump()
	return s, w, nil
}

// pump takes in what the process writes until nobody can write any more.
func (s *logStream) pump() {
	defer close(s.pumped)
	s.pipe.Read(func(fd uintptr) (ended bool) { // returns when ended, or when the pipe is closed
		n := 1
		for n > 0 {
			n, ended = s.take(fd)
		}
		return ended
	})
}

// drain takes in what the process has written up to now. The pump may not have come to it yet.
func (s *logStream) drain() {
	s.pipe.Control(func(fd uintptr) { // fails only when the pipe is closed, and then there is nothing
		for total := 0; total < pipeSize; { // what is beyond that was written after the call
			n, _ := s.take(fd)
			if n == 0 {
				return
			}
			total += n
		}
	})
}

// take reads once without waiting. n is 0 when there is nothing now; ended, when there never will be.
func (s *logStream) take(fd uintptr) (n int, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		n, err := syscall.Read(int(fd), s.buffer)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, false
		case err != nil || n == 0:
			return 0, true
		}
		s.add(s.buffer[:n])
		return n, false
	}
}

// add passes on the lines that are complete; called under the mutex.
func (s *logStream) add(b []byte) {
	s.partial = append(s.partial, b...)
	end := bytes.LastIndexByte(s.partial, '\n') + 1
	if len(s.partial)-end > lineSize {
		end = len(s.partial)
	}
	if end > 0 {
		s.emit(s.partial[:end])
		s.partial = append(s.partial[:0], s.partial[end:]...)
	}
}

func (s *logStream) emit(lines []byte) {
	s.out.write(lines)
	s.tail = append(s.tail, lines...)
	if cut := len(s.tail) - tailSize; cut > 0 {
		s.tail = append(s.tail[:0], s.tail[cut:]...)
	}
}

// platform adds lines of Lambda's own. A line that the process left unfinished ends here.
func (s *logStream) platform(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
	s.emit([]byte(strings.Join(lines, "\n") + "\n"))
}

func (s *logStream) endLine() {
	if len(s.partial) > 0 {
		s.emit(append(s.partial, '\n'))
		s.partial = s.partial[:0]
	}
}

// startTail forgets the log so far: what a process says of its initialization belongs to no invocation.
func (s *logStream) startTail() {
	s.drain()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
	s.tail = s.tail[:0]
}

func (s *logStream) tailBytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.tail)
}

// close takes in the rest and puts the pipe away, also where a process that outlived its group still holds the other end.
func (s *logStream) close() {
	s.drain()
	s.read.Close()
	<-s.pumped
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
}
