package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// The functions are named as they are on AWS, in an environment called local.
const (
	planner = "aurora-migrations-planner-local"
	runner  = "aurora-migrations-runner-local"
)

// timeout is that of the functions, Lambda's longest.
const timeout = 15 * time.Minute

// A stage is a server, a database on it that is empty at first, and Lambda.
type stage struct {
	server   *devdb.Server
	database string // its address, password and all
	lambda   *lambdatest.Lambda
}

// set starts everything, or returns an error and leaves nothing running.
func set(ctx context.Context, c config) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.clear())
		}
	}()
	if s.server, err = devdb.Start(ctx, devdb.Options{URL: c.devURL, Major: c.major, Progress: os.Stderr}); err != nil {
		return s, err
	}
	name := "app"
	if c.devURL != "" {
		name = "" // on a server of somebody's own: one that is sure to be new
	}
	if s.database, err = s.server.CreateDatabase(ctx, name); err != nil {
		return s, err
	}
	return s, s.serve(c)
}

func (s *stage) serve(c config) (err error) {
	bootstrap, err := filepath.Abs(c.bootstrap)
	if err != nil {
		return err
	}
	var logs io.Writer
	if c.stay {
		logs = os.Stderr
	}
	f := lambdatest.Function{Name: runner, Bootstrap: bootstrap, Timeout: timeout, MemoryMB: 256, Logs: logs,
		Env: []string{"DATABASE_URL=" + s.database}}
	p := f
	p.Name, p.Env = planner, append([]string{"MIGRATE_READ_ONLY=true"}, f.Env...)
	s.lambda, err = lambdatest.Listen(fmt.Sprintf("127.0.0.1:%d", c.port), f, p)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is taken: name another one, make up PORT=%d", c.port, c.port+1)
	}
	return err
}

// clear ends what set started, as far as it had come.
func (s *stage) clear() error {
	var failed []error
	if s.lambda != nil {
		failed = append(failed, s.lambda.Close())
	}
	if s.server == nil {
		return errors.Join(failed...)
	}
	if u, err := url.Parse(s.database); err == nil && s.database != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		failed = append(failed, s.server.DropDatabase(ctx, strings.TrimPrefix(u.Path, "/")))
	}
	return errors.Join(append(failed, s.server.Close())...)
}
