package replay_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// crowded is a processor on which two others always want to work, so that a process
// that is put there gets a third of it, as on a machine that is shared. (A quota of a
// control group is kept by the clock tick alone, which a statement of 0.1 s sees.)
type crowded string

// last is the last processor of the machine.
func last() crowded { return crowded(strconv.Itoa(runtime.NumCPU() - 1)) }

// begin has the two work there until the returned function is called.
func (c crowded) begin(t testing.TB) (end func()) {
	t.Helper()
	var hogs []*exec.Cmd
	for range 2 {
		hog := exec.Command("taskset", "--cpu-list", string(c), "sh", "-c", "while :; do :; done")
		if err := hog.Start(); err != nil {
			t.Fatal(err)
		}
		hogs = append(hogs, hog)
	}
	return func() {
		for _, hog := range hogs {
			_ = hog.Process.Kill()
			_ = hog.Wait()
		}
	}
}

// take puts a process there, until its end.
func (c crowded) take(t testing.TB, pid int) {
	t.Helper()
	if out, err := exec.Command("taskset", "--cpu-list", "--pid", string(c), strconv.Itoa(pid)).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
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

// A share is what a process of the server is given of the machine.
type share struct {
	begin func() (end func())         // makes it so
	limit func(pid int)               // its processor
	lost  func(pid int) time.Duration // how long it has waited for one that others had
}

// whole is all of a processor. What other processes took of the machine is taken out,
// as far as the system tells: a benchmark shares it with them, one moment more and one
// less.
func whole(t testing.TB) share {
	return share{func() func() { return func() {} }, func(int) {}, func(pid int) time.Duration { return queued(t, pid) }}
}

// part is what a crowded processor leaves. What a process waits for that is not lost:
// it is what is tried.
func part(t testing.TB, c crowded) share {
	return share{func() func() { return c.begin(t) }, func(pid int) { c.take(t, pid) }, func(int) time.Duration { return 0 }}
}

// rounds is how often a forecast is made and tried: the machine is faster in one moment
// than in another.
const rounds = 5

// try foretells one statement on a database and runs it there, some rounds, and returns
// the middle one of the forecasts and the median of what the statement took.
func try(t testing.TB, db *pgtest.DB, dir *migration.Dir, rate migration.Rate, of share) tried {
	t.Helper()
	defer of.begin()()
	var all []tried
	var took []float64
	for range rounds {
		x := foretold(t, db, rate, of)
		all = append(all, x)
		took = append(took, wall(t, db, dir.Files[1], of).Seconds())
	}
	slices.SortFunc(all, func(a, b tried) int { return cmp.Compare(a.forecast.Likely, b.forecast.Likely) })
	middle, _ := migration.Median(took)
	x := all[rounds/2]
	x.took = time.Duration(middle * float64(time.Second))
	return x
}

// foretold is a forecast by a sample of that moment, as plan makes it.
func foretold(t testing.TB, db *pgtest.DB, rate migration.Rate, of share) (x tried) {
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
	of.limit(pid)
	began, lost := time.Now(), of.lost(pid)
	x.speed = s.Speed(t.Context(), facts)
	x.speed.Sample *= 1 - float64(of.lost(pid)-lost)/float64(time.Since(began))
	x.forecast, _ = rate.Forecast(facts, x.speed)
	return x
}

// wall runs the only statement of a file and takes it back, in a session of its own as an
// apply does, and returns what it took by the clock on the wall, less the time that was lost.
func wall(t testing.TB, db *pgtest.DB, f migration.File, of share) (took time.Duration) {
	t.Helper()
	before, after := "BEGIN", "ROLLBACK"
	if f.TxMode == migration.TxNone {
		before, after = "", "DROP INDEX child_c"
	}
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	pid := int(conn.PgConn().PID())
	of.limit(pid)
	for i, sql := range []string{"SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0; SET jit = off", before, f.Stmts[0].Text, after, "VACUUM child"} {
		began, lost := time.Now(), of.lost(pid)
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(sql, err)
		}
		if i == 2 {
			took = time.Since(began) - of.lost(pid) + lost
		}
	}
	return took
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

// Forecasts at four times the larger size on a server that is given a part of a
// processor, and on one that is given all, beside what the statements took there by the
// clock on the wall.
func BenchmarkForecast_throttled(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("root alone can say where a process of another user runs")
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		b.Skip(err)
	}
	server := roomy(b)
	shares := []struct {
		name string
		share
	}{{"whole", whole(b)}, {"throttled", part(b, last())}}
	for b.Loop() {
		held := map[string]int{}
		widest := 0.0
		var said strings.Builder
		for _, g := range growing {
			dir, rates := measured(b, server, g.text, [2]int{})
			rate, ok := rates.Find(dir.Files[1], 1)
			if !ok {
				b.Fatal(g.name)
			}
			db := inUse(b, server, 4*rate.Sizes[1].Rows)
			for _, of := range shares {
				x := try(b, db, dir, rate, of.share)
				band := math.Max(float64(x.forecast.High)/float64(x.forecast.Likely)-1, 1-float64(x.forecast.Low)/float64(x.forecast.Likely))
				if x.held() {
					held[of.name]++
				}
				widest = math.Max(widest, band)
				fmt.Fprintf(&said, "\n%-16s %-9s speed %4.2f ±%2.0f%%, %.3f s ±%2.0f%%, took %.3f s, %+3.0f%% %v", g.name, of.name, x.speed.Sample/rate.Sizes[1].Sample, 100*x.speed.Error,
					x.forecast.Likely.Seconds(), 100*band, x.took.Seconds(), 100*(x.took.Seconds()/x.forecast.Likely.Seconds()-1), x.held())
			}
		}
		fmt.Println(said.String()) // a log would be cut
		for _, of := range shares {
			b.ReportMetric(float64(held[of.name])/float64(len(growing)), "within/"+of.name)
		}
		b.ReportMetric(100*widest, "%band")
	}
}
