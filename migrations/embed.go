// Package migrations carries the versioned files of this repository inside the
// binary, so that a deployed function runs what was reviewed and nothing else.
package migrations

import "embed"

// FS holds the migration files and their atlas.sum, all at the top.
//
//go:embed *.sql atlas.sum
var FS embed.FS
