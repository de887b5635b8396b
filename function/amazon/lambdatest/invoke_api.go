package lambdatest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
)

const (
	requestLimit = 6 * 1024 * 1024 // of an event
	eventLimit   = 1024 * 1024     // of an event that nobody waits for
)

// invokeAPI is what callers see of Lambda: Invoke, and as much of the rest as clients ask for before they invoke.
func (l *Lambda) invokeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", l.serveInvoke)
	mux.HandleFunc("GET /2015-03-31/functions/{name}/configuration", l.serveConfiguration)
	mux.HandleFunc("GET /2021-10-31/functions/{name}/url", func(w http.ResponseWriter, _ *http.Request) {
		notFound("The resource you requested does not exist.").write(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		message := fmt.Sprintf("%s %s is not answered here: only Invoke and GetFunctionConfiguration are", r.Method, r.URL.Path)
		(&ServiceError{http.StatusNotFound, "UnknownOperationException", message}).write(w)
	})
	return mux
}

// serveInvoke carries on to the end once it has begun: that the caller goes away stops no invocation.
func (l *Lambda) serveInvoke(w http.ResponseWriter, r *http.Request) {
	id := newRequestID()
	w.Header().Set("X-Amzn-RequestId", id)
	if !l.begin() {
		serviceFault(errClosed).write(w)
		return
	}
	background := false
	defer func() {
		if !background {
			l.invocations.Done()
		}
	}()
	p, inv, fault := l.accept(r, id)
	if fault != nil {
		fault.write(w)
		return
	}
	w.Header().Set("X-Amzn-Trace-Id", inv.traceID)
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		p.serveSync(w, inv, r.Header.Get("X-Amz-Log-Type") == "Tail")
	case "Event":
		background = true
		go func() {
			defer l.invocations.Done()
			p.invoke(inv) // nobody waits; what there is to know is in the log and in Last
		}()
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		invalidParameter(fmt.Sprintf("invocation type %q: want RequestResponse, Event or DryRun", kind)).write(w)
	}
}

func (p *pool) serveSync(w http.ResponseWriter, inv *invocation, tail bool) {
	a, err := p.invoke(inv)
	if err != nil {
		serviceFault(err).write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amz-Executed-Version", latest)
	if a.errorType != "" {
		h.Set("X-Amz-Function-Error", "Unhandled")
	}
	if tail {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(a.logTail))
	}
	w.Write(a.payload) // fails if the caller has gone, which changes nothing
}

// accept reads and checks a request to invoke.
func (l *Lambda) accept(r *http.Request, id string) (*pool, *invocation, *ServiceError) {
	p, arn, fault := l.find(r)
	if fault != nil {
		return nil, nil, fault
	}
	event, fault := readEvent(r)
	if fault != nil {
		return nil, nil, fault
	}
	clientContext, fault := readClientContext(r)
	if fault != nil {
		return nil, nil, fault
	}
	inv := &invocation{id: id, arn: arn, event: event, clientContext: clientContext, traceID: r.Header.Get("X-Amzn-Trace-Id")}
	if inv.traceID == "" {
		inv.traceID = newTraceID()
	}
	return p, inv, nil
}

// functionPattern is Lambda's for names, partial and whole ARNs, each with or without a qualifier.
var functionPattern = regexp.MustCompile(`^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:[a-z]{2}(?:-[a-z]+)+-\d:)?(?:\d{12}:)?(?:function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$`)

// find returns the function that the request names and the ARN by which it does so. Region and account of an ARN are
// not looked at.
func (l *Lambda) find(r *http.Request) (*pool, string, *ServiceError) {
	given := r.PathValue("name")
	m := functionPattern.FindStringSubmatch(given)
	if m == nil {
		return nil, "", invalidParameter(fmt.Sprintf("function name %q: want a name or an ARN", given))
	}
	qualifier := m[2]
	if q := r.URL.Query().Get("Qualifier"); q != "" {
		qualifier = q
	}
	p := l.pools[m[1]]
	if p == nil {
		return nil, "", notFound("Function not found: arn:aws:lambda:" + defaultRegion + ":" + account + ":function:" + m[1])
	}
	arn := p.arn()
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return p, arn, nil
}

func readEvent(r *http.Request) ([]byte, *ServiceError) {
	event, err := io.ReadAll(io.LimitReader(r.Body, requestLimit+1))
	if err != nil {
		return nil, invalidContent("Could not read request body: " + err.Error())
	}
	if len(event) > requestLimit {
		io.Copy(io.Discard, r.Body) // so that the caller reads the refusal, not a broken connection
		return nil, tooLarge(fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", requestLimit))
	}
	if len(event) > eventLimit && r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		return nil, tooLarge(fmt.Sprintf("%d byte payload is too large for the Event invocation type (limit %d bytes)", len(event), eventLimit))
	}
	if len(event) == 0 {
		return []byte("{}"), nil
	}
	var any json.RawMessage
	if err := json.Unmarshal(event, &any); err != nil {
		return nil, invalidContent("Could not parse request body into json: Could not parse payload into json: " + err.Error())
	}
	return event, nil
}

// readClientContext returns it as one line of JSON, fit for a header; empty if there is none.
func readClientContext(r *http.Request) (string, *ServiceError) {
	encoded := r.Header.Get("X-Amz-Client-Context")
	if encoded == "" {
		return "", nil
	}
	var compact bytes.Buffer
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Compact(&compact, decoded)
	}
	if err != nil {
		return "", invalidContent("Client context must be a valid Base64-encoded JSON object.")
	}
	return compact.String(), nil
}

func invalidParameter(message string) *ServiceError {
	return &ServiceError{http.StatusBadRequest, "InvalidParameterValueException", message}
}

// invokeURL is where name, which may be an ARN, is invoked.
func (l *Lambda) invokeURL(name string) string {
	return l.Endpoint() + "/2015-03-31/functions/" + url.PathEscape(name) + "/invocations"
}
