package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

const (
	secretARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-AbCdEf"
	marked    = "s3cr3t-" // begins every password here, for a look at what was told
)

// vault is a secret in Secrets Manager, and answers as that does.
type vault struct {
	*httptest.Server
	mu       sync.Mutex
	password string
	refusal  string // in place of the secret, where there is one
	calls    int
}

func newVault(t *testing.T) *vault {
	v := &vault{password: marked + "one"}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *vault) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if v.refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, v.refusal)
		return
	}
	secret, _ := json.Marshal(map[string]string{"username": "migrator", "password": v.password})
	_ = json.NewEncoder(w).Encode(map[string]any{"ARN": secretARN, "SecretString": string(secret)})
}

// What Secrets Manager says where it gives no secret.
const (
	notAllowed = `{"__type":"AccessDeniedException","Message":"User: runner is not authorized to perform: secretsmanager:GetSecretValue because no identity-based policy allows it"}`
	notThere   = `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`
	revoked    = `{"__type":"InvalidRequestException","Message":"You can't perform this operation on the secret because it was marked for deletion."}`
)

// set changes what is answered from now on: the secret with this password, or
// the refusal if there is one.
func (v *vault) set(password, refusal string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.password, v.refusal = password, refusal
}

func (v *vault) called() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls
}

// A cloud is the deployed function, its secret, and a database with TLS.
type cloud struct {
	*testing.T
	vault     *vault
	bootstrap string
	server    *devdb.Server
	db        *pgtest.DB
	lambda    *lambdatest.Lambda
	logs      *logBuffer
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	bootstrap, err := bootstrapWith(t, "")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{T: t, vault: newVault(t), bootstrap: bootstrap, server: pgtest.Private(t, map[string]string{"ssl": "on"}), logs: new(logBuffer)}
	c.db = pgtest.On(t, c.server)
	c.db.Exec(t, "CREATE ROLE migrator LOGIN PASSWORD '"+marked+"one'")
	c.db.Exec(t, "ALTER DATABASE "+c.db.Name+" OWNER TO migrator")
	t.Cleanup(func() {
		if c.lambda != nil {
			c.lambda.Close()
		}
		if strings.Contains(c.logs.String(), marked) {
			t.Errorf("a password was logged:\n%s", c.logs)
		}
	})
	return c
}

// deploy serves the function with what the stack says, changed by env.
func (c *cloud) deploy(env ...string) {
	c.Helper()
	if c.lambda != nil {
		c.lambda.Close()
	}
	u, err := url.Parse(c.db.URL)
	if err != nil {
		c.Fatal(err)
	}
	values := map[string]string{
		"DB_AUTH": "secret", "DB_SECRET_ARN": secretARN, "DB_HOST": u.Hostname(), "DB_PORT": u.Port(), "DB_NAME": c.db.Name, "DB_USER": "",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": c.vault.URL, "AWS_REGION": "eu-central-1", "MIGRATE_CLUSTER_ID": "cluster-ABC",
		"DB_ROOT_CERTIFICATES": filepath.Join(c.TempDir(), "root.pem"),
	}
	if root, err := os.ReadFile(c.server.CertFile()); err != nil || os.WriteFile(values["DB_ROOT_CERTIFICATES"], root, 0o644) != nil {
		c.Fatal("no root: ", err)
	}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	f := lambdatest.Function{Name: "runner", Bootstrap: c.bootstrap, Timeout: time.Minute, MemoryMB: 256, Logs: c.logs}
	for name, value := range values {
		f.Env = append(f.Env, name+"="+value)
	}
	if c.lambda, err = lambdatest.Start(f); err != nil {
		c.Fatal(err)
	}
}

// answer is of a report what is looked at here.
type answer struct {
	Outcome string
	Plan    struct{ Digest string }
	Failure struct{ Message, Next, SQLState string } `json:"error"`
	Checks  []struct{ Name, State string }
	Screen  []string
}

// broken is the first link that doctor found broken.
func (a answer) broken() string {
	for _, c := range a.Checks {
		if c.State == "broken" {
			return c.Name
		}
	}
	return ""
}

// invoke sends an event; the answer comes within seconds and tells no password.
func (c *cloud) invoke(event string) (a answer) {
	c.Helper()
	began := time.Now()
	text, failed, err := c.lambda.Invoke(c.Context(), "runner", []byte(event))
	if err != nil || failed != "" {
		c.Fatalf("%s %v\n%s", failed, err, text)
	}
	if took := time.Since(began); took > 10*time.Second {
		c.Errorf("%s took %s", event, took)
	}
	if bytes.Contains(text, []byte(marked)) {
		c.Errorf("a password was told:\n%s", text)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		c.Fatal(err)
	}
	return a
}

