package main

import (
	"cmp"
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"time"

	"ariga.io/atlas-go-sdk/atlasexec"
	"ariga.io/atlas/sql/sqlclient"
	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// checkFormat refuses a form that a command does not have.
func (t *terminal) checkFormat(cmd *cobra.Command, _ []string) error {
	if name := subcommand(cmd); t.format == atlasFormat && name != "status" && name != "apply" {
		return usage("--output is atlas: only status and apply have a report of Atlas's; want text or json")
	}
	if t.format == markdownFormat && subcommand(cmd) != "lint" {
		return usage("--output is markdown: only lint has a comment for a pull request; want text or json")
	}
	return nil
}

// tellAtlas writes what atlas migrate status or apply --format '{{ json . }}'
// would, as far as there is anything to tell: of a status that could not be had
// Atlas prints nothing.
func (t *terminal) tellAtlas(r migration.Result, a answer) {
	var report any
	switch {
	case r.Action == migration.ActionStatus && r.Outcome != migration.Failed && r.Target != nil:
		report = atlasStatus(r)
	case r.Action == migration.ActionApply && r.Outcome != migration.Invalid:
		report = atlasApply(r, a, time.Now())
	default:
		return
	}
	_ = json.NewEncoder(t.out).Encode(report) // strings and numbers; that writing failed, lastError knows
}

// What Atlas writes where there is no version to name.
const (
	noneApplied = "No migration applied yet"
	nothingNext = "Already at latest version"
)

// atlasStatus is r as atlas migrate status reports it.
func atlasStatus(r migration.Result) *atlasexec.MigrateStatus {
	s := &atlasexec.MigrateStatus{Status: "OK", Next: nothingNext}
	for _, m := range r.Migrations {
		if m.File != "" {
			s.Available = append(s.Available, atlasFile(m.File))
		}
		if m.State == migration.StatePending || m.State == migration.StatePartial {
			s.Pending = append(s.Pending, atlasFile(m.File))
		}
		if m.Row.Version != "" {
			s.Applied = append(s.Applied, atlasRevision(m.Row))
		}
	}
	s.Current = r.Version
	if len(s.Pending) == len(s.Available) || r.Version == "" {
		s.Current = noneApplied // also where all that was applied has no file, as Atlas has it
	}
	if len(s.Pending) > 0 {
		s.Status, s.Next = "PENDING", s.Pending[0].Version
	}
	if n := len(s.Applied); n > 0 {
		last := s.Applied[n-1]
		if row := lastRow(r.Migrations); row.Partial() && row.Type&migration.Resolved == 0 {
			s.Count, s.Total = row.Applied, row.Total
			s.Error, s.SQL = oneLine(last.Error), oneLine(last.ErrorStmt)
		}
	}
	return s
}

func lastRow(all []migration.Migration) (row migration.Revision) {
	for _, m := range all {
		if m.Row.Version != "" {
			row = m.Row
		}
	}
	return row
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// atlasFile names a file as Atlas does.
func atlasFile(name string) atlasexec.File {
	version, description, _ := strings.Cut(strings.TrimSuffix(name, path.Ext(name)), "_")
	return atlasexec.File{Name: name, Version: version, Description: description}
}

// atlasTypes are Atlas's words for how a version came into the history.
var atlasTypes = map[migration.RevisionType]string{
	migration.Baseline: "baseline", migration.Executed: "applied", migration.Resolved: "manually set",
	migration.Executed | migration.Resolved: "applied + manually set",
}

func atlasRevision(r migration.Revision) *atlasexec.Revision {
	return &atlasexec.Revision{
		Version: r.Version, Description: r.Description, Type: atlasTypes[r.Type], Applied: r.Applied, Total: r.Total,
		ExecutedAt: r.ExecutedAt, ExecutionTime: r.ExecutionTime,
		Error: migration.Mask(r.Error), ErrorStmt: migration.Mask(r.ErrorStmt), OperatorVersion: r.OperatorVersion,
	}
}

// atlasApply is r as atlas migrate apply reports it. Pending is what this run
// had to do, Applied what it did, the file that failed included. Where nothing
// was begun, because it was blocked, Error says why.
func atlasApply(r migration.Result, a answer, now time.Time) *atlasexec.MigrateApply {
	m := &atlasexec.MigrateApply{Start: a.began, End: now, Current: r.Version, Env: atlasexec.Env{Driver: "postgres", Dir: dirOf(a.dir)}}
	if r.Target != nil {
		m.Env.URL = &sqlclient.URL{URL: &url.URL{Scheme: "postgres", Host: r.Target.Host, Path: "/" + r.Target.Database}}
	}
	switch {
	case r.Failure != nil:
		m.Error = r.Failure.Error()
	case r.Refusal != nil:
		m.Error = r.Refusal.Summary
	case r.Outcome == migration.Unfinished:
		m.Error = r.Next
	}
	if r.Plan == nil {
		return m
	}
	m.Current = r.Plan.History.Current()
	for _, f := range r.Files {
		if f.Done && len(f.Ran) == 0 {
			continue // an earlier run did it
		}
		m.Pending = append(m.Pending, atlasFile(f.Name))
		m.Target = f.Version
		if failed := r.Failure != nil && r.Failure.File == f.Name; failed || len(f.Ran) > 0 {
			m.Applied = append(m.Applied, atlasApplied(f, r.Failure, m))
		}
	}
	if len(m.Pending) == 0 {
		m.Current = r.Version
	}
	return m
}

// dirOf is the path of a directory that was given as path or file://path.
func dirOf(given string) string {
	p, _, _ := strings.Cut(strings.TrimPrefix(given, "file://"), "?")
	return p
}

// atlasApplied tells of one file. The statement that failed stands last, as
// Atlas lists it.
func atlasApplied(f migration.FileResult, failure *migration.Failure, whole *atlasexec.MigrateApply) *atlasexec.AppliedFile {
	a := &atlasexec.AppliedFile{File: atlasFile(f.Name), Skipped: f.Pending.Row.Applied, Start: f.Row.ExecutedAt, End: f.Row.ExecutedAt.Add(f.Row.ExecutionTime)}
	if f.Row.ExecutedAt.IsZero() { // rolled back, so there is no row
		a.Start, a.End = whole.Start, whole.End
	}
	for _, ran := range f.Ran {
		a.Applied = append(a.Applied, migration.Mask(f.Stmts[ran.Statement].Text))
	}
	if failure == nil || failure.File != f.Name {
		return a
	}
	a.Error = &struct {
		Stmt string
		Text string
	}{Text: cmp.Or(failure.Message, failure.Error())}
	if n := failure.Statement; n > 0 && n <= len(f.Stmts) {
		a.Error.Stmt = migration.Mask(f.Stmts[n-1].Text)
		a.Applied = append(a.Applied, a.Error.Stmt)
	}
	return a
}
