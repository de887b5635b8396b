package amazon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFromSettings(t *testing.T) {
	s, err := FromSettings(map[string]string{"DB_SECRET_ARN": arn, "DB_HOST": "db.internal", "DB_PORT": "5433", "DB_NAME": "app", "DB_USER": "me", "DB_AUTH": "secret",
		"MIGRATE_CLUSTER_ID": "cluster-1", "PATH": "/bin"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Database{Auth: FromSecret, SecretARN: arn, Host: "db.internal", Port: 5433, Name: "app", User: "me", Cluster: "cluster-1"}); s.database != want {
		t.Errorf("got  %+v\nwant %+v", s.database, want)
	}
	if got := s.String(); got != "the secret "+arn {
		t.Errorf("it comes from %s", got)
	}
	if s, err = FromSettings(map[string]string{"DB_SECRET_ARN": arn, "DB_HOST": "", "DB_AUTH": ""}); err != nil || s.database != (Database{Auth: FromSecret, SecretARN: arn}) {
		t.Errorf("the secret alone: %+v, %v", s.database, err)
	}
	if s, err = FromSettings(map[string]string{"DB_AUTH": "iam", "DB_HOST": "h", "DB_NAME": "d", "DB_USER": "u"}); err != nil || s.String() != "IAM authentication" {
		t.Errorf("by IAM: %+v, %v", s, err)
	}
}

// Every error names the setting, what it is, and what is wanted; all of them
// come at once. A value that could be a secret is not in it.
func TestFromSettings_saysWhatIsWrong(t *testing.T) {
	const wantARN = "want the whole ARN of a secret, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf"
	const iam = "is not set: with DB_AUTH iam there is no secret that could say it"
	for _, c := range []struct{ set, want string }{
		{"DB_SECRET_ARN=", "DB_SECRET_ARN is not set: it says where the password is; set DB_AUTH to iam to go without one"},
		{"DB_SECRET_ARN=" + full, "DB_SECRET_ARN is no ARN: " + wantARN},
		{"DB_SECRET_ARN=app", "DB_SECRET_ARN is no ARN: " + wantARN},
		{"DB_SECRET_ARN=arn:aws:ssm:eu-central-1:123456789012:parameter/app", `DB_SECRET_ARN is "arn:aws:ssm:eu-central-1:123456789012:parameter/app": ` + wantARN},
		{"DB_SECRET_ARN=arn:aws:secretsmanager::123456789012:secret:app-AbCdEf", `DB_SECRET_ARN is "arn:aws:secretsmanager::123456789012:secret:app-AbCdEf": ` + wantARN},
		{"DB_AUTH=password", `DB_AUTH is "password": want secret or iam`},
		{"DB_PORT=x", `DB_PORT is "x": want a port, 1 to 65535`},
		{"DB_PORT=0", `DB_PORT is "0": want a port, 1 to 65535`},
		{"DB_PORT=65536", `DB_PORT is "65536": want a port, 1 to 65535`},
		{"DB_HOST=h:5432", `DB_HOST is "h:5432": want a host name alone, without scheme and port`},
		{"DB_HOST=postgres://h", `DB_HOST is "postgres://h": want a host name alone, without scheme and port`},
		{"DB_HOSTNAME=h", `"DB_HOSTNAME" is an unknown setting: there are DB_AUTH, DB_HOST, DB_NAME, DB_PORT, DB_ROOT_CERTIFICATES, DB_SECRET_ARN, DB_USER`},
		{"DB_AUTH=iam", "DB_HOST " + iam + "\nDB_NAME " + iam + "\nDB_USER " + iam + "\nDB_SECRET_ARN is set, and with DB_AUTH iam no secret is read: leave out one of the two"},
		{"DB_ROOT_CERTIFICATES=/nonexistent.pem", "DB_ROOT_CERTIFICATES is neither PEM nor a file that can be read: open /nonexistent.pem: no such file or directory"},
		{"DB_ROOT_CERTIFICATES=-----BEGIN ", "DB_ROOT_CERTIFICATES: there is no certificate in it: want -----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----"},
		{"DB_ROOT_CERTIFICATES=-----BEGIN EC PRIVATE KEY-----\n" + marked + "\n-----END EC PRIVATE KEY-----", "DB_ROOT_CERTIFICATES: block 1 of 1 is not a CERTIFICATE"},
		{"DB_ROOT_CERTIFICATES=-----BEGIN CERTIFICATE-----\n-\n-----END CERTIFICATE-----", "DB_ROOT_CERTIFICATES: certificate 1 of 1 is not PEM"},
		{"DB_ROOT_CERTIFICATES=-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "DB_ROOT_CERTIFICATES: certificate 1 of 1: x509: malformed certificate"},
	} {
		name, value, _ := strings.Cut(c.set, "=")
		values := map[string]string{"DB_SECRET_ARN": arn}
		values[name] = value
		_, err := FromSettings(values)
		hear(err)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.set, err, c.want)
		}
	}
}

func TestNamed(t *testing.T) {
	got := Named(map[string]string{"DB_USER": "u", "DB_AUTH": "iam", "DB_NAME": "", "DBX": "x", "DATABASE_URL": "x", "DB_TYPO": "x"})
	if want := []string{"DB_AUTH", "DB_TYPO", "DB_USER"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// A root of one's own comes as text, also as parameters of a stack mangle it,
// or as the path of a file.
func TestFromSettings_ownRoots(t *testing.T) {
	two := embedded(t)[:2]
	text := two[0].pem + two[1].pem
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, []byte("# ours\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{
		"text": text, "path": path, "spaces": strings.ReplaceAll(text, "\n", " "), "escaped": strings.ReplaceAll(text, "\n", `\n`),
		"no line ends": strings.ReplaceAll(text, "\n", ""), "of Windows": strings.ReplaceAll(text, "\n", "\r\n"),
	} {
		s, err := FromSettings(map[string]string{"DB_SECRET_ARN": arn, "DB_ROOT_CERTIFICATES": v})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, c := range embedded(t)[:3] {
			if trusted := trusts(s.database.Roots, c.Certificate); trusted != (i < 2) {
				t.Errorf("%s: certificate %d trusted: %v", name, i, trusted)
			}
		}
	}
}
