package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const (
	firstStatus    = 2 * time.Second
	betweenStatus  = 5 * time.Second
	longestSilence = 30 * time.Second // a pipeline that hears nothing gives up
)

// watch asks for status until ctx ends and tells what has come to be applied.
// What cannot be asked is left: the answer to the apply is what counts.
func (f *following) watch(ctx context.Context) {
	began := time.Now()
	if f.told.IsZero() {
		f.told = began
	}
	for pause := firstStatus; sleep(ctx, pause) == nil; pause = betweenStatus {
		payload, err := f.client.Invoke(ctx, f.function, statusEvent)
		if err != nil || ctx.Err() != nil {
			continue
		}
		var status struct {
			Migrations []migrationRow `json:"migrations"`
		}
		if json.Unmarshal(payload, &status) != nil {
			continue
		}
		for _, m := range status.Migrations {
			f.tellRow(m)
		}
		if time.Since(f.told) >= longestSilence {
			f.told = time.Now()
			f.t.progressed("still at work after %s", time.Since(began).Round(time.Second))
		}
	}
}

// A migrationRow is a version in a status, as far as progress goes.
type migrationRow struct {
	Version string                   `json:"version"`
	File    string                   `json:"file"`
	State   migration.MigrationState `json:"state"`
	Applied int                      `json:"applied"`
	Total   int                      `json:"total"`
	By      string                   `json:"by"`
}

// tellRow tells of a version once for each statement more, if it is of this run.
func (f *following) tellRow(m migrationRow) {
	before, known := f.seen[m.Version]
	f.seen[m.Version] = m.Applied
	ours := f.event.digest() != "" && strings.Contains(m.By, f.event.digest())
	if m.Applied == 0 || known && m.Applied == before || !known && !ours {
		return
	}
	f.told = time.Now()
	name := m.File
	if name == "" {
		name = m.Version
	}
	if m.State == migration.StateApplied {
		f.t.progressed("applied %s", printable(name))
		return
	}
	f.t.progressed("%s: %d of %d statements", printable(name), m.Applied, m.Total)
}
