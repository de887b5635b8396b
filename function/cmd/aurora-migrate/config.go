package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// config is what flags and environment say together.
type config struct {
	url        string
	cluster    string
	database   postgres.Config
	settings   migration.Settings
	readOnly   bool // a planner
	showDetail bool // PostgreSQL's DETAIL, which can hold values of rows
}

// A setting comes from a flag or a variable; the flag wins.
type setting struct {
	variable string
	flag     string // "": from the environment only
	value    string // what help calls the value; "" for one that is on or off
	usage    string
	read     func(*config, string) error // the error says what is wanted
}

var settings = []setting{
	{"DATABASE_URL", "url", "URL", "where the database is; better set the variable, which nobody else can read",
		func(c *config, v string) error { c.url = v; return nil }},
	{"MIGRATE_ROLE", "role", "ROLE", "SET ROLE to this after login: it owns what is created",
		func(c *config, v string) error { c.settings.Role = v; return nil }},
	{"MIGRATE_LOCK_TIMEOUT", "lock-timeout", "DURATION", "how long a statement may wait for a lock before its file is rolled back and tried again (default 2s)",
		func(c *config, v string) error { return duration(v, time.Millisecond, &c.settings.LockTimeout) }},
	{"MIGRATE_LOCK_BUDGET", "lock-budget", "DURATION", "how long a file may wait in all while it holds locks that stop others (default twice the lock timeout)",
		func(c *config, v string) error { return duration(v, time.Millisecond, &c.settings.LockBudget) }},
	{"MIGRATE_STATEMENT_TIMEOUT", "statement-timeout", "DURATION", "how long a statement may run (default: as long as there is time)",
		func(c *config, v string) error { return duration(v, 0, &c.settings.StatementTimeout) }},
	{"MIGRATE_HISTORY_SCHEMA", "history-schema", "SCHEMA", "where atlas_schema_revisions is (default: where it is found)",
		func(c *config, v string) error { c.settings.HistorySchema = v; return nil }},
	{"MIGRATE_APPROVAL", "approval", "MODE", "what apply asks for: digest, or none, for a database of your own (default digest)",
		func(c *config, v string) error { return approval(v, &c.settings.Approval) }},
	{"MIGRATE_CLUSTER_ID", "cluster-id", "ID", "resource id of the cluster, which the digest names (default: what the server says)",
		func(c *config, v string) error { c.cluster = v; return nil }},
	{"MIGRATE_SHOW_DETAIL", "show-detail", "", "show PostgreSQL's DETAIL, which can hold values of rows",
		func(c *config, v string) error { return yesOrNo(v, &c.showDetail) }},
	{"MIGRATE_READ_ONLY", "", "", "",
		func(c *config, v string) error { return yesOrNo(v, &c.readOnly) }},
}

// addSettings gives a command the flags of the settings.
func addSettings(flags *pflag.FlagSet) {
	for _, s := range settings {
		switch {
		case s.flag == "":
		case s.value == "":
			flags.Bool(s.flag, false, s.usage+" ["+s.variable+"]")
		default:
			flags.String(s.flag, "", fmt.Sprintf("%s [%s]", s.usage, s.variable))
			named(flags, s.flag, s.value)
		}
	}
}

// environment is that of this process.
func environment() []string { return os.Environ() }

// readConfig reads flags, then NAME=value, ... An empty variable is one that is
// not set; an empty flag is empty. The error tells everything that is wrong, a
// line each, and never the password in the database's address.
func readConfig(flags *pflag.FlagSet, environ []string) (config, error) {
	var c config
	var wrong []error
	for _, s := range settings {
		name, value, given := s.find(flags, environ)
		if !given {
			continue
		}
		if err := s.read(&c, value); err != nil {
			wrong = append(wrong, fmt.Errorf("%s is %s: %w", name, shown(value), err))
		}
	}
	wrong = append(wrong, unknownVariables(environ)...)
	if c.url == "" {
		wrong = append(wrong, errors.New("no database is named: set DATABASE_URL, or give --url"))
		return c, errors.Join(wrong...)
	}
	var err error
	if c.database, err = postgres.ParseURL(c.url, c.cluster); err != nil {
		wrong = append(wrong, err)
	}
	return c, errors.Join(wrong...)
}

// find says what a setting is set to and by what.
func (s setting) find(flags *pflag.FlagSet, environ []string) (name, value string, given bool) {
	if s.flag != "" && flags.Changed(s.flag) {
		return "--" + s.flag, flags.Lookup(s.flag).Value.String(), true
	}
	value = variable(environ, s.variable)
	return s.variable, value, value != ""
}

// variable is the last value of a name, as a shell has it.
func variable(environ []string, name string) string {
	for _, e := range slices.Backward(environ) {
		if n, value, _ := strings.Cut(e, "="); n == name {
			return value
		}
	}
	return ""
}

// colorless says that the environment asks for no colours.
func colorless(environ []string) bool {
	return variable(environ, "NO_COLOR") != "" || variable(environ, "TERM") == "dumb"
}

// unknownVariables finds those that look like ours and are not: a setting with
// a typo must not be a setting left out. Those for tests and for a dev database
// may be set where both run.
func unknownVariables(environ []string) (wrong []error) {
	var known []string
	for _, s := range settings {
		known = append(known, s.variable)
	}
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "MIGRATE_") || slices.Contains(known, name) || name == "MIGRATE_DEV_URL" || strings.HasPrefix(name, "MIGRATE_TEST_") {
			continue
		}
		wrong = append(wrong, fmt.Errorf("the environment variable %s is unknown%s: there are %s", printable(name), nearest(name, known), strings.Join(known, ", ")))
	}
	return wrong
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
