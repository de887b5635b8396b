package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// mask replaces what differs from run to run.
func mask(logs string, r Report) string {
	logs = strings.ReplaceAll(logs, r.RequestID, "ID")
	logs = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`).ReplaceAllString(logs, "TIME")
	logs = regexp.MustCompile(`\d+\.\d\d ms`).ReplaceAllString(logs, "MS")
	logs = regexp.MustCompile(`Billed Duration: \d+ ms`).ReplaceAllString(logs, "Billed Duration: MS")
	return regexp.MustCompile(`Used: \d+ MB`).ReplaceAllString(logs, "Used: MB")
}

// The log of an invocation is complete when its answer is there, and reads as in CloudWatch.
func TestLogs_text(t *testing.T) {
	const used = "Memory Size: 128 MB\tMax Memory Used: MB"
	s := serve(t, Function{Timeout: time.Second})
	step := func(event, want string) {
		t.Helper()
		before := len(s.logs.String())
		s.invoke(t, event)
		if got := mask(s.logs.String()[before:], s.Last("echo")); got != want {
			t.Errorf("%s: logged\n%s\nwant\n%s", event, got, want)
		}
	}
	step(`{"Do":"log","Text":"one\ntwo"}`, "initialized\nSTART RequestId: ID Version: $LATEST\none\ntwo\nEND RequestId: ID\n"+
		"REPORT RequestId: ID\tDuration: MS\tBilled Duration: MS\t"+used+"\tInit Duration: MS\n")
	step(`{"Do":"log","Text":"warm\n"}`, "START RequestId: ID Version: $LATEST\nwarm\nEND RequestId: ID\n"+
		"REPORT RequestId: ID\tDuration: MS\tBilled Duration: MS\t"+used+"\n")
	step(`{"Do":"hang"}`, "START RequestId: ID Version: $LATEST\nhanging\nTIME ID Task timed out after 1.00 seconds\nEND RequestId: ID\n"+
		"REPORT RequestId: ID\tDuration: MS\tBilled Duration: MS\t"+used+"\tStatus: timeout\n")
	step(`{"Do":"exit","N":1}`, "initialized\nSTART RequestId: ID Version: $LATEST\n"+
		"RequestId: ID Error: Runtime exited with error: exit status 1\nRuntime.ExitError\nEND RequestId: ID\n"+
		"REPORT RequestId: ID\tDuration: MS\tBilled Duration: MS\t"+used+"\tInit Duration: MS\tStatus: error\tError Type: Runtime.ExitError\n")
}

func TestLogs_json(t *testing.T) {
	s := serve(t, Function{Env: []string{"AWS_LAMBDA_LOG_FORMAT=JSON"}})
	s.invoke(t, `{}`)
	s.invoke(t, `{"Do":"exit","N":1}`)
	var got []string
	for line := range strings.Lines(s.logs.String()) {
		var e struct {
			Type   string
			Record struct {
				RequestID, Version, Status, ErrorType string
				Metrics                               map[string]float64
			}
		}
		if json.Unmarshal([]byte(line), &e) == nil {
			_, cold := e.Record.Metrics["initDurationMs"]
			got = append(got, fmt.Sprintf("%s %s%s%s cold=%t memory=%v", e.Type, e.Record.Version, e.Record.Status, e.Record.ErrorType, cold, e.Record.Metrics["memorySizeMB"]))
		}
	}
	want := []string{
		"platform.start $LATEST cold=false memory=0", "platform.report success cold=true memory=128",
		"platform.start $LATEST cold=false memory=0", "platform.report errorRuntime.ExitError cold=false memory=128",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nas\n%s\nwant\n%s", s.logs, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The tail is the last 4 KB of what the invocation logged, and nothing of the one before.
func TestLogs_tail(t *testing.T) {
	s := serve(t, Function{})
	tail := func(event string) string {
		response, _ := s.post(t, invokePath, event, "X-Amz-Log-Type", "Tail")
		decoded, err := base64.StdEncoding.DecodeString(response.Header.Get("X-Amz-Log-Result"))
		if err != nil {
			t.Fatal(err)
		}
		return string(decoded)
	}
	long := tail(`{"Do":"log","Text":"begin` + strings.Repeat("x", 10000) + `end\n"}`)
	if len(long) != tailSize || !strings.HasPrefix(long, "xxx") || !strings.Contains(long, "xend\nEND RequestId: ") || !strings.HasSuffix(long, " ms\n") {
		t.Errorf("tail of %d bytes:\n%s", len(long), long)
	}
	if short := tail(`{}`); !strings.HasPrefix(short, "START RequestId: ") || strings.Count(short, "\n") != 3 {
		t.Errorf("tail\n%s", short)
	}
	response, _ := s.post(t, invokePath, "{}")
	if h := response.Header.Values("X-Amz-Log-Result"); h != nil {
		t.Errorf("a tail that nobody asked for: %q", h)
	}
}

// However fast an invocation is, what it wrote stands in the log, before END, when its answer is there.
func TestLogs_completeWithTheAnswer(t *testing.T) {
	s := serve(t, Function{NoFreeze: true})
	for i := range 500 {
		before := len(s.logs.String())
		s.invoke(t, fmt.Sprintf(`{"Do":"log","Text":"number %d"}`, i))
		got := mask(s.logs.String()[before:], s.Last("echo"))
		if want := fmt.Sprintf("\nnumber %d\nEND RequestId: ID\n", i); !strings.Contains(got, want) {
			t.Fatalf("invocation %d logged\n%s", i, got)
		}
	}
}

// Megabytes of output come through whole, in the order written.
func TestLogs_large(t *testing.T) {
	s := serve(t, Function{})
	text := strings.Repeat("0123456789abcde\n", 1<<18)
	event, err := json.Marshal(map[string]string{"Do": "log", "Text": text})
	if err != nil {
		t.Fatal(err)
	}
	s.invoke(t, string(event))
	if n := strings.Count(s.logs.String(), "0123456789abcde\n"); n != 1<<18 || !strings.Contains(s.logs.String(), text) {
		t.Errorf("%d of %d lines", n, 1<<18)
	}
}

// The report carries what a benchmark asks: time to readiness, duration, memory of the function and not of this process.
func TestReport(t *testing.T) {
	ballast := make([]byte, 128<<20)
	for i := 0; i < len(ballast); i += os.Getpagesize() {
		ballast[i] = 1
	}
	s := serve(t, Function{})
	s.invoke(t, "{}")
	r := s.Last("echo")
	if r.Status != StatusSuccess || !r.ColdStart || r.Init <= 0 || r.Init > 5*time.Second || r.Duration <= 0 || r.Duration > 5*time.Second {
		t.Errorf("report %+v", r)
	}
	if billed := r.Billed(); billed < r.Init+r.Duration || billed > r.Init+r.Duration+time.Millisecond || billed%time.Millisecond != 0 {
		t.Errorf("billed %s for %s and %s", billed, r.Init, r.Duration)
	}
	if runtime.GOOS == "linux" && (r.MaxRSS < 1<<20 || r.MaxRSS > 100<<20) {
		t.Errorf("max RSS %d MB", r.MaxRSS>>20)
	}
	if r := s.Last("nobody"); r != (Report{}) {
		t.Errorf("report of nobody: %+v", r)
	}
	runtime.KeepAlive(ballast)
}
