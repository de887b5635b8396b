// Command aurora-migrate is the migrator on a terminal: flags come in, a report
// goes out, and a pipeline can trust its exit code.
//
// Read root.go for the commands, config.go for what can be set, and package
// pipeline for what happens.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// release is the version of this program; the build sets it.
var release = "devel"

func main() {
	// A reader that has seen enough, such as head, must not end a run in the
	// middle of a file: writing fails then, and the run goes on.
	signal.Ignore(syscall.SIGPIPE)
	ctx, restore := interruptible(os.Stderr)
	code := run(ctx, os.Args[1:], environment(), os.Stdin, os.Stdout, os.Stderr)
	restore()
	os.Exit(code)
}

// run serves one command line and returns the exit code. Where --output json
// stands anywhere in args, it writes exactly one JSON object to stdout,
// whatever happens; only help and shell completion stay text.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &terminal{environ: environ, in: stdin, out: &lastError{to: stdout}, err: stderr, format: asked(args)}
	cmd, err := t.root(args).ExecuteContextC(ctx)
	if err != nil {
		t.refuse(migration.Action(subcommand(cmd)), err)
	}
	return t.exitCode()
}

// A terminal is what one run of the program talks to.
type terminal struct {
	environ []string
	in      io.Reader
	out     *lastError
	err     io.Writer
	format  format
	verbose bool
	noColor bool
	outcome migration.Outcome // "" where there is nothing to tell, as after help
	child   int               // exit code of a command that was run; where there is one, it is ours
}

// exitCode is that of the outcome. An answer that could not be written is a
// failure, unless whoever read it had gone: they know what they have not read.
func (t *terminal) exitCode() int {
	code := t.child
	if t.outcome != "" {
		code = t.outcome.ExitCode()
	}
	if lost := t.out.err; lost != nil && !errors.Is(lost, syscall.EPIPE) {
		t.say("the answer could not be written: %v", lost)
		code = max(code, 1)
	}
	return code
}

// lastError is a writer that remembers that it failed: nobody along the way
// looks at it.
type lastError struct {
	to  io.Writer
	err error
}

func (w *lastError) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}
