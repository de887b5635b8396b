package devdb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A server serves until it is closed and leaves nothing behind, whichever major it is
// and whoever runs it: root, who must step down, or an ordinary user.
func TestStart_servesUntilClosed(t *testing.T) {
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			s, err := Start(t.Context(), Options{Major: major, Progress: os.Stderr})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Major() != major || !strings.HasPrefix(one(t, s.URL(""), "SHOW server_version"), fmt.Sprint(major)) {
				t.Errorf("asked for %d, got %d (%s)", major, s.Major(), s.Version())
			}
			if got := one(t, s.URL(""), "SELECT rolname || rolsuper FROM pg_roles WHERE rolname = current_user"); got != "postgrestrue" {
				t.Errorf("role and superuser: %s", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if !gone(s.run.home.dir) {
				t.Errorf("%s is still there", s.run.home.dir)
			}
			if _, err := pgx.Connect(t.Context(), s.URL("")); err == nil {
				t.Error("the server still accepts connections")
			}
			if err := s.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

func TestServer_databases(t *testing.T) {
	s := begin(t, Options{})
	named, err := s.CreateDatabase(t.Context(), `odd "name"`)
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, named, "SELECT current_database()::text"); got != `odd "name"` {
		t.Errorf("connected to %s", got)
	}
	_, err = s.CreateDatabase(t.Context(), `odd "name"`)
	if pg := (*pgconn.PgError)(nil); !errors.As(err, &pg) || pg.Code != "42P04" {
		t.Errorf("a name that exists: %v", err)
	}
	random, err := s.CreateDatabase(t.Context(), "")
	if err != nil || random == named {
		t.Errorf("a name made up: %v", err)
	}
	// Dropped under the feet of someone who is connected, and twice.
	c, err := pgx.Connect(t.Context(), named)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for range 2 {
		if err := s.DropDatabase(t.Context(), `odd "name"`); err != nil {
			t.Fatal(err)
		}
	}
	if got := one(t, s.URL(""), `SELECT count(*)::text FROM pg_database WHERE datname = 'odd "name"'`); got != "0" {
		t.Errorf("%s databases left", got)
	}
}

// Authentication is real, and the password stands in no argument list and no environment.
func TestStart_password(t *testing.T) {
	t.Setenv("SOME_SECRET", "of this process")
	s := begin(t, Options{})
	u := s.base
	u.User = url.UserPassword("postgres", "wrong")
	_, err := pgx.Connect(t.Context(), u.String())
	if pg := (*pgconn.PgError)(nil); !errors.As(err, &pg) || pg.Code != "28P01" {
		t.Errorf("a wrong password: %v", err)
	}
	password, _ := s.base.User.Password()
	for _, file := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.Pid(), file))
		if os.IsNotExist(err) {
			t.Skip("no /proc here")
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{password, "SOME_SECRET"} {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s of the server holds a secret", file)
			}
		}
	}
}

func TestStart_settings(t *testing.T) {
	s := begin(t, Options{Settings: map[string]string{"max_connections": "23", "application_name": "it's"}})
	if got := one(t, s.URL(""), "SELECT current_setting('max_connections') || current_setting('fsync')"); got != "23off" {
		t.Errorf("max_connections and fsync: %s", got)
	}
	if got := one(t, s.URL(""), "SELECT reset_val FROM pg_settings WHERE name = 'application_name'"); got != "it's" {
		t.Errorf("application_name: %s", got)
	}
}

func TestStart_withTLS(t *testing.T) {
	s := begin(t, Options{Settings: map[string]string{"ssl": "on"}})
	if got := one(t, s.URL(""), "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); got != "true" {
		t.Errorf("TLS by the server's own URL: %s", got)
	}
	pem, err := os.ReadFile(s.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, name := range []string{"127.0.0.1", "localhost"} {
		config, err := pgx.ParseConfig(s.URL(""))
		if err != nil {
			t.Fatal(err)
		}
		config.TLSConfig = &tls.Config{RootCAs: roots, ServerName: name}
		c, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatalf("verified as %s: %v", name, err)
		}
		c.Close(context.Background())
	}
}

func TestStart_standby(t *testing.T) {
	s := begin(t, Options{Standby: true})
	if got := one(t, s.URL(""), "SELECT pg_is_in_recovery()::text || current_setting('transaction_read_only')"); got != "trueon" {
		t.Errorf("in recovery and read-only: %s", got)
	}
}

// A crash loses sessions and nothing that was committed, although such a server does not
// wait for the disk.
func TestServer_Restart(t *testing.T) {
	s := begin(t, Options{})
	c, err := pgx.Connect(t.Context(), s.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(t.Context(), "CREATE TABLE kept AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); err == nil {
		t.Error("a session survived")
	}
	if got := one(t, s.URL(""), "SELECT n::text FROM kept"); got != "1" {
		t.Errorf("n = %s", got)
	}
}

func TestStart_failures(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		o    Options
		want []string
	}{
		{"a bad setting", t.Context(), Options{Settings: map[string]string{"shared_buffers": "lots"}},
			[]string{"it ended at once", `invalid value for parameter "shared_buffers": "lots"`}},
		{"a port that is taken", t.Context(), Options{Port: taken.Addr().(*net.TCPAddr).Port},
			[]string{"it ended at once", "Address already in use", noSocket}},
		{"an old major", t.Context(), Options{Major: 14},
			[]string{"a dev database of PostgreSQL 14 was asked for: 15 to 18 can be had"}},
		{"cancelled", cancelled, Options{}, []string{"context canceled"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// A place of their own shows what they leave.
			tmp := openDir(t)
			if err := os.Chmod(tmp, 0o777); err != nil {
				t.Fatal(err)
			}
			t.Setenv("TMPDIR", tmp)
			_, err := Start(tt.ctx, tt.o)
			if err == nil {
				t.Fatal("no error")
			}
			mustContain(t, err.Error(), tt.want...)
			if left, _ := os.ReadDir(tmp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A temporary directory that the server's user cannot reach, as root's often is, is
// passed over.
func TestStart_whereTMPDIRIsClosed(t *testing.T) {
	closed := openDir(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", closed)
	s := begin(t, Options{})
	one(t, s.URL(""), "SELECT 'reached'")
	if inside := strings.HasPrefix(s.run.home.dir, closed); inside == serverAccount().other {
		t.Errorf("the server is in %s, and runs as %+v", s.run.home.dir, serverAccount())
	}
}

func TestStart_keptDirectory(t *testing.T) {
	o := Options{Dir: openDir(t) + "/kept"}
	first := begin(t, o)
	if got := one(t, first.URL(""), "SHOW fsync"); got != "on" {
		t.Errorf("fsync %s", got)
	}
	if _, err := first.CreateDatabase(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), o); err == nil {
		t.Fatal("two servers in one directory")
	} else {
		mustContain(t, err.Error(), `lock file "postmaster.pid" already exists`)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := begin(t, o)
	if got := one(t, second.URL("mine"), "SELECT current_database()::text"); got != "mine" {
		t.Errorf("connected to %s", got)
	}
	if log := second.Log(); strings.Contains(log, "not properly shut down") {
		t.Errorf("the directory was left to recover:\n%s", log)
	}
	o.Dir = openDir(t)
	if err := os.WriteFile(o.Dir+"/thesis.tex", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), o)
	if want := o.Dir + " is not empty and not of a dev server: name a directory that is either"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	o.Dir = second.run.home.dir
	o.Major = 15
	_, err = Start(t.Context(), o)
	if want := o.Dir + " holds databases of PostgreSQL 17, and 15 was asked for: ask for that major, or name another directory"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
