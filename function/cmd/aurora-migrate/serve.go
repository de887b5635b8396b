package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// serve reads what a request needs, has the pipeline serve it, and tells the
// result. Its error is one of the command line: nothing was sent anywhere then.
func (t *terminal) serve(cmd *cobra.Command, o *options, e event) error {
	if isRemote(cmd.Flags()) {
		return t.invoke(cmd, o, e)
	}
	c, err := readConfig(cmd.Flags(), t.environ)
	if err != nil {
		return err
	}
	dir, err := openDir(o.dir)
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("plan") {
		given, err := t.readPlan(cmd.Context(), o.plan)
		if err != nil {
			return err
		}
		e.Plan = given.plan
		if given.nothing && c.Settings.Approval == migration.NoApproval {
			c.Settings.Approval = migration.ByDigest // nothing was approved, so nothing may run
		}
	}
	if err := t.readApproval(cmd.Context(), o, &e); err != nil {
		return err
	}
	e.Brief = o.brief
	request, err := e.request()
	if err != nil {
		return err
	}
	ctx, cancel := o.timeout.limit(cmd.Context())
	defer cancel()
	began := time.Now()
	t.tell(t.pipeline(c, dir, o).Do(ctx, request), answer{brief: o.brief, flags: repeated(cmd.Flags()), dir: o.dir, began: began})
	return nil
}

func (t *terminal) pipeline(c config, dir fs.FS, o *options) *pipeline.Pipeline {
	return &pipeline.Pipeline{
		Directory:   dir,
		Connect:     func(context.Context) (postgres.Config, error) { return c.database, nil },
		Credentials: "DATABASE_URL or --url",
		Settings:    c.Settings,
		Release:     release,
		ReadOnly:    c.ReadOnly,
		ShowDetail:  c.ShowDetail,
		Time:        time.Duration(o.timeout),
		Log:         t.log(),
		Progress:    t.progress,
	}
}

// request has the event read as the function would read it.
func (e event) request() (pipeline.Request, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return pipeline.Request{}, err // a plan that is not JSON; readPlan has seen to that
	}
	return pipeline.ParseRequest(text)
}

// openDir opens a directory of migrations, given as a path or as file://path.
func openDir(given string) (fs.FS, error) {
	path, err := dirPath(given)
	if err != nil {
		return nil, err
	}
	return os.DirFS(path), nil
}

// dirPath is the path of a directory that is there.
func dirPath(given string) (string, error) {
	path, isURL := strings.CutPrefix(given, "file://")
	if isURL {
		path, _, _ = strings.Cut(path, "?") // ?format=atlas
	}
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		return "", usage("--dir is %s: want a path or file://path, not %s://", shown(given), printable(scheme))
	}
	if path == "" {
		return "", usage("--dir is empty: want a path, such as migrations")
	}
	info, err := os.Stat(path)
	var at *fs.PathError
	switch {
	case errors.As(err, &at):
		return "", usage("the directory of migrations, %s: %w; --dir names another one", shown(path), at.Err)
	case err != nil:
		return "", fmt.Errorf("the directory of migrations: %w", err)
	case !info.IsDir():
		return "", usage("the directory of migrations, %s, is a file; --dir names another one", shown(path))
	}
	return path, nil
}

// repeated are the flags that a next command needs again: those that say where
// and how, but not the URL, which may hold a password.
func repeated(flags *pflag.FlagSet) []string {
	var words []string
	if flags.Changed("dir") {
		words = append(words, "--dir", flags.Lookup("dir").Value.String())
	}
	for _, s := range settings {
		switch {
		case s.flag == "" || s.flag == "url" || !flags.Changed(s.flag):
		case s.value == "":
			words = append(words, "--"+s.flag+"="+flags.Lookup(s.flag).Value.String())
		default:
			words = append(words, "--"+s.flag, flags.Lookup(s.flag).Value.String())
		}
	}
	return words
}
