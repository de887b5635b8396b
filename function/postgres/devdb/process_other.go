//go:build !unix

package devdb

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

const (
	immediate = syscall.SIGQUIT
	fast      = syscall.SIGINT
)

func (a account) attributes() *syscall.SysProcAttr { return nil }

type process struct{ exited chan struct{} }

func (a account) startProcess(string, *os.File, syscall.Signal, string, string, ...string) (*process, error) {
	return nil, errors.New("a dev server cannot be started on " + runtime.GOOS + ": set MIGRATE_DEV_URL to one")
}

func (p *process) pid() int { return 0 }

func (p *process) stop(syscall.Signal) {}
