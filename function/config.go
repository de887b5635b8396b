package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/amazon"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// config is what the function's environment says.
type config struct {
	pipeline.Config
	source   *amazon.Source // nil with DATABASE_URL, which database comes from
	database postgres.Config
	logLevel slog.Level
}

// environment reads the environment of this process; see readConfig.
func environment() (config, error) { return readConfig(os.Environ()) }

// readConfig reads NAME=value, ... An empty value is one that is not set. The
// error tells everything that is wrong, a line each, and never the password in
// the database's address; what could be read is in the config all the same.
func readConfig(environ []string) (c config, err error) {
	values := make(map[string]string)
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	var wrong []error
	for _, s := range pipeline.Settings {
		if v := values[s.Name]; v != "" {
			if err := s.Read(&c.Config, v); err != nil {
				wrong = append(wrong, pipeline.Wrong(s.Name, v, err))
			}
		}
	}
	if len(wrong) == 0 {
		wrong = append(wrong, c.Check()) // of what could not be read, nothing follows
	}
	wrong = append(wrong, pipeline.UnknownSettings(environ)...)
	wrong = append(wrong, c.connection(values), level(values["AWS_LAMBDA_LOG_LEVEL"], &c.logLevel))
	return c, errors.Join(wrong...)
}

// connection reads where the database is and who we are there, which is said
// either by DATABASE_URL or by the settings of package amazon.
func (c *config) connection(values map[string]string) (err error) {
	url, named := values["DATABASE_URL"], amazon.Named(values)
	switch {
	case url != "" && len(named) > 0:
		return fmt.Errorf("the database is named twice, by DATABASE_URL and by %s: leave out one or the other", strings.Join(named, ", "))
	case len(named) > 0:
		c.source, err = amazon.FromSettings(values)
		return err
	case url == "":
		return errors.New("DATABASE_URL is not set, nor is DB_SECRET_ARN: want one of them, or DB_AUTH=iam (a URL is postgres://user:password@host:5432/database?sslmode=verify-full)")
	}
	if c.database, err = postgres.ParseURL(url, c.Cluster); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	return nil
}

// levels are those that Lambda can be set to; slog has no first and no last.
var levels = map[string]slog.Level{
	"": slog.LevelInfo, "TRACE": slog.LevelDebug, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
	"WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError,
}

func level(v string, into *slog.Level) error {
	l, ok := levels[v]
	if !ok {
		return fmt.Errorf("AWS_LAMBDA_LOG_LEVEL is %q: want TRACE, DEBUG, INFO, WARN, ERROR or FATAL", v)
	}
	*into = l
	return nil
}
