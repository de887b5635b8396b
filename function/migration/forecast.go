package migration

import (
	"fmt"
	"math"
	"time"
)

// Speed is how fast a database is, by the sample query.
type Speed struct {
	Relation string  // that was read; "" where none could be
	Rows     int64   // that were read of it
	Sample   float64 // nanoseconds for each
	Error    float64 // of that, as a part of it
	// Cold is how many times as long the first read of the same pages took.
	Cold float64
}

// Known says that there was a sample.
func (s Speed) Known() bool { return s.Relation != "" && s.Sample > 0 }

// A Forecast is how long a statement will take on a database.
type Forecast struct {
	Low, Likely, High time.Duration
	Rows              int64 // that it works through
	Unsure            string
}

// Parts of the error of a forecast that no measurement shows: that time is not
// quite a line over the rows (of 26 at four times the size, 21 took up to 10 % and 3
// more up to 19 % longer or shorter than foretold), and how far the line is drawn beyond four times
// the larger of the measured sizes, for each doubling.
const (
	lineError = 0.21
	farError  = 0.02
)

// Time that grows faster than the rows does so because memory is farther away, or
// by a sort, which bends the line less and less: up to straightFrom times the
// larger size, by what of the exponent is above slightlyBent, up to mostBent.
const (
	straightFrom = 4.0
	slightlyBent = 1.15
	mostBent     = 1.5
)

// unsampled is the factor by which a machine of unknown speed may differ.
const unsampled = 2

// Forecast says how long the statement takes on a database of these facts and
// this speed; false where too little is known of the relations.
func (r Rate) Forecast(facts map[string]RelationFacts, speed Speed) (Forecast, bool) {
	var rows, size int64
	for _, name := range r.Relations {
		f, ok := facts[name]
		if !ok || f.Rows < 0 {
			return Forecast{}, false
		}
		rows += f.Rows
		size += max(f.Bytes, 0)
	}
	if !r.usable() {
		return Forecast{}, false
	}
	x := float64(rows)
	took := r.took(x)
	parts := []float64{r.fitError(x), r.bendError(x), r.fixedError(x), lineError + farError*max(0, math.Log2(max(x, 1)/(straightFrom*float64(r.Sizes[1].Rows))))}
	f := Forecast{Rows: rows}
	if sample := r.sample(); speed.Known() && sample > 0 {
		took *= speed.Sample / sample
		parts = append(parts, speed.Error)
	}
	off := quadrature(parts)
	low, wide, high := r.width(rows, size)
	likely := took * wide
	f.Likely, f.Low, f.High = milliseconds(likely), milliseconds(likely/wide*low*max(0, 1-off)), milliseconds(likely/wide*high*(1+off))
	if !speed.Known() {
		f.Low, f.High = f.Low/unsampled, f.High*unsampled
	}
	f.Unsure = r.unsure(speed, wide, rows, size)
	return f, true
}

// sizes are both as if they had been measured while the machine was as fast as it
// was at the larger.
func (r Rate) sizes() (a, b Measured) {
	a, b = r.Sizes[0], r.Sizes[1]
	if a.Sample > 0 && b.Sample > 0 {
		a.Milliseconds *= min(max(b.Sample/a.Sample, 0.5), 2)
	}
	return a, b
}

// took is the time in milliseconds over x rows: a line through both sizes. Where a
// part of the time seems not to depend on the rows, more rows take half-way between
// that and what they would take by the larger size alone, since a small size that
// was measured too slow looks the same.
func (r Rate) took(x float64) float64 {
	_, b := r.sizes()
	times := x / float64(b.Rows)
	along := b.Milliseconds * times * math.Pow(bent(times), max(0, r.exponent()-slightlyBent))
	if times <= 1 {
		return r.line(x, along)
	}
	return (along + r.line(x, along)) / 2
}

// line is the time over x rows by a line through both sizes, otherwise where that
// begins below nothing or falls.
func (r Rate) line(x, otherwise float64) float64 {
	a, b := r.sizes()
	slope := (b.Milliseconds - a.Milliseconds) / float64(b.Rows-a.Rows)
	if fixed := a.Milliseconds - slope*float64(a.Rows); slope > 0 && fixed >= 0 {
		return fixed + slope*x
	}
	return otherwise
}

