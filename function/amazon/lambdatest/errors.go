package lambdatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// ServiceError is what Lambda itself answers where it does not run a function.
type ServiceError struct {
	Status  int    // of HTTP
	Code    string // for instance ResourceNotFoundException
	Message string
}

func (e *ServiceError) Error() string {
	return fmt.Sprintf("%s: %s (HTTP %d)", e.Code, e.Message, e.Status)
}

func notFound(message string) *ServiceError {
	return &ServiceError{http.StatusNotFound, "ResourceNotFoundException", message}
}

func invalidContent(message string) *ServiceError {
	return &ServiceError{http.StatusBadRequest, "InvalidRequestContentException", message}
}

func tooLarge(message string) *ServiceError {
	return &ServiceError{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", message}
}

func serviceFault(err error) *ServiceError {
	return &ServiceError{http.StatusInternalServerError, "ServiceException", err.Error()}
}

// write answers as Lambda's REST protocol has it: the code in a header, the rest in the body. The member of the message
// begins with a capital in some of Lambda's errors, and SDKs look for exactly that.
func (e *ServiceError) write(w http.ResponseWriter) {
	key, blame := "message", "User"
	if e.Code == "ResourceNotFoundException" || e.Code == "ServiceException" {
		key = "Message"
	}
	if e.Status >= 500 {
		blame = "Service"
	}
	body, _ := json.Marshal(map[string]string{"Type": blame, key: e.Message}) // strings always can
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	w.WriteHeader(e.Status)
	w.Write(body)
}

// errorPayload is a function error in the form that runtimes give it.
func errorPayload(errorType, message string) []byte {
	body, _ := json.Marshal(struct { // strings always can
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{errorType, message})
	return body
}

// platformError is the function error that Lambda makes when the process does not come to answer.
func platformError(requestID, errorType, reason string) answer {
	message := "RequestId: " + requestID + " Error: " + reason
	return answer{payload: errorPayload(errorType, message), errorType: errorType, logLine: message + "\n" + errorType}
}

func timeoutError(requestID string, after time.Duration) answer {
	reason := fmt.Sprintf("Task timed out after %.2f seconds", after.Seconds())
	a := platformError(requestID, "Sandbox.Timedout", reason)
	a.timedOut = true
	a.logLine = time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + " " + requestID + " " + reason
	return a
}

func oversized() answer {
	const errorType = "Function.ResponseSizeTooLarge"
	message := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", responseLimit)
	return answer{payload: errorPayload(errorType, message), errorType: errorType}
}
