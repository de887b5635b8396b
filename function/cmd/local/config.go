package main

import (
	"errors"
	"flag"
	"os"
)

// config is what the command line and the environment say.
type config struct {
	bootstrap string // path of the executable
	major     int    // of PostgreSQL; 0 for the default, or whatever devURL has
	devURL    string // a server to use; "" to have one started
	port      int    // of the Invoke API; 0 for a free one
	stay      bool   // up: stay until a signal comes
}

// readConfig prints the usage where args are wrong; the error is flag.ErrHelp
// where that is what was asked for.
func readConfig(args []string) (config, error) {
	c := config{devURL: os.Getenv("MIGRATE_DEV_URL")}
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.StringVar(&c.bootstrap, "bootstrap", ".build/local/bootstrap", "the `file` to run as a function")
	f.IntVar(&c.major, "major", 0, "major version of PostgreSQL, 15 to 18 (default 17, or what MIGRATE_DEV_URL has)")
	f.IntVar(&c.port, "port", 0, "port of the Invoke API (default any free one)")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	switch f.Arg(0) {
	case "run":
	case "up":
		c.stay = true
	default:
		return c, errors.New(`want "run" or "up"`)
	}
	if _, err := os.Stat(c.bootstrap); err != nil {
		return c, errors.Join(err, errors.New("build it first: make run and make up do"))
	}
	return c, nil
}
