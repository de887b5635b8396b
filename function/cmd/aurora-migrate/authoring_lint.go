package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/report"
)

func (t *terminal) lintCommand() *cobra.Command {
	o := &draftOptions{}
	var which authoring.LintOptions
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Judge what the migrations will do to a database in use",
		Long: `Lint runs the directory on a dev database, watches what each statement does, and
judges that as if every table were large and busy: who has to wait and for what,
what is rewritten or lost, what running programs will miss; with the safe way
spelled out. With --latest or --base nobody uses yet what the files that are
judged make. It exits with 3 where a finding is an error, with 1 where a file
fails, which is a finding too, and with 0 otherwise.
Plan judges the same by the sizes, the traffic and the data of the database
itself. A comment above a statement quiets a finding, with a reason:
-- atlas:nolint CODE -- why.
` + devHelp + `
A server that MIGRATE_DEV_URL names has to let its user do all (a superuser).`,
		Example: `  aurora-migrate lint --latest 1
  aurora-migrate lint --base origin/main --output markdown`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if which.Latest < 0 {
				return usage("--latest is %d: want a number of files", which.Latest)
			}
			a, err := t.author(o)
			if err != nil {
				return err
			}
			answer := a.Lint(cmd.Context(), which)
			if t.format == markdownFormat {
				t.outcome = answer.Outcome
				_, _ = io.WriteString(t.out, report.Markdown("Migrations: "+answer.Summary, answer.Findings, answer.Failure, answer.Next))
				return nil
			}
			t.tellAnswer(cmd.Name(), answer)
			return nil
		},
	}
	addDir(cmd.Flags(), &o.dir)
	addDevDatabase(cmd.Flags(), o)
	cmd.Flags().IntVar(&which.Latest, "latest", 0, "judge the last so many files")
	named(cmd.Flags(), "latest", "N")
	cmd.Flags().Lookup("latest").DefValue = ""
	cmd.Flags().StringVar(&which.Base, "base", "", "judge the files that are new, or other, than at this revision of git")
	named(cmd.Flags(), "base", "REF")
	cmd.Flags().SortFlags = false
	return cmd
}
