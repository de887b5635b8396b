package lambdatest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const invokePath = "/2015-03-31/functions/echo/invocations"

// What a function is told of its invocation is what Lambda tells.
func TestInvoke_tellsTheFunctionWhatLambdaTells(t *testing.T) {
	s := serve(t, Function{Timeout: time.Minute, Env: []string{"AWS_REGION=eu-west-1"}})
	who := base64.StdEncoding.EncodeToString([]byte("{\"custom\":\n{\"who\":\"me\"}}"))
	before := time.Now()
	response, body := s.post(t, invokePath, `{"Text":"hi"}`, "X-Amz-Client-Context", who)
	var got echo
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	want := echo{PID: s.Last("echo").PID, Text: "hi", Count: 1, Client: "me", Dir: filepath.Dir(bootstrap),
		RequestID: response.Header.Get("X-Amzn-Requestid"), ARN: "arn:aws:lambda:eu-west-1:000000000000:function:echo"}
	if left := got.Deadline.Sub(before); left < 55*time.Second || left > 65*time.Second {
		t.Errorf("the function has %s, want a minute", left)
	}
	got.Deadline = time.Time{}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the function has\n%+v, want\n%+v", got, want)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(want.RequestID) {
		t.Errorf("request id %q is no UUID", want.RequestID)
	}
	if v := response.Header.Get("X-Amz-Executed-Version"); v != "$LATEST" {
		t.Errorf("executed version %q", v)
	}
	if e := response.Header.Values("X-Amz-Function-Error"); e != nil {
		t.Errorf("function error %q", e)
	}
}

// Every way that Lambda has to name a function finds it, and the function learns the qualifier.
func TestInvoke_names(t *testing.T) {
	s := serve(t, Function{})
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
	for name, want := range map[string]string{
		"echo":                       arn,
		"echo:$LATEST":               arn + ":$LATEST",
		"echo:live":                  arn + ":live",
		"function:echo":              arn,
		arn:                          arn,
		arn + ":7":                   arn + ":7",
		"123456789012:function:echo": arn,
		"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:echo": arn,
	} {
		payload, _, err := s.Invoke(t.Context(), name, nil)
		var got echo
		json.Unmarshal(payload, &got)
		if err != nil || got.ARN != want {
			t.Errorf("%s: the function was invoked as %q (%v), want %q", name, got.ARN, err, want)
		}
	}
	_, body := s.post(t, invokePath+"?Qualifier=live", "{}")
	if !strings.Contains(body, `"ARN":"`+arn+`:live"`) {
		t.Errorf("with a qualifier apart: %s", body)
	}
}

