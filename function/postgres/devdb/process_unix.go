//go:build unix

package devdb

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// How a server is told to stop.
const (
	immediate = syscall.SIGQUIT // at once, as in a crash
	fast      = syscall.SIGINT  // sessions are cut off, then a checkpoint
)

func (a account) attributes() *syscall.SysProcAttr {
	// A session of its own: Ctrl-C at the terminal is for the command line, which then
	// closes the server itself.
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// guarded runs "$@" in this shell's place and leaves a watcher beside it. The watcher
// reads from a pipe whose other end the starting process holds and never writes to: the
// read returns when that process is gone, by whatever death. It works on every Unix,
// where Pdeathsig is Linux's alone and bound to a thread. The two pairs of brackets
// make the watcher nobody's child, because a postmaster minds children it does not know. The
// server counts as gone when its lock file is: a zombie may stay for long where no init reaps.
const guarded = `
signal=$1 remove=$2
shift 2
( (
	read -r _ <&3
	if [ -s ` + lingerFile + ` ]; then sleep "$(cat ` + lingerFile + `)"; fi
	kill -s "$signal" $$
	n=0
	while [ -e ` + dataDir + `/postmaster.pid ] && kill -0 $$ 2>/dev/null && [ $n -lt 200 ]; do sleep 0.05 || sleep 1; n=$((n + 1)); done
	cd /
	[ -z "$remove" ] || rm -rf "$remove"
) & )
exec "$@" 3<&-
`

// process is a running postmaster.
type process struct {
	cmd    *exec.Cmd
	alive  *os.File      // our end of the watcher's pipe
	exited chan struct{} // closed when the postmaster is gone, by whatever cause
}

// startProcess starts name in dir with a watcher that, should this process die, sends
// sig and, if remove is not empty, removes that directory.
func (a account) startProcess(dir string, log *os.File, sig syscall.Signal, remove, name string, args ...string) (*process, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	signal := map[syscall.Signal]string{immediate: "QUIT", fast: "INT"}[sig]
	shell := append([]string{"-c", guarded, "sh", signal, remove, name}, args...)
	cmd := a.command(context.Background(), dir, "/bin/sh", shell...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	p := &process{cmd, ours, make(chan struct{})}
	go func() {
		cmd.Wait() // how it ended is in its log
		// The group is the watcher now: the server's children have sessions of their own.
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		p.alive.Close()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the postmaster and returns when it is gone.
func (p *process) stop(sig syscall.Signal) {
	p.cmd.Process.Signal(sig) // an error means that it has ended already
	<-p.exited
}
