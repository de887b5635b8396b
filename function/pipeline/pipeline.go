// Package pipeline is the corridor: the one place that knows the order in which
// a request is served. Open it first.
//
//	in:      files, session + lock, history, target
//	draft:   what is pending and what it touches
//	ask:     the live schema of that, facts, obstacles, data checks
//	decide:  draft.Seal -> lint.Check -> gate
//	out:     apply.Run
//	tell:    a migration.Result, which report renders
//
// Status, plan and apply are one walk that ends sooner or later.
package pipeline

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// A Pipeline serves requests against one database. It holds nothing between
// two of them but the directory, which cannot change under it. It may serve
// several requests at once.
type Pipeline struct {
	// Directory holds the migrations and atlas.sum.
	Directory fs.FS
	// Connect says where the database is and who we are there. It is asked
	// once for every session, so that rotated credentials are picked up.
	Connect func(context.Context) (postgres.Config, error)
	// Refused, where it is not nil, is told why a login failed. It says whether
	// Connect has other credentials by now, so that it is worth one more try;
	// if not, it may add to the failure what it knows of their source.
	Refused func(context.Context, *migration.Failure) (again bool)
	// Credentials says, for people, where Connect has the credentials from:
	// "DATABASE_URL", or the ARN of a secret. "": the configuration.
	Credentials string
	// Settings are those that a digest covers.
	Settings migration.Settings
	// Release is the version of this program, "v0.1.0"; it goes into the history.
	Release string
	// ReadOnly makes a planner of it: it refuses to change anything.
	ReadOnly bool
	// ShowDetail passes on PostgreSQL's DETAIL, which can hold values of rows.
	ShowDetail bool
	// Time is the longest that one request can ever have, 0 for any: what has
	// had all of it and needs more fails, since it could never end.
	Time time.Duration
	// Log gets a line for each change of state. nil: none.
	Log *slog.Logger
	// Progress, where it is not nil, is told of each file that was applied, as
	// soon as it is committed.
	Progress func(migration.FileResult)
}
