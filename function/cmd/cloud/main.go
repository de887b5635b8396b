// Command cloud is what the stand-in for AWS in tools/cloud lacks: a PostgreSQL
// server with TLS, and somebody who runs a function's own code.
//
//	cloud database              a server with an empty database
//	cloud function              the function that standard input describes
//
// Each prints one JSON object on standard output when it is ready, and ends,
// leaving nothing behind, when standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "cloud: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// run serves what args ask for until in ends or ctx does.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New(`want "database" or "function"`)
	}
	switch args[0] {
	case "database":
		return database(ctx, in, out)
	case "function":
		return function(ctx, in, out)
	}
	return fmt.Errorf(`%q: want "database" or "function"`, args[0])
}

// ready tells what is served and waits for the end of in or of ctx.
func ready(ctx context.Context, in io.Reader, out io.Writer, served any) error {
	if err := json.NewEncoder(out).Encode(served); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { // until in ends: this process ends no later
		io.Copy(io.Discard, in) // however in ends, it has
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}
