package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Every example in a help text is a command line that the program understands,
// and every command has one.
func TestExamples_work(t *testing.T) {
	tt := &terminal{out: &lastError{to: io.Discard}, err: io.Discard, format: textFormat}
	for _, command := range append(tt.root(nil).Commands(), tt.root(nil)) {
		if command.Name() == "help" || command.Name() == "completion" {
			continue
		}
		if command.Example == "" {
			t.Errorf("%s has no example", command.CommandPath())
		}
		for line := range strings.Lines(command.Example) {
			for piece := range strings.SplitSeq(line, "|") {
				piece, _, _ = strings.Cut(piece, ">")
				name, rest, _ := strings.Cut(strings.TrimSpace(piece), " ")
				if name != "aurora-migrate" {
					t.Errorf("%s: %q is another program", command.CommandPath(), name)
				}
				if err := understood(tt.root(nil), strings.Fields(rest)); err != nil {
					t.Errorf("%s: %q: %v", command.CommandPath(), piece, err)
				}
			}
		}
	}
}

func understood(root *cobra.Command, args []string) error {
	command, rest, err := root.Find(args)
	if err == nil {
		err = command.ParseFlags(rest)
	}
	if err == nil {
		err = command.ValidateArgs(command.Flags().Args())
	}
	return err
}

// Each variable stands beside its flag in the help of every request.
func TestHelp_namesEachVariable(t *testing.T) {
	for _, request := range []string{"status", "plan", "apply", "baseline"} {
		var stdout bytes.Buffer
		if code := run(t.Context(), []string{request, "--help"}, nil, nil, &stdout, io.Discard); code != 0 {
			t.Fatalf("%s --help exits with %d", request, code)
		}
		for _, s := range settings {
			if s.flag != "" && !strings.Contains(stdout.String(), "["+s.variable+"]") {
				t.Errorf("%s --help does not name %s", request, s.variable)
			}
		}
		for line := range strings.Lines(stdout.String()) {
			if len(line) > 101 {
				t.Errorf("%s --help: a line of %d characters: %s", request, len(line), line)
			}
		}
	}
}

// Whatever is wrong with a line that asks for JSON, stdout is one JSON object
// that says invalid, stderr is empty, and the exit code is 2.
func TestUsage_isAnsweredInJSON(t *testing.T) {
	wrong := [][]string{
		{}, {"plna"}, {"--foo"}, {"-z"}, {"plan", "x"}, {"plan", "--foo"}, {"plan", "--timeout", "x"}, {"plan", "--timeout"},
		{"plan", "--brief=maybe"}, {"plan", "--to"}, {"plan", "--show-detail=x"}, {"status", "--to", "1"}, {"hash", "--to", "1"},
		{"apply", "--plan", ""}, {"apply", "--plan", "/"}, {"baseline"}, {"baseline", ""}, {"baseline", "1", "2"}, {"hash", "x"}, {"version", "x"},
		{"help", "x"}, {"help", "plan", "x"}, {"completion"}, {"completion", "x"}, {"plan", "--=x"}, {"plan", "---"}, {"plan", "--dir", ""}, {"plan", "--dir", "/nowhere"},
		{"plan", "--no-color=x"}, {"plan", "--url", ""}, {"plan", "--url", "postgres://h:x/"}, {"plan", "--approval", ""}, {"plan", "--lock-timeout", "0"},
	}
	for _, line := range wrong {
		for _, where := range []string{"--output=json", "-ojson"} {
			for _, args := range [][]string{append([]string{where}, line...), append(line[:len(line):len(line)], where)} {
				if strings.HasSuffix(strings.Join(line, " "), "--timeout") || strings.HasSuffix(strings.Join(line, " "), "--to") {
					args = append([]string{where}, line...) // else it would be the flag's value
				}
				var stdout, stderr bytes.Buffer
				code := run(t.Context(), args, []string{"DATABASE_URL=postgres://u@127.0.0.1:1/d"}, nil, &stdout, &stderr)
				outcome, err := at(stdout.Bytes(), "outcome")
				if err != nil || outcome != string(migration.Invalid) || code != 2 || stderr.Len() > 0 {
					t.Errorf("%q: exit code %d, outcome %q: %v\nstderr: %s", args, code, outcome, err, &stderr)
				}
			}
		}
	}
}

// A flag that is read twice under two names would be set by one of them only.
func TestSettings_areEachNamedOnce(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addSettings(flags) // panics where a flag is there already
	seen := map[string]bool{}
	for _, s := range settings {
		if seen[s.variable] {
			t.Errorf("%s is there twice", s.variable)
		}
		seen[s.variable] = true
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestRun_thatCannotTellFails(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var stderr bytes.Buffer
		if code := run(t.Context(), []string{"version", "--output", format}, nil, nil, full{}, &stderr); code != 1 || !strings.Contains(stderr.String(), "the disk is full") {
			t.Errorf("%s: exit code %d, stderr %q", format, code, &stderr)
		}
	}
}
