package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

// An event is what the function would be sent for the same request. Both doors
// have it read by the same code, so they refuse and understand the same.
type event struct {
	Action   migration.Action `json:"action"`
	Plan     json.RawMessage  `json:"plan,omitempty"`
	To       string           `json:"to,omitempty"`
	Version  string           `json:"version,omitempty"`
	Approval json.RawMessage  `json:"approval,omitempty"`
	Brief    bool             `json:"brief,omitempty"`
	// Directory is sent to a planner alone; what runs here reads its files itself.
	Directory map[string]string `json:"directory,omitempty"`

	approved []string // the flags that Approval came from
}

// defaultTimeout is the longest that a function on Lambda can have.
const defaultTimeout = 15 * time.Minute

// options are the flags of a request beside the settings.
type options struct {
	dir     string
	timeout timeout
	brief   bool
	to      string
	plan    string
	accept  []string
	signed  string
	remote  remote
}

func (t *terminal) statusCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell which migrations are applied and which are pending",
		Long: `Status lists every migration: applied (when, by what, how long), pending, out of
order, changed since it was applied; and who holds the lock. It only reads, and a
run that is under way does not hold it up.`,
		Example: `  aurora-migrate status
  aurora-migrate status --dir db/migrations --output json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.serve(cmd, o, event{Action: migration.ActionStatus})
		},
	}
	addRequest(cmd.Flags(), o)
	return cmd
}

func (t *terminal) planCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would run, and the digest that names it",
		Long: `Plan is the dry run: it shows every pending file and statement, what was found to
be wrong with them, and the digest to hand to apply. It only reads.`,
		Example: `  aurora-migrate plan
  aurora-migrate plan --to 017
  aurora-migrate plan --output json > plan.json
  aurora-migrate plan --stack migrations-dev --dir migrations`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.serve(cmd, o, event{Action: migration.ActionPlan, To: o.to})
		},
	}
	addRequest(cmd.Flags(), o)
	addTo(cmd.Flags(), o, "stop at this version")
	return cmd
}

func (t *terminal) applyCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Run exactly what was planned",
		Long: `Apply takes the lock, plans again, and runs the plan if it is the one that --plan
names; else it is blocked and says what has changed. With the plan report instead
of its digest it names each object that has changed.

The same command may be given again: it goes on after a crash or after unfinished,
joins a run of the same plan that is under way, and tells how it ended when all is
done. The first Ctrl-C stops what runs, rolls its file back and tells what stays.`,
		Example: `  aurora-migrate apply --plan plan.json
  aurora-migrate plan --output json | aurora-migrate apply --plan -
  aurora-migrate apply --plan plan.json --signed approval.json
  aurora-migrate apply --approval none
  aurora-migrate apply --function aurora-migrations-runner-dev --plan plan.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.serve(cmd, o, event{Action: migration.ActionApply, To: o.to})
		},
	}
	addRequest(cmd.Flags(), o)
	addTo(cmd.Flags(), o, "stop at this version, as it was planned")
	addPlan(cmd.Flags(), o)
	addAccept(cmd.Flags(), &o.accept)
	addSigned(cmd.Flags(), &o.signed, "the approval that approve wrote: a file, or - for stdin")
	addWorkflow(cmd.Flags(), &o.remote)
	return cmd
}

func (t *terminal) baselineCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "baseline VERSION",
		Short: "Adopt a database that already has everything up to a version",
		Long: `Baseline writes into the history that everything up to VERSION is in the database
already; it runs no migration. Without --plan it shows what it would write, and a
digest; with it, it writes. The version needs no file where it is below them all.`,
		Example: `  aurora-migrate baseline 016
  aurora-migrate baseline 016 --plan DIGEST`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return usage("baseline needs a version, the last one whose changes the database already has, as in aurora-migrate baseline 016")
			case 1:
				return nil
			}
			return usage("baseline takes one version, and got %s too", shown(args[1]))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.serve(cmd, o, event{Action: migration.ActionBaseline, Version: args[0]})
		},
	}
	addRequest(cmd.Flags(), o)
	addPlan(cmd.Flags(), o)
	addSigned(cmd.Flags(), &o.signed, "the approval that approve wrote: a file, or - for stdin")
	return cmd
}

