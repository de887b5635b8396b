package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func (t *terminal) newCommand() *cobra.Command {
	o, mode := &draftOptions{schema: "schema"}, txMode(migration.TxFile)
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write an empty migration, to be filled by hand",
		Long: `New writes an empty file with the right version, and atlas.sum. Until a statement
stands in it and aurora-migrate hash has run, the file is a fault with which
nothing can be planned. It needs no database.`,
		Example: `  aurora-migrate new add_view
  aurora-migrate new index_users --txmode none`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := t.author(o)
			if err != nil {
				return err
			}
			t.tellAnswer(cmd.Name(), a.New(args[0], migration.TxMode(mode)))
			return nil
		},
	}
	flags := cmd.Flags()
	addDir(flags, &o.dir)
	flags.Var(&mode, "txmode", "file: all of it in one transaction; none: each statement by itself, for CONCURRENTLY")
	flags.SortFlags = false
	return cmd
}

// txMode is how the statements of a new file are committed.
type txMode migration.TxMode

func (m *txMode) String() string { return string(*m) }

// Type is what help calls the value.
func (m *txMode) Type() string { return "MODE" }

func (m *txMode) Set(v string) error {
	if v != string(migration.TxFile) && v != string(migration.TxNone) {
		return errors.New("want file or none")
	}
	*m = txMode(v)
	return nil
}
