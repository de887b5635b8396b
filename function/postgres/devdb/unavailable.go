package devdb

import "fmt"

// UnavailableError says that no PostgreSQL of a major is to be had on this machine: none
// was named, none is installed, and none could be fetched. Nothing was started.
type UnavailableError struct {
	Major   int
	Archive string // where an archive brought by hand would be found
	Err     error  // why it could not be fetched
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf(`no PostgreSQL %[1]d: none is installed here, and it could not be fetched: %[2]v
    Nothing was started. One of these helps:
    - install PostgreSQL %[1]d (apt-get install postgresql-%[1]d, dnf install postgresql%[1]d-server, brew install postgresql@%[1]d);
    - set MIGRATE_DEV_URL to a PostgreSQL %[1]d server on which databases may be created;
    - with a network elsewhere, fetch %[3]s
      and put it at %[4]s.`,
		e.Major, e.Err, releases[e.Major].url(mavenCentral, platform()), e.Archive)
}

func (e *UnavailableError) Unwrap() error { return e.Err }
