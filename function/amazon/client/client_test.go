package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// on makes a client whose every service is at this address.
func on(t *testing.T, endpoint string) *Client {
	t.Helper()
	environment(t)
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	c, err := New(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// environment is that of a test: nothing of this machine's configuration of AWS.
func environment(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_SFN", "AWS_ENDPOINT_URL_CLOUDFORMATION",
		"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_KMS", "AWS_DEFAULT_REGION", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"HTTP_PROXY", "HTTPS_PROXY", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
}

// A refusal is what a service answers with.
type refusal struct {
	status      int
	code, words string
}

// Whatever Lambda says no with: what is known of the event, how often it was
// sent, and what is told.
func TestInvoke_refused(t *testing.T) {
	cases := map[string]struct {
		refusal
		kind          migration.FailureKind
		message, next string
		sent          int32
	}{
		"not found": {refusal{404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:eu-west-1:1:function:runner"},
			migration.Refused, "there is no function runner in eu-west-1: Function not found: arn:aws:lambda:eu-west-1:1:function:runner",
			"Check the name, the region (AWS_REGION) and the account (AWS_PROFILE): aws lambda list-functions shows what there is. Of a stack give --stack.", 1},
		"denied": {refusal{403, "AccessDeniedException", "User: arn:aws:iam::1:user/anna is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:eu-west-1:1:function:runner because no identity-based policy allows it"},
			migration.Refused, "Lambda may not be asked for arn:aws:lambda:eu-west-1:ACCOUNT:function:runner: AccessDeniedException: User: arn:aws:iam::1:user/anna is not authorized",
			"Allow lambda:InvokeFunction on arn:aws:lambda:eu-west-1:1:function:runner for whoever runs this (aws sts get-caller-identity tells who).", 1},
		"expired": {refusal{403, "ExpiredTokenException", "The security token included in the request is expired"},
			migration.Refused, "the credentials of AWS have expired: ExpiredTokenException: The security token included in the request is expired",
			"Log in again (aws sso login), or renew them, then run the same command again.", 1},
		"unknown key": {refusal{403, "UnrecognizedClientException", "The security token included in the request is invalid."},
			migration.Refused, "AWS does not accept these credentials: UnrecognizedClientException: The security token included in the request is invalid.",
			"Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or set AWS_PROFILE, and check the clock of this machine and the region.", 1},
		"pending": {refusal{409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending"},
			migration.Unreachable, "the function runner is not ready: ResourceConflictException: The operation cannot be performed at this time.",
			"Wait a minute: a function that was just deployed, or idle for weeks, makes its way into the VPC first (aws lambda wait function-active-v2 --function-name runner). Then run the same command again.", 1},
		"inactive": {refusal{502, "ResourceNotReadyException", "The function is inactive and its VPC connection is no longer available."},
			migration.Unreachable, "the function runner is not ready: ResourceNotReadyException: The function is inactive",
			"Wait a minute: ", 1},
		"subnet full": {refusal{502, "SubnetIPAddressLimitReachedException", "no address"},
			migration.Refused, "Lambda cannot run the function runner: SubnetIPAddressLimitReachedException: no address", "Mend what it names", 1},
		"too large": {refusal{413, "RequestTooLargeException", "6291556 bytes"},
			migration.Refused, "the event is larger than Lambda takes: RequestTooLargeException: 6291556 bytes", "Give the digest instead of the report of the plan, or fewer files.", 1},
		"no name": {refusal{400, "ValidationException", "does not match"},
			migration.Refused, `"runner" is not the name of a function: ValidationException: does not match`, "Give a name or an ARN.", 1},
		"throttled": {refusal{429, "TooManyRequestsException", "Rate Exceeded."},
			migration.Unreachable, "Lambda takes no more calls just now: TooManyRequestsException: Rate Exceeded.", "Run the same command again in a moment.", sendings},
		"broken": {refusal{500, "ServiceException", "internal"},
			migration.Disconnected, "Lambda gave no answer: ServiceException: internal", "Run the same command again: it joins what is under way, or tells how it ended.", 1},
		"gateway":  {refusal{504, "", ""}, migration.Disconnected, "Lambda gave no answer: ", "Run the same command again: it joins", 1},
		"stranger": {refusal{404, "", ""}, migration.Unreachable, "what answers (HTTP 404) is not Lambda", "Check AWS_ENDPOINT_URL_LAMBDA and AWS_ENDPOINT_URL, and the proxy (HTTPS_PROXY).", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				sent.Add(1)
				if c.code != "" {
					w.Header().Set("X-Amzn-ErrorType", c.code)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(`{"message":"` + c.words + `","Message":"` + c.words + `"}`))
			}))
			defer s.Close()
			_, err := on(t, s.URL).Invoke(t.Context(), "runner", []byte(`{}`))
			wants(t, err, c.kind, c.message, c.next)
			if got := sent.Load(); got != c.sent {
				t.Errorf("sent %d times, want %d", got, c.sent)
			}
		})
	}
}

func wants(t *testing.T, err error, kind migration.FailureKind, message, next string) *migration.Failure {
	t.Helper()
	var f *migration.Failure
	if !errors.As(err, &f) {
		t.Fatalf("no failure: %v", err)
	}
	if f.Kind != kind || !strings.HasPrefix(f.Message, message) || !strings.HasPrefix(f.Next, next) || f.State == "" {
		t.Errorf("%s: %s\nState: %s\nNext: %s\nwant %s: %s\nNext: %s", f.Kind, f.Message, f.State, f.Next, kind, message, next)
	}
	return f
}

