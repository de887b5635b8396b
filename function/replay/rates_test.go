package replay_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/devdb"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// growing are the tables and statements that forecasts are tried on, one file
// for each statement behind the one that makes the tables.
var (
	growingTables = `CREATE TABLE parent (id bigint PRIMARY KEY, name text);
CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint, a integer, b text, c varchar(20), at timestamptz, amount numeric(12,2));
`
	growing = []struct{ name, text string }{
		{"not null", "ALTER TABLE child ALTER COLUMN a SET NOT NULL;\n"},
		{"check", "ALTER TABLE child ADD CONSTRAINT positive CHECK (a > 0 AND amount >= 0);\n"},
		{"foreign key", "ALTER TABLE child ADD CONSTRAINT child_parent FOREIGN KEY (parent_id) REFERENCES parent (id);\n"},
		{"index", "CREATE INDEX child_a ON child (a);\n"},
		{"index on text", "CREATE INDEX child_b ON child (b, at);\n"},
		{"unique index", "CREATE UNIQUE INDEX child_u ON child (parent_id);\n"},
		{"concurrently", "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY child_c ON child (at);\n"},
		{"type", "ALTER TABLE child ALTER COLUMN a TYPE bigint;\n"},
		{"type using", "ALTER TABLE child ALTER COLUMN b SET DATA TYPE varchar(10) USING lower(b);\n"},
		{"update", "UPDATE child SET b = b || 'x';\n"},
		{"volatile default", "ALTER TABLE child ADD COLUMN key uuid DEFAULT gen_random_uuid();\n"},
		{"delete", "DELETE FROM child;\n"},
		{"unique", "ALTER TABLE child ADD CONSTRAINT x UNIQUE (id, a);\n"},
	}
)

// measured is what Measure makes of a file at sizes, on a server, nil for any.
func measured(t testing.TB, server *devdb.Server, text string, rows [2]int) (*migration.Dir, migration.Rates) {
	t.Helper()
	dir := directory(t, map[string]string{"20260101000000_tables.sql": growingTables, "20260101000001_f.sql": text})
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Open: open(t)})
	if err != nil {
		t.Fatal(err)
	}
	rates, err := replay.Measure(t.Context(), replay.RatesOptions{Dir: dir, Replay: r, Rows: rows, Open: func(ctx context.Context) (replay.Measurer, error) {
		if server == nil {
			return postgres.OpenWatcher(ctx, pgtest.New(t).URL)
		}
		return postgres.OpenWatcher(ctx, pgtest.On(t, server).URL)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return dir, rates
}

// Each statement whose work grows with the rows has a rate, at both sizes.
func TestMeasure(t *testing.T) {
	for _, g := range growing {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			dir, rates := measured(t, nil, g.text, [2]int{200, 600})
			if len(rates.Statements) != 1 {
				t.Fatalf("%d rates", len(rates.Statements))
			}
			rate, ok := rates.Find(dir.Files[1], 1)
			if !ok || !slices.Equal(rate.Relations, []string{"public.child"}) || rate.Sizes[0].Rows != 200 || rate.Sizes[1].Rows != 600 {
				t.Errorf("%+v", rate)
			}
		})
	}
}

// Types that are too narrow for a number of each row are measured all the same, with
// the rows that a unique key takes.
func TestMeasure_narrowTypes(t *testing.T) {
	t.Parallel()
	dir := directory(t, map[string]string{
		"20260101000000_tables.sql": "CREATE TABLE n (code varchar(4) PRIMARY KEY, share numeric(4,2), address inet, small smallint, flags bit(3), at time);\n",
		"20260101000001_f.sql":      "CREATE INDEX n_share ON n (share);\n"})
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Open: open(t)})
	if err != nil {
		t.Fatal(err)
	}
	rates, err := replay.Measure(t.Context(), replay.RatesOptions{Dir: dir, Replay: r, Rows: [2]int{200, 70_000}, Open: func(ctx context.Context) (replay.Measurer, error) {
		return postgres.OpenWatcher(ctx, pgtest.New(t).URL)
	}})
	if err != nil || len(rates.Statements) != 1 || rates.Statements[0].Sizes[0].Rows != 200 || rates.Statements[0].Sizes[1].Rows != 9_999 {
		t.Error(err, rates)
	}
}

// The rows of partitions are those of the table that they are parts of, also
// where the database in use has more of them.
func TestMeasure_partitions(t *testing.T) {
	dir := directory(t, map[string]string{
		"20260101000000_tables.sql": "CREATE TABLE p (id bigint, a integer) PARTITION BY RANGE (id);\nCREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000000);\nCREATE TABLE p2 PARTITION OF p DEFAULT;\n",
		"20260101000001_f.sql":      "CREATE INDEX p_a ON p (a);\nALTER TABLE p ALTER COLUMN a SET NOT NULL;\n"})
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Open: open(t)})
	if err != nil {
		t.Fatal(err)
	}
	rates, err := replay.Measure(t.Context(), replay.RatesOptions{Dir: dir, Replay: r, Rows: [2]int{200, 600}, Open: func(ctx context.Context) (replay.Measurer, error) {
		return postgres.OpenWatcher(ctx, pgtest.New(t).URL)
	}})
	if err != nil || len(rates.Statements) != 2 {
		t.Fatal(err, rates)
	}
	for _, rate := range rates.Statements {
		if !slices.Equal(rate.Relations, []string{"public.p"}) || rate.Sizes[1].Rows < 600 {
			t.Errorf("%+v", rate)
		}
	}
}

