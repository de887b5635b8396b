// Package migrations carries the versioned files of this repository inside the
// binary, so that a deployed function runs what was reviewed and nothing else.
package migrations

import "embed"

// FS holds the migration files, their atlas.sum and, where there is one, their
// replay.json, all at the top. The last pattern is one for both atlas.sum and
// replay.json, since one that matches nothing does not compile.
//
//go:embed *.sql [ar]*.[sj]*
var FS embed.FS