func (t *terminal) verifyCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Tell where the database is not what its migrations say",
		Long: `Verify compares all that the database holds with what the applied migrations make,
as replay.json has it: what is missing, what no migration made, what was changed by
hand, what was left INVALID or NOT VALID. It only reads and takes no lock. It ends
with 0 where the database is clean, and with 5 where it has drifted. Partitions that
were added, and privileges beyond those of the migrations, are told and are no drift.`,
		Example: `  aurora-migrate verify
  aurora-migrate verify --stack migrations-dev --output json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.serve(cmd, o, event{Action: migration.ActionVerify})
		},
	}
	addRequest(cmd.Flags(), o)
	return cmd
}

func (t *terminal) doctorCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell the first broken link of the chain to the database",
		Long: `Doctor looks at everything between here and a database that can be migrated: the
directory, name, network, TLS, login, writer or reader, role and privileges, the
history, who stands in the way, what is half done or running out. It tells what is
broken and how to mend it, and the SQL for what is missing. It only reads.`,
		Example: `  aurora-migrate doctor
  aurora-migrate doctor --output json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.serve(cmd, o, event{Action: migration.ActionDoctor})
		},
	}
	addRequest(cmd.Flags(), o)
	return cmd
}

// addRequest gives a command what every request has.
func addRequest(flags *pflag.FlagSet, o *options) {
	addDir(flags, &o.dir)
	addRemote(flags, &o.remote)
	flags.BoolVar(&o.brief, "brief", false, "a short answer: at most 100 kB, however large the plan")
	o.timeout = timeout(defaultTimeout)
	flags.Var(&o.timeout, "timeout", "stop after this long, as unfinished; 0 never, as with --function where it is not given")
	flags.Lookup("timeout").DefValue = "15m"
	addSettings(flags)
	flags.SortFlags = false
}

func addDir(flags *pflag.FlagSet, dir *string) {
	flags.StringVar(dir, "dir", "migrations", "the directory with the migrations and atlas.sum, a path or file://")
	named(flags, "dir", "DIR")
}

func addTo(flags *pflag.FlagSet, o *options, usage string) {
	flags.StringVar(&o.to, "to", "", usage)
	named(flags, "to", "VERSION")
}

func addPlan(flags *pflag.FlagSet, o *options) {
	flags.StringVar(&o.plan, "plan", "", "the plan to run: its digest, a file with the digest or with the report of plan --output json, or - for such a file on stdin")
	named(flags, "plan", "PLAN")
}

func addAccept(flags *pflag.FlagSet, accept *[]string) {
	flags.StringArrayVar(accept, "accept", nil, "accept the finding with this id; may be repeated")
	named(flags, "accept", "ID")
	flags.Lookup("accept").DefValue = ""
}

func addSigned(flags *pflag.FlagSet, file *string, usage string) {
	flags.StringVar(file, "signed", "", usage)
	named(flags, "signed", "FILE")
}

// timeout is a duration that may be 0, for none.
type timeout time.Duration

func (t *timeout) String() string { return time.Duration(*t).String() }

// Type is what help calls the value.
func (t *timeout) Type() string { return "DURATION" }

func (t *timeout) Set(v string) error { return pipeline.Duration(v, 0, (*time.Duration)(t)) }

// limit gives ctx the deadline of the timeout.
func (t *timeout) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if *t == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(*t))
}

// A word is a flag whose value help calls by a name.
type word struct {
	pflag.Value
	name string
}

// Type is what help calls the value.
func (w word) Type() string { return w.name }

// named sets what help calls the value of a flag.
func named(flags *pflag.FlagSet, flag, name string) {
	f := flags.Lookup(flag)
	f.Value = word{f.Value, name}
}
