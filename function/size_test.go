package main

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// sizeLimit is what bootstrap may have for Lambda's arm64: what is large starts
// slowly, and something that nobody wanted has come in with it.
const sizeLimit = 18 << 20

func TestBootstrap_size(t *testing.T) {
	path, err := build(t, append(os.Environ(), "GOOS=linux", "GOARCH=arm64"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(info.Size())/(1<<20))
	if info.Size() > sizeLimit {
		t.Errorf("bootstrap has %d bytes, and %d are the limit: go tool nm -size -sort size shows of what", info.Size(), sizeLimit)
	}
}

// BenchmarkColdStart starts a new sandbox for each plan: exec to ready is to
// stay within 10 ms, the process within 64 MB.
func BenchmarkColdStart(b *testing.B) {
	path, err := build(b, os.Environ())
	if err != nil {
		b.Fatal(err)
	}
	f := lambdatest.Function{Name: "planner", Bootstrap: path, Timeout: time.Minute,
		Env: []string{"DATABASE_URL=" + pgtest.New(b).URL, "MIGRATE_READ_ONLY=true"}}
	l, err := lambdatest.Start(f)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var starts, plans []time.Duration
	var memory int64
	for b.Loop() {
		if _, failed, err := l.Invoke(b.Context(), f.Name, []byte(`{"action":"plan"}`)); err != nil || failed != "" {
			b.Fatal(failed, err)
		}
		r := l.Last(f.Name)
		starts, plans, memory = append(starts, r.Init), append(plans, r.Duration), max(memory, r.MaxRSS)
		l.Kill(f.Name)
	}
	b.ReportMetric(milliseconds(median(starts)), "ms-to-ready")
	b.ReportMetric(milliseconds(slices.Max(starts)), "ms-to-ready-at-worst")
	b.ReportMetric(milliseconds(median(plans)), "ms-to-plan")
	b.ReportMetric(float64(memory)/(1<<20), "MB")
}

func median(d []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(d))[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
