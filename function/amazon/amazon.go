// Package amazon is the edge to AWS: it gets the credentials of the database,
// from Secrets Manager or signed for IAM authentication, and the root
// certificates that the database is to be recognised by. Of everything that can
// be wrong on the way it says which resource of AWS is at fault, and the fix.
package amazon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Auth is how the database knows us.
type Auth string

// FromSecret is by the password in a secret of Secrets Manager; ByIAM is by a
// token that is signed here, without a password and without Secrets Manager.
const (
	FromSecret Auth = "secret"
	ByIAM      Auth = "iam"
)

// A Database is what is configured of one. What it leaves out, but for Auth, the
// secret may say; what it says wins over the secret. By IAM it has to say all.
type Database struct {
	Auth      Auth   // "": FromSecret
	SecretARN string // of FromSecret
	Host      string
	Port      uint16 // 0: what the secret says, else 5432
	Name      string
	User      string
	Cluster   string         // its resource id, which errors of IAM authentication name; "" where it is not known
	Roots     *x509.CertPool // nil: those of Amazon RDS
}

// A Login is all that a session needs to begin. TLS verifies the server in full:
// who signed its certificate, and that it is for Host.
type Login struct {
	Host     string
	Port     uint16
	Database string
	User     string
	Password Password
	TLS      *tls.Config
}

// Address is host:port.
func (l Login) Address() string { return net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port))) }

// A Password is one, or what stands for one. It cannot be printed, in whatever
// it is wrapped.
type Password struct {
	text *string // fmt does not follow pointers that are inside of something
}

func hidden(text string) Password { return Password{&text} }

// Reveal is the text; "" of the zero Password.
func (p Password) Reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}

func (p Password) String() string   { return "(hidden)" }
func (p Password) GoString() string { return "(hidden)" }

// secretLife is how long a secret that was read is taken for the present one. An
// apply begins a session or two, a person sends plan and then apply: those
// share one reading.
const secretLife = time.Minute

// A Source gives the credentials of one database. Making it costs nothing:
// there is no call, not even the configuration of the SDK is read, before the
// first Login. It may be used by several goroutines at once.
type Source struct {
	database Database
	now      func() time.Time

	turn   chan struct{} // full while somebody uses what follows
	sdk    *aws.Config   // nil before the first use
	secret *content      // nil: to be read
	read   time.Time     // when
}

// New is a Source for d, which is not checked; FromSettings checks.
func New(d Database) *Source {
	return &Source{database: d, now: time.Now, turn: make(chan struct{}, 1)}
}

// String says where the credentials come from, for people.
func (s *Source) String() string {
	if s.database.Auth == ByIAM {
		return "IAM authentication"
	}
	return "the secret " + s.database.SecretARN
}

// Login returns the credentials for one session, to be asked for anew for each.
// The error is a *migration.Failure, within 8 s.
func (s *Source) Login(ctx context.Context) (Login, error) {
	if err := s.take(ctx); err != nil {
		return Login{}, err
	}
	defer s.leave()
	d := s.database
	l := Login{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User}
	if d.Auth != ByIAM {
		if err := s.freshSecret(ctx); err != nil {
			return Login{}, err
		}
		if err := s.secret.fill(&l, d.SecretARN); err != nil {
			return Login{}, err
		}
	}
	if l.Port == 0 {
		l.Port = defaultPort
	}
	if d.Auth == ByIAM {
		var err error
		if l.Password, err = s.token(ctx, l); err != nil {
			return Login{}, err
		}
	}
	l.TLS = &tls.Config{ServerName: l.Host, RootCAs: d.Roots, MinVersion: tls.VersionTLS12}
	if l.TLS.RootCAs == nil {
		l.TLS.RootCAs = rdsRoots()
	}
	return l, nil
}

func (s *Source) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return interrupted("waiting for the credentials of the database", ctx.Err())
	}
}

func (s *Source) leave() { <-s.turn }
