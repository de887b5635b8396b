//go:build unix

package replay_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// throttle lets processes run for a part of the time only, as a server does that
// is given less than a whole processor, until the returned function is called.
func throttle(t testing.TB, run, stop time.Duration, pids ...int) (release func()) {
	t.Helper()
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			for _, s := range []struct {
				signal syscall.Signal
				pause  time.Duration
			}{{syscall.SIGSTOP, stop}, {syscall.SIGCONT, run}} {
				for _, pid := range pids {
					_ = syscall.Kill(pid, s.signal)
				}
				time.Sleep(s.pause)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		wait.Wait()
	})
}

// inUse is a database with the tables of growing and that many rows in each.
func inUse(t testing.TB, server *devdb.Server, rows int64) *pgtest.DB {
	t.Helper()
	db := pgtest.On(t, server)
	db.Exec(t, growingTables)
	db.Exec(t, "INSERT INTO parent SELECT i, i::text FROM generate_series(1, $1::bigint) i", rows)
	db.Exec(t, "INSERT INTO child SELECT i, i, i, i::text, i::text, timestamp '2000-01-01' + i * interval '1 hour', i FROM generate_series(1, $1::bigint) i", rows)
	db.Exec(t, "VACUUM ANALYZE parent, child")
	return db
}

// A tried forecast beside what happened.
type tried struct {
	forecast migration.Forecast
	speed    migration.Speed
	took     time.Duration
}

func (x tried) held() bool { return x.took >= x.forecast.Low && x.took <= x.forecast.High }

// try foretells one statement on a database and runs it there. What other
// processes took of the machine is taken out of both, as far as the system tells:
// a benchmark shares it with them, one moment more and one less.
func try(t testing.TB, db *pgtest.DB, dir *migration.Dir, rate migration.Rate, slow bool) (x tried) {
	t.Helper()
	config, err := postgres.ParseURL(db.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), config, postgres.Options{Settings: migration.Settings{}.Defaults(), Name: "forecast"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var pid int
	_, _ = fmt.Sscan(db.Query(t, "SELECT pid FROM pg_stat_activity WHERE application_name = 'forecast' AND datname = current_database()"), &pid)
	facts, err := s.Relations(t.Context(), rate.Relations)
	if err != nil {
		t.Fatal(err)
	}
	throttled := func(int) (release func()) { return func() {} }
	if slow {
		throttled = func(pid int) func() { return throttle(t, 4*time.Millisecond, 8*time.Millisecond, pid) }
	}
	release := throttled(pid)
	began, waited := time.Now(), queued(t, pid)
	x.speed = s.Speed(t.Context(), facts)
	x.speed.Sample *= 1 - float64(queued(t, pid)-waited)/float64(time.Since(began))
	release()
	x.forecast, _ = rate.Forecast(facts, x.speed)
	x.took = wall(t, db, dir.Files[1], throttled)
	return x
}

// wall runs the only statement of a file and takes it back, five times, each in a
// session of its own as an apply does, and returns the median of what it took by the
// clock on the wall, less the time that other processes had the processor while ours
// could have used it.
func wall(t testing.TB, db *pgtest.DB, f migration.File, throttled func(pid int) (release func())) time.Duration {
	t.Helper()
	before, after := "BEGIN", "ROLLBACK"
	if f.TxMode == migration.TxNone {
		before, after = "", "DROP INDEX child_c"
	}
	ctx := context.WithoutCancel(t.Context())
	var took []float64
	for range 5 {
		conn, err := pgx.Connect(ctx, db.URL)
		if err != nil {
			t.Fatal(err)
		}
		pid := int(conn.PgConn().PID())
		release := throttled(pid)
		for i, sql := range []string{"SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0; SET jit = off", before, f.Stmts[0].Text, after, "VACUUM child"} {
			began, waited := time.Now(), queued(t, pid)
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Fatal(sql, err)
			}
			if i == 2 {
				took = append(took, (time.Since(began) - queued(t, pid) + waited).Seconds())
			}
		}
		release()
		if err := conn.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	middle, _ := migration.Median(took)
	return time.Duration(middle * float64(time.Second))
}

// queued is how long a process has waited for a processor that others had; 0 where
// the system does not tell.
func queued(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		return 0
	}
	var ran, waited int64
	if _, err := fmt.Sscan(string(text), &ran, &waited); err != nil {
		t.Fatal(err)
	}
	return time.Duration(waited)
}

// Forecasts at four times the larger size on a server that is given a third of a
// processor, and on one that is given all, beside what the statements took there.
func BenchmarkForecast_throttled(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("processes of the server can be stopped by root alone")
	}
	server := roomy(b)
	for b.Loop() {
		held := map[bool]int{}
		widest := 0.0
		var said strings.Builder
		for _, g := range growing {
			dir, rates := measured(b, server, g.text, [2]int{})
			rate, ok := rates.Find(dir.Files[1], 1)
			if !ok {
				b.Fatal(g.name)
			}
			db := inUse(b, server, 4*rate.Sizes[1].Rows)
			for _, slow := range []bool{false, true} {
				x := try(b, db, dir, rate, slow)
				band := math.Max(float64(x.forecast.High)/float64(x.forecast.Likely)-1, 1-float64(x.forecast.Low)/float64(x.forecast.Likely))
				if x.held() {
					held[slow]++
				}
				widest = math.Max(widest, band)
				fmt.Fprintf(&said, "\n%-16s slow %-5v speed %4.2f ±%.0f%%, %.3f s ±%2.0f%%, took %.3f s, %+3.0f%% %v", g.name, slow, x.speed.Sample/rate.Sizes[1].Sample, 100*x.speed.Error,
					x.forecast.Likely.Seconds(), 100*band, x.took.Seconds(), 100*(x.took.Seconds()/x.forecast.Likely.Seconds()-1), x.held())
			}
		}
		fmt.Println(said.String()) // a log would be cut
		b.ReportMetric(float64(held[false])/float64(len(growing)), "within/forecast")
		b.ReportMetric(float64(held[true])/float64(len(growing)), "within/throttled")
		b.ReportMetric(100*widest, "%band")
	}
}
