package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// responseLimit is what Lambda lets a function answer: 6 MB and a little for the envelope.
const responseLimit = 6*1024*1024 + 100

// runtimeAPI is what the process of the sandbox sees of Lambda.
func (s *sandbox) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.serveInitError)
	return mux
}

// serveNext ends the initialization or the current invocation, and answers when there is another event.
func (s *sandbox) serveNext(w http.ResponseWriter, r *http.Request) {
	if !s.ready() {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "Transition from InvocationInProgress to Ready failed for runtime: answer the current invocation first")
		return
	}
	var inv *invocation
	select {
	case inv = <-s.events:
	case <-r.Context().Done():
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
	h.Set("Lambda-Runtime-Trace-Id", inv.traceID)
	if inv.clientContext != "" {
		h.Set("Lambda-Runtime-Client-Context", inv.clientContext)
	}
	w.Write(inv.event) // fails only if the process has died, which the sandbox notices
}

// ready notes that the process wants an event. It is false in the middle of an invocation.
func (s *sandbox) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observe()
	switch {
	case s.current == nil && s.initTime == 0:
		s.initTime = time.Since(s.started)
		close(s.initialized)
	case s.current != nil && s.current.answer == nil:
		return false
	case s.current != nil:
		close(s.current.done)
		s.current = nil
	}
	return true
}

func (s *sandbox) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, responseLimit+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	a := answer{payload: body}
	tooLarge := len(body) > responseLimit
	if tooLarge {
		a = oversized()
		io.Copy(io.Discard, r.Body) // so that the process reads the refusal, not a broken connection
	} else if errorType := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); errorType != "" {
		// The function failed while its answer was being sent; the trailer carries the error itself.
		a.errorType = errorType
		if a.payload, err = base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")); err != nil {
			a.payload = errorPayload(errorType, "")
		}
	}
	switch {
	case !s.answer(r.PathValue("id"), a):
		refuseID(w)
	case tooLarge:
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")
	default:
		accept(w)
	}
}

func (s *sandbox) serveError(w http.ResponseWriter, r *http.Request) {
	a, err := reported(r)
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	case !s.answer(r.PathValue("id"), a):
		refuseID(w)
	default:
		accept(w)
	}
}

func (s *sandbox) serveInitError(w http.ResponseWriter, r *http.Request) {
	a, err := reported(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.initTime != 0 || s.initError != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "Transition to InitError failed for runtime: the initialization is over")
		return
	}
	s.observe()
	s.initError = &a
	accept(w)
	close(s.initFailed)
}

// answer keeps the first answer to the current invocation; to any other it is false.
func (s *sandbox) answer(id string, a answer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.id != id || s.current.answer != nil {
		return false
	}
	s.observe()
	s.current.answer = &a
	return true
}

// reported reads the error that a function reports of itself. What is not JSON is wrapped, so that callers can parse it.
func reported(r *http.Request) (answer, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, responseLimit))
	if err != nil {
		return answer{}, err
	}
	var e struct {
		ErrorType string `json:"errorType"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		body = errorPayload(r.Header.Get("Lambda-Runtime-Function-Error-Type"), string(body))
	}
	for _, errorType := range []string{e.ErrorType, r.Header.Get("Lambda-Runtime-Function-Error-Type"), "Runtime.Unknown"} {
		if errorType != "" {
			return answer{payload: body, errorType: errorType}, nil
		}
	}
	panic("unreachable: the last one is not empty")
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

func refuseID(w http.ResponseWriter) {
	refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(errorPayload(errorType, message))
}
