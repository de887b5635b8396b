package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interruptible returns a context that the first SIGINT or SIGTERM cancels, so
// that a run stops between two statements and tells where it stands. A second
// one ends the process at once, as it would without us; the next run settles
// what it left. The function returned gives the signals back.
func interruptible(stderr io.Writer) (context.Context, func()) {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	forget := context.AfterFunc(ctx, func() {
		restore()
		fmt.Fprintln(stderr, "aurora-migrate: stopping, then telling what stays; the same signal again ends at once")
	})
	return ctx, func() {
		forget()
		restore()
	}
}
