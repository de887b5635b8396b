package pipeline_test

import (
	"syscall"
	"time"
)

// pause sleeps for d. The runtime's timers round up to a millisecond where
// nothing else goes on, which would make a line twice as long as it says.
func pause(d time.Duration) {
	if d <= 0 {
		return
	}
	left := syscall.NsecToTimespec(d.Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR { // woken by a signal of the runtime
	}
}
