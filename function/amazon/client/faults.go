package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const (
	nothingSent = "Nothing was sent to the database."
	// mayRun is the state after a call of which nobody knows whether it arrived.
	mayRun = "What was sent may be under way: it goes on without whoever asked for it."

	shortly = 5 * time.Second  // until a service that is busy takes the next call
	waking  = 30 * time.Second // until a function that was idle for weeks is ready
)

// A call is what was asked of which service.
type call struct {
	service    string
	endpoint   string // the variable that names another one
	permission string
	resource   string
	harmless   bool // it changes nothing, whether or not it arrived
}

func unreachable(message, next string, cause error) *migration.Failure {
	return &migration.Failure{Kind: migration.Unreachable, Message: message, State: nothingSent, Next: next, Cause: cause}
}

func refused(message, next string, cause error) *migration.Failure {
	return &migration.Failure{Kind: migration.Refused, Message: message, State: nothingSent, Next: next, Cause: cause}
}

// stopped is a call that nobody waited for to its end.
func stopped(doing string, cause error, harmless bool) *migration.Failure {
	message := "interrupted while " + doing
	if errors.Is(cause, context.DeadlineExceeded) {
		message = "the time was over (--timeout) while " + doing
	}
	if harmless {
		return unreachable(message, "Run the same command again.", cause)
	}
	return &migration.Failure{Kind: migration.Stopped, Message: message, State: mayRun,
		Next: "Run the same command again: it joins what is under way, or tells how it ended.", Cause: cause}
}

func withoutCredentials(err error) *migration.Failure {
	if text := err.Error(); strings.Contains(text, "SSO") || strings.Contains(text, "expired") {
		return unreachable("the credentials of AWS have expired: "+innermost(err), "Log in again (aws sso login), or renew them, then run the same command again.", err)
	}
	return unreachable("there are no credentials of AWS: "+innermost(err),
		"Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in (aws sso login); aws sts get-caller-identity tells who you are.", err)
}

// fault says what went wrong with a call, and what is known of it.
func (c *Client) fault(ctx context.Context, to call, err error) *migration.Failure {
	if ctx.Err() != nil {
		return stopped("waiting for "+to.service, ctx.Err(), to.harmless)
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "UnknownError" {
		return c.denied(to, api)
	}
	if strings.Contains(err.Error(), "get credentials") {
		return withoutCredentials(err) // they were there in the beginning, and had to be renewed
	}
	if f := unconnected(to, err); f != nil {
		return f
	}
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) && answered.HTTPStatusCode() >= 300 && answered.HTTPStatusCode() < 500 {
		return unreachable(fmt.Sprintf("what answers (HTTP %d) is not %s", answered.HTTPStatusCode(), to.service),
			"Check "+to.endpoint+" and AWS_ENDPOINT_URL, and the proxy (HTTPS_PROXY).", err)
	}
	return lost(to, err)
}

// lost is a call that was sent and not answered.
func lost(to call, err error) *migration.Failure {
	message := fmt.Sprintf("%s gave no answer: %s", to.service, innermost(err))
	if to.harmless {
		return unreachable(message, "Run the same command again.", err)
	}
	return &migration.Failure{Kind: migration.Disconnected, Message: message, State: mayRun, Cause: err,
		Next: "Run the same command again: it joins what is under way, or tells how it ended."}
}

// denied is what a service said no with.
func (c *Client) denied(to call, api smithy.APIError) *migration.Failure {
	code, words := api.ErrorCode(), api.ErrorMessage()
	said := fmt.Sprintf("%s: %s", code, words)
	switch {
	case strings.Contains(code, "AccessDenied"), code == "UnauthorizedOperation":
		return refused(fmt.Sprintf("%s may not be asked for %s: %s", to.service, to.resource, said), "Allow "+to.permission+" on "+to.arn(words)+" for whoever runs this (aws sts get-caller-identity tells who).", api)
	case strings.HasPrefix(code, "ExpiredToken"), code == "RequestExpired", code == "TokenRefreshRequired":
		return refused("the credentials of AWS have expired: "+said, "Log in again (aws sso login), or renew them, then run the same command again.", api)
	case unsigned[code]:
		return refused("AWS does not accept these credentials: "+said, "Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or set AWS_PROFILE, and check the clock of this machine and the region.", api)
	case strings.Contains(code, "TooManyRequests"), strings.Contains(code, "Throttl"):
		f := unreachable(to.service+" takes no more calls just now: "+said, "Run the same command again in a moment. If it goes on, raise the concurrency that the account or the function has.", api)
		f.RetryAfter = shortly
		return f
	case api.ErrorFault() == smithy.FaultServer:
		return lost(to, api)
	}
	return refused(fmt.Sprintf("%s refuses %s: %s", to.service, to.resource, said), "Check what was given on the command line.", api)
}

var resourceIn = regexp.MustCompile(`on resource: (\S+)`)

// arn is what a permission is missing on, as AWS says it.
func (to call) arn(words string) string {
	if m := resourceIn.FindStringSubmatch(words); m != nil {
		return m[1]
	}
	return to.resource
}

// unsigned are what AWS says of credentials that it does not know.
var unsigned = map[string]bool{
	"UnrecognizedClientException": true, "InvalidClientTokenId": true, "InvalidSignatureException": true, "SignatureDoesNotMatch": true,
	"IncompleteSignature": true, "MissingAuthenticationToken": true, "MissingAuthenticationTokenException": true, "OptInRequired": true, "AuthFailure": true,
}

// unconnected is the failure where there was no connection to send anything by;
// nil where there was one.
func unconnected(to call, err error) *migration.Failure {
	at := host(err)
	const way = "Check the network, the proxy (HTTPS_PROXY), the region (AWS_REGION), "
	var (
		dns  *net.DNSError
		dial *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		return unreachable("the name of "+at+" cannot be resolved", way+"and "+to.endpoint+" and AWS_ENDPOINT_URL.", err)
	case untrusted(err):
		return unreachable(fmt.Sprintf("the certificate of %s is not to be trusted: %s", at, innermost(err)),
			"If a proxy stands between, give its root in AWS_CA_BUNDLE. Else check "+to.endpoint+" and AWS_ENDPOINT_URL.", err)
	case !errors.As(err, &dial) || dial.Op != "dial" && dial.Op != "proxyconnect":
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		f := unreachable(at+" refuses the connection", way+"and "+to.endpoint+" and AWS_ENDPOINT_URL.", err)
		f.RetryAfter = shortly
		return f
	case dial.Timeout():
		return unreachable(fmt.Sprintf("%s does not answer: no connection within %s", at, dialTime), way+"and whether a firewall lets 443 out.", err)
	}
	return unreachable(fmt.Sprintf("there is no way to %s: %v", at, dial.Err), way+"and "+to.endpoint+" and AWS_ENDPOINT_URL.", err)
}

// host is where the call went.
func host(err error) string {
	var called *url.Error
	if errors.As(err, &called) {
		if u, err := url.Parse(called.URL); err == nil && u.Host != "" {
			return u.Host
		}
	}
	return "the endpoint of AWS"
}

func innermost(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
