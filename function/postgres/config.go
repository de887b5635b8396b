// Package postgres is the edge to the database: it connects, holds the lock,
// keeps the history, looks at what is there and executes steps. Everything it
// returns is a value of migration or catalog; pgx does not leave it.
package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Config says where a database is and who we are there. It cannot be
// printed: a password is in it.
type Config struct {
	conn    *pgx.ConnConfig
	cluster string
}

// dialTimeout: a writer endpoint that does not complete a TCP handshake by then
// is out of reach. One that does and then stays silent may be a paused
// serverless cluster, which takes some 15 s to wake; so the whole connect may
// take answerTimeout.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 60 * time.Second
)

// ParseURL reads a connection URL, or a libpq keyword string, as it is written,
// sslmode included. The error never holds the password. cluster is the
// cluster's resource id, "" to ask the server for its system identifier.
func ParseURL(url, cluster string) (Config, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		// pgx masks the password; what it wraps may quote the URL again.
		return Config{}, errors.New("the database URL cannot be read: want postgres://user:password@host:5432/database?sslmode=verify-full (percent-encode what is special in the password)")
	}
	return newConfig(c, cluster), nil
}

// Parts are what a connection is made of where it does not come as a URL.
type Parts struct {
	Host     string
	Port     uint16
	Database string
	User     string
	Password string
	TLS      *tls.Config // nil is refused: without a URL that says so, there is no connection without TLS
	Cluster  string
}

// NewConfig makes a Config of parts.
func NewConfig(p Parts) (Config, error) {
	if p.TLS == nil {
		return Config{}, errors.New("postgres: a connection made of parts needs TLS")
	}
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return Config{}, err
	}
	c.Host, c.Port, c.Database, c.User, c.Password = p.Host, p.Port, p.Database, p.User, p.Password
	c.TLSConfig, c.Fallbacks = p.TLS, nil
	return newConfig(c, p.Cluster), nil
}

func newConfig(c *pgx.ConnConfig, cluster string) Config {
	dialer := &net.Dialer{
		Timeout: dialTimeout,
		// A writer that failed over says no goodbye.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4},
	}
	c.DialFunc = dialer.DialContext
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = answerTimeout
	}
	// One round trip for each query: nothing is prepared beforehand.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	return Config{conn: c, cluster: cluster}
}

// Address is host:port, for people.
func (c Config) Address() string {
	if c.conn == nil {
		return ""
	}
	return net.JoinHostPort(c.conn.Host, strconv.Itoa(int(c.conn.Port)))
}

// User is who logs in.
func (c Config) User() string { return c.conn.User }

// Database is the database connected to.
func (c Config) Database() string { return c.conn.Database }

// String tells nothing that is secret.
func (c Config) String() string {
	if c.conn == nil {
		return "no database"
	}
	return fmt.Sprintf("%s@%s/%s", c.conn.User, c.Address(), c.conn.Database)
}

// GoString keeps %#v from printing the password.
func (c Config) GoString() string { return c.String() }

// WithDial returns a copy of c that connects through dial. It is for tests that
// count round trips or break connections.
func (c Config) WithDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) Config {
	d := c.conn.Copy()
	d.DialFunc = dial
	return Config{conn: d, cluster: c.cluster}
}

// connect opens a connection that calls itself application. Once silent is set,
// pgx dials no more for it: closing a connection in the middle of a statement,
// it would ask the server to cancel that statement.
func (c Config) connect(ctx context.Context, application string, silent *atomic.Bool) (*pgx.Conn, error) {
	cc := c.conn.Copy()
	if cc.RuntimeParams == nil {
		cc.RuntimeParams = map[string]string{}
	}
	cc.RuntimeParams["application_name"] = application
	dial := cc.DialFunc
	cc.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if silent.Load() {
			return nil, net.ErrClosed
		}
		return dial(ctx, network, address)
	}
	began := time.Now()
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, c.connectFailure(ctx, err, time.Since(began))
	}
	return conn, nil
}
