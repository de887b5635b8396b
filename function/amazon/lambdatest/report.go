package lambdatest

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Status is how an invocation ended, as Lambda reports it.
type Status string

const (
	StatusSuccess Status = "success" // the function answered
	StatusError   Status = "error"   // the function answered with an error, or died
	StatusTimeout Status = "timeout" // it was killed at its deadline
)

// Report is what is known of an invocation that has ended.
type Report struct {
	RequestID string
	Status    Status
	// ErrorType of a function error, for instance Runtime.ExitError; empty on success.
	ErrorType string
	// ColdStart tells that the invocation had to start a sandbox.
	ColdStart bool
	// Init is the time from exec until the process asked for its first event: 0 on a warm start, and where it never did.
	Init time.Duration
	// Duration is the time from handing over the event until the process was ready for another, or dead.
	Duration time.Duration
	// MaxRSS is the peak of resident memory in the life of the process, in bytes, when last seen: at readiness, at its
	// answer, before it was killed. 0 where it was never seen, as of a process that dies at once, and off Linux.
	MaxRSS int64
	// PID of the process; 0 if there was none.
	PID int
}

// Billed is what Lambda bills: initialization and duration, rounded up to the millisecond.
func (r Report) Billed() time.Duration {
	return time.Duration(math.Ceil(float64(r.Init+r.Duration)/float64(time.Millisecond))) * time.Millisecond
}

func (r Report) maxMemoryMB() int64 {
	return (r.MaxRSS + 1<<20 - 1) >> 20
}

// jsonLogs tells that the function logs JSON, and that Lambda's own lines are to be JSON too.
func (p *pool) jsonLogs() bool {
	return p.lookup("AWS_LAMBDA_LOG_FORMAT") == "JSON"
}

func (p *pool) startLine(requestID string) string {
	if p.jsonLogs() {
		return platformEvent("platform.start", map[string]any{"requestId": requestID, "version": latest})
	}
	return "START RequestId: " + requestID + " Version: " + latest
}

func (p *pool) endLines(r Report) []string {
	if p.jsonLogs() {
		return []string{p.jsonReport(r)}
	}
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB",
		r.RequestID, milliseconds(r.Duration), r.Billed().Milliseconds(), p.MemoryMB, r.maxMemoryMB())
	if r.Init > 0 {
		line += fmt.Sprintf("\tInit Duration: %.2f ms", milliseconds(r.Init))
	}
	if r.Status != StatusSuccess {
		line += "\tStatus: " + string(r.Status)
	}
	if r.Status == StatusError {
		line += "\tError Type: " + r.ErrorType
	}
	return []string{"END RequestId: " + r.RequestID, line}
}

func (p *pool) jsonReport(r Report) string {
	metrics := map[string]any{
		"durationMs":       milliseconds(r.Duration),
		"billedDurationMs": r.Billed().Milliseconds(),
		"memorySizeMB":     p.MemoryMB,
		"maxMemoryUsedMB":  r.maxMemoryMB(),
	}
	if r.Init > 0 {
		metrics["initDurationMs"] = milliseconds(r.Init)
	}
	record := map[string]any{"requestId": r.RequestID, "metrics": metrics, "status": r.Status}
	if r.Status == StatusError {
		record["errorType"] = r.ErrorType
	}
	return platformEvent("platform.report", record)
}

func platformEvent(kind string, record map[string]any) string {
	line, _ := json.Marshal(struct { // strings and numbers always can
		Time   string         `json:"time"`
		Type   string         `json:"type"`
		Record map[string]any `json:"record"`
	}{time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), kind, record})
	return string(line)
}

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/1e4) / 100
}
