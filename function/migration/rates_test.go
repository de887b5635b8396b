package migration_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// rate took small ms over 30,000 rows of 100 bytes, and large ms over 90,000.
func rate(small, large float64) migration.Rate {
	return migration.Rate{File: "1_f.sql", Hash: "h1:x", Statement: 1, Relations: []string{"public.t"}, Sizes: []migration.Measured{
		{Rows: 30_000, Bytes: 3_000_000, Milliseconds: small, Error: 0.01, Sample: 200},
		{Rows: 90_000, Bytes: 9_000_000, Milliseconds: large, Error: 0.01, Sample: 200}}}
}

func table(rows, bytes int64) map[string]migration.RelationFacts {
	return map[string]migration.RelationFacts{"public.t": {Kind: "table", Rows: rows, Bytes: bytes}}
}

func fast(sample float64) migration.Speed {
	return migration.Speed{Relation: "public.t", Rows: 1000, Sample: sample, Error: 0.01, Cold: 1}
}

func TestForecast(t *testing.T) {
	for name, c := range map[string]struct {
		rate   migration.Rate
		facts  map[string]migration.RelationFacts
		speed  migration.Speed
		likely float64 // ms
		band   float64 // the larger side
	}{
		"a line through nothing":             {rate(30, 90), table(360_000, 36_000_000), fast(200), 360, 0.22},
		"a line with a beginning":            {rate(40, 100), table(360_000, 36_000_000), fast(200), 385, 0.23},
		"no rows cost the beginning":         {rate(40, 100), table(0, 0), fast(200), 10, 0.23},
		"a small size measured too slow":     {rate(54, 90), table(360_000, 36_000_000), fast(200), 306, 0.29},
		"half as fast":                       {rate(30, 90), table(360_000, 36_000_000), fast(400), 720, 0.22},
		"twice as fast":                      {rate(30, 90), table(360_000, 36_000_000), fast(100), 180, 0.22},
		"of unknown speed":                   {rate(30, 90), table(360_000, 36_000_000), migration.Speed{}, 360, 1.45},
		"it bends for four times":            {rate(30, 90*math.Sqrt(3)), table(360_000, 36_000_000), fast(200), 360 * math.Sqrt(3) * math.Pow(4, 0.35), 0.25},
		"and is straight behind":             {rate(30, 90*math.Sqrt(3)), table(720_000, 72_000_000), fast(200), 720 * math.Sqrt(3) * math.Pow(4, 0.35), 0.27},
		"a slight bend is not drawn on":      {rate(30, 90*1.1), table(360_000, 36_000_000), fast(200), 396, 0.24},
		"less time for more rows is chance":  {rate(31, 30), table(360_000, 36_000_000), fast(200), 120, 0.22},
		"far beyond, less is known":          {rate(30, 90), table(90_000_000, 9_000_000_000), fast(200), 90_000, 0.38},
		"wide rows, which are only read":     {rate(30, 90), table(360_000, 108_000_000), fast(200), 540, 0.62},
		"rows of a little more than as wide": {rate(30, 90), table(360_000, 40_000_000), fast(200), 360, 0.22},
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := c.rate.Forecast(c.facts, c.speed)
			if !ok {
				t.Fatal("no forecast")
			}
			if got := f.Likely.Seconds() * 1000; math.Abs(got/c.likely-1) > 0.01 {
				t.Errorf("likely %.1f ms, want %.1f", got, c.likely)
			}
			band := max(float64(f.High)/float64(f.Likely)-1, 1-float64(f.Low)/float64(f.Likely))
			if f.Low > f.Likely || f.Likely > f.High || f.Low < 0 || band > c.band || band < c.band/2 {
				t.Errorf("%s: a band of %.3f, want at most %.3f", f, band, c.band)
			}
			if f.Rows != c.facts["public.t"].Rows {
				t.Errorf("%d rows", f.Rows)
			}
		})
	}
}