// applied plans, does something in between, and applies.
func (c *cloud) applied(between func()) {
	c.Helper()
	p := c.invoke(`{"action":"plan"}`)
	if p.Outcome != "planned" {
		c.Fatalf("plan:\n%s", strings.Join(p.Screen, "\n"))
	}
	between()
	if a := c.invoke(fmt.Sprintf(`{"action":"apply","plan":%q}`, p.Plan.Digest)); a.Outcome != "applied" {
		c.Fatalf("apply:\n%s", strings.Join(a.Screen, "\n"))
	}
}

// A password that is rotated between plan and apply costs one more reading of
// the secret, and no plan.
func TestCredentials_rotatedBetweenPlanAndApply(t *testing.T) {
	c := newCloud(t)
	c.deploy()
	c.applied(func() {
		c.db.Exec(t, "ALTER ROLE migrator PASSWORD '"+marked+"two'")
		c.vault.set(marked+"two", "")
	})
	if got := c.vault.called(); got != 2 {
		t.Errorf("the secret was read %d times, and that should be once and once more", got)
	}
	if got := c.db.Query(t, "SELECT tableowner FROM pg_tables WHERE tablename = 'dry_run_log'"); got != "migrator" {
		t.Errorf("the table is owned by %q", got)
	}
}

// A secret that is revoked between plan and apply, with the password that it
// held, takes the way to the database from a function that remembers both.
func TestCredentials_revokedBetweenPlanAndApply(t *testing.T) {
	c := newCloud(t)
	c.deploy()
	p := c.invoke(`{"action":"plan"}`)
	c.db.Exec(t, "ALTER ROLE migrator PASSWORD '"+marked+"two'")
	c.vault.set("", revoked)
	a := c.invoke(fmt.Sprintf(`{"action":"apply","plan":%q}`, p.Plan.Digest))
	const next = "Reading the secret once more, for it may have been rotated, failed: the secret " + secretARN + " is marked for deletion"
	if a.Outcome != "failed" || a.Failure.SQLState != "28P01" || !strings.HasPrefix(a.Failure.Next, next) {
		t.Errorf("%s %+v", a.Outcome, a.Failure)
	}
	if got := c.db.Query(t, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"); got != "0" {
		t.Errorf("there are %s tables", got)
	}
}

// Each way in which credentials and certificates can be wrong has its message,
// within seconds.
func TestCredentials_whatIsWrong(t *testing.T) {
	c := newCloud(t)
	plain, err := url.Parse(pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	address := func() string { u, _ := url.Parse(c.db.URL); return u.Host }
	for _, w := range []wrong{
		{"the password is another", func() []string { c.vault.set(marked+"other", ""); return nil },
			`FATAL: password authentication failed for user "migrator"`, "The secret " + secretARN + " was read once more and still holds the password that the server refuses.", "login"},
		{"the user is another", func() []string { return []string{"DB_USER=planner"} },
			`FATAL: password authentication failed for user "planner"`, "DB_USER is planner, and the password in the secret " + secretARN + " is that of migrator", "login"},
		{"the permission was taken away", func() []string { c.vault.set("", notAllowed); return nil },
			"the secret " + secretARN + " may not be read by the function's role (AccessDeniedException: ", "Allow secretsmanager:GetSecretValue on exactly this ARN", "credentials"},
		{"the secret is not there", func() []string { c.vault.set("", notThere); return nil },
			"the secret " + secretARN + " does not exist (ResourceNotFoundException: ", "Check DB_SECRET_ARN", "credentials"},
		{"the secret was revoked", func() []string { c.vault.set("", revoked); return nil },
			"the secret " + secretARN + " is marked for deletion (InvalidRequestException: ", "Restore it (aws secretsmanager restore-secret", "credentials"},
		{"roots of Amazon RDS", func() []string { return []string{"DB_ROOT_CERTIFICATES="} },
			"the TLS handshake with {address} failed: no root certificate that we trust has signed the server's", "The roots of Amazon RDS are trusted, and none of them has signed the server's certificate.", "tls"},
		{"another root", func() []string { return []string{"DB_ROOT_CERTIFICATES=" + newAuthority(t).pem()} },
			"the TLS handshake with {address} failed: no root certificate that we trust has signed the server's", "None of the certificates in DB_ROOT_CERTIFICATES has signed the server's", "tls"},
		{"an expired certificate", func() []string { return c.certify("127.0.0.1", -time.Hour) },
			"the TLS handshake with {address} failed: the certificate is valid from ", "Check that", "tls"},
		{"another host name", func() []string { return c.certify("app.cluster-abc.eu-central-1.rds.amazonaws.com", time.Hour) },
			"the TLS handshake with {address} failed: the certificate is for another host name than 127.0.0.1", "Check that", "tls"},
		{"no TLS", func() []string { return []string{"DB_HOST=" + plain.Hostname(), "DB_PORT=" + plain.Port()} },
			plain.Host + " speaks no TLS, and TLS is required", "Turn TLS on at the server.", "tls"},
	} {
		t.Run(w.name, func(t *testing.T) {
			c.vault.set(marked+"one", "")
			c.deploy(w.arrange()...)
			w.message = strings.ReplaceAll(w.message, "{address}", address())
			here := *c
			here.T = t
			here.told(w)
		})
	}
}

// The trouble that users of functions in a VPC meet first: packets that are
// dropped, on the way to the secret or to the database.
func TestCredentials_swallowedPackets(t *testing.T) {
	t.Parallel() // it mostly waits
	deaf := pgtest.Deaf(t)
	host, port, _ := strings.Cut(deaf, ":")
	for _, w := range []wrong{
		{"the endpoint of Secrets Manager", func() []string { return []string{"AWS_ENDPOINT_URL_SECRETS_MANAGER=http://" + deaf} },
			"the secret " + secretARN + " cannot be read: " + deaf + " does not answer: no TCP connection within ", "A private subnet reaches Secrets Manager only through", "credentials"},
		{"the database", func() []string { return []string{"DB_HOST=" + host, "DB_PORT=" + port} },
			deaf + " does not answer: no TCP connection within 5s", "Check that the function is in the VPC's private subnets, that its security group lets " + port + " out", "port"},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.deploy(w.arrange()...)
			c.told(w)
		})
	}
}

