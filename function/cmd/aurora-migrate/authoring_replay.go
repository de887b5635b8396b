package main

import "github.com/spf13/cobra"

func (t *terminal) replayCommand() *cobra.Command {
	o := &draftOptions{}
	anew, rates := false, false
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Run the directory on a dev database and write down what each statement does",
		Long: `Replay runs every file on a dev database, in the transaction mode in which it will
run, and watches: which locks each statement takes, what it reads from end to
end, rewrites and builds, which constraints it adds, and what is there
afterwards. It does so without rows, which decides whether a file runs, and with
rows. The facts go into replay.json beside the files, the same bytes each time,
to be committed with them; plan, lint and verify tell by it what will happen and
what should be there. Files that it tells of already are not looked at again.

With --rates, the statements of the last files whose work grows with the rows are
then timed over tables of two sizes, which goes into rates.json: plan foretells by
it, and by a short read of the database in use, how long they will take there.
` + devHelp + `
A server that MIGRATE_DEV_URL names has to let its user do all (a superuser).`,
		Example: `  aurora-migrate replay
  aurora-migrate replay --dir db/migrations --postgres 16`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := t.author(o)
			if err != nil {
				return err
			}
			answer := a.Replay(cmd.Context(), anew)
			if rates && answer.Outcome.OK() {
				answer = a.Rates(cmd.Context(), anew)
			}
			t.tellAnswer(cmd.Name(), answer)
			return nil
		},
	}
	addDir(cmd.Flags(), &o.dir)
	addDevDatabase(cmd.Flags(), o)
	cmd.Flags().BoolVar(&anew, "anew", false, "look at every file again")
	cmd.Flags().BoolVar(&rates, "rates", false, "measure how long statements take, too, and write rates.json")
	cmd.Flags().SortFlags = false
	return cmd
}
