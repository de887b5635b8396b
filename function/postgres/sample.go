package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// What a look at the speed of a database may cost: samplesTime in all, and
// samplePages at once. A read is to take sampleTime or more, so that a server that
// is given less than a whole processor shows it.
const (
	samplesTime = 2 * time.Second
	sampleTime  = 60 * time.Millisecond
	sampleReads = 15
	firstPages  = 250
	samplePages = 8000
	// sampleLeast is the size from which on reading a table says something.
	sampleLeast = 1 << 20
)

// sampleSQL reads some pages of a table, always the same, and does some work for
// each row that does not depend on what is in it. It returns how many rows there
// were and the nanoseconds that the server took.
func sampleSQL(table string) string {
	return fmt.Sprintf(`SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.hashtext(aurora_sample.ctid::pg_catalog.text)), 0)::pg_catalog.float8,
		(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()) * 1e9)::pg_catalog.float8
		FROM ONLY %s AS aurora_sample TABLESAMPLE SYSTEM ($1) REPEATABLE (7)`, table)
}

// Speed reads some pages of one of the relations, the largest that can be read, as
// often as gives a number to rely on, and says how fast that went. Nothing
// hangs on it, so that there is no error: where nothing could be read, the Speed is
// not known.
func (s *Session) Speed(ctx context.Context, facts map[string]migration.RelationFacts) migration.Speed {
	ctx, cancel := context.WithTimeout(ctx, samplesTime)
	defer cancel()
	for _, name := range samplable(facts) {
		t := &sampled{name: name, pages: float64(facts[name].Bytes) / 8192, read: func(percent float64) (rows int64, took float64, err error) {
			return s.readSample(ctx, name, percent)
		}}
		if speed := t.speed(time.Now().Add(samplesTime * 3 / 4)); speed.Known() {
			return speed
		}
	}
	return migration.Speed{}
}

// samplable are the tables that are worth a read, the largest first.
func samplable(facts map[string]migration.RelationFacts) (names []string) {
	for name, f := range facts {
		if (f.Kind == "table" || f.Kind == "materialized view") && f.Bytes >= sampleLeast {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(facts[b].Bytes, facts[a].Bytes), cmp.Compare(a, b))
	})
	return names[:min(len(names), 3)]
}

// readSample reads some percent of a table, as the role that files run as where
// we may be it.
func (s *Session) readSample(ctx context.Context, table string, percent float64) (rows int64, took float64, err error) {
	before := []query{{"SELECT pg_catalog.set_config('max_parallel_workers_per_gather', '0', true), pg_catalog.set_config('jit', 'off', true)", nil, one(new(string), new(string))}}
	if role := s.settings.Role; role != "" && !s.facts.RoleMissing && !s.facts.RoleForbidden {
		before = append(before, query{"SELECT pg_catalog.set_config('role', $1, true)", []any{role}, one(new(string))})
	}
	err = s.lookFor(ctx, samplesTime, append(before, query{sampleSQL(table), []any{percent}, one(&rows, new(float64), &took)}))
	return rows, took, err
}

// sampled is a table that is read again and again.
type sampled struct {
	name  string
	pages float64 // that it has
	read  func(percent float64) (rows int64, took float64, err error)
}

// speed reads more pages from time to time until a read takes long enough, and
// then the same ones until there are enough numbers or it is late.
func (t *sampled) speed(until time.Time) migration.Speed {
	pages := float64(firstPages)
	speed := migration.Speed{Relation: t.name}
	var each []float64
	cold := 0.0
	for len(each) < sampleReads && time.Now().Before(until) {
		began := time.Now()
		rows, took, err := t.read(min(100, 100*pages/t.pages))
		if err != nil || rows == 0 || took <= 0 {
			break
		}
		if cold == 0 {
			cold = took / float64(rows)
			continue
		}
		speed.Rows = rows
		each = append(each, took/float64(rows))
		brief := took < float64(sampleTime) && pages < min(t.pages, samplePages)
		if enough := time.Until(until) > 8*time.Since(began); len(each) == 1 && brief && enough {
			pages, each, cold = min(4*pages, samplePages), nil, 0
		}
	}
	if len(each) < 3 {
		return migration.Speed{}
	}
	speed.Sample, speed.Error = migration.Median(each)
	speed.Cold = cold / speed.Sample
	return speed
}
