package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/authoring/convert"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func (t *terminal) importCommand() *cobra.Command {
	var from, source, dir string
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make a directory of migrations from one of another tool",
		Long: `Import reads the migrations of Flyway, goose, golang-migrate, dbmate or Liquibase
(its SQL changelogs) and writes them as a directory of Atlas, atlas.sum included.
Versions, names and order are kept; each way back is kept beside its migration, in
down/, where neither Atlas nor this program looks. What could not be taken over is
told, with the file and the line; what is not SQL leaves an empty file that holds
its place, and import exits with 3. The new directory must not be there yet, or be
empty; the old one is not touched. It needs no database.`,
		Example: `  aurora-migrate import --from flyway --source src/main/resources/db/migration
  aurora-migrate import --source db/migrations --dir migrations`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			i, err := newImport(from, source, dir)
			if err == nil {
				err = i.run()
			}
			if err != nil {
				return err
			}
			t.tellImport(i)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "whose migrations they are: "+toolNames()+" (default: as they look)")
	named(cmd.Flags(), "from", "TOOL")
	cmd.Flags().StringVar(&source, "source", "", "the directory to read (default: the customary one that is there)")
	named(cmd.Flags(), "source", "DIR")
	addDir(cmd.Flags(), &dir)
	cmd.Flags().Lookup("dir").Usage = "the directory to write, a path or file://"
	return cmd
}

func toolNames() string {
	names := make([]string, len(convert.Tools))
	for i, t := range convert.Tools {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// imported is what import did, as JSON has it. The first keys are those of every
// report.
type imported struct {
	Screen   []string            `json:"screen"`
	OK       bool                `json:"ok"`
	Outcome  migration.Outcome   `json:"outcome"` // current, blocked where something is left to be done
	Action   string              `json:"action"`
	From     convert.Tool        `json:"from"`
	Source   string              `json:"source"`
	Dir      string              `json:"dir"`
	Files    []importedFile      `json:"files"`
	Findings []migration.Finding `json:"findings"`
	Next     string              `json:"next"`
}

type importedFile struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	From    string `json:"from"`
	Down    string `json:"down,omitempty"`
}

// newImport reads the flags. Its error is one of the command line.
func newImport(from, source, dir string) (*imported, error) {
	i := &imported{Action: "import", From: convert.Tool(from), Files: []importedFile{}, Findings: []migration.Finding{}}
	if from != "" && !slices.Contains(convert.Tools, i.From) {
		return nil, usage("--from is %s%s: want one of %s", shown(from), nearest(from, strings.Split(toolNames(), ", ")), toolNames())
	}
	var err error
	if i.Dir, err = localPath("--dir", dir); err != nil {
		return nil, err
	}
	if source == "" {
		source, err = customarySource(i.Dir)
	}
	if err == nil {
		i.Source, err = localPath("--source", source)
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(i.Source); err != nil || !info.IsDir() {
		return nil, usage("--source is %s, and there is no such directory", shown(source))
	}
	return i, i.detect()
}

// customary are the places where tools keep their migrations if nobody tells
// them otherwise.
var customary = []string{"src/main/resources/db/migration", "src/main/resources/db/changelog", "db/migrations", "db/migration", "db/changelog", "migrations"}

func customarySource(but string) (string, error) {
	var found []string
	for _, place := range customary {
		tools, err := convert.Detect(os.DirFS(place))
		if err == nil && len(tools) > 0 && filepath.Clean(place) != filepath.Clean(but) {
			found = append(found, place)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", usage("--source is not given, and none of the customary places has migrations of another tool: %s", strings.Join(customary, ", "))
	}
	return "", usage("--source is not given, and there are several: %s", strings.Join(found, ", "))
}

// detect says whose migrations they are, if nobody has.
func (i *imported) detect() error {
	if i.From != "" {
		return nil
	}
	tools, err := convert.Detect(os.DirFS(i.Source))
	switch {
	case err != nil:
		return usage("--source: %w", err)
	case len(tools) == 0:
		return usage("%s holds no migrations of %s", shown(i.Source), toolNames())
	case len(tools) > 1:
		return usage("%s holds migrations of several tools, %v: --from says which to take", shown(i.Source), tools)
	}
	i.From = tools[0]
	return nil
}

// run converts and writes. Nothing is written where its error is not nil.
func (i *imported) run() error {
	d, err := convert.Convert(i.From, os.DirFS(i.Source))
	if err != nil {
		return usage("%s: %w", shown(i.Source), err)
	}
	texts := map[string]string{}
	vacant := map[string]bool{} // the findings say already that these are empty
	for _, f := range d.Files {
		texts[f.Name], vacant[f.Name] = f.Text, f.Vacant
		file := importedFile{Name: f.Name, Version: f.Version, From: f.From}
		if f.Down != "" {
			file.Down = filepath.Join("down", f.Name)
			texts[file.Down] = f.Down
		}
		i.Files = append(i.Files, file)
	}
	if err := writeNewDir(i.Dir, texts); err != nil {
		return err
	}
	_, faults, err := migration.ReadDir(os.DirFS(i.Dir))
	if err != nil {
		return err
	}
	i.Findings = append(i.Findings, d.Findings...)
	for _, f := range faults {
		if !vacant[f.File] {
			i.Findings = append(i.Findings, f)
		}
	}
	i.conclude()
	return nil
}

func (i *imported) conclude() {
	i.Outcome, i.OK = migration.Current, true
	last := i.Files[len(i.Files)-1].Version
	i.Next = fmt.Sprintf("A new database: ask for a plan. One that %s has migrated: aurora-migrate baseline VERSION --dir %s, with the version of the list above that it ran last (%s if it is up to date); then plan finds what is left.",
		i.From, printable(i.Dir), last)
	for _, f := range i.Findings {
		if f.Severity == migration.Error {
			i.Outcome, i.OK = migration.Blocked, false
			i.Next = fmt.Sprintf("Mend the errors in %s, then run aurora-migrate hash --dir %s: until then, the directory does not do what the old one did.", printable(i.Dir), printable(i.Dir))
		}
	}
}

func (t *terminal) tellImport(i *imported) {
	t.outcome = i.Outcome
	i.Screen = i.lines()
	if t.format == jsonFormat {
		t.writeJSON(i)
		return
	}
	_, _ = io.WriteString(t.out, strings.Join(i.Screen, "\n")+"\n")
}

func (i *imported) lines() []string {
	down := 0
	for _, f := range i.Files {
		if f.Down != "" {
			down++
		}
	}
	migrations := "1 migration"
	if n := len(i.Files); n != 1 {
		migrations = fmt.Sprintf("%d migrations", n)
	}
	head := fmt.Sprintf("Wrote %s: %s of %s from %s", printable(i.Dir), migrations, i.From, printable(i.Source))
	if down > 0 {
		head += fmt.Sprintf(", %d with a way back in %s", down, printable(filepath.Join(i.Dir, "down")))
	}
	said := []string{head, ""}
	for _, f := range i.Files {
		said = append(said, fmt.Sprintf("  %s  %s  from %s", printable(f.Version), printable(f.Name), printable(f.From)))
	}
	for _, f := range i.Findings {
		said = append(said, findingLines(f)...)
	}
	return append(said, "", "Next: "+i.Next)
}

// localPath is the path of a directory that need not be there.
func localPath(flag, given string) (string, error) {
	path := dirOf(given)
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		return "", usage("%s is %s: want a path or file://path, not %s://", flag, shown(given), printable(scheme))
	}
	if path == "" {
		return "", usage("%s is empty: want a path", flag)
	}
	return filepath.Clean(path), nil
}
