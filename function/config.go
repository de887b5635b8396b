package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// config is what the function's environment says.
type config struct {
	database   postgres.Config
	settings   migration.Settings
	readOnly   bool // a planner
	showDetail bool // PostgreSQL's DETAIL, which can hold values of rows
	logLevel   slog.Level
}

// known are the variables of ours, and what each says. Another one that begins
// like them is refused: a setting with a typo must not be a setting left out.
var known = map[string]func(*config, string) error{
	"MIGRATE_ROLE":              func(c *config, v string) error { c.settings.Role = v; return nil },
	"MIGRATE_LOCK_TIMEOUT":      func(c *config, v string) error { return duration(v, time.Millisecond, &c.settings.LockTimeout) },
	"MIGRATE_LOCK_BUDGET":       func(c *config, v string) error { return duration(v, time.Millisecond, &c.settings.LockBudget) },
	"MIGRATE_STATEMENT_TIMEOUT": func(c *config, v string) error { return duration(v, 0, &c.settings.StatementTimeout) },
	"MIGRATE_HISTORY_SCHEMA":    func(c *config, v string) error { c.settings.HistorySchema = v; return nil },
	"MIGRATE_APPROVAL":          func(c *config, v string) error { return approval(v, &c.settings.Approval) },
	"MIGRATE_CLUSTER_ID":        func(*config, string) error { return nil }, // belongs to the address: see connection
	"MIGRATE_READ_ONLY":         func(c *config, v string) error { return yesOrNo(v, &c.readOnly) },
	"MIGRATE_SHOW_DETAIL":       func(c *config, v string) error { return yesOrNo(v, &c.showDetail) },
}

// environment reads the environment of this process; see readConfig.
func environment() (config, error) { return readConfig(os.Environ()) }

// readConfig reads NAME=value, ... An empty value is one that is not set. The
// error tells everything that is wrong, a line each, and never the password in
// the database's address; what could be read is in the config all the same.
func readConfig(environ []string) (config, error) {
	values := make(map[string]string)
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		values[name] = value
	}
	c := config{}
	wrong := []error{c.connection(values["DATABASE_URL"], values["MIGRATE_CLUSTER_ID"])}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		read, ok := known[name]
		switch {
		case !ok && strange(name):
			wrong = append(wrong, unknown(name))
		case ok && values[name] != "":
			if err := read(&c, values[name]); err != nil {
				wrong = append(wrong, fmt.Errorf("%s is %q: %w", name, values[name], err))
			}
		}
	}
	wrong = append(wrong, level(values["AWS_LAMBDA_LOG_LEVEL"], &c.logLevel))
	return c, errors.Join(wrong...)
}

func (c *config) connection(url, cluster string) (err error) {
	if url == "" {
		return errors.New("DATABASE_URL is not set: want postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	if c.database, err = postgres.ParseURL(url, cluster); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	return nil
}

// strange says that a variable looks like one of ours. Those for tests and for
// a dev database may be set where both run.
func strange(name string) bool {
	return strings.HasPrefix(name, "MIGRATE_") && name != "MIGRATE_DEV_URL" && !strings.HasPrefix(name, "MIGRATE_TEST_")
}

func unknown(name string) error {
	names := slices.Sorted(maps.Keys(known))
	nearest := slices.MinFunc(names, func(a, b string) int {
		return levenshtein.Distance(name, a, nil) - levenshtein.Distance(name, b, nil)
	})
	hint := ""
	if levenshtein.Distance(name, nearest, nil) <= 4 {
		hint = fmt.Sprintf(" (did you mean %s?)", nearest)
	}
	return fmt.Errorf("%s is unknown%s: there are %s", name, hint, strings.Join(names, ", "))
}

func duration(v string, least time.Duration, into *time.Duration) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < least {
		return fmt.Errorf("want a duration of at least %s, such as 500ms, 2s or 1m30s", least)
	}
	*into = d
	return nil
}

func approval(v string, into *migration.ApprovalMode) error {
	mode := migration.ApprovalMode(v)
	if mode != migration.ByDigest && mode != migration.NoApproval {
		return fmt.Errorf("want %s or %s", migration.ByDigest, migration.NoApproval)
	}
	*into = mode
	return nil
}

func yesOrNo(v string, into *bool) (err error) {
	if *into, err = strconv.ParseBool(v); err != nil {
		return errors.New("want true or false")
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
