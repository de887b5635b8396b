package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// How long each part of the way may take. A serverless cluster that wakes
// accepts a connection and then stays silent for some 15 s.
const (
	resolveTime   = 5 * time.Second
	dialTime      = 10 * time.Second // all addresses of a name together
	handshakeTime = 30 * time.Second
)

// Route goes the way to the server, over a connection of its own and without
// logging in, and stops at the first link that is broken. Of an address that
// names several hosts it goes to the first.
func (c Config) Route(ctx context.Context) migration.Route {
	r := migration.Route{Host: c.conn.Host, Port: int(c.conn.Port), Socket: strings.HasPrefix(c.conn.Host, "/")}
	r.TLS.Mode = c.tlsMode()
	if r.Socket {
		return r
	}
	began := time.Now()
	stop := func(link migration.Link, err error) migration.Route {
		r.Broken, r.Failure = link, c.connectFailure(ctx, err, time.Since(began))
		r.Fault = FaultOf(r.Failure)
		return r
	}
	var err error
	if r.Addresses, err = resolve(ctx, r.Host); err != nil {
		return stop(migration.LinkName, err)
	}
	began = time.Now()
	conn, err := c.dial(ctx, r.Addresses)
	if err != nil {
		return stop(migration.LinkPort, err)
	}
	defer conn.Close()
	if c.conn.TLSConfig == nil {
		return r
	}
	began = time.Now()
	if err := c.handshake(ctx, conn, &r.TLS); err != nil {
		return stop(migration.LinkTLS, err)
	}
	return r
}

// tlsMode reads the mode back from what pgx made of it.
func (c Config) tlsMode() migration.TLSMode {
	t := c.conn.TLSConfig
	switch {
	case t == nil && !slices.ContainsFunc(c.conn.Fallbacks, encrypts):
		return migration.TLSDisabled
	case !c.demandsTLS():
		return migration.TLSPreferred
	case !t.InsecureSkipVerify:
		return migration.TLSVerifiedFull
	case t.VerifyPeerCertificate != nil || t.VerifyConnection != nil:
		return migration.TLSVerifiedCA
	}
	return migration.TLSRequired
}

func resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses), err
}

// dial connects to the first address that answers; the error is that of the last.
func (c Config) dial(ctx context.Context, addresses []netip.Addr) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	for _, a := range addresses {
		conn, err = c.conn.DialFunc(ctx, "tcp", net.JoinHostPort(a.String(), strconv.Itoa(int(c.conn.Port))))
		if err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("dial error: %w", err) // as pgx calls it, for connectFailure
}

// handshake takes up TLS as a client of PostgreSQL does. A server without it is
// no error where TLS was only preferred; e.Version stays "" then.
func (c Config) handshake(ctx context.Context, conn net.Conn, e *migration.Encryption) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if c.conn.SSLNegotiation != "direct" {
		switch takes, err := takesTLS(conn); {
		case err != nil:
			return inTime(err)
		case !takes && c.demandsTLS():
			return errors.New(refusedTLS)
		case !takes:
			return nil
		}
	}
	t := tls.Client(conn, c.conn.TLSConfig)
	err := t.HandshakeContext(ctx)
	certificates := t.ConnectionState().PeerCertificates
	if err == nil {
		e.Version = tls.VersionName(t.ConnectionState().Version)
	}
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		certificates = unverified.UnverifiedCertificates
	}
	if len(certificates) > 0 {
		tell(certificates[0], e)
	}
	return inTime(err)
}

func tell(c *x509.Certificate, e *migration.Encryption) {
	e.Subject, e.Issuer, e.Until = named(c.Subject.CommonName, c.Subject.String()), named(c.Issuer.CommonName, c.Issuer.String()), c.NotAfter.UTC()
}

func named(common, whole string) string {
	if common != "" {
		return common
	}
	return whole
}

// takesTLS asks a server whether it takes TLS: the answer to an SSLRequest is
// one byte.
func takesTLS(conn net.Conn) (bool, error) {
	request := binary.BigEndian.AppendUint32(nil, 8)
	request = binary.BigEndian.AppendUint32(request, 80877103)
	if _, err := conn.Write(request); err != nil {
		return false, err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return false, err
	}
	switch answer[0] {
	case 'S':
		return true, nil
	case 'N':
		return false, nil
	}
	return false, errNotPostgreSQL
}

var errNotPostgreSQL = errors.New("what answers does not speak PostgreSQL's protocol")

// inTime gives a deadline that has passed the name that a context gives it.
func inTime(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}
