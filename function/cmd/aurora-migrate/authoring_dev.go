package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

func (t *terminal) devCommand() *cobra.Command {
	o := &draftOptions{}
	cmd := &cobra.Command{
		Use:   "dev [-- COMMAND...]",
		Short: "Give a command a dev database",
		Long: `Dev makes a fresh, empty dev database, runs the command with MIGRATE_DEV_URL set
to it, takes the database away again, and ends as the command did. Without a
command it prints the URL and waits for Ctrl-C.
` + devHelp,
		Example: `  aurora-migrate dev -- atlas migrate diff add_users --env local
  aurora-migrate dev --postgres 15`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return usage("dev takes a command behind --, as in aurora-migrate dev -- %s", printable(args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && t.format == jsonFormat {
				return usage("stdout of dev is that of the command: --output json is for dev without one")
			}
			if wrong := pipeline.UnknownSettings(t.environ); len(wrong) > 0 {
				return wrong[0]
			}
			server, err := t.devServer(o)
			if err != nil {
				return err
			}
			a := &authoring.Authoring{Server: server}
			t.lend(cmd.Context(), a, args)
			return nil
		},
	}
	addDevDatabase(cmd.Flags(), o)
	return cmd
}

// lend gives the dev database to the command, or to whoever reads the URL.
func (t *terminal) lend(ctx context.Context, a *authoring.Authoring, command []string) {
	err := a.Dev(ctx, func(ctx context.Context, url string) error {
		if len(command) > 0 {
			return t.runCommand(ctx, url, command)
		}
		t.tellDev(url)
		<-ctx.Done()
		return nil
	})
	if err != nil {
		t.tellAnswer("dev", authoring.Answer{Outcome: migration.Failed, Summary: "no dev database",
			Failure: &migration.Failure{Message: migration.Mask(err.Error()), State: "Nothing was started.", Cause: err},
			Next:    "See above what helps, then run the same command again."})
	}
}

func (t *terminal) tellDev(url string) {
	t.outcome = migration.Current
	if t.format == jsonFormat {
		t.writeJSON(map[string]any{"screen": []string{url}, "ok": true, "outcome": migration.Current, "action": "dev", "url": url})
		return
	}
	_, _ = io.WriteString(t.out, url+"\n") // the whole of it: it is what was asked for
	t.say("this dev database goes with Ctrl-C")
}

// patienceWithCommand is how long a command may take to end once it was told to.
const patienceWithCommand = 10 * time.Second

// runCommand takes over the command's exit code. Its error is that the command
// could not be run.
func (t *terminal) runCommand(ctx context.Context, url string, command []string) error {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = append(append([]string{}, t.environ...), "MIGRATE_DEV_URL="+url)
	c.Stdin, c.Stdout, c.Stderr = t.in, t.out.to, t.err
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = patienceWithCommand
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case c.ProcessState != nil && c.ProcessState.Success():
		return nil // also where it was told to stop, and did: Run has ctx's error then
	case errors.As(err, &exit):
		t.child = exit.ExitCode()
		if t.child < 0 { // a signal: as a shell says it
			t.child = 1
			if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				t.child = 128 + int(status.Signal())
			}
		}
		return nil
	case err != nil:
		return fmt.Errorf("run %s: %w", printable(command[0]), err)
	}
	return nil
}