// The dev machine may have been busy with something else at one of the sizes: the
// sample query shows that, and the forecast is the same.
func TestForecast_slowWhileMeasured(t *testing.T) {
	busy := rate(60, 90)
	busy.Sizes[0].Sample = 400
	f, _ := busy.Forecast(table(360_000, 36_000_000), fast(200))
	if want := 360 * time.Millisecond; (f.Likely - want).Abs() > time.Millisecond {
		t.Errorf("%s, want %s", f, want)
	}
}

func TestForecast_isNoneWhereRowsAreNotKnown(t *testing.T) {
	for name, facts := range map[string]map[string]migration.RelationFacts{"no facts": nil, "another table": {"public.u": {Rows: 1}}, "unknown": table(-1, -1)} {
		if f, ok := rate(30, 90).Forecast(facts, fast(200)); ok {
			t.Errorf("%s: %s", name, f)
		}
	}
}

func TestForecast_saysWhatIsNotSure(t *testing.T) {
	cold := fast(400)
	cold.Cold = 12
	for name, c := range map[string]struct {
		facts map[string]migration.RelationFacts
		speed migration.Speed
		want  []string
	}{
		"sampled":   {table(360_000, 36_000_000), fast(400), []string{"a read of 1000 rows of public.t here, which took 2 times as long", "builds indexes", "WAL"}},
		"unsampled": {table(360_000, 36_000_000), migration.Speed{}, []string{"could not be measured, so that the band is wide"}},
		"cold":      {table(360_000, 36_000_000), cold, []string{"the first read took 12 times as long"}},
		"wide":      {table(360_000, 108_000_000), fast(200), []string{"rows take 300 bytes here, 100 there"}},
	} {
		f, _ := rate(30, 90).Forecast(c.facts, c.speed)
		for _, want := range c.want {
			if !strings.Contains(f.Unsure, want) {
				t.Errorf("%s: %q does not say %q", name, f.Unsure, want)
			}
		}
	}
}

func TestForecast_String(t *testing.T) {
	f := migration.Forecast{Low: 32 * time.Second, Likely: 40 * time.Second, High: 48 * time.Second}
	if got, want := f.String(), "about 40 s (32 s to 48 s)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for d, want := range map[time.Duration]string{0: "0.001 s", 12 * time.Millisecond: "0.012 s", 1234 * time.Millisecond: "1.2 s",
		40 * time.Minute: "40 minutes", 5 * time.Hour: "5 hours"} {
		if got := migration.Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// Rates read as they were written.
func TestRates(t *testing.T) {
	text, err := migration.MarshalRates(migration.Rates{Format: migration.RatesFormat, Statements: []migration.Rate{rate(30, 90), rate(1, 2)}})
	if err != nil {
		t.Fatal(err)
	}
	r := migration.ReadRates(fstest.MapFS{migration.RatesName: {Data: text}})
	if len(r.Statements) != 2 || r.Statements[0].Sizes[1] != rate(30, 90).Sizes[1] {
		t.Errorf("%s\nreads as %+v", text, r)
	}
	same := migration.File{Name: "1_f.sql", Hash: "h1:x"}
	if _, ok := r.Find(same, 1); !ok || len(r.Of(same)) != 2 {
		t.Error("the rate of the file is not found")
	}
	for name, f := range map[string]migration.File{"another hash": {Name: "1_f.sql", Hash: "h1:y"}, "another file": {Name: "2_f.sql", Hash: "h1:x"}} {
		if _, ok := r.Find(f, 1); ok {
			t.Error(name + " is found")
		}
	}
	if _, ok := r.Find(same, 2); ok {
		t.Error("another statement is found")
	}
}

// Rates are a hint: what is wrong with them is left out, and never an error.
func TestReadRates_takesWhatItCanUse(t *testing.T) {
	good := `{"file":"1_f.sql","hash":"h","statement":1,"relations":["public.t"],"sizes":[{"rows":1,"bytes":1,"ms":1},{"rows":2,"bytes":2,"ms":2}]}`
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"good":           {`{"format":1,"rates":[` + good + `]}`, 1},
		"none":           {``, 0},
		"not JSON":       {`{"format":`, 0},
		"another format": {`{"format":2,"rates":[` + good + `]}`, 0},
		"a list":         {`[]`, 0},
		"one is broken":  {`{"format":1,"rates":[` + good + `,{"file":"x"}]}`, 1},
		"negative":       {`{"format":1,"rates":[` + strings.Replace(good, `"ms":1`, `"ms":-1`, 1) + `]}`, 0},
		"absurd":         {`{"format":1,"rates":[` + strings.Replace(good, `"ms":2`, `"ms":1e300`, 1) + `]}`, 0},
		"one size":       {`{"format":1,"rates":[` + strings.Replace(good, `"rows":2`, `"rows":1`, 1) + `]}`, 0},
		"no rows":        {`{"format":1,"rates":[` + strings.Replace(good, `"rows":1`, `"rows":0`, 1) + `]}`, 0},
	} {
		if got := migration.ReadRates(fstest.MapFS{migration.RatesName: {Data: []byte(c.text)}}); len(got.Statements) != c.want {
			t.Errorf("%s: %d rates, want %d", name, len(got.Statements), c.want)
		}
	}
	if got := migration.ReadRates(fstest.MapFS{}); len(got.Statements) != 0 {
		t.Errorf("no file: %+v", got)
	}
}

