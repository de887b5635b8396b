// Package convert turns a directory of another migration tool into files for a
// directory of Atlas: values from a file system, nothing written anywhere.
//
// A migration keeps its version, its name and its place. Its way back is kept
// beside it, where Atlas and this program do not look: in down/, under the same
// name. What has no counterpart is a finding, never a silence:
//
//	AM401  not SQL, or nothing that SQL can be made of: a file without a statement holds its place
//	AM402  left out
//	AM403  written otherwise than it was
//	AM404  kept, and from now on it runs once, everywhere, without asking
//	AM405  a placeholder that somebody has to write a value for
//	AM406  broken: the other tool would refuse it too
//
// AM401, AM405 and AM406 are errors: with one, the directory that comes out is
// not yet what the other one was.
package convert

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Codes of what a conversion has to tell.
const (
	codeNotSQL      = "AM401"
	codeLeftOut     = "AM402"
	codeRewritten   = "AM403"
	codeRunsOnce    = "AM404"
	codePlaceholder = "AM405"
	codeBroken      = "AM406"
)

// A Tool is a migration tool whose directories can be converted.
type Tool string

// The tools, by the names that their authors give them.
const (
	Flyway        Tool = "flyway"
	Goose         Tool = "goose"
	GolangMigrate Tool = "golang-migrate"
	Dbmate        Tool = "dbmate"
	Liquibase     Tool = "liquibase"
)

// Tools are all that there are.
var Tools = []Tool{Flyway, Goose, GolangMigrate, Dbmate, Liquibase}

// A Directory is what became of the other tool's directory.
type Directory struct {
	Tool     Tool
	Files    []File // in the order in which they run
	Findings []migration.Finding
}

// A File is one file of a Directory.
type File struct {
	Name    string // as it is to be written: version, "_", what it does, ".sql"
	Version string
	From    string // its path in the other directory, for Liquibase with the changeset
	Text    string
	Down    string // the text of down/Name; "" for none
	Vacant  bool   // it holds a place only; an error among the findings says for what
}

// Convert reads the directory of a tool. The findings say, sorted by file and
// line of that directory, what became otherwise than one would expect. The error
// tells of reading, or says that nothing of that tool is there.
func Convert(tool Tool, fsys fs.FS) (Directory, error) {
	readers := map[Tool]func(*source) ([]script, error){
		Flyway: readFlyway, Goose: readGoose, GolangMigrate: readGolangMigrate, Dbmate: readDbmate, Liquibase: readLiquibase,
	}
	read, known := readers[tool]
	if !known {
		return Directory{}, fmt.Errorf("unknown tool %q", tool)
	}
	src, err := openSource(fsys)
	if err != nil {
		return Directory{}, err
	}
	scripts, err := read(src)
	if err != nil {
		return Directory{}, err
	}
	if len(scripts) == 0 {
		return Directory{}, fmt.Errorf("there is no migration of %s: want %s", tool, looks[tool])
	}
	d := Directory{Tool: tool}
	for _, s := range src.arranged(scripts) {
		d.Files = append(d.Files, s.file(src))
	}
	d.Findings = src.findings
	slices.SortStableFunc(d.Findings, func(a, b migration.Finding) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return d, nil
}

// looks is how the migrations of each tool look.
var looks = map[Tool]string{
	Flyway:        "V1__create_users.sql",
	Goose:         "00001_create_users.sql with -- +goose Up in it",
	GolangMigrate: "000001_create_users.up.sql",
	Dbmate:        "20240105120000_create_users.sql with -- migrate:up in it",
	Liquibase:     "a .sql file that begins with --liquibase formatted sql",
}
