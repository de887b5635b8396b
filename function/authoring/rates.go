package authoring

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// Rates measures on a dev database how long the statements of the last files take
// whose work grows with the rows, and writes that beside the files, as rates.json:
// by it, and by how fast the database in use is, a plan foretells how long they will
// take. What is known of files that are still the same is not measured again,
// unless anew. The replay of the directory has to stand beside the files.
func (a *Authoring) Rates(ctx context.Context, anew bool) Answer {
	dir, err := readDirectory(a.Dir)
	if err != nil {
		return failed(failure(err, "Check that the directory is there and can be read."))
	}
	seen, findings := migration.ReadReplay(os.DirFS(a.Dir), dir.dir)
	if seen == nil {
		return Answer{Outcome: migration.Blocked, Summary: "nothing can be measured without the " + migration.ReplayName + " of " + a.Dir,
			Findings: findings, Next: "Run aurora-migrate replay --rates again."}
	}
	path := filepath.Join(a.Dir, migration.RatesName)
	before, _ := os.ReadFile(path) //nolint:errcheck // a hint: where it cannot be read there is none
	known := migration.ParseRates(before)
	if anew {
		known = migration.Rates{}
	}
	d, err := startDev(ctx, roomy(a.Server), dir.roles()...)
	if err != nil {
		return failed(failure(err, ""))
	}
	defer d.close()
	rates, err := replay.Measure(ctx, replay.RatesOptions{Dir: dir.dir, Replay: *seen, Known: known, Open: func(ctx context.Context) (replay.Measurer, error) {
		url, err := d.fresh(ctx)
		if err != nil {
			return nil, err
		}
		return postgres.OpenWatcher(ctx, url)
	}})
	if err != nil {
		return failed(failure(err, ""))
	}
	text, err := migration.MarshalRates(rates)
	if err != nil {
		return failed(failure(err, ""))
	}
	if string(text) == string(before) {
		return Answer{Outcome: migration.Current, Summary: path + " says already how long the statements take", File: path, Next: "Nothing is left to do."}
	}
	if err := Replace(path, text); err != nil {
		return failed(failure(err, "Run the same command again."))
	}
	return Answer{Outcome: migration.Current, Summary: fmt.Sprintf("wrote %s: how long %s", path, statementsIn(len(rates.Statements))), File: path, Written: true,
		Next: "Commit it beside the files: plan foretells by it how long these statements will take on the database in use."}
}

// roomy has a server that is started here keep the tables in memory, as one in
// use would: otherwise what is measured is how it makes room.
func roomy(o devdb.Options) devdb.Options {
	o.Settings = maps.Clone(o.Settings)
	if o.Settings == nil {
		o.Settings = map[string]string{}
	}
	o.Settings["shared_buffers"] = "512MB"
	return o
}

func statementsIn(n int) string {
	if n == 1 {
		return "1 statement takes"
	}
	return fmt.Sprintf("%d statements take", n)
}