func TestEffects_Works(t *testing.T) {
	locked := []migration.LockSeen{{Relation: "t", Kind: "table", Mode: migration.RowExclusive}}
	for name, c := range map[string]struct {
		effects migration.Effects
		want    []string
	}{
		"nothing":                 {migration.Effects{}, nil},
		"a scan":                  {migration.Effects{Scans: []migration.ScanSeen{{Relation: "t"}}}, []string{"t"}},
		"a rewrite with an index": {migration.Effects{Rewrites: []string{"t"}, Indexes: []migration.IndexSeen{{Table: "t"}}}, []string{"t"}},
		"all rows":                {migration.Effects{Rows: []migration.RowsSeen{{Table: "t", Update: migration.AllRows}}}, []string{"t"}},
		"some rows":               {migration.Effects{Scans: []migration.ScanSeen{{Relation: "t"}}, Rows: []migration.RowsSeen{{Table: "t", Update: migration.SomeRows}}}, nil},
		"looked for, none found":  {migration.Effects{Locks: locked, Scans: []migration.ScanSeen{{Relation: "t"}}}, nil},
		"partitions": {migration.Effects{Locks: []migration.LockSeen{{Relation: "r", Kind: "partitioned table", Mode: migration.Share}, {Relation: "p", Kind: "table", Mode: migration.Share}},
			Scans: []migration.ScanSeen{{Relation: "p"}}, Indexes: []migration.IndexSeen{{Table: "r"}, {Table: "p"}}}, []string{"r"}},
		"a materialized view": {migration.Effects{Locks: []migration.LockSeen{{Relation: "m", Kind: "materialized view", Mode: migration.AccessExclusive}},
			Rewrites: []string{"m"}, Scans: []migration.ScanSeen{{Relation: "t"}}}, []string{"t"}},
		"a foreign key": {migration.Effects{Scans: []migration.ScanSeen{{Relation: "p"}, {Relation: "t"}},
			Constraints: []migration.ConstraintSeen{{Table: "t", References: "p"}}}, []string{"t"}},
		"a foreign key to itself": {migration.Effects{Scans: []migration.ScanSeen{{Relation: "t"}},
			Constraints: []migration.ConstraintSeen{{Table: "t", References: "t"}}}, []string{"t"}},
	} {
		if got := c.effects.Works(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		numbers     []float64
		middle, off float64
	}{
		{nil, 0, 0}, {[]float64{5}, 5, 1}, {[]float64{1, 3}, 2, 0.66}, {[]float64{10, 10, 10, 900}, 10, 0}, {[]float64{9, 10, 11}, 10, 0.11},
	} {
		if middle, off := migration.Median(c.numbers); middle != c.middle || math.Abs(off-c.off) > 0.01 {
			t.Errorf("%v: %v ± %v, want %v ± %v", c.numbers, middle, off, c.middle, c.off)
		}
	}
}
