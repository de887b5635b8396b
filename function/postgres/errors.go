package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// SQLSTATEs that we branch on.
const (
	activeTransaction  = "25001" // cannot run inside a transaction block
	invalidTermination = "2D000" // COMMIT or ROLLBACK inside DO or CALL
	lockNotAvailable   = "55P03"
	deadlockDetected   = "40P01"
	queryCanceled      = "57014"
	adminShutdown      = "57P01"
	crashShutdown      = "57P02"
	cannotConnectNow   = "57P03"
	idleTimeout        = "57P05"
	idleInTransaction  = "25P03"
	transactionTimeout = "25P04"
	internalError      = "XX000"
	readOnlyTransact   = "25006"
	invalidText        = "22P02"

	insufficientPrivilege = "42501"
	noSuchStatement       = "26000"
)

// failure turns an error of pgx into one that can be shown: PostgreSQL's words
// without secrets and without values of rows.
func (s *Session) failure(err error) *migration.Failure { return s.failureIn("", err) }

// failureIn is failure for an error about the file whose text is sql.
func (s *Session) failureIn(sql string, err error) *migration.Failure {
	var known *migration.Failure
	if errors.As(err, &known) {
		return known
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return lost(err)
	}
	message, hint := words(pg, sql)
	f := &migration.Failure{SQLState: pg.Code, Kind: kind(pg), Cause: err}
	if s.detail {
		message, hint = migration.Mask(pg.Message), migration.Mask(pg.Hint)
		f.Detail = migration.Mask(pg.Detail)
	}
	f.Message, f.Hint = pg.Severity+": "+message, hint
	return f
}

func kind(pg *pgconn.PgError) migration.FailureKind {
	switch pg.Code {
	case lockNotAvailable, deadlockDetected:
		return migration.LockWait
	case queryCanceled, transactionTimeout:
		return migration.Stopped
	case adminShutdown, crashShutdown, cannotConnectNow, idleTimeout, idleInTransaction:
		return migration.Disconnected
	}
	return migration.Refused
}

// lost is the failure of a connection that is gone: what it was doing may have
// taken effect or not.
func lost(err error) *migration.Failure {
	return &migration.Failure{
		Message: "the connection was lost: " + plain(err),
		Kind:    migration.Disconnected,
		Cause:   err,
	}
}

// plain names an error of the network without addresses and wrapping that say
// nothing.
func plain(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the server closed it"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	}
	return migration.Mask(err.Error())
}

// refusedTLS is what pgx says of a server without TLS.
const refusedTLS = "server refused TLS connection"

// connectFailure says why there is no connection after so long, and what to look at.
func (c Config) connectFailure(ctx context.Context, err error, took time.Duration) *migration.Failure {
	f := &migration.Failure{Kind: migration.Unreachable, Cause: err, State: "Nothing was sent to the database."}
	at := c.Address()
	var (
		pg      *pgconn.PgError
		dns     *net.DNSError
		strange *pgproto3.ExceededMaxBodyLenErr
	)
	switch {
	case errors.As(err, &pg):
		c.rejected(f, pg)
	case errors.Is(ctx.Err(), context.Canceled):
		f.Kind = migration.Stopped
		f.Message = fmt.Sprintf("interrupted while connecting to %s", at)
		f.Next = "Run the same command again."
	case errors.As(err, &dns):
		f.Message = fmt.Sprintf("the host name %s cannot be resolved", c.conn.Host)
		f.Next = "Check the host name; in a VPC, check that DNS resolution is on."
	case c.demandsTLS() && strings.Contains(err.Error(), refusedTLS):
		f.Message = fmt.Sprintf("%s speaks no TLS, and TLS is required", at)
		f.Next = "Turn TLS on at the server. On a laptop with a server of your own, write sslmode=disable into the URL."
	case isTLS(err):
		f.Message = fmt.Sprintf("the TLS handshake with %s failed: %s", at, tlsWords(err))
		f.Next = "Check that the root certificate is the one that signed the server's, and that the host name is the one it was made for."
	case dialTimedOut(err):
		f.Message = fmt.Sprintf("%s does not answer: no TCP connection within %s", at, min(took.Round(100*time.Millisecond), dialTimeout))
		f.Next = fmt.Sprintf("Check that the function is in the VPC's private subnets, that its security group lets %d out and the cluster's lets it in, and that the writer endpoint is the right one.", c.conn.Port)
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Message = fmt.Sprintf("%s refuses the connection: nothing listens there", at)
		f.Next = "Check host and port, and that the server is up."
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		f.Message = fmt.Sprintf("%s accepted the connection and then stayed silent", at)
		f.Next = "A paused serverless cluster takes some 15 seconds to wake: try again. If it stays silent, something that is not PostgreSQL may be listening there."
	case errors.As(err, &strange) || errors.Is(err, errNotPostgreSQL):
		f.Message = fmt.Sprintf("what answers at %s does not speak PostgreSQL's protocol", at)
		f.Next = "Check host and port: something else is listening there."
	default:
		f.Message = fmt.Sprintf("no connection to %s: %s", at, plain(rootCause(err)))
		f.Next = "Check host, port and the server's log."
	}
	return f
}

