package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
)

// config is what flags and environment say together.
type config struct {
	pipeline.Config
	url      string
	database postgres.Config
}

// A setting comes from a flag or a variable; the flag wins.
type setting struct {
	variable string
	flag     string // "": from the environment only
	value    string // what help calls the value; "" for one that is on or off
	usage    string
	read     func(*config, string) error // the error says what is wanted
}

// settings are the address of the database and those of every pipeline, whose
// flags are called as their variables are. A terminal that only plans needs no
// flag for it.
var settings = func() []setting {
	all := []setting{{"DATABASE_URL", "url", "URL", "where the database is; better set the variable, which nobody else can read",
		func(c *config, v string) error { c.url = v; return nil }}}
	for _, s := range pipeline.Settings {
		flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(s.Name, "MIGRATE_"), "_", "-"))
		if flag == "read-only" {
			flag = ""
		}
		all = append(all, setting{s.Name, flag, s.Value, s.Usage, func(c *config, v string) error { return s.Read(&c.Config, v) }})
	}
	return all
}()

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
			wrong = append(wrong, pipeline.Wrong(name, value, err))
		}
	}
	if len(wrong) == 0 {
		wrong = append(wrong, c.Check()) // of what could not be read, nothing follows
	}
	wrong = append(wrong, pipeline.UnknownSettings(environ)...)
	if c.url == "" {
		wrong = append(wrong, errors.New("no database is named: set DATABASE_URL, or give --url"))
		return c, errors.Join(wrong...)
	}
	var err error
	if c.database, err = postgres.ParseURL(c.url, c.Cluster); err != nil {
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
