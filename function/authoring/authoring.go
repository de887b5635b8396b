// Package authoring is the other corridor, for a laptop and for CI: the order in
// which migrations are written and checked, before any database of anybody is
// asked. Open diff.go first.
//
//	dev:     a dev database, started here or named
//	read:    schema/, and the directory
//	build:   both states, each in a fresh database
//	repair:  the two states -> SQL
//	try:     the SQL on the first state; what it leaves is told
//	write:   the file and atlas.sum, whole or not at all
//
// Nothing here reads the environment, and the function does not link it.
package authoring

import (
	"context"
	"io/fs"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// An Authoring serves one directory and its desired state.
type Authoring struct {
	// Dir is the path of the directory with the migrations and atlas.sum.
	Dir string
	// Schema is the path of the desired state: a file of HCL or of SQL, or a
	// directory of either.
	Schema string
	// Server is the server for dev databases, named or to be started. Each
	// state gets a fresh database on it, which goes again.
	Server devdb.Options
	// Apply runs what is pending in a directory on the database at url and
	// tells it, as the migrator would.
	Apply func(ctx context.Context, url string, dir fs.FS) migration.Result
	// Now is what the version of a new file says.
	Now time.Time
}

// An Answer is all that there is to tell of one command.
type Answer struct {
	Outcome  migration.Outcome
	Summary  string // a line: what was done, or found
	File     string // path of the file that was written, or would be
	Text     string // what stands in it
	Written  bool
	Findings []migration.Finding
	Failure  *migration.Failure // nil where nothing failed
	Next     string             // a sentence: what to do now
}

// failed is the answer where something could not be done.
func failed(f *migration.Failure) Answer {
	if f.State == "" {
		f.State = "Nothing was written."
	}
	if f.Next == "" {
		f.Next = "Mend what is wrong, and run the same command again."
	}
	return Answer{Outcome: migration.Failed, Failure: f, Next: f.Next}
}

// failure is a Failure for an error that is none yet.
func failure(err error, next string) *migration.Failure {
	return &migration.Failure{Message: migration.Mask(err.Error()), Next: next, Cause: err}
}

func hasError(findings []migration.Finding) bool {
	for _, f := range findings {
		if f.Severity == migration.Error {
			return true
		}
	}
	return false
}

func identified(findings []migration.Finding) []migration.Finding {
	out := make([]migration.Finding, len(findings))
	for i, f := range findings {
		out[i] = f.Identified()
	}
	return out
}
