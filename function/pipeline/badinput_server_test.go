package pipeline_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// login makes a role with the password that is not to be told, and connects as it.
func (s *scene) login(attributes string) (role string) {
	s.Helper()
	role, _ = s.db.Role(s, attributes)
	s.db.Exec(s, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", role, password))
	s.connect(s.db.As(role, password))
	return role
}

// another is a database beside the scene's, alike but for its name.
func another(s *scene) string {
	other := pgtest.New(s)
	other.Exec(s, "CREATE TABLE seen (id int)")
	baselined(s, other)
	return other.URL
}

func badRoles() []badInput {
	as := func(name string, outcome migration.Outcome, arrange func(*scene), next string, says ...string) badInput {
		return badInput{name: name, before: people, files: []string{"002_b.sql", "CREATE TABLE b ();\nALTER TABLE people ADD COLUMN x int;\n"},
			outcome: outcome, says: says, next: next, arrange: func(s *scene) {
				adopt(s)
				arrange(s)
			}}
	}
	history := "GRANT USAGE ON SCHEMA atlas_schema_revisions TO %s; GRANT ALL ON ALL TABLES IN SCHEMA atlas_schema_revisions TO %[1]s"
	return []badInput{
		as("no right to create in the schema", migration.Failed, func(s *scene) {
			s.db.Exec(s, fmt.Sprintf(history, s.login("")))
		}, "Grant what is missing", "42501", "permission denied for schema public", "002_b.sql:1:14: statement 1 of 2", "Nothing of this file was kept"),
		as("a table of another owner", migration.Failed, func(s *scene) {
			role := s.login("")
			s.db.Exec(s, fmt.Sprintf(history, role)+"; GRANT CREATE ON SCHEMA public TO "+role)
		}, "Grant what is missing", "42501", "must be owner of table people", "002_b.sql:2: statement 2 of 2", "Nothing of this file was kept"),
		as("no right to read the history", migration.Failed, func(s *scene) { s.login("") },
			"GRANT SELECT ON", "42501", "Nothing was changed", "permission denied for"),
		as("no right to write the history", migration.Failed, func(s *scene) {
			role := s.login("")
			s.db.Exec(s, "GRANT USAGE ON SCHEMA atlas_schema_revisions TO "+role+"; GRANT SELECT ON ALL TABLES IN SCHEMA atlas_schema_revisions TO "+role+"; GRANT CREATE ON SCHEMA public TO "+role+"; ALTER TABLE people OWNER TO "+role)
		}, "GRANT SELECT, INSERT, UPDATE, DELETE", "42501", "permission denied for table atlas_schema_revisions", "history"),
		{name: "no right to make the history", files: twoFiles, outcome: migration.Failed, arrange: func(s *scene) {
			s.db.Exec(s, "GRANT CREATE ON SCHEMA public TO "+s.login(""))
		}, says: []string{"42501", "permission denied for database", "history"}, next: "GRANT CREATE ON DATABASE"},
		{name: "no right to make the history, by baseline", before: people, files: twoFiles, outcome: migration.Failed, arrange: func(s *scene) {
			s.login("")
			r := do(s, s.p, baselineOf("001"))
			s.request = baselineOf("001")
			s.request.Plan = r.Plan.Digest.String()
		}, says: []string{"42501", "permission denied for database", "history"}, next: "GRANT CREATE ON DATABASE"},
		as("a role that is not there", migration.Blocked, func(s *scene) {
			s.login("")
			s.p.Settings.Role = "nobody_at_all"
		}, "CREATE ROLE nobody_at_all NOLOGIN", "the configured role nobody_at_all does not exist"),
		as("a role that may not be SET", migration.Blocked, func(s *scene) {
			owner, _ := s.db.Role(s, "")
			s.login("")
			s.p.Settings.Role = owner
		}, "GRANT role_", "may not SET ROLE role_"),
		as("a role with its attributes only, not SET", migration.Blocked, func(s *scene) {
			owner, _ := s.db.Role(s, "")
			if pgtest.Major(s) < 16 {
				s.Skip("PostgreSQL has WITH SET since 16")
			}
			role := s.login("")
			s.db.Exec(s, fmt.Sprintf("GRANT %s TO %s WITH SET FALSE", owner, role))
			s.p.Settings.Role = owner
		}, "GRANT role_", "may not SET ROLE role_"),
		as("a role whose transactions are read-only", migration.Blocked, func(s *scene) {
			s.db.Exec(s, "ALTER ROLE "+s.login("")+" SET default_transaction_read_only = on")
		}, "SET default_transaction_read_only = off", "read-only by default"),
		as("a database whose transactions are read-only", migration.Blocked, func(s *scene) {
			s.db.Exec(s, "ALTER DATABASE "+s.db.Name+" SET default_transaction_read_only = on")
		}, "SET default_transaction_read_only = off", "read-only by default"),
		as("a role without a connection left", migration.Failed, func(s *scene) { s.login("CONNECTION LIMIT 0") }, "less busy", "53300", "too many connections"),
		as("a role that may not log in", migration.Failed, func(s *scene) {
			s.db.Exec(s, "ALTER ROLE "+s.login("")+" NOLOGIN")
		}, "may log in", "28000"),
	}
}

func badServers() []badInput {
	at := func(name string, arrange func(*scene), next string, says ...string) badInput {
		return badInput{name: name, files: twoFiles, outcome: migration.Failed, arrange: arrange, says: append(says, "Nothing was sent to the database."), next: next}
	}
	refusing := func(reason string, c badInput) badInput {
		c.outcome, c.says = migration.Blocked, []string{reason}
		return c
	}
	return []badInput{
		at("wrong password", func(s *scene) { s.connect(s.db.As("postgres", password)) }, "Check the password of postgres", "28P01"),
		at("a user that is not there", func(s *scene) { s.connect(s.db.As("nobody_at_all", password)) }, "Check the password of nobody_at_all", "28P01"),
		at("a database that is not there", func(s *scene) { s.connect(s.edit(func(u *url.URL) { u.Path = "/nowhere" })) }, "Create the database nowhere", "3D000"),
		at("a host that does not answer", func(s *scene) {
			s.connectTo(pgtest.Deaf(s.T))
			s.request = planTo("") // once is long enough
		}, "security group", "does not answer: no TCP connection within 5s"),
		at("a host that does not answer, and little time", func(s *scene) {
			s.connectTo(pgtest.Deaf(s.T))
			s.patience = time.Second
		}, "security group", "does not answer: no TCP connection within "),
		at("a port that refuses", func(s *scene) { s.connectTo(closed(s.T)) }, "Check host and port", "refuses the connection"),
		at("a host name that is not there", func(s *scene) { s.connectTo("no-such-host.invalid:5432") }, "Check the host name", "no-such-host.invalid cannot be resolved"),
		at("a server that stays silent", func(s *scene) {
			s.connectTo(serve(s.T, silent))
			s.patience = time.Second // its caller's: a server may be as slow as that
		}, "A paused serverless cluster", "then stayed silent"),
		at("a server that hangs up", func(s *scene) { s.connectTo(serve(s.T, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) })) }, "Check host, port", "the server closed it"),
		at("a server that is not PostgreSQL", func(s *scene) {
			s.connectTo(serve(s.T, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }))
		}, "something else is listening", "does not speak PostgreSQL's protocol"),
		at("a server without TLS", func(s *scene) {
			s.connect(s.edit(func(u *url.URL) { u.RawQuery = "sslmode=require" }))
		}, "Turn TLS on at the server", "speaks no TLS, and TLS is required"),
		at("an address that cannot be read", func(s *scene) {
			s.p.Connect = func(context.Context) (postgres.Config, error) {
				return postgres.ParseURL("postgres://u:"+password+"@h:notaport/d", "")
			}
		}, "Check", "the database URL cannot be read"),
		at("credentials that cannot be had", func(s *scene) {
			s.p.Connect = func(context.Context) (postgres.Config, error) {
				return postgres.Config{}, errors.New("read the secret: password=" + password + " is not JSON")
			}
		}, "credentials", "read the secret"),
		refusing("a connection pooler stands between us", at("a pooler in between", func(s *scene) { s.through(pooled(s)) }, "writer endpoint")),
		refusing("is a reader", at("a reader", func(s *scene) { s.connect(pgtest.Standby(s)) }, "writer endpoint")),
	}
}

