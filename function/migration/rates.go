package migration

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"slices"
)

// RatesName is the file of a directory that keeps how long statements took on a
// dev database. It is a hint: atlas.sum does not cover it, no plan depends on it,
// and where it is missing, stale or unreadable there is no forecast.
const RatesName = "rates.json"

// RatesFormat is the format that is written and the only one that is read.
const RatesFormat = 1

// Rates are how long the statements took whose work grows with the rows.
type Rates struct {
	Format     int    `json:"format"`
	Statements []Rate `json:"rates"`
}

// A Rate is how long one statement took over tables of two sizes.
type Rate struct {
	File      string `json:"file"`
	Hash      string `json:"hash"` // of the file and all before it, as in atlas.sum
	Statement int    `json:"statement"`
	// Relations are those whose rows it works through.
	Relations []string `json:"relations"`
	// Writes: it writes these rows too, by itself or with a new file of the table.
	Writes bool `json:"writes,omitempty"`
	// Sizes, the least first.
	Sizes []Measured `json:"sizes"`
}

// Measured is what was measured with one number of rows.
type Measured struct {
	Rows         int64   `json:"rows"`  // of all relations together
	Bytes        int64   `json:"bytes"` // that these take, without indexes
	Milliseconds float64 `json:"ms"`    // the median
	// Error is the standard error of that, as a part of it.
	Error float64 `json:"error"`
	// Sample is what the sample query took for each row then, in nanoseconds.
	Sample float64 `json:"sample_ns"`
}

// MarshalRates writes rates as they are read: one statement a line.
func MarshalRates(r Rates) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("{\"format\": ")
	if err := appendJSON(&b, r.Format); err != nil {
		return nil, err
	}
	b.WriteString(",\n \"rates\": [")
	for i, s := range r.Statements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  ")
		if err := appendJSON(&b, s); err != nil {
			return nil, err
		}
	}
	b.WriteString("\n ]}\n")
	return b.Bytes(), nil
}

func appendJSON(b *bytes.Buffer, v any) error {
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}

// ReadRates reads the rates that stand beside the files. Whatever is wrong with
// them, there are none then.
func ReadRates(fsys fs.FS) Rates {
	text, err := fs.ReadFile(fsys, RatesName)
	if err != nil {
		return Rates{}
	}
	return ParseRates(text)
}

// ParseRates reads the text of rates, and leaves out what cannot be used.
func ParseRates(text []byte) Rates {
	var r Rates
	if json.Unmarshal(text, &r) != nil || r.Format != RatesFormat {
		return Rates{}
	}
	r.Statements = slices.DeleteFunc(r.Statements, func(s Rate) bool { return !s.usable() })
	return r
}

// usable says that something can be foretold from it.
func (r Rate) usable() bool {
	if len(r.Sizes) != 2 || len(r.Relations) == 0 || r.Statement < 1 || r.Hash == "" {
		return false
	}
	for _, m := range r.Sizes {
		for _, x := range []float64{m.Milliseconds, m.Error, m.Sample} {
			if math.IsNaN(x) || x < 0 || x > 1e12 {
				return false
			}
		}
		if m.Rows <= 0 || m.Bytes <= 0 || m.Milliseconds <= 0 {
			return false
		}
	}
	return r.Sizes[0].Rows < r.Sizes[1].Rows
}

// Find returns the rate of a statement, from 1, of a file that is still the same.
func (r Rates) Find(f File, statement int) (Rate, bool) {
	for _, s := range r.Statements {
		if s.File == f.Name && s.Hash == f.Hash && s.Statement == statement {
			return s, true
		}
	}
	return Rate{}, false
}

// Works are the tables of before whose rows say how long the statement takes: a
// partitioned table stands for its partitions. There are none where its work does
// not grow with them, where it depends on what is in the rows how many of them it
// writes, and where partitions have partitions.
func (e Effects) Works() []string {
	all := slices.Clone(e.Rewrites)
	for _, i := range e.Indexes {
		all = append(all, i.Table)
	}
	for _, r := range e.Rows {
		if r.Update == SomeRows || r.Delete == SomeRows {
			return nil
		}
		if r.Update == AllRows || r.Delete == AllRows {
			all = append(all, r.Table)
		}
	}
	for _, s := range e.Scans {
		if !slices.Contains(all, s.Relation) && e.searches(s.Relation) {
			return nil
		}
		if !e.refersTo(s.Relation) {
			all = append(all, s.Relation)
		}
	}
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(name string) bool { return e.kind(name) == "materialized view" })
	if whole := e.partitioned(); len(all) > 0 && len(whole) == 1 {
		return whole
	} else if len(whole) > 1 {
		return nil
	}
	return all
}

// partitioned are the tables whose partitions the statement works through, and not
// merely through one that comes or goes.
func (e Effects) partitioned() (names []string) {
	if slices.ContainsFunc(e.Objects, func(o ObjectSeen) bool { return o.Kind == "table" && o.Change == Created }) {
		return nil
	}
	for _, l := range e.Locks {
		works := l.Mode.Strength() >= RowExclusive.Strength() && l.Mode != ShareUpdateExclusive
		if l.Kind == "partitioned table" && works && !e.refersTo(l.Relation) && !slices.Contains(names, l.Relation) {
			names = append(names, l.Relation)
		}
	}
	return names
}

// kind of a relation that the statement locked, "" for any other.
func (e Effects) kind(relation string) string {
	for _, l := range e.Locks {
		if l.Relation == relation {
			return l.Kind
		}
	}
	return ""
}

// searches says that the statement reads a relation for rows to write and found
// none on the dev database.
func (e Effects) searches(relation string) bool {
	return slices.ContainsFunc(e.Locks, func(l LockSeen) bool { return l.Relation == relation && l.Mode == RowExclusive })
}

// refersTo says that the relation is read only since a foreign key refers to it.
func (e Effects) refersTo(relation string) bool {
	refers := false
	for _, k := range e.Constraints {
		if k.Table == relation {
			return false
		}
		refers = refers || k.References == relation
	}
	return refers
}

// Wrote says that the statement writes the rows that it works through.
func (e Effects) Wrote() bool { return len(e.Rewrites) > 0 || len(e.Rows) > 0 }

// Of returns the rates of all statements of a file that is still the same.
func (r Rates) Of(f File) (all []Rate) {
	for _, s := range r.Statements {
		if s.File == f.Name && s.Hash == f.Hash {
			all = append(all, s)
		}
	}
	return all
}
