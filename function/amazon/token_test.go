package amazon

import (
	"net/url"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A token is for exactly the host, port and user that are connected to, in the
// cluster's region, good for 15 minutes; nobody is called for it.
func TestLogin_byIAM(t *testing.T) {
	const cluster = "app.cluster-abc.eu-west-1.rds.amazonaws.com"
	for _, c := range []struct {
		name     string
		database Database
		address  string
		region   string
	}{
		{"region of the name", Database{Host: cluster}, cluster + ":5432", "eu-west-1"},
		{"region of the function", Database{Host: "db.internal", Port: 6000}, "db.internal:6000", "eu-central-1"},
		{"China", Database{Host: "app.cluster-abc.cn-north-1.rds.amazonaws.com.cn"}, "app.cluster-abc.cn-north-1.rds.amazonaws.com.cn:5432", "cn-north-1"},
		{"government", Database{Host: "app.cluster-abc.us-gov-west-1.rds.amazonaws.com"}, "app.cluster-abc.us-gov-west-1.rds.amazonaws.com:5432", "us-gov-west-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, holding(full))
			c.database.Auth, c.database.Name, c.database.User = ByIAM, "app", "migrator"
			l, err := New(c.database).Login(t.Context())
			hear(l, err)
			if err != nil {
				t.Fatal(err)
			}
			if l.Address() != c.address || l.User != "migrator" || l.Database != "app" || l.TLS.ServerName != c.database.Host || !l.TLS.RootCAs.Equal(rdsRoots()) {
				t.Errorf("login %+v", l)
			}
			token := l.Password.Reveal()
			at, query, _ := strings.Cut(token, "?")
			values, err := url.ParseQuery(query)
			if strings.TrimSuffix(at, "/") != c.address || err != nil {
				t.Fatalf("the token is for %s: %v", at, err)
			}
			for name, want := range map[string]string{"Action": "connect", "DBUser": "migrator", "X-Amz-Expires": "900", "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-SignedHeaders": "host"} {
				if got := values.Get(name); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
			if got := values.Get("X-Amz-Credential"); !strings.HasPrefix(got, "AKIDEXAMPLE/") || !strings.HasSuffix(got, "/"+c.region+"/rds-db/aws4_request") {
				t.Errorf("signed as %s", got)
			}
			if len(values.Get("X-Amz-Signature")) != 64 || values.Get("X-Amz-Security-Token") == "" {
				t.Error("it is not signed, or not with the token of the session")
			}
			if len(s.called()) != 0 {
				t.Errorf("calls %+v", s.called())
			}
		})
	}
}

func TestLogin_byIAMWithoutRegion(t *testing.T) {
	environment(t, "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	_, err := New(Database{Auth: ByIAM, Host: "db.internal", Name: "d", User: "u"}).Login(t.Context())
	if f := failed(t, err); read(f) != "the region of db.internal is not known, and a token of IAM is for one\nSet AWS_REGION." {
		t.Errorf("got %s", read(f))
	}
}

// A token that is refused is not signed again: it says what to look at.
func TestRefused_byIAM(t *testing.T) {
	environment(t, "http://127.0.0.1:1")
	for cluster, named := range map[string]string{"cluster-ABC": "cluster-ABC", "": "CLUSTER-RESOURCE-ID"} {
		s := New(Database{Auth: ByIAM, Host: "db.internal", Name: "d", User: "migrator", Cluster: cluster})
		if _, err := s.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		f := &migration.Failure{SQLState: "28000", Message: `FATAL: PAM authentication failed for user "migrator"`}
		again := s.Refused(t.Context(), f)
		want := `Check that the cluster has IAM authentication on, that the user may log in that way (GRANT rds_iam TO "migrator"), and that the function's role may rds-db:connect to arn:aws:rds-db:eu-central-1:ACCOUNT:dbuser:` + named + "/migrator."
		if again || f.Next != want {
			t.Errorf("again %v\ngot  %s\nwant %s", again, f.Next, want)
		}
	}
}