// edit is the address of the scene's database with something changed.
func (s *scene) edit(change func(*url.URL)) string {
	u, err := url.Parse(s.db.URL)
	if err != nil {
		s.Fatal(err)
	}
	change(u)
	return u.String()
}

// connectTo connects to somewhere that is not the scene's database.
func (s *scene) connectTo(address string) {
	s.connect("postgres://u:" + password + "@" + address + "/d?sslmode=disable")
}

// closed is an address where nothing listens.
func closed(t testing.TB) string {
	t.Helper()
	l := listen(t)
	_ = l.Close()
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serve is an address where each connection gets what answer makes of it.
func serve(t testing.TB, answer func(net.Conn)) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
	return l.Addr().String()
}

// silent reads and says nothing until the other side hangs up.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// pooled connects to the scene's database in such a way that it says another
// number for its backend than the one that answers, as poolers do.
func pooled(s *scene) postgres.Config {
	config, err := postgres.ParseURL(s.db.URL, "")
	if err != nil {
		s.Fatal(err)
	}
	return config.WithDial(func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		return &otherBackend{Conn: c}, err
	})
}

// otherBackend alters the BackendKeyData that passes through it.
type otherBackend struct {
	net.Conn
	done bool
}

func (c *otherBackend) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if at := bytes.Index(b[:n], []byte{'K', 0, 0, 0, 12}); !c.done && at >= 0 && at+9 <= n {
		pid := b[at+5 : at+9]
		binary.BigEndian.PutUint32(pid, binary.BigEndian.Uint32(pid)+1)
		c.done = true
	}
	return n, err
}