// What Lambda refuses is refused here in the same form, and no function runs.
func TestInvoke_refusals(t *testing.T) {
	s := serve(t, Function{})
	large := strings.Repeat(" ", requestLimit) + "{}"
	cases := map[string]struct {
		path, event string
		header      []string
		status      int
		code, body  string
	}{
		"unknown function": {"/2015-03-31/functions/nobody/invocations", "{}", nil, 404, "ResourceNotFoundException",
			`{"Message":"Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody","Type":"User"}`},
		"no name": {"/2015-03-31/functions/a%20b/invocations", "{}", nil, 400, "InvalidParameterValueException",
			`{"Type":"User","message":"function name \"a b\": want a name or an ARN"}`},
		"not JSON": {invokePath, `{"a":`, nil, 400, "InvalidRequestContentException",
			`{"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: unexpected end of JSON input"}`},
		"too large": {invokePath, large, nil, 413, "RequestEntityTooLargeException",
			`{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		"too large for an event": {invokePath, large[requestLimit-eventLimit:], []string{"X-Amz-Invocation-Type", "Event"}, 413, "RequestEntityTooLargeException",
			`{"Type":"User","message":"1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)"}`},
		"client context": {invokePath, "{}", []string{"X-Amz-Client-Context", "{}"}, 400, "InvalidRequestContentException",
			`{"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}`},
		"invocation type": {invokePath, "{}", []string{"X-Amz-Invocation-Type", "Later"}, 400, "InvalidParameterValueException",
			`{"Type":"User","message":"invocation type \"Later\": want RequestResponse, Event or DryRun"}`},
		"other operation": {"/2015-03-31/functions/echo/concurrency", "{}", nil, 404, "UnknownOperationException",
			`{"Type":"User","message":"POST /2015-03-31/functions/echo/concurrency is not answered here: only Invoke and GetFunctionConfiguration are"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			response, body := s.post(t, c.path, c.event, c.header...)
			if got := response.Header.Get("X-Amzn-ErrorType"); response.StatusCode != c.status || got != c.code || body != c.body {
				t.Errorf("answered %d %s\n%s, want %d %s\n%s", response.StatusCode, got, body, c.status, c.code, c.body)
			}
		})
	}
	if logs := s.logs.String(); logs != "" {
		t.Errorf("something ran:\n%s", logs)
	}
	var refused *ServiceError
	_, _, err := s.Invoke(t.Context(), "nobody", nil)
	if !errors.As(err, &refused) || err.Error() != `invoke "nobody": ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody (HTTP 404)` {
		t.Errorf("Invoke says %v", err)
	}
}

// An event and an answer of the largest allowed size go through.
func TestInvoke_largest(t *testing.T) {
	s := serve(t, Function{})
	event := `{"Do":"large","N":6291556}`
	payload, functionError, err := s.Invoke(t.Context(), "echo", []byte(event+strings.Repeat(" ", requestLimit-len(event))))
	if err != nil || functionError != "" || len(payload) != responseLimit {
		t.Errorf("%d bytes, function error %q, %v; want %d bytes", len(payload), functionError, err, responseLimit)
	}
}

func TestInvoke_eventAnswersAtOnce(t *testing.T) {
	s := serve(t, Function{})
	file := filepath.Join(t.TempDir(), "go")
	response, body := s.post(t, invokePath, fmt.Sprintf(`{"Do":"wait","Text":%q}`, file), "X-Amz-Invocation-Type", "Event")
	if response.StatusCode != http.StatusAccepted || body != "" {
		t.Errorf("answered %d %q, want 202 and nothing", response.StatusCode, body)
	}
	s.eventuallyLogs(t, "waiting\n", 1)
	if s.Last("echo").RequestID != "" {
		t.Error("the invocation ended before it could")
	}
	touch(t, file)
	eventually(t, "the report of the event", func() bool { return s.Last("echo").RequestID != "" })
	if r := s.Last("echo"); r.Status != StatusSuccess || r.RequestID != response.Header.Get("X-Amzn-RequestId") {
		t.Errorf("report %+v", r)
	}
}

func TestInvoke_dryRunRunsNothing(t *testing.T) {
	s := serve(t, Function{})
	response, _ := s.post(t, invokePath, `{}`, "X-Amz-Invocation-Type", "DryRun")
	if response.StatusCode != http.StatusNoContent || s.logs.String() != "" {
		t.Errorf("answered %d, logged %q; want 204 and nothing", response.StatusCode, s.logs)
	}
}

// Lambda finishes what it has begun, whoever is still listening.
func TestInvoke_callerGone(t *testing.T) {
	s := serve(t, Function{})
	file := filepath.Join(t.TempDir(), "go")
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, _, err := s.Invoke(ctx, "echo", fmt.Appendf(nil, `{"Do":"wait","Text":%q}`, file))
		left <- err
	}()
	s.eventuallyLogs(t, "waiting\n", 1)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left has %v", err)
	}
	touch(t, file)
	eventually(t, "the end of the invocation", func() bool { return s.Last("echo").Status == StatusSuccess })
	if next := s.invoke(t, "{}"); next.Count != 2 {
		t.Errorf("the next event was number %d of its process, want 2", next.Count)
	}
}

func TestConfiguration(t *testing.T) {
	s := serve(t, Function{Timeout: 1500 * time.Millisecond, MemoryMB: 512, Env: []string{"SECRET=x", "AWS_LAMBDA_LOG_FORMAT=JSON"}})
	get := func(path string) (int, string) {
		response, err := http.Get(s.Endpoint() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body map[string]any
		json.NewDecoder(response.Body).Decode(&body)
		for _, volatile := range []string{"CodeSize", "LastModified", "Architectures"} {
			if body["FunctionName"] != nil && body[volatile] == nil {
				t.Errorf("no %s", volatile)
			}
			delete(body, volatile)
		}
		text, _ := json.Marshal(body)
		return response.StatusCode, string(text)
	}
	want := `{"Description":"","EphemeralStorage":{"Size":512},"FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:echo",` +
		`"FunctionName":"echo","Handler":"bootstrap","LastUpdateStatus":"Successful","LoggingConfig":{"LogFormat":"JSON","LogGroup":"/aws/lambda/echo"},` +
		`"MemorySize":512,"PackageType":"Zip","Role":"arn:aws:iam::000000000000:role/echo","Runtime":"provided.al2023",` +
		`"State":"Active","Timeout":2,"TracingConfig":{"Mode":"PassThrough"},"Version":"$LATEST"}`
	if status, body := get("/2015-03-31/functions/echo/configuration"); status != 200 || body != want {
		t.Errorf("%d\n%s, want\n%s", status, body, want)
	}
	if status, body := get("/2015-03-31/functions/nobody/configuration"); status != 404 || !strings.Contains(body, "Function not found") {
		t.Errorf("unknown function: %d %s", status, body)
	}
	if status, body := get("/2021-10-31/functions/echo/url"); status != 404 || body != `{"Message":"The resource you requested does not exist.","Type":"User"}` {
		t.Errorf("function URL: %d %s", status, body)
	}
}

func TestStart_refusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	echo := Function{Name: "echo"}
	cases := map[string]struct {
		address   string
		functions []Function
		want      string
	}{
		"no name":     {"", []Function{{}}, `function "": a name has 1 to 64 letters, digits, - and _`},
		"twice":       {"", []Function{echo, echo}, `function "echo": given twice`},
		"timeout":     {"", []Function{{Name: "a", Timeout: 901 * time.Second}}, `function "a": timeout 15m1s: want at most 15m0s`},
		"memory":      {"", []Function{{Name: "a", MemoryMB: 64}}, `function "a": memory 64 MB: want 128 to 10240`},
		"reserved":    {"", []Function{{Name: "a", Env: []string{"_HANDLER=x"}}}, `function "a": environment: _HANDLER is reserved by Lambda, which sets it itself`},
		"no value":    {"", []Function{{Name: "a", Env: []string{"A"}}}, `function "a": environment: want NAME=value, have an entry "A" without a name or value`},
		"environment": {"", []Function{{Name: "a", Env: []string{"A=" + strings.Repeat("x", 4095)}}}, `function "a": environment: 4097 bytes, Lambda takes 4096 at most`},
		"address":     {taken.Addr().String(), []Function{echo}, "serve the Invoke API: listen tcp " + taken.Addr().String() + ": bind: address already in use"},
	}
	for name, c := range cases {
		l, err := Listen(c.address, c.functions...)
		if err == nil {
			l.Close()
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// The environment is Lambda's and the function's, and has nothing of this process.
func TestEnvironment(t *testing.T) {
	t.Setenv("OF_THE_PARENT", "1")
	s := serve(t, Function{MemoryMB: 256, Env: []string{"MINE=1", "AWS_REGION=eu-west-1", "LANG=C"}})
	got := s.invoke(t, `{"Do":"env"}`).Env
	volatile := regexp.MustCompile(`^(AWS_LAMBDA_RUNTIME_API=127\.0\.0\.1:)\d+$|^(AWS_LAMBDA_LOG_STREAM_NAME=)\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$|^(_X_AMZN_TRACE_ID=)Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`)
	for i := range got {
		got[i] = volatile.ReplaceAllString(got[i], "$1$2$3*")
	}
	want := []string{
		"AWS_ACCESS_KEY_ID=local", "AWS_DEFAULT_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_NAME=echo",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/echo",
		"AWS_LAMBDA_LOG_STREAM_NAME=*", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:*", "AWS_REGION=eu-west-1", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_SESSION_TOKEN=local", "LAMBDA_RUNTIME_DIR=/var/runtime", "LAMBDA_TASK_ROOT=" + filepath.Dir(bootstrap), "LANG=C",
		"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib", "MINE=1",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin", "TZ=:UTC", "_HANDLER=bootstrap", "_X_AMZN_TRACE_ID=*",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("environment\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
