package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const about = `aurora-migrate plans and applies the versioned migrations of a directory to a
PostgreSQL database. Plan says what will run and names it by a digest; apply runs
exactly what that digest names, or refuses and says what has changed.`

const begin = `aurora-migrate plans and applies versioned migrations to a PostgreSQL database.

  export DATABASE_URL='postgres://user:password@host:5432/database?sslmode=verify-full'
  aurora-migrate plan                   what would run, and the digest that names it
  aurora-migrate apply --plan DIGEST    run exactly that

All commands: aurora-migrate --help
`

const environmentHelp = `
Name the database by DATABASE_URL rather than by --url: everybody on the machine
can read the arguments of a program, and a shell keeps them. Every setting can
come from the environment too: its variable stands beside its flag, and the flag
wins. Settings are part of the digest, so apply with those that you planned with.

A function that is deployed is asked by --function NAME or --stack NAME, with the
credentials of AWS as its own tools find them (AWS_PROFILE, AWS_REGION); then no
database is named here, and no setting either: the function has its own.

Exit codes: 0 done, or nothing to do; 1 failed or unhealthy; 2 the command line
itself is wrong; 3 blocked; 4 unfinished: run the same command again; 5 drifted.`

// root is the command line.
func (t *terminal) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "aurora-migrate",
		Short: "Plan and apply versioned migrations to PostgreSQL",
		Long:  about + "\n" + environmentHelp,
		Example: `  aurora-migrate status
  aurora-migrate plan
  aurora-migrate plan --output json > plan.json
  aurora-migrate apply --plan plan.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.format == jsonFormat {
				return usage("no command was given: want one of %s", strings.Join(commandNames(cmd), ", "))
			}
			_, _ = io.WriteString(t.out, begin)
			return nil
		},
		PersistentPreRunE: t.checkFormat,
		SilenceErrors:     true, SilenceUsage: true,
	}
	root.SetArgs(args)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.VarP(&t.format, "output", "o", "what stdout gets: text for people, json for machines, atlas for what reads Atlas's own reports (status, apply), markdown for a pull request (lint)")
	flags.BoolVar(&t.noColor, "no-color", false, "no colours, as where NO_COLOR is set or stdout is no terminal")
	flags.BoolVarP(&t.verbose, "verbose", "v", false, "log each change of state to stderr")
	root.AddCommand(t.statusCommand(), t.planCommand(), t.approveCommand(), t.applyCommand(), t.verifyCommand(), t.baselineCommand(), t.doctorCommand(), t.diffCommand(), t.newCommand(), t.checkCommand(), t.replayCommand(), t.lintCommand(), t.hashCommand(), t.importCommand(), t.devCommand(), t.versionCommand())
	root.SetHelpCommand(helpCommand())
	refuseOtherShells(root)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 100"))
	return root
}

// helpCommand is cobra's, but that it refuses what it does not know.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, args[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// refuseOtherShells gives cobra's completion command an answer where no shell
// that it knows is named; its own is help and success.
func refuseOtherShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = cobra.ArbitraryArgs
			c.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return usage("completion needs a shell: want one of %s", strings.Join(commandNames(cmd), ", "))
				}
				return unknownCommand(cmd, args[0])
			}
		}
	}
}

// commandNames are those that a person may type, sorted.
func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden && (c.IsAvailableCommand() || c.Name() == "help") {
			names = append(names, c.Name())
		}
	}
	slices.Sort(names)
	return names
}

// subcommand is the name of the command that was asked for, "" where none was
// understood.
func subcommand(cmd *cobra.Command) string {
	if cmd == nil || !cmd.HasParent() {
		return ""
	}
	return cmd.Name()
}

// noArguments refuses what stands on the line without a flag.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if cmd.Flags().Lookup("plan") != nil {
		hint = ": the digest stands behind --plan"
	}
	return usage("%s takes no argument, and got %s%s", cmd.Name(), shown(args[0]), hint)
}

func (t *terminal) say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.err, "aurora-migrate: "+format+"\n", args...) // there is nobody else to tell
}
