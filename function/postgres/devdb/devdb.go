// Package devdb provides a real PostgreSQL server to whoever needs one beside the
// database proper: for replaying a directory, for diffs, for tests, for a first look.
//
// It takes the server that it is named, else a PostgreSQL of the asked major that is
// installed on the machine, else a prebuilt one, which it fetches once into a cache.
// No Docker, no root needed; as root, which PostgreSQL refuses, the server runs as
// another user. Only the command line and tests link this package.
//
// A server that Start started does not outlive its process, however that ends: a small
// shell beside the server notices, stops it and removes its directory.
package devdb

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
)

const (
	// DefaultMajor is what Options.Major = 0 asks for.
	DefaultMajor = 17
	oldestMajor  = 15
	newestMajor  = 18
)

// Options says which server is wanted. The zero value is a temporary server of
// DefaultMajor on a free port.
type Options struct {
	// URL names a running server, as postgres://user:password@host:port/database;
	// then nothing is started and the fields below are ignored, but Major, which must
	// be the server's own if it is not 0. The user needs CREATEDB.
	URL string

	// Major is 15 to 18; 0 is DefaultMajor (with URL: whatever the server is).
	Major int

	// Settings are lines of postgresql.conf, "log_statement": "all" for example; they
	// win over this package's own. With "ssl": "on" and no "ssl_cert_file" the server
	// gets a certificate for 127.0.0.1 and localhost, which CertFile names.
	Settings map[string]string

	// Progress gets one line when something is fetched. nil is silent.
	Progress io.Writer

	// Dir keeps the databases: a later Start with the same Dir finds them again. ""
	// is a temporary directory that goes with the server, faster because it does not
	// wait for the disk: in memory on a Linux that has plenty of it, unless TMPDIR
	// names a place. Two servers cannot have one Dir at the same time.
	Dir string

	// Port on 127.0.0.1; 0 is a free one.
	Port int

	// Standby starts the server in recovery without a primary: it accepts connections
	// and is read-only, as an Aurora reader is.
	Standby bool

	// Cache is where binaries and initialised clusters are kept. "" is
	// aurora-migrate/postgres below the user's cache directory, for root below
	// /var/cache, for a user without one below /var/tmp. Removing it is safe while no Start is under way.
	Cache string

	// Repository is the Maven repository to fetch from. "" is Maven Central. What is
	// fetched is checked against digests in this package, wherever it comes from.
	Repository string
}

// Server is a PostgreSQL server that is ready. Its methods may be used by several
// goroutines at once, but not beside Restart and Close.
type Server struct {
	base    url.URL
	major   int
	version string
	run     *launched // nil when the server was named by Options.URL
}

// Start returns a server that accepts connections, or an error and nothing running.
// ctx governs the start only, not the life of the server. Where there is neither a URL
// nor an installed PostgreSQL, and none can be fetched, the error is an
// *UnavailableError, whose text says what to do.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.URL != "" {
		return attach(ctx, o)
	}
	if o.Major == 0 {
		o.Major = DefaultMajor
	}
	if o.Major < oldestMajor || o.Major > newestMajor {
		return nil, fmt.Errorf("a dev database of PostgreSQL %d was asked for: %d to %d can be had", o.Major, oldestMajor, newestMajor)
	}
	return launch(ctx, o)
}

// URL returns an address of database on this server, for a role that may create
// databases; on a server that was started here that is the superuser postgres. "" is
// the database postgres, or the one that Options.URL names. It holds a password: do not
// log it.
func (s *Server) URL(database string) string {
	u := s.base
	if database != "" {
		u.Path = "/" + database
		u.RawPath = ""
	}
	return u.String()
}

// Major returns the server's major version, 17 for example.
func (s *Server) Major() int { return s.major }

// Version returns what the server says of its version, "17.11" for example.
func (s *Server) Version() string { return s.version }

// CertFile returns the path of the certificate that was made for "ssl": "on", to be
// trusted as a root, or "" where none was made.
func (s *Server) CertFile() string {
	if s.run == nil {
		return ""
	}
	return s.run.certFile
}

// Log returns the end of the server's log, "" for a server that was not started here.
func (s *Server) Log() string {
	if s.run == nil {
		return ""
	}
	return s.run.home.logTail(0, 200)
}

// Pid returns the process id of the postmaster, 0 for a server that was not started
// here. It changes with Restart.
func (s *Server) Pid() int {
	if s.run == nil {
		return 0
	}
	return s.run.proc.pid()
}

// Restart ends the server as a crash would, every session cut off, and starts it again
// on the same port; what was committed is there again. After an error the server is
// down and Close is all that is left to do. A server that was not started here is not
// restarted: that is an error.
func (s *Server) Restart(ctx context.Context) error {
	if s.run == nil {
		return fmt.Errorf("restart: the server was not started here")
	}
	s.run.proc.stop(immediate)
	return s.run.again(ctx)
}

// Linger lets the server outlive this process by d, for someone who wants to look at
// it; then it ends and its directory goes. Close still ends it at once.
func (s *Server) Linger(d time.Duration) error {
	if s.run == nil {
		return nil
	}
	return os.WriteFile(s.run.home.path(lingerFile), fmt.Appendf(nil, "%d\n", int(d.Seconds())), 0o644)
}

// Close ends the server without waiting for its sessions and removes its directory if
// that was temporary; a kept directory is left consistent. It does nothing to a server
// that was not started here, nor when called again.
func (s *Server) Close() error {
	if s.run == nil {
		return nil
	}
	return s.run.close()
}
