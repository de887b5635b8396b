package main

import "github.com/spf13/cobra"

func (t *terminal) checkCommand() *cobra.Command {
	o := &draftOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the directory and the desired state, as CI does",
		Long: `Check finds every fault, not only the first: that atlas.sum fits, that names and
directives are right, that the directory runs from empty and is done then, that
the desired state can be read and runs, and that both lead to the same schema. It
writes nothing and exits with 1 where there is a fault.
` + devHelp,
		Example: `  aurora-migrate check
  aurora-migrate check --output json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := t.author(o)
			if err != nil {
				return err
			}
			t.tellAnswer(cmd.Name(), a.Check(cmd.Context()))
			return nil
		},
	}
	addDir(cmd.Flags(), &o.dir)
	addSchema(cmd.Flags(), o)
	addDevDatabase(cmd.Flags(), o)
	cmd.Flags().SortFlags = false
	return cmd
}
