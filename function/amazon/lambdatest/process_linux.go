package lambdatest

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// processAttributes put a process into a group of its own, and let it die with this one.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// peakMemory is the most memory that a living process has had resident, in bytes; 0 if it is gone. The figure of
// getrusage would not do: it counts from before the exec, so that it is this process's own memory if that is more.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 64)
			return kb << 10
		}
	}
	return 0 // a zombie has no memory
}
