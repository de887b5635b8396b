package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

// Each invocation leaves one line that CloudWatch can read: every dimension and
// every metric that it names stands beside it.
func TestInvoke_measures(t *testing.T) {
	for event, want := range map[string][2]string{
		`{"action":"status"}`: {"status", "failed"},
		`{"action":"stats"}`:  {"none", "invalid"},
		``:                    {"none", "invalid"},
	} {
		h, _ := handling(pipeline.Pipeline{Directory: fstest.MapFS{}, Connect: unreachable})
		var out bytes.Buffer
		h.metrics = &out
		if _, err := h.Invoke(request(t), []byte(event)); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
			t.Fatalf("%s: not one line: %q", event, out.String())
		}
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line["Action"] != want[0] || line["Outcome"] != want[1] || line["Answers"] != 1.0 {
			t.Errorf("%s: %s", event, out.String())
		}
		aws := line["_aws"].(map[string]any)
		if at, ok := aws["Timestamp"].(float64); !ok || at < 1.7e12 {
			t.Errorf("timestamp %v", aws["Timestamp"])
		}
		for _, d := range aws["CloudWatchMetrics"].([]any) {
			directive := d.(map[string]any)
			if directive["Namespace"] != namespace {
				t.Errorf("namespace %v", directive["Namespace"])
			}
			for _, set := range directive["Dimensions"].([]any) {
				for _, name := range set.([]any) {
					if text, ok := line[name.(string)].(string); !ok || text == "" {
						t.Errorf("dimension %v has the value %q", name, text)
					}
				}
			}
			for _, m := range directive["Metrics"].([]any) {
				metric := m.(map[string]any)
				if _, ok := line[metric["Name"].(string)].(float64); !ok || metric["Unit"] == "" {
					t.Errorf("metric %v has no number", metric)
				}
			}
		}
	}
}
