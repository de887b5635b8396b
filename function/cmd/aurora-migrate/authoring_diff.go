package main

import (
	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
)

func (t *terminal) diffCommand() *cobra.Command {
	o, d := &draftOptions{}, authoring.DiffOptions{}
	cmd := &cobra.Command{
		Use:   "diff NAME",
		Short: "Write the migration that leads to the desired state",
		Long: `Diff compares what the directory leads to with the desired state and writes the
file that is missing between them, and atlas.sum, as atlas migrate diff does. The
file is tried on the dev database first. What cannot be planned, or is not
compared yet, is named with the statement to write by hand, and words in HCL that
Atlas would read over are errors. Without a difference nothing is written.
` + devHelp,
		Example: `  aurora-migrate diff add_users
  aurora-migrate diff add_users --dry-run
  aurora-migrate diff add_users --schema db/schema.sql --dir db/migrations`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := t.author(o)
			if err != nil {
				return err
			}
			d.Name = args[0]
			t.tellAnswer(cmd.Name(), a.Diff(cmd.Context(), d))
			return nil
		},
	}
	flags := cmd.Flags()
	addDir(flags, &o.dir)
	addSchema(flags, o)
	flags.BoolVar(&d.DryRun, "dry-run", false, "show the file and write nothing")
	flags.BoolVar(&d.Concurrently, "concurrent-indexes", false, "build and drop indexes of existing tables CONCURRENTLY, in a file that runs outside a transaction")
	addDevDatabase(flags, o)
	flags.SortFlags = false
	return cmd
}