// An event that was refused for want of room is sent again; what is answered then
// is the answer.
func TestInvoke_afterThrottling(t *testing.T) {
	var sent atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sent.Add(1) < 3 {
			w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte(`{"outcome":"current"}`))
	}))
	defer s.Close()
	answer, err := on(t, s.URL).Invoke(t.Context(), "runner", []byte(`{}`))
	if err != nil || string(answer) != `{"outcome":"current"}` || sent.Load() != 3 {
		t.Errorf("%s, %v, sent %d times", answer, err, sent.Load())
	}
}

// However a connection ends after the event was sent, it is sent once, and that
// it may be under way is said.
func TestInvoke_brokenConnection(t *testing.T) {
	for name, answer := range map[string]string{
		"at once": "", "in the head": "HTTP/1.1 200 OK\r\nContent-Le", "in the body": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"outcome\":",
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				sent.Add(1)
				c, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = c.Write([]byte(answer))
				_ = c.Close()
			}))
			defer s.Close()
			_, err := on(t, s.URL).Invoke(t.Context(), "runner", []byte(`{}`))
			wants(t, err, migration.Disconnected, "Lambda gave no answer: ", "Run the same command again: it joins what is under way")
			if sent.Load() != 1 {
				t.Errorf("sent %d times", sent.Load())
			}
		})
	}
}

func TestInvoke_functionError(t *testing.T) {
	for name, c := range map[string]struct{ payload, message string }{
		"timeout": {`{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 900.00 seconds"}`, "Sandbox.Timedout: Task timed out after 900.00 seconds"},
		"broken":  {`{"errorT`, `an error without a type: "{\"errorT"`},
		"secret":  {`{"errorType":"string","errorMessage":"postgres://u:geheim@h/d"}`, "string: postgres://u:***@h/d"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Function-Error", "Unhandled")
				w.Header().Set("X-Amzn-RequestId", "r-1")
				_, _ = w.Write([]byte(c.payload))
			}))
			defer s.Close()
			_, err := on(t, s.URL).Invoke(t.Context(), "arn:aws:lambda:eu-west-1:123456789012:function:runner:live", []byte(`{}`))
			wants(t, err, migration.Refused, "the function arn:aws:lambda:eu-west-1:123456789012:function:runner:live ended with an error and without a report: "+c.message,
				`See why in its log: aws logs tail /aws/lambda/runner --region eu-west-1 --since 1h --filter-pattern '"r-1"'. Then run the same command again`)
		})
	}
}

// An endpoint that is not there is told of before anything was sent.
func TestInvoke_unreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	_, err = on(t, "http://"+free).Invoke(t.Context(), "runner", []byte(`{}`))
	wants(t, err, migration.Unreachable, free+" refuses the connection", "Check the network, the proxy (HTTPS_PROXY), the region (AWS_REGION), and AWS_ENDPOINT_URL_LAMBDA and AWS_ENDPOINT_URL.")
	_, err = on(t, "http://nowhere.invalid").Invoke(t.Context(), "runner", []byte(`{}`))
	wants(t, err, migration.Unreachable, "the name of nowhere.invalid cannot be resolved", "Check the network")
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	s.Config.ErrorLog = nil
	_, err = on(t, s.URL).Invoke(t.Context(), "runner", []byte(`{}`))
	wants(t, err, migration.Unreachable, "the certificate of "+strings.TrimPrefix(s.URL, "https://")+" is not to be trusted: x509: ", "If a proxy stands between, give its root in AWS_CA_BUNDLE.")
}

func TestInvoke_interrupted(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer s.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := on(t, s.URL).Invoke(ctx, "runner", []byte(`{}`))
	wants(t, err, migration.Stopped, "interrupted while waiting for Lambda", "Run the same command again: it joins")
}

func TestNew_saysWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		set           map[string]string
		message, next string
	}{
		"region":      {map[string]string{"AWS_REGION": ""}, "no region of AWS is set", "Set AWS_REGION, or a region in the profile, or name the function by its ARN."},
		"credentials": {map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "there are no credentials of AWS: ", "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID"},
		"profile":     {map[string]string{"AWS_PROFILE": "prod"}, "there is no profile prod in the configuration of AWS", "Correct AWS_PROFILE"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t)
			for name, value := range c.set {
				t.Setenv(name, value)
			}
			began := time.Now()
			_, err := New(t.Context(), "")
			wants(t, err, migration.Unreachable, c.message, c.next)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	environment(t)
	t.Setenv("AWS_REGION", "")
	if _, err := New(t.Context(), RegionOf("arn:aws:lambda:eu-west-1:123456789012:function:runner")); err != nil {
		t.Errorf("the region of an ARN: %v", err)
	}
	if got := RegionOf("runner"); got != "" {
		t.Errorf("the region of a name is %q", got)
	}
}

// Of what the stack and the workflow are asked, too, access is named.
func TestResource_denied(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<ErrorResponse><Error><Code>AccessDenied</Code><Message>User anna is not authorized to perform: cloudformation:DescribeStackResource on resource: arn:aws:cloudformation:eu-west-1:1:stack/s/*</Message></Error></ErrorResponse>`))
	}))
	defer s.Close()
	_, err := on(t, s.URL).Resource(t.Context(), "s", "RunnerFunction")
	wants(t, err, migration.Refused, "CloudFormation may not be asked for the stack s: AccessDenied: User anna is not authorized",
		"Allow cloudformation:DescribeStackResource on arn:aws:cloudformation:eu-west-1:1:stack/s/* for whoever runs this")
}
