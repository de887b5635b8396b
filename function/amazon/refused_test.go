package amazon

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// What a refused login leads to: one more try where the secret was rotated, else
// what there is to do.
func TestRefused(t *testing.T) {
	wrong := func() *migration.Failure {
		return &migration.Failure{SQLState: "28P01", Message: `FATAL: password authentication failed for user "migrator"`, Next: "as before"}
	}
	begin := func(t *testing.T, d Database) (*secrets, *Source) {
		s := serve(t, holding(full))
		d.SecretARN = arn
		source := New(d)
		if _, err := source.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s, source
	}
	t.Run("rotated", func(t *testing.T) {
		s, source := begin(t, Database{})
		s.now(holding(strings.Replace(full, "one", "two", 1)))
		f := wrong()
		if !source.Refused(t.Context(), f) || f.Next != "as before" {
			t.Errorf("the new password is not worth a try: %s", f.Next)
		}
		l, err := source.Login(t.Context())
		if err != nil || l.Password.Reveal() != marked+"two" || len(s.called()) != 2 {
			t.Errorf("%d calls, %v", len(s.called()), err)
		}
		if source.Refused(t.Context(), wrong()) {
			t.Error("a password that is still the same is worth a try")
		}
	})
	t.Run("the same", func(t *testing.T) {
		_, source := begin(t, Database{})
		f := wrong()
		again := source.Refused(t.Context(), f)
		want := "The secret " + arn + " was read once more and still holds the password that the server refuses. If it is being rotated right now, try again in a minute. Else rotate it (aws secretsmanager rotate-secret --secret-id " + arn + "), or give the user and the secret the same password."
		if again || f.Next != want {
			t.Errorf("again %v\ngot  %s\nwant %s", again, f.Next, want)
		}
	})
	t.Run("another user", func(t *testing.T) {
		_, source := begin(t, Database{User: "planner"})
		f := wrong()
		again := source.Refused(t.Context(), f)
		want := "DB_USER is planner, and the password in the secret " + arn + " is that of migrator: leave DB_USER empty, or name the secret of planner."
		if again || f.Next != want {
			t.Errorf("again %v\ngot  %s\nwant %s", again, f.Next, want)
		}
	})
	t.Run("revoked", func(t *testing.T) {
		s, source := begin(t, Database{})
		s.now(refusing(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."))
		f := wrong()
		again := source.Refused(t.Context(), f)
		if want := "Reading the secret once more, for it may have been rotated, failed: the secret " + arn + " does not exist"; again || !strings.HasPrefix(f.Next, want) {
			t.Errorf("again %v, got %s", again, f.Next)
		}
		hear(f)
	})
	t.Run("nothing of ours", func(t *testing.T) {
		s, source := begin(t, Database{})
		for _, state := range []string{"28000", "3D000", ""} {
			f := &migration.Failure{SQLState: state, Next: "as before"}
			if source.Refused(t.Context(), f) || f.Next != "as before" {
				t.Errorf("%s: %s", state, f.Next)
			}
		}
		if got := len(s.called()); got != 1 {
			t.Errorf("%d calls", got)
		}
	})
}

// A certificate that nobody known has signed is told with the place where its
// root is to be had.
func TestRefused_unknownRoot(t *testing.T) {
	for _, c := range []struct {
		name     string
		database Database
		want     string
	}{
		{"own roots", Database{Host: "db.internal", Roots: x509.NewCertPool()},
			"None of the certificates in DB_ROOT_CERTIFICATES has signed the server's: put in the one that has, or leave it empty for those of Amazon RDS."},
		{"not RDS", Database{Host: "db.internal"},
			"The roots of Amazon RDS are trusted, and none of them has signed the server's certificate. If this server is not one of Amazon RDS, give its root in DB_ROOT_CERTIFICATES."},
		{"a region without roots here", Database{Host: "app.cluster-abc.us-gov-west-1.rds.amazonaws.com"},
			"The roots of Amazon RDS for us-gov-west-1 are not among those that the function carries: give one in DB_ROOT_CERTIFICATES (https://truststore.pki.rds.amazonaws.com/us-gov-west-1/us-gov-west-1-bundle.pem has them), as text or as the path of a file in a layer."},
		{"a region with roots", Database{Host: "app.cluster-abc.eu-central-1.rds.amazonaws.com"}, "as before"},
	} {
		f := &migration.Failure{Next: "as before", Cause: x509.UnknownAuthorityError{}}
		if again := New(c.database).Refused(t.Context(), f); again || f.Next != c.want {
			t.Errorf("%s: again %v\ngot  %s\nwant %s", c.name, again, f.Next, c.want)
		}
	}
	f := &migration.Failure{Next: "as before", Cause: x509.HostnameError{}}
	if New(Database{}).Refused(t.Context(), f) || f.Next != "as before" {
		t.Errorf("of another trouble it says %s", f.Next)
	}
}
