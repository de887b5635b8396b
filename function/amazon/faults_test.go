package amazon

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Each thing that can be wrong with a secret has a message of its own, which
// names the secret, and says what to do.
func TestLogin_whatSecretsManagerSays(t *testing.T) {
	const user = "User: arn:aws:sts::123456789012:assumed-role/runner/aurora-migrations-runner-dev is not authorized to perform: secretsmanager:GetSecretValue on resource: " + arn
	for _, c := range []struct {
		name          string
		reply         func(http.ResponseWriter)
		message, next string // the message stands behind "the secret ARN "
		retry         bool
	}{
		{"wrong ARN", refusing(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
			"does not exist (ResourceNotFoundException: Secrets Manager can't find the specified secret.)", "Check DB_SECRET_ARN (RunnerSecretArn, PlannerSecretArn): account, region, name and the six characters", false},
		{"no current version", refusing(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"),
			"has no value that is current (AWSCURRENT) (ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSCURRENT)", "Put one into it", false},
		{"the role may not", refusing(400, "AccessDeniedException", user+" because no identity-based policy allows the secretsmanager:GetSecretValue action"),
			"may not be read by the function's role (AccessDeniedException: " + user + " because no identity-based policy allows the secretsmanager:GetSecretValue action)", "Allow secretsmanager:GetSecretValue on exactly this ARN in the role's policy", false},
		{"the secret's policy", refusing(400, "AccessDeniedException", user+" with an explicit deny in a resource-based policy"),
			"may not be read: its own policy (resource policy) forbids it (AccessDeniedException: " + user + " with an explicit deny in a resource-based policy)", "Allow secretsmanager:GetSecretValue for the function's role in the secret's policy", false},
		{"the endpoint's policy", refusing(400, "AccessDeniedException", user+" because no VPC endpoint policy allows the secretsmanager:GetSecretValue action"),
			"may not be read through this VPC endpoint (AccessDeniedException: " + user + " because no VPC endpoint policy allows the secretsmanager:GetSecretValue action)", "in the policy of the Secrets Manager endpoint", false},
		{"a service control policy", refusing(400, "AccessDeniedException", user+" with an explicit deny in a service control policy"),
			"may not be read: a policy above the role's own forbids it (AccessDeniedException: " + user + " with an explicit deny in a service control policy)", "in the policy that is named there", false},
		{"the key", refusing(400, "AccessDeniedException", "Access to KMS is not allowed"),
			"cannot be decrypted: the function's role may not use its KMS key (AccessDeniedException: Access to KMS is not allowed)", "Allow kms:Decrypt on that key in the role's policy", false},
		{"the key is disabled", refusing(400, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key."),
			"cannot be decrypted: its KMS key is disabled, is to be deleted, or is not to be had (DecryptionFailure: Secrets Manager can't decrypt the protected secret text using the provided KMS key.)", "Enable the key that encrypts it", false},
		{"the key is disabled, in KMS's words", refusing(400, "InvalidRequestException", "KMS key arn:aws:kms:eu-central-1:123456789012:key/1 is disabled."),
			"cannot be decrypted: its KMS key is disabled, is to be deleted, or is not to be had (InvalidRequestException: KMS key arn:aws:kms:eu-central-1:123456789012:key/1 is disabled.)", "Enable the key that encrypts it", false},
		{"marked for deletion", refusing(400, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion."),
			"is marked for deletion (InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.)", "Restore it (aws secretsmanager restore-secret --secret-id " + arn + ")", false},
		{"throttled", refusing(400, "ThrottlingException", "Rate exceeded"),
			"was asked for too often (throttled) (ThrottlingException: Rate exceeded)", "Try again in a minute", true},
		{"their trouble", refusing(500, "InternalServiceError", "An error occurred on the server side."),
			"could not be read: Secrets Manager has a trouble of its own (InternalServiceError: An error occurred on the server side.)", "Try again in a minute", true},
		{"false credentials", refusing(400, "UnrecognizedClientException", "The security token included in the request is invalid."),
			"is not to be had with these credentials (UnrecognizedClientException: The security token included in the request is invalid.)", "A deployed function has its credentials from its role", false},
		{"old credentials", refusing(400, "ExpiredTokenException", "The security token included in the request is expired"),
			"is not to be had with these credentials (ExpiredTokenException: The security token included in the request is expired)", "A deployed function has its credentials from its role", false},
		{"another region", refusing(400, "InvalidSignatureException", "Credential should be scoped to a valid region. "),
			"is in another region than the endpoint (InvalidSignatureException: Credential should be scoped to a valid region. )", "The endpoint of a VPC serves its own region alone.", false},
		{"something new", refusing(400, "com.amazonaws.secretsmanager#TeapotException", "short and stout"),
			"could not be read (TeapotException: short and stout)", "See what Secrets Manager says", false},
		{"binary", answering(200, map[string]any{"ARN": arn, "SecretBinary": "czNjcjN0LW9uZQ=="}), "holds binary data, not text", "Put a JSON object with the fields username and password into it", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			serve(t, c.reply)
			began := time.Now()
			_, err := New(Database{SecretARN: arn}).Login(t.Context())
			f := failed(t, err)
			if want := "the secret " + arn + " " + c.message; f.Message != want {
				t.Errorf("got  %s\nwant %s", f.Message, want)
			}
			if !strings.Contains(f.Next, c.next) {
				t.Errorf("next %q, and it should say %q", f.Next, c.next)
			}
			if f.Kind != migration.Unreachable || f.State != "Nothing was sent to the database." || (f.RetryAfter > 0) != c.retry {
				t.Errorf("kind %s, state %q, retry after %s", f.Kind, f.State, f.RetryAfter)
			}
			if took := time.Since(began); took > secretTime {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// A secret that says something else than it should is told by its field, and
// nothing that it says is told, be it ever so broken.
func TestLogin_whatIsInTheSecret(t *testing.T) {
	for name, c := range map[string]struct{ secret, want string }{
		"nothing":       {"", "is not a JSON object"},
		"plain text":    {marked + "one", "is not a JSON object"},
		"null":          {"null", "is not a JSON object"},
		"a string":      {`"` + marked + `one"`, "is not a JSON object"},
		"a list":        {`["` + marked + `one"]`, "is not a JSON object"},
		"half of it":    {`{"username":"u","password":"` + marked + `one`, "is not a JSON object"},
		"more than it":  {full + " " + marked + "two", "is not a JSON object"},
		"no password":   {`{"username":"u"}`, "has no field password"},
		"empty":         {`{"username":"u","password":""}`, "has no field password"},
		"a number":      {`{"username":"u","password":87654321}`, "has a field password that is not a string"},
		"deeper":        {`{"username":{"` + marked + `":1},"password":"x"}`, "has a field username that is not a string"},
		"port is text":  {`{"port":"` + marked + `one","username":"u","password":"` + marked + `one"}`, "has a field port that is not a port, 1 to 65535"},
		"port too high": {`{"port":65536,"username":"u","password":"` + marked + `one"}`, "has a field port that is not a port, 1 to 65535"},
		"port 0":        {`{"port":0,"password":"` + marked + `one"}`, "has a field port that is not a port, 1 to 65535"},
		"port is a lot": {`{"port":["` + marked + `"],"password":"` + marked + `one"}`, "has a field port that is not a port, 1 to 65535"},
		"host is a URL": {`{"host":"postgres://u:` + marked + `one@h","password":"` + marked + `one"}`, "has a field host that is not a host name alone"},
		"another kind":  {strings.Replace(full, `"postgres"`, `"mysql"`, 1), "has a field engine that is not postgres: it is of another kind of database"},
		"no host":       {`{"username":"u","password":"` + marked + `one"}`, "has no field host, and DB_HOST is not set"},
		"no database":   {`{"host":"h","username":"u","password":"` + marked + `one"}`, "has no field dbname, and DB_NAME is not set"},
		"no user":       {`{"host":"h","dbname":"d","password":"` + marked + `one"}`, "has no field username, and DB_USER is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, holding(c.secret))
			_, err := New(Database{SecretARN: arn}).Login(t.Context())
			f := failed(t, err)
			if want := "the secret " + arn + " " + c.want; f.Message != want {
				t.Errorf("got  %s\nwant %s", f.Message, want)
			}
			if f.Next == "" || strings.Contains(read(f), "87654321") {
				t.Errorf("next: %s", f.Next)
			}
		})
	}
}

// What is no Secrets Manager, or none that can be reached, is told within
// seconds, with the way that is missing.
func TestLogin_whatIsInBetween(t *testing.T) {
	silent := listen(t, func(net.Conn) {})
	refused := listen(t, func(net.Conn) {})
	refused.Close()
	cuts := listen(t, func(c net.Conn) { c.Close() })
	strange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<html>" + marked + "one</html>"))
	}))
	defer strange.Close()
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"SecretString":"` + marked + `one`))
	}))
	defer half.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	at := func(l net.Listener) string { return "http://" + l.Addr().String() }
	host := func(url string) string { return strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://") }
	for _, c := range []struct {
		name, endpoint, message, next string
	}{
		{"stays silent", at(silent), "cannot be read: " + host(at(silent)) + " accepted the connection and then stayed silent for ", "network ACLs"},
		{"refuses", at(refused), "cannot be read: " + host(at(refused)) + " refuses the connection", "Check AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		{"cuts off", at(cuts), "cannot be read: the connection to " + host(at(cuts)) + " broke", "Try again."},
		{"no such name", "http://secretsmanager.nowhere.invalid", "cannot be read: the name secretsmanager.nowhere.invalid cannot be resolved", "CreateSecretsEndpoint makes one"},
		{"a page", strange.URL, "", "Check AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL, the proxy"},
		{"half an answer", half.URL, "", "Check AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL, the proxy"},
		{"a certificate of nobody", untrusted.URL, "cannot be read: the TLS handshake with " + host(untrusted.URL) + " failed: x509: certificate signed by unknown authority", "Something stands between the function and Secrets Manager"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := soon(t, c.endpoint)
			want := "the secret " + arn + " " + c.message
			if c.message == "" {
				want = "what answers at the endpoint of Secrets Manager for the secret " + arn + " is not Secrets Manager"
			}
			if !strings.HasPrefix(f.Message, want) {
				t.Errorf("got  %s\nwant %s", f.Message, want)
			}
			if !strings.Contains(f.Next, c.next) {
				t.Errorf("next %q, and it should say %q", f.Next, c.next)
			}
		})
	}
}

// soon is the failure of a login with the secret at this endpoint.
func soon(t *testing.T, endpoint string) *migration.Failure {
	t.Helper()
	environment(t, endpoint)
	began := time.Now()
	_, err := New(Database{SecretARN: arn}).Login(t.Context())
	took := time.Since(began)
	f := failed(t, err)
	if f.Kind != migration.Unreachable || took > secretTime+time.Second {
		t.Errorf("kind %s after %s", f.Kind, took)
	}
	return f
}

// Where the secret is in another region, that is said beside: an endpoint of a
// VPC serves its own.
func TestLogin_tellsOfAnotherRegion(t *testing.T) {
	environment(t, "http://secretsmanager.nowhere.invalid")
	t.Setenv("AWS_REGION", "us-east-1")
	_, err := New(Database{SecretARN: arn}).Login(t.Context())
	if f := failed(t, err); !strings.HasSuffix(f.Next, " The secret is in eu-central-1 and the function in us-east-1, whose endpoints serve that region alone.") {
		t.Errorf("next %q", f.Next)
	}
}

func TestLogin_withoutCredentials(t *testing.T) {
	s := serve(t, holding(full))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("HOME", t.TempDir())
	for _, a := range []Auth{FromSecret, ByIAM} {
		_, err := New(Database{Auth: a, SecretARN: arn, Host: "h", Name: "d", User: "u"}).Login(t.Context())
		f := failed(t, err)
		if want := "there are no credentials of AWS to sign with (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"; f.Message != want || f.Next == "" {
			t.Errorf("got %s", read(f))
		}
	}
	if len(s.called()) != 0 {
		t.Error("it was called all the same")
	}
}

func TestLogin_unreadableConfiguration(t *testing.T) {
	serve(t, holding(full))
	t.Setenv("AWS_PROFILE", "nobody")
	_, err := New(Database{SecretARN: arn}).Login(t.Context())
	f := failed(t, err)
	if want := "the configuration of AWS cannot be read: failed to get shared config profile, nobody"; f.Message != want || f.Next == "" {
		t.Errorf("got %s", read(f))
	}
}

// listen serves connections until the test ends, which also closes them.
func listen(t *testing.T, each func(net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			each(c)
			defer c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l
}
