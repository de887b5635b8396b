package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/term"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/report"
)

// format is what stdout gets.
type format string

const (
	textFormat format = "text"
	jsonFormat format = "json"
	// atlasFormat is what Atlas's own CLI prints, of status and apply.
	atlasFormat format = "atlas"
	// markdownFormat is for a comment of a pull request, of lint.
	markdownFormat format = "markdown"
)

func (f *format) String() string { return string(*f) }

// Type is what help calls the value.
func (f *format) Type() string { return "format" }

func (f *format) Set(v string) error {
	if !slices.Contains([]format{textFormat, jsonFormat, atlasFormat, markdownFormat}, format(v)) {
		return errors.New("want text or json, atlas for status and apply, or markdown for lint")
	}
	*f = format(v)
	return nil
}

// asked is the format that a command line asks for, as far as can be told
// before it is understood: its errors have to be answered in it too.
func asked(args []string) format {
	for i, a := range args {
		before := i > 0 && slices.Contains([]string{"--output", "-o"}, args[i-1])
		if a == string(jsonFormat) && before || slices.Contains([]string{"--output=json", "-o=json", "-ojson"}, a) {
			return jsonFormat
		}
	}
	return textFormat
}

// answer says how a result is to be told.
type answer struct {
	brief bool
	flags []string // to be repeated in the commands that it offers
	dir   string   // of the migrations
	began time.Time
}

// tell writes the report of r. A command line that is wrong has asked for
// nothing, so as text its answer goes to stderr.
func (t *terminal) tell(r migration.Result, a answer) {
	t.outcome = r.Outcome
	if t.format == jsonFormat {
		_, _ = t.out.Write(report.JSON(r, a.brief)) // lastError knows
		return
	}
	to := io.Writer(t.out)
	if r.Outcome == migration.Invalid {
		to = t.err
	}
	if t.format == atlasFormat {
		if t.tellAtlas(r, a); r.Outcome.OK() {
			return
		}
		to = t.err // as Atlas does, beside what stdout got
	}
	_, _ = io.WriteString(to, report.Text(r, report.ScreenOptions{Brief: a.brief, Flags: a.flags}, t.color(to)))
}

// color says whether what is written to w is seen by somebody who sees colours.
func (t *terminal) color(w io.Writer) report.Color {
	if t.noColor || colorless(t.environ) || !isTerminal(w) {
		return report.NoColor
	}
	return report.ANSI
}

// isTerminal also looks through a lastError. What is no file is no terminal.
func isTerminal(stream any) bool {
	if w, ok := stream.(*lastError); ok {
		stream = w.to
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// log goes to stderr; nil where nobody asked for one.
func (t *terminal) log() *slog.Logger {
	if !t.verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// progress tells of a file as soon as it is committed. Machines get it with the
// report.
func (t *terminal) progress(f migration.FileResult) {
	if t.format != textFormat {
		return
	}
	statements := "1 statement"
	if n := len(f.Stmts); n != 1 {
		statements = fmt.Sprintf("%d statements", n)
	}
	t.say("applied %s (%s, %s)", printable(f.Name), statements, f.Row.ExecutionTime.Round(time.Millisecond))
}
