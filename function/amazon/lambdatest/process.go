//go:build unix

package lambdatest

import (
	"os/exec"
	"runtime"
)

// starter starts processes from one thread that lives as long as it does. Linux sends the death signal of a parent when
// the *thread* that forked ends, and Go ends threads when it likes.
type starter struct {
	requests chan startRequest
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

func newStarter() *starter {
	s := &starter{requests: make(chan startRequest)}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for r := range s.requests {
			r.done <- r.cmd.Start()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	r := startRequest{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.done
}

// close comes after the last start, and after the last process has ended.
func (s *starter) close() {
	close(s.requests)
}