// FaultOf says what kind of thing kept us from connecting, given the failure of
// Open; "" where there is nothing particular to it.
func FaultOf(f *migration.Failure) migration.Fault {
	var (
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		strange *pgproto3.ExceededMaxBodyLenErr
	)
	switch err := f.Cause; {
	case f.SQLState != "":
		return ""
	case f.Kind == migration.Stopped:
		return migration.FaultStopped
	case errors.As(err, &host):
		return migration.FaultHostName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return migration.FaultExpired
	case errors.As(err, &unknown):
		return migration.FaultAuthority
	case strings.Contains(err.Error(), refusedTLS):
		return migration.FaultPlain
	case errors.Is(err, errNotPostgreSQL), errors.As(err, &strange):
		return migration.FaultStrange
	case errors.Is(err, syscall.ECONNREFUSED):
		return migration.FaultRefused
	case dialTimedOut(err):
		return migration.FaultNoAnswer
	case errors.Is(err, context.DeadlineExceeded):
		return migration.FaultSilent
	}
	return ""
}

// demandsTLS says that no attempt would be made without TLS.
func (c Config) demandsTLS() bool {
	plain := func(f *pgconn.FallbackConfig) bool { return !encrypts(f) }
	return c.conn.TLSConfig != nil && !slices.ContainsFunc(c.conn.Fallbacks, plain)
}

func encrypts(f *pgconn.FallbackConfig) bool { return f.TLSConfig != nil }

// rejected fills f in for a server that answered and said no.
func (c Config) rejected(f *migration.Failure, pg *pgconn.PgError) {
	f.SQLState = pg.Code
	f.Message = fmt.Sprintf("%s: %s", pg.Severity, migration.Mask(pg.Message))
	switch pg.Code {
	case "28P01":
		f.Next = fmt.Sprintf("Check the password of %s: the server did not accept it.", c.conn.User)
	case "28000":
		f.Next = fmt.Sprintf("Check that %s may log in to %s from here (pg_hba.conf, rds_iam, TLS).", c.conn.User, c.conn.Database)
	case "3D000":
		f.Next = fmt.Sprintf("Create the database %s, or name the right one.", c.conn.Database)
	case "53300":
		f.Next = "The server has no connection left: try again when it is less busy."
		f.RetryAfter = 30 * time.Second
	case cannotConnectNow:
		f.Next = "The server is starting or stopping: try again in a minute."
		f.RetryAfter = 30 * time.Second
	case "08P01":
		f.Next = "A pooler may stand between us and the server: connect to the writer endpoint itself."
	default:
		f.Next = "See the server's log."
	}
}

// dialTimedOut says that there was never a TCP connection. pgx replaces the
// error of the network by that of the context where both have ended.
func dialTimedOut(err error) bool {
	var timeout net.Error
	return strings.Contains(err.Error(), "dial error: ") && errors.As(err, &timeout) && timeout.Timeout()
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