// fixedError is how far the time over x rows is from that line, as a part of it.
func (r Rate) fixedError(x float64) float64 {
	took := r.took(x)
	if took <= 0 {
		return 0
	}
	return math.Abs(took-r.line(x, took)) / took
}

// exponent is the power of the rows with which the time grew, 1 where it grew no
// faster than the rows.
func (r Rate) exponent() float64 {
	a, b := r.sizes()
	e := math.Log(b.Milliseconds/a.Milliseconds) / math.Log(float64(b.Rows)/float64(a.Rows))
	return min(max(e, 1), mostBent)
}

// bendError is half of what a slight bend would add, as a part of the time.
func (r Rate) bendError(x float64) float64 {
	slight := min(r.exponent(), slightlyBent) - 1
	return (math.Pow(bent(x/float64(r.Sizes[1].Rows)), slight) - 1) / 2
}

func bent(times float64) float64 { return min(max(times, 1), straightFrom) }

// fitError is what the errors of both measurements make of the time over x rows,
// as a part of it.
func (r Rate) fitError(x float64) float64 {
	a, b := r.sizes()
	between := float64(b.Rows - a.Rows)
	of := quadrature([]float64{
		a.Error * a.Milliseconds * (x - float64(b.Rows)) / between,
		b.Error * b.Milliseconds * (x - float64(a.Rows)) / between,
	})
	if took := r.took(x); took > 0 {
		return of / took
	}
	return 0
}

// sample is what the sample query took for each row when it was measured.
func (r Rate) sample() float64 { return r.Sizes[1].Sample }

// width says by which factors the time differs for rows that are not as wide as
// they were on the dev database, if the time of a statement that reads follows
// the bytes by at most a half, and that of one that writes by at least a third.
func (r Rate) width(rows, size int64) (low, likely, high float64) {
	dev := float64(r.Sizes[1].Bytes) / float64(r.Sizes[1].Rows)
	if rows == 0 || size == 0 {
		return 1, 1, 1
	}
	times := float64(size) / float64(rows) / dev
	if size < 1<<20 || times > 0.75 && times < 1.33 {
		return 1, 1, 1
	}
	part := func(p float64) float64 { return 1 + (times-1)*p }
	from, to := 0.0, 0.5
	if r.Writes {
		from, to = 1.0/3, 1
	}
	low, high = min(part(from), part(to)), max(part(from), part(to))
	return low, (low + high) / 2, high
}

// unsure says what the sample could not measure.
func (r Rate) unsure(speed Speed, wide float64, rows, size int64) string {
	said := "Measured in memory on a dev database"
	if speed.Known() {
		said += fmt.Sprintf(", set right by a read of %d rows of %s here, which took %.2g times as long for each", speed.Rows, speed.Relation, speed.Sample/r.sample())
	} else {
		said += "; how fast this server is could not be measured, so that the band is wide"
	}
	said += ". Not measured: how fast this server builds indexes, sorts beyond memory and writes WAL"
	if speed.Cold >= 1.5 {
		said += fmt.Sprintf("; pages that are not in memory (the first read took %.2g times as long)", speed.Cold)
	} else {
		said += ", and pages that are not in memory"
	}
	if wide != 1 {
		said += fmt.Sprintf("; rows take %d bytes here, %d there", size/rows, r.Sizes[1].Bytes/r.Sizes[1].Rows)
	}
	return said + "."
}

func quadrature(parts []float64) float64 {
	sum := 0.0
	for _, p := range parts {
		sum += p * p
	}
	return math.Sqrt(sum)
}

// milliseconds is bounded, so that what is absurd is long and not negative.
func milliseconds(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0), 1e12) * float64(time.Millisecond))
}

// String is "about 40 s (32 s to 48 s)".
func (f Forecast) String() string {
	return fmt.Sprintf("about %s (%s to %s)", Span(f.Likely), Span(f.Low), Span(f.High))
}

// Span writes a time with two digits, as a person would.
func Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.2g s", max(d, time.Millisecond).Seconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
	return fmt.Sprintf("%.0f hours", d.Hours())
}
