package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// usage is an error of the command line, for the one who typed it.
func usage(format string, args ...any) error { return fmt.Errorf(format, args...) }

// refuse answers a command line that cannot be served.
func (t *terminal) refuse(action migration.Action, err error) {
	next := "Correct the command line; aurora-migrate --help shows what there is."
	if action != "" {
		next = fmt.Sprintf("Correct the command line; aurora-migrate %s --help shows what there is.", action)
	}
	t.tell(migration.Result{Action: action, Outcome: migration.Invalid, Next: next, Failure: &migration.Failure{
		Message: migration.Mask(err.Error()), State: "Nothing was sent to the database.", Cause: err,
	}}, answer{})
}

func unknownCommand(root *cobra.Command, name string) error {
	names := commandNames(root)
	return usage("unknown command %s%s: want one of %s", shown(name), nearest(name, names), strings.Join(names, ", "))
}

// flagError says in our words what is wrong with a flag. A value that may be
// secret is not repeated.
func flagError(cmd *cobra.Command, err error) error {
	if !cmd.HasParent() && cmd.Flags().NArg() > 0 {
		return unknownCommand(cmd, cmd.Flags().Arg(0)) // it is because of that that the flag is not known
	}
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usage("unknown flag -%s", unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		return usage("--%s needs a value (%s)", missing.GetFlag().Name, missing.GetFlag().Usage)
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "bool":
		return usage("--%s is %s: want true or false", invalid.GetFlag().Name, shown(invalid.GetValue()))
	case errors.As(err, &invalid):
		return usage("--%s is %s: %w", invalid.GetFlag().Name, shown(invalid.GetValue()), invalid.Unwrap())
	}
	return err
}

func unknownFlag(cmd *cobra.Command, name string) error {
	if cmd.Name() == "baseline" && name == "version" {
		return usage("unknown flag --version: the version stands by itself, as in aurora-migrate baseline 016")
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usage("unknown flag --%s%s: %s --help lists those of this command", printable(name), nearest("--"+name, names), cmd.CommandPath())
}

// nearest is ` (did you mean x?)` for the nearest candidate, or nothing where
// none is near.
func nearest(name string, candidates []string) string {
	best, distance := "", 1+max(2, len(name)/3)
	for _, c := range candidates {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(c), nil); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// shown is a value from the command line as it may be repeated: whoever put a
// URL where it does not belong finds no password of theirs in a log.
func shown(value string) string { return strconv.Quote(migration.Mask(value)) }

// printable is s, quoted where a terminal would obey a character of it.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