// Of statements whose work does not grow, that fail with rows, and of what stands
// behind these in the file, there is no rate.
func TestMeasure_leavesOut(t *testing.T) {
	for name, text := range map[string]string{
		"no work":       "ALTER TABLE child ADD COLUMN d integer;\n",
		"a new table":   "CREATE TABLE other (id integer);\nCREATE INDEX ON other (id);\n",
		"fails":         "ALTER TABLE child ADD COLUMN d integer NOT NULL;\nCREATE INDEX ON child (a);\n",
		"by a few rows": "UPDATE child SET b = 'x' WHERE b = '17';\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, rates := measured(t, nil, text, [2]int{200, 600}); len(rates.Statements) != 0 {
				t.Errorf("%+v", rates.Statements)
			}
		})
	}
}

// What is known already is not measured again, and only while the file is the same.
func TestMeasure_keepsWhatIsKnown(t *testing.T) {
	dir := directory(t, map[string]string{"20260101000000_tables.sql": growingTables, "20260101000001_f.sql": growing[0].text})
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Open: open(t)})
	if err != nil {
		t.Fatal(err)
	}
	known := migration.Rate{File: dir.Files[1].Name, Hash: dir.Files[1].Hash, Statement: 1, Relations: []string{"public.child"},
		Sizes: []migration.Measured{{Rows: 1, Bytes: 1, Milliseconds: 1}, {Rows: 2, Bytes: 2, Milliseconds: 2}}}
	opened := 0
	o := replay.RatesOptions{Dir: dir, Replay: r, Known: migration.Rates{Statements: []migration.Rate{known}}, Rows: [2]int{10, 20},
		Open: func(ctx context.Context) (replay.Measurer, error) {
			opened++
			return postgres.OpenWatcher(ctx, pgtest.New(t).URL)
		}}
	if got, err := replay.Measure(t.Context(), o); err != nil || opened != 0 || len(got.Statements) != 1 || got.Statements[0].Sizes[1].Rows != 2 {
		t.Errorf("%v, %d opened, %+v", err, opened, got)
	}
	o.Known.Statements[0].Hash = "another"
	if got, err := replay.Measure(t.Context(), o); err != nil || opened != 2 || len(got.Statements) != 1 || got.Statements[0].Sizes[1].Rows != 20 {
		t.Errorf("%v, %d opened, %+v", err, opened, got)
	}
}

// roomy is a server with memory for the tables that it has, as one in use is.
func roomy(t testing.TB) *devdb.Server {
	t.Helper()
	return pgtest.Private(t, map[string]string{"shared_buffers": "512MB"})
}

// at is what the only statement of the last file of dir takes with that many rows.
func at(t testing.TB, server *devdb.Server, dir *migration.Dir, rows int) migration.Measured {
	t.Helper()
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Open: open(t)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := postgres.OpenWatcher(t.Context(), pgtest.On(t, server).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Plain(t.Context(), dir.Files[:1]); err != nil {
		t.Fatal(err)
	}
	told, err := w.Measure(t.Context(), dir.Files[1], r.Files[1].Statements, rows)
	if err != nil || told[1].Rows != int64(rows) {
		t.Fatal(err, told)
	}
	return told[1]
}

// Forecasts at four times the larger of the measured sizes, beside what that took
// in the same minutes. Both are times of the processor: what else the machine
// does is not to decide.
func BenchmarkForecast(b *testing.B) {
	server := roomy(b)
	for b.Loop() {
		tried, held := 0, 0
		widest := 0.0
		var said strings.Builder
		for _, g := range growing {
			dir, rates := measured(b, server, g.text, [2]int{})
			rate, ok := rates.Find(dir.Files[1], 1)
			if !ok {
				b.Errorf("%s: no rate", g.name)
				continue
			}
			is := at(b, server, dir, 4*int(rate.Sizes[1].Rows))
			facts := map[string]migration.RelationFacts{"public.child": {Rows: is.Rows, Bytes: is.Bytes}}
			f, _ := rate.Forecast(facts, migration.Speed{Relation: "public.child", Sample: is.Sample, Rows: is.Rows})
			likely, took := f.Likely.Seconds()*1000, is.Milliseconds
			within := took >= f.Low.Seconds()*1000 && took <= f.High.Seconds()*1000
			band := math.Max(float64(f.High)/float64(f.Likely)-1, 1-float64(f.Low)/float64(f.Likely))
			tried++
			if within {
				held++
			}
			widest = math.Max(widest, band)
			fmt.Fprintf(&said, "\n%-16s %4.1f, %5.1f ms ±%.0f, %.0f%%; sample %3.0f, %3.0f, %3.0f; %4.0f ms ±%2.0f%%, is %4.0f ±%.0f%%, %+3.0f%% %v", g.name, rate.Sizes[0].Milliseconds, rate.Sizes[1].Milliseconds,
				100*rate.Sizes[0].Error, 100*rate.Sizes[1].Error, rate.Sizes[0].Sample, rate.Sizes[1].Sample, is.Sample, likely, 100*band, took, 100*is.Error, 100*(took/likely-1), within)
		}
		fmt.Println(said.String()) // a log would be cut
		b.ReportMetric(float64(held)/float64(tried), "within/forecast")
		b.ReportMetric(100*widest, "%band")
	}
}
