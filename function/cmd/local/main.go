// Command local is the whole thing on one machine: a PostgreSQL server with a
// fresh database, and the real bootstrap behind a stand-in for AWS Lambda, as
// the two functions that it is on AWS. "local run" walks from plan to apply and
// shows each answer; "local up" leaves it running for aws, sam and psql.
//
//	local [-bootstrap file] [-major 15..18] [-port n] run|up
//
// MIGRATE_DEV_URL names a server to use; else one is found on the machine, or
// fetched once. Nothing of it stays behind: the database goes at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	c, err := readConfig(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = serve(ctx, c)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "local: %v\n", err)
		os.Exit(1)
	}
}

// serve sets the stage, does what is wanted, and clears the stage whatever came
// of it.
func serve(ctx context.Context, c config) (err error) {
	s, err := set(ctx, c)
	if err != nil {
		return err
	}
	defer func() {
		if e := s.clear(); err == nil {
			err = e
		}
	}()
	if c.stay {
		return s.stay(ctx, os.Stdout)
	}
	return s.walk(ctx, os.Stdout)
}