func badCertificates() []badInput {
	verified := func(name string, arrange func(*scene) (address, root string), next string, says ...string) badInput {
		return badInput{name: name, files: twoFiles, outcome: migration.Failed, says: append(says, "Nothing was sent to the database."), next: next,
			arrange: func(s *scene) {
				address, root := arrange(s)
				s.connect("postgres://u:" + password + "@" + address + "/d?sslmode=verify-full&sslrootcert=" + root)
			}}
	}
	now, loopback := time.Now(), net.IPv4(127, 0, 0, 1)
	return []badInput{
		verified("a certificate of an unknown authority", func(s *scene) (string, string) {
			address, _ := secured(s)
			_, other := certificate(s.T, now.Add(time.Hour), loopback)
			return address, other
		}, "root certificate", "TLS handshake", "no root certificate that we trust has signed the server's"),
		verified("a certificate for another host", func(s *scene) (string, string) {
			pair, root := certificate(s.T, now.Add(time.Hour), net.IPv4(192, 0, 2, 1))
			return serve(s.T, speakTLS(pair)), root
		}, "host name", "the certificate is for another host name than 127.0.0.1"),
		verified("a certificate that has expired", func(s *scene) (string, string) {
			pair, root := certificate(s.T, now.Add(-time.Hour), loopback)
			return serve(s.T, speakTLS(pair)), root
		}, "certificate", "valid from", "which is not now"),
	}
}

// secured is the address of a real server that speaks TLS, and the file of the
// certificate that signed its own.
func secured(s *scene) (address, root string) {
	server := pgtest.Private(s, map[string]string{"ssl": "on"})
	u, err := url.Parse(server.URL(""))
	if err != nil {
		s.Fatal(err)
	}
	return u.Host, server.CertFile()
}

// certificate is one for a host that signed itself, and a file with it.
func certificate(t testing.TB, until time.Time, host net.IP) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{host},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// speakTLS takes up TLS as PostgreSQL does, and says nothing more.
func speakTLS(pair tls.Certificate) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := io.ReadFull(c, make([]byte, 8)); err != nil { // SSLRequest
			return
		}
		_, _ = c.Write([]byte{'S'})
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
	}
}
