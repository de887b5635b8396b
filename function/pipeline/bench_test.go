package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// The numbers here are ratios of two things measured in turn on one server, so
// that they mean something on a busy machine: each is the median of the ratios
// of many rounds, five at the least.
const rounds = 5

// twoStatements is a file as people write them: a table, and an index or rows.
func twoStatements(v int) string {
	second := fmt.Sprintf("CREATE INDEX bench_%d_name ON bench_%[1]d (name);", v)
	if v%2 == 0 {
		second = fmt.Sprintf("INSERT INTO bench_%d (name) VALUES ('a'), ('b');", v)
	}
	return fmt.Sprintf("CREATE TABLE bench_%d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, created_at timestamptz DEFAULT now());\n%s\n", v, second)
}

// 1,000 files of two statements, with all bookkeeping, against what runs the
// bare statements one by one and keeps no books: x_psql is how many times as
// long as psql -f it takes.
func BenchmarkApply_1000Files(b *testing.B) {
	files := numbered(b, 1, 1000, twoStatements)
	b.Run("loopback", func(b *testing.B) { versusPsql(b, files, 0) })
	b.Run("1ms", func(b *testing.B) { versusPsql(b, files, 500*time.Microsecond) })
}

func versusPsql(b *testing.B, files fstest.MapFS, oneWay time.Duration) {
	name, peer := psql(b, files)
	var ours, theirs []time.Duration
	repeat(b, func() {
		url := through(b, pgtest.New(b).URL, oneWay)
		theirs = append(theirs, timed(func() { peer(url) }))
		p := on(b, through(b, pgtest.New(b).URL, oneWay), files)
		digest := planned(b, p)
		ours = append(ours, timed(func() {
			want(b, do(b, p, pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Applied)
		}))
	})
	report(b, ours)
	ratio(b, ours, theirs, name)
}

func repeat(b *testing.B, round func()) {
	for b.Loop() {
		for range rounds {
			round()
		}
	}
}

// report tells how long something took.
func report(b *testing.B, took []time.Duration) {
	b.ReportMetric(median(took).Seconds()*1000, "ms")
	b.ReportMetric(0, "ns/op") // says nothing: the setup is in it
}

// ratio tells how many times as long it took as its peer.
func ratio(b *testing.B, took, peers []time.Duration, peer string) {
	ratios := make([]float64, len(took))
	for i := range took {
		ratios[i] = float64(took[i]) / float64(peers[i])
	}
	b.ReportMetric(median(ratios), "x_"+peer)
	b.ReportMetric(median(peers).Seconds()*1000, peer+"_ms")
}

func median[T float64 | time.Duration](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// psql runs the statements of files as psql -f does: by psql itself where there
// is one, else by a loop that sends each alone, which is what psql does.
func psql(b *testing.B, files fstest.MapFS) (name string, run func(url string)) {
	path, err := exec.LookPath("psql")
	if err != nil {
		return "loop", func(url string) { oneByOne(b, url, files) }
	}
	script := filepath.Join(b.TempDir(), "all.sql")
	if err := os.WriteFile(script, []byte(strings.Join(texts(files), "")), 0o600); err != nil {
		b.Fatal(err)
	}
	return "psql", func(url string) {
		c := exec.Command(path, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", script, url)
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("psql: %v\n%s", err, out)
		}
	}
}

func oneByOne(b *testing.B, url string, files fstest.MapFS) {
	dir, _, err := migration.ReadDir(files)
	if err != nil {
		b.Fatal(err)
	}
	c := pgtest.Connect(b, url)
	for _, f := range dir.Files {
		for _, s := range f.Stmts {
			if _, err := c.Exec(b.Context(), s.Text, pgx.QueryExecModeSimpleProtocol); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// texts are those of the *.sql files, in order.
func texts(files fstest.MapFS) []string {
	var names, all []string
	for name := range files {
		if strings.HasSuffix(name, ".sql") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		all = append(all, string(files[name].Data))
	}
	return all
}

// through is url by way of a line that delays by oneWay in each direction.
func through(b *testing.B, url string, oneWay time.Duration) string {
	b.Helper()
	if oneWay == 0 {
		return url
	}
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		b.Fatal(err)
	}
	return strings.Replace(url, config.Address(), delayed(b, config.Address(), oneWay), 1)
}

// One pending file beside many tables that it does not touch: x_empty is how
// many times as long it takes as in a database without them, x_connect as a
// connection and one trivial query.
func BenchmarkOneFile_beside10000Tables(b *testing.B) {
	empty, crowded := pgtest.New(b), pgtest.New(b)
	for _, db := range []*pgtest.DB{empty, crowded} {
		applied(b, on(b, db.URL, numbered(b, 1, 1, twoStatements)))
	}
	crowd(b, crowded, 10_000)
	for _, action := range []migration.Action{migration.ActionPlan, migration.ActionApply} {
		b.Run(string(action), func(b *testing.B) {
			var beside, alone, bare []time.Duration
			repeat(b, func() {
				beside = append(beside, onePending(b, crowded, action))
				alone = append(alone, onePending(b, empty, action))
				bare = append(bare, timed(func() { connectAndAsk(b, crowded.URL) }))
			})
			report(b, beside)
			ratio(b, beside, alone, "empty")
			ratio(b, beside, bare, "connect")
		})
	}
}

// onePending times an action with one more file than the database has.
func onePending(b *testing.B, db *pgtest.DB, action migration.Action) time.Duration {
	b.Helper()
	var done int
	if _, err := fmt.Sscan(db.Query(b, "SELECT count(*) FROM atlas_schema_revisions.atlas_schema_revisions"), &done); err != nil {
		b.Fatal(err)
	}
	p := on(b, db.URL, numbered(b, 1, done+1, twoStatements))
	r, outcome := pipeline.Request{Action: action}, migration.Planned
	if action == migration.ActionApply {
		r.Plan, outcome = planned(b, p), migration.Applied
	}
	return timed(func() { want(b, do(b, p, r), outcome) })
}

func crowd(b *testing.B, db *pgtest.DB, n int) {
	b.Helper()
	c := db.Conn(b)
	for from := 1; from <= n; from += 500 { // each table holds a lock until its transaction ends
		if _, err := c.Exec(b.Context(), fmt.Sprintf(`DO $$ BEGIN FOR i IN %d..%d LOOP
			EXECUTE format('CREATE TABLE crowd_%%s (id bigint PRIMARY KEY, name text, at timestamptz)', i); END LOOP; END $$`, from, min(n, from+499))); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := c.Exec(b.Context(), "VACUUM ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

func connectAndAsk(b *testing.B, url string) {
	b.Helper()
	c, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(b.Context(), "SELECT 1"); err != nil {
		b.Fatal(err)
	}
}

// Nothing to do: what it costs to see that all is applied, as many times as a
// connection and one trivial query.
func BenchmarkNothingToDo(b *testing.B) {
	for _, n := range []int{1, 1000, 5000} {
		db := pgtest.New(b)
		files := numbered(b, 1, n, trivial)
		applied(b, on(b, db.URL, files))
		for _, action := range []migration.Action{migration.ActionPlan, migration.ActionApply, migration.ActionStatus} {
			b.Run(fmt.Sprintf("%s/%d_applied", action, n), func(b *testing.B) {
				p := on(b, db.URL, files)
				var ours, bare []time.Duration
				repeat(b, func() {
					ours = append(ours, timed(func() {
						if r := do(b, p, pipeline.Request{Action: action}); !r.Outcome.OK() {
							b.Fatal(told(r))
						}
					}))
					bare = append(bare, timed(func() { connectAndAsk(b, db.URL) }))
				})
				report(b, ours)
				ratio(b, ours, bare, "connect")
			})
		}
	}
}
