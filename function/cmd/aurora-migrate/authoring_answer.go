package main

import (
	"io"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// authored is the answer of a command on the directory, as JSON has it. The
// first keys are those of every report.
type authored struct {
	Screen   []string            `json:"screen"`
	OK       bool                `json:"ok"`
	Outcome  migration.Outcome   `json:"outcome"`
	Action   string              `json:"action"`
	Summary  string              `json:"summary"`
	File     string              `json:"file,omitempty"`
	Written  bool                `json:"written"`
	SQL      string              `json:"sql,omitempty"`
	Findings []migration.Finding `json:"findings"`
	Failure  *migration.Failure  `json:"failure,omitempty"`
	Next     string              `json:"next"`
}

func (t *terminal) tellAnswer(action string, a authoring.Answer) {
	t.outcome = a.Outcome
	said := authored{
		OK: a.Outcome.OK(), Outcome: a.Outcome, Action: action, Summary: a.Summary, File: a.File, Written: a.Written, SQL: a.Text,
		Findings: a.Findings, Failure: a.Failure, Next: a.Next,
	}
	if said.Findings == nil {
		said.Findings = []migration.Finding{}
	}
	said.Screen = said.lines()
	if t.format == jsonFormat {
		t.writeJSON(said)
		return
	}
	to := io.Writer(t.out)
	if a.Outcome == migration.Invalid {
		to = t.err
	}
	_, _ = io.WriteString(to, strings.Join(said.Screen, "\n")+"\n")
}

func (a authored) lines() []string {
	said := a.head()
	for _, f := range a.Findings {
		said = append(said, "", strings.ToUpper(string(f.Severity))+" "+strings.TrimRight(f.Code+"  "+printable(f.Place()), " "))
		said = append(said, indented("    ", f.Summary)...)
		said = append(said, indented("    ", f.Detail)...)
		if f.Fix != "" {
			said = append(said, indented("    ", "Fix: "+f.Fix)...)
		}
	}
	if a.SQL != "" && (a.Action != "new" || !a.Written) {
		said = append(said, "")
		said = append(said, indented("  ", strings.TrimRight(a.SQL, "\n"))...)
	}
	return append(append(said, ""), indented("", "Next: "+a.Next)...)
}

// head says in a line or two how it ended.
func (a authored) head() []string {
	if a.Failure == nil {
		return []string{printable(strings.ToUpper(a.Summary[:1]) + a.Summary[1:])}
	}
	said := indented("", "Failed: "+a.Failure.Error())
	said = append(said, indented("    ", a.Failure.Excerpt)...)
	said = append(said, indented("    ", a.Failure.Hint)...)
	return append(said, indented("    ", a.Failure.State)...)
}

// indented are the lines of a text, each printable; none of an empty one.
func indented(margin, text string) (lines []string) {
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRight(margin+printable(strings.ReplaceAll(line, "\t", "    ")), " "))
	}
	return lines
}
