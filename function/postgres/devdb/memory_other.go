//go:build !linux

package devdb

// memory returns where files can be kept in memory: only Linux has a place for that
// everywhere.
func memory() []string { return nil }
