//go:build unix && !linux

package lambdatest

import "syscall"

// processAttributes put a process into a group of its own.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// peakMemory is not known here.
func peakMemory(int) int64 {
	return 0
}
