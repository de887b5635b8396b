package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const sumName = "atlas.sum"

func (t *terminal) hashCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Write atlas.sum for the files of a directory",
		Long: `Hash writes atlas.sum as atlas migrate hash does, says what it did not fit before,
and shows what else is wrong with the files; then it exits with 3. It needs no
database. An atlas.sum that is right already is not touched.`,
		Example: `  aurora-migrate hash
  aurora-migrate hash --dir db/migrations`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			path, err := dirPath(dir)
			if err != nil {
				return err
			}
			t.tellHash(hash(path))
			return nil
		},
	}
	addDir(cmd.Flags(), &dir)
	return cmd
}

// hashed is what hash did, as JSON has it. The first keys are those of every
// report.
type hashed struct {
	Screen   []string            `json:"screen"`
	OK       bool                `json:"ok"`
	Outcome  migration.Outcome   `json:"outcome"` // current, blocked where a plan would be, failed
	Action   string              `json:"action"`
	File     string              `json:"file"`
	Written  bool                `json:"written"`
	Changed  []string            `json:"changed"`  // what atlas.sum did not fit before
	Findings []migration.Finding `json:"findings"` // what is wrong beside it
	Next     string              `json:"next"`
	Error    string              `json:"error,omitempty"`
}

// hash brings atlas.sum of the directory at path up to date.
func hash(path string) hashed {
	h := hashed{Action: "hash", File: filepath.Join(path, sumName), Changed: []string{}, Findings: []migration.Finding{}}
	if err := h.write(path); err != nil {
		h.Outcome, h.Error, h.Next = migration.Failed, err.Error(), "Nothing was written. Check that the directory can be read and written to."
		return h
	}
	h.Outcome, h.OK = migration.Current, true
	h.Next = "Ask for a plan."
	switch {
	case len(h.Findings) > 0:
		h.Outcome, h.OK = migration.Blocked, false
		h.Next = "Mend the findings, then run aurora-migrate hash again: with them, nothing can be planned."
	case h.Written:
		h.Next = "Commit atlas.sum together with the files. Where one of them was applied anywhere before it was edited, undo the edit instead: that database will never see it."
	}
	return h
}

func (h *hashed) write(path string) error {
	fsys := os.DirFS(path)
	_, before, err := migration.ReadDir(fsys)
	if err != nil {
		return err
	}
	text, err := migration.HashDir(fsys)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(h.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && bytes.Equal(old, text) {
		h.Findings = append(h.Findings, before...)
		return nil
	}
	if err := authoring.Replace(h.File, text); err != nil {
		return err
	}
	h.Written = true
	_, after, err := migration.ReadDir(fsys)
	if err != nil {
		return err
	}
	h.Findings = append(h.Findings, after...)
	for _, f := range before {
		if !slices.ContainsFunc(after, func(a migration.Finding) bool { return a.ID == f.ID }) {
			h.Changed = append(h.Changed, f.Summary)
		}
	}
	return nil
}

func (t *terminal) tellHash(h hashed) {
	t.outcome = h.Outcome
	h.Screen = h.lines()
	if t.format == jsonFormat {
		t.writeJSON(h)
		return
	}
	_, _ = io.WriteString(t.out, strings.Join(h.Screen, "\n")+"\n")
}

func (h hashed) lines() []string {
	var said []string
	file := printable(h.File)
	switch {
	case h.Error != "":
		said = append(said, "Failed: "+file+" was not written", "", printable(h.Error))
	case !h.Written:
		said = append(said, file+" is right already: it was not touched")
	case len(h.Changed) == 0:
		said = append(said, "Wrote "+file)
	default:
		said = append(said, "Wrote "+file+". Until now:")
		for _, c := range h.Changed {
			said = append(said, "  "+printable(c))
		}
	}
	for _, f := range h.Findings {
		said = append(said, findingLines(f)...)
	}
	return append(said, "", "Next: "+h.Next)
}

func findingLines(f migration.Finding) []string {
	place := printable(f.File)
	if f.Line > 0 {
		place += fmt.Sprintf(":%d", f.Line)
	}
	said := []string{"", fmt.Sprintf("%s %s  %s", strings.ToUpper(string(f.Severity)), f.Code, place), "    " + printable(f.Summary)}
	if f.Detail != "" {
		said = append(said, "    "+printable(f.Detail))
	}
	if f.Fix != "" {
		said = append(said, "    Fix: "+printable(f.Fix))
	}
	return said
}

// writeJSON writes v as reports are written: indented, one object.
func (t *terminal) writeJSON(v any) {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // strings and numbers; that writing failed, lastError knows
}
