package amazon

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// The fields of the secret fill what the configuration leaves out, and what it
// says wins.
func TestLogin_fromSecret(t *testing.T) {
	const managed = `{"username":"postgres","password":"` + marked + `one"}`
	for _, c := range []struct {
		name, secret string
		database     Database
		want         string
	}{
		{"all from the secret", full, Database{}, "migrator@app.cluster-abc.eu-central-1.rds.amazonaws.com:5433/app"},
		{"port as text", strings.Replace(full, "5433", `"5434"`, 1), Database{}, "migrator@app.cluster-abc.eu-central-1.rds.amazonaws.com:5434/app"},
		{"the stack wins", full, Database{Host: "db.internal", Port: 6000, Name: "other", User: "me"}, "me@db.internal:6000/other"},
		{"managed by RDS", managed, Database{Host: "db.internal", Port: 5433, Name: "app"}, "postgres@db.internal:5433/app"},
		{"no port anywhere", managed, Database{Host: "db.internal", Name: "app"}, "postgres@db.internal:5432/app"},
		{"empty fields", strings.Replace(strings.Replace(full, "5433", `""`, 1), `"app"`, "null", 1), Database{Name: "app"}, "migrator@app.cluster-abc.eu-central-1.rds.amazonaws.com:5432/app"},
		{"fields that are none of ours", `{"username":"u","password":"` + marked + `one","masterarn":"x","extra":{"a":[1]}}`, Database{Host: "h", Name: "d"}, "u@h:5432/d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, holding(c.secret))
			c.database.SecretARN = arn
			l, err := New(c.database).Login(t.Context())
			hear(l, err)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%s@%s/%s", l.User, l.Address(), l.Database); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if l.Password.Reveal() != marked+"one" {
				t.Error("the password is another")
			}
			if l.TLS.ServerName != l.Host || l.TLS.InsecureSkipVerify || !l.TLS.RootCAs.Equal(rdsRoots()) {
				t.Errorf("TLS does not verify in full: %+v", l.TLS)
			}
			calls := s.called()
			if len(calls) != 1 || calls[0].target != "secretsmanager.GetSecretValue" || calls[0].contentType != "application/x-amz-json-1.1" || calls[0].id != arn {
				t.Errorf("calls %+v", calls)
			}
			if !strings.Contains(calls[0].authorization, "/eu-central-1/secretsmanager/aws4_request") {
				t.Errorf("not signed for the region of the secret: %s", calls[0].authorization)
			}
		})
	}
}

// A secret is asked for in its own region, wherever the function is.
func TestLogin_signsForTheRegionOfTheSecret(t *testing.T) {
	s := serve(t, holding(full))
	t.Setenv("AWS_REGION", "us-east-1")
	if _, err := New(Database{SecretARN: arn}).Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.called()[0].authorization; !strings.Contains(got, "/eu-central-1/secretsmanager/") {
		t.Errorf("signed as %s", got)
	}
}

// The general endpoint serves where there is no particular one.
func TestLogin_atTheGeneralEndpoint(t *testing.T) {
	s := serve(t, holding(full))
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "")
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
	if _, err := New(Database{SecretARN: arn}).Login(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A secret is read once a minute, however many sessions begin, and anew after
// that, by the clock on the wall: the other one stands still while a sandbox is
// frozen.
func TestLogin_remembersTheSecretForAMinute(t *testing.T) {
	s := serve(t, holding(full))
	source := New(Database{SecretARN: arn})
	now := time.Now()
	source.now = func() time.Time { return now }
	for _, step := range []struct {
		after time.Duration
		calls int
	}{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {time.Hour, 3}, {-2 * time.Hour, 4}} {
		now = now.Add(step.after)
		if _, err := source.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(s.called()); got != step.calls {
			t.Errorf("%s later: %d calls, want %d", step.after, got, step.calls)
		}
	}
}

// A permission that is taken away shows at the next reading, and nothing that
// was read before is used instead.
func TestLogin_forgetsTheSecretWhenItCannotBeRead(t *testing.T) {
	s := serve(t, holding(full))
	source := New(Database{SecretARN: arn})
	now := time.Now()
	source.now = func() time.Time { return now }
	if _, err := source.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.now(refusing(400, "AccessDeniedException", "User: x is not authorized to perform: secretsmanager:GetSecretValue"))
	now = now.Add(secretLife)
	for range 2 {
		if _, err := source.Login(t.Context()); err == nil {
			t.Fatal("a secret that may not be read any more is still used")
		}
	}
	s.now(holding(full))
	if _, err := source.Login(t.Context()); err != nil {
		t.Errorf("it does not come back: %v", err)
	}
}

// Making a source, however it is configured, costs no call and no time.
func TestNew_isLazy(t *testing.T) {
	s := serve(t, holding(full))
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()) // a directory: reading it would fail
	source := New(Database{SecretARN: arn})
	if calls := s.called(); len(calls) != 0 || source.sdk != nil {
		t.Errorf("calls %v, configuration %v", calls, source.sdk)
	}
}

// Whoever waits for another to read the secret waits no longer than it wants.
func TestLogin_interruptedWhileWaiting(t *testing.T) {
	source := New(Database{SecretARN: arn})
	source.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := source.Login(ctx)
	f := failed(t, err)
	if f.Kind != migration.Stopped || f.Message != "interrupted while waiting for the credentials of the database" {
		t.Errorf("%s: %s", f.Kind, f.Message)
	}
}

func TestLogin_interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	serve(t, func(http.ResponseWriter) { cancel(); <-t.Context().Done() }) // an answer could come first
	_, err := New(Database{SecretARN: arn}).Login(ctx)
	f := failed(t, err)
	if f.Kind != migration.Stopped || f.Message != "interrupted while reading the secret "+arn || f.Next != "Run the same command again." {
		t.Errorf("%s: %s", f.Kind, read(f))
	}
}

// A password cannot be printed in anything that it is part of.
func TestPassword_cannotBePrinted(t *testing.T) {
	p := hidden(marked + "one")
	l := Login{Host: "h", Password: p}
	type wrapped struct{ unexported Password }
	source := New(Database{SecretARN: arn})
	source.secret = &content{password: p}
	for _, v := range []any{p, &p, l, &l, wrapped{p}, []Password{p}, map[string]Login{"a": l}, source, *source.secret} {
		hear(v)
		if printed := fmt.Sprintf("%v %+v %#v %s %q %d %x", v, v, v, v, v, v, v); strings.Contains(printed, marked) || strings.Contains(printed, fmt.Sprintf("%x", marked)) {
			t.Errorf("%s prints it: %s", reflect.TypeOf(v), printed)
		}
		var logged strings.Builder
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v)
		if strings.Contains(logged.String(), marked) {
			t.Errorf("%s is logged: %s", reflect.TypeOf(v), logged.String())
		}
	}
	if (Password{}).Reveal() != "" {
		t.Error("no password is not empty")
	}
}

func TestLogin_ownRoots(t *testing.T) {
	serve(t, holding(full))
	own := x509.NewCertPool()
	l, err := New(Database{SecretARN: arn, Roots: own}).Login(t.Context())
	if err != nil || l.TLS.RootCAs != own {
		t.Errorf("the roots are others: %v", err)
	}
}
