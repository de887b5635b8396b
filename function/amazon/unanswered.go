package amazon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// noEndpoint is the way that a function in a private subnet needs.
const noEndpoint = "A private subnet reaches Secrets Manager only through an interface endpoint (CreateSecretsEndpoint makes one) or a NAT gateway. "

// unanswered is the failure where no answer came from where the call went, which
// is the network's doing; nil where one came.
func (s *Source) unanswered(err error, took time.Duration) *migration.Failure {
	var (
		dns     *net.DNSError
		dial    *net.OpError
		timeout net.Error
	)
	at, arn := s.endpoint(err), s.database.SecretARN
	within := took.Round(100 * time.Millisecond)
	var said, next string
	switch {
	case errors.As(err, &dns):
		said = fmt.Sprintf("the name %s cannot be resolved", at)
		next = noEndpoint + "Check that the endpoint has private DNS and the VPC has DNS resolution on, and the region in DB_SECRET_ARN."
	case untrusted(err):
		said = fmt.Sprintf("the TLS handshake with %s failed: %v", at, innermost(err))
		next = "Something stands between the function and Secrets Manager (a proxy?), or AWS_ENDPOINT_URL_SECRETS_MANAGER names another host."
	case errors.Is(err, syscall.ECONNREFUSED):
		said = fmt.Sprintf("%s refuses the connection", at)
		next = "Check AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL."
	case errors.As(err, &dial) && dial.Op == "dial" && dial.Timeout():
		said = fmt.Sprintf("%s does not answer: no TCP connection within %s", at, within)
		next = noEndpoint + "If there is one, its security group has to let 443 in from the function's, and the function's has to let 443 out to it."
	case errors.As(err, &dial) && dial.Op == "dial":
		said = fmt.Sprintf("there is no way to %s: %v", at, dial.Err)
		next = noEndpoint + "Check the function's subnets and their routes."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		said = fmt.Sprintf("%s accepted the connection and then stayed silent for %s", at, within)
		next = "Try again. If it stays silent, see what stands between the function and the endpoint (network ACLs, a firewall, a proxy)."
	case errors.As(err, &dial), calledHost(err) != "":
		said = fmt.Sprintf("the connection to %s broke", at)
		next = "Try again. If it breaks again, see what stands between the function and the endpoint (a firewall, a proxy)."
	default:
		return nil
	}
	return failure(fmt.Sprintf("the secret %s cannot be read: %s", arn, said), next+s.abroad(), err)
}

// abroad adds what matters where the secret is not in the function's region.
func (s *Source) abroad() string {
	region := arnOfSecret.FindStringSubmatch(s.database.SecretARN)
	if region == nil || s.sdk == nil || s.sdk.Region == "" || region[1] == s.sdk.Region {
		return ""
	}
	return fmt.Sprintf(" The secret is in %s and the function in %s, whose endpoints serve that region alone.", region[1], s.sdk.Region)
}

func untrusted(err error) bool {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
		host   x509.HostnameError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &host)
}

func innermost(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// calledHost is the host of the call that failed; "" where it was answered.
func calledHost(err error) string {
	var called *url.Error
	if !errors.As(err, &called) {
		return ""
	}
	u, err := url.Parse(called.URL)
	if err != nil {
		return ""
	}
	return u.Host
}
