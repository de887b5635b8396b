package devdb

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestStart_onANamedServer(t *testing.T) {
	real := begin(t, Options{})
	s, err := Start(t.Context(), Options{URL: real.URL(""), Major: real.Major()})
	if err != nil {
		t.Fatal(err)
	}
	if s.Major() != real.Major() || s.Version() != real.Version() || s.Pid() != 0 || s.CertFile() != "" || s.Log() != "" {
		t.Errorf("PostgreSQL %d (%s), pid %d", s.Major(), s.Version(), s.Pid())
	}
	u, err := s.CreateDatabase(t.Context(), "on_named")
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, u, "SELECT current_database()::text"); got != "on_named" {
		t.Errorf("connected to %s", got)
	}
	if err := s.Restart(t.Context()); err == nil || err.Error() != "restart: the server was not started here" {
		t.Errorf("Restart: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	one(t, real.URL(""), "SELECT 'still there'")
}

func TestStart_namedServerErrors(t *testing.T) {
	real := begin(t, Options{})
	wrong := real.base
	wrong.User = url.UserPassword("postgres", "hunter2")
	password, _ := real.base.User.Password()
	address := fmt.Sprintf("dev server postgres://postgres:xxxxx@%s/postgres?sslmode=disable (MIGRATE_DEV_URL)", real.base.Host)
	for _, tt := range []struct {
		name string
		o    Options
		want string // the beginning
	}{
		{"another major", Options{URL: real.URL(""), Major: 15},
			address + " is PostgreSQL " + real.Version() + ", and 15 was asked for: name a server of that major, or none, to have one started"},
		{"a wrong password", Options{URL: wrong.String()}, address + ": failed to connect"},
		{"no URL", Options{URL: "host=localhost password=hunter2"},
			"the URL of the dev server (MIGRATE_DEV_URL) does not have the form postgres://user:password@host:port/database"},
		{"not even nearly", Options{URL: "postgres://postgres:hunter2@host:po rt/"},
			"the URL of the dev server (MIGRATE_DEV_URL) does not have the form postgres://user:password@host:port/database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Start(t.Context(), tt.o)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			for _, secret := range []string{"hunter2", password} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a password is in: %v", err)
				}
			}
		})
	}
}
