package main

import (
	"context"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
)

// draftOptions are the flags of the commands that work on the directory.
type draftOptions struct {
	dir    string
	schema string
	major  int
	// wantsSchema: the command has --schema.
	wantsSchema bool
}

const devHelp = `
It needs a dev database, where everything is tried and nothing is kept: a
PostgreSQL that it starts by itself, installed here or fetched once; or, where
MIGRATE_DEV_URL names a server, fresh databases there, for which the user needs
CREATEDB. Have it of the same major version as the database proper.`

func addDevDatabase(flags *pflag.FlagSet, o *draftOptions) {
	flags.IntVar(&o.major, "postgres", 0, "major version of the dev database, 15 to 18 (default 17; of MIGRATE_DEV_URL, what it is)")
	named(flags, "postgres", "MAJOR")
	flags.Lookup("postgres").DefValue = ""
}

func addSchema(flags *pflag.FlagSet, o *draftOptions) {
	o.wantsSchema = true
	flags.StringVar(&o.schema, "schema", "schema", "the desired state: a file of HCL or SQL, or a directory of either, a path or file://")
	named(flags, "schema", "PATH")
}

// oneName says that a command takes the name of a migration.
func oneName(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return usage("%s needs a name for the migration, what it does, as in aurora-migrate %[1]s add_users", cmd.Name())
	case 1:
		return nil
	}
	return usage("%s takes one name, and got %s too: put words together, as in add_users", cmd.Name(), shown(args[1]))
}

// author reads what the commands on the directory need.
func (t *terminal) author(o *draftOptions) (*authoring.Authoring, error) {
	if wrong := pipeline.UnknownSettings(t.environ); len(wrong) > 0 {
		return nil, wrong[0]
	}
	dir, err := dirPath(o.dir)
	if err != nil {
		return nil, err
	}
	schema := ""
	if o.schema != "" || o.wantsSchema {
		if schema, err = schemaPath(o.schema); err != nil {
			return nil, err
		}
	}
	server, err := t.devServer(o)
	if err != nil {
		return nil, err
	}
	return &authoring.Authoring{Dir: dir, Schema: schema, Server: server, Apply: t.applyTo, Now: time.Now()}, nil
}

func (t *terminal) devServer(o *draftOptions) (devdb.Options, error) {
	if o.major != 0 && (o.major < 15 || o.major > 18) {
		return devdb.Options{}, usage("--postgres is %d: want 15, 16, 17 or 18", o.major)
	}
	return devdb.Options{URL: variable(t.environ, "MIGRATE_DEV_URL"), Major: o.major, Progress: t.err}, nil
}

// schemaPath is a path, given as one or as file://path. That nothing is there is
// told by who reads it.
func schemaPath(given string) (string, error) {
	path, _ := strings.CutPrefix(given, "file://")
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		return "", usage("--schema is %s: want a path or file://path, not %s://", shown(given), printable(scheme))
	}
	if path == "" {
		return "", usage("--schema is empty: want a path, such as schema")
	}
	return path, nil
}

// applyTo runs a directory on a dev database as it would run anywhere, so that
// what fails there fails here, and reads the same.
func (t *terminal) applyTo(ctx context.Context, url string, dir fs.FS) migration.Result {
	p := &pipeline.Pipeline{
		Directory: dir,
		Connect:   func(context.Context) (postgres.Config, error) { return postgres.ParseURL(url, "") },
		Settings:  migration.Settings{Approval: migration.NoApproval},
		Release:   release,
		Log:       t.log(),
	}
	return p.Do(ctx, pipeline.Request{Action: migration.ActionApply})
}