// wrong is one thing that is wrong, and how it is told.
type wrong struct {
	name          string
	arrange       func() []string // changes of the environment
	message, next string          // how they begin
	link          string          // that doctor finds broken
}

// told says that plan and doctor tell what is wrong.
func (c *cloud) told(w wrong) {
	c.Helper()
	a := c.invoke(`{"action":"plan"}`)
	if a.Outcome != "failed" || !strings.HasPrefix(a.Failure.Message, w.message) {
		c.Errorf("%s\ngot  %s\nwant %s", a.Outcome, a.Failure.Message, w.message)
	}
	if !strings.HasPrefix(a.Failure.Next, w.next) {
		c.Errorf("next is %q, and should begin with %q", a.Failure.Next, w.next)
	}
	if d := c.invoke(`{"action":"doctor"}`); d.Outcome != "unhealthy" || d.broken() != w.link {
		c.Errorf("doctor is %s: %q is broken, and %q should be:\n%s", d.Outcome, d.broken(), w.link, strings.Join(d.Screen, "\n"))
	}
}

// By IAM a token is the password, and Secrets Manager is not asked. No server but
// Amazon's can check a token; here the server is told which one to take.
func TestCredentials_byIAM(t *testing.T) {
	c := newCloud(t)
	c.deploy("DB_AUTH=iam", "DB_SECRET_ARN=", "DB_USER=migrator")
	a := c.invoke(`{"action":"plan"}`)
	const next = `Check that the cluster has IAM authentication on, that the user may log in that way (GRANT rds_iam TO "migrator"), and that the function's role may rds-db:connect to arn:aws:rds-db:eu-central-1:ACCOUNT:dbuser:cluster-ABC/migrator.`
	if a.Failure.SQLState != "28P01" || a.Failure.Next != next {
		t.Errorf("%+v", a.Failure)
	}
	if got := c.vault.called(); got != 0 {
		t.Errorf("Secrets Manager was called %d times", got)
	}

	u, err := url.Parse(c.db.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", marked+"key")
	t.Setenv("AWS_REGION", "eu-central-1")
	read, err := readConfig([]string{"DB_AUTH=iam", "DB_HOST=" + u.Hostname(), "DB_PORT=" + u.Port(), "DB_NAME=" + c.db.Name, "DB_USER=migrator",
		"DB_ROOT_CERTIFICATES=" + c.server.CertFile()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := read.source.Login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.db.Exec(t, "ALTER ROLE migrator PASSWORD '"+l.Password.Reveal()+"'")
	config, err := parts(l, "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := postgres.Open(t.Context(), config, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if got := session.Facts().Target.User; got != "migrator" {
		t.Errorf("logged in as %s", got)
	}
}
