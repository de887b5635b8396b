package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func relations(t *testing.T, s *postgres.Session, names ...string) map[string]migration.RelationFacts {
	t.Helper()
	facts, err := s.Relations(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// What is told of relations is what PostgreSQL says of them one by one, and any
// role can read it.
func TestRelations(t *testing.T) {
	db := pgtest.New(t)
	for _, sql := range []string{
		`CREATE SCHEMA "My Schema"`,
		`CREATE TABLE "My Schema"."a ""Table""" (id int PRIMARY KEY, x text CONSTRAINT "X y" CHECK (x <> ''))`,
		`INSERT INTO "My Schema"."a ""Table""" SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 1000) i`,
		`ALTER TABLE "My Schema"."a ""Table""" ADD CONSTRAINT "Later on" CHECK (id > 5) NOT VALID`,
		`CREATE TABLE empty (id int PRIMARY KEY)`,
		`CREATE TABLE p (id int, at date) PARTITION BY RANGE (id)`,
		`CREATE INDEX p_at ON p (at)`,
		`CREATE TABLE nobody (id int) PARTITION BY RANGE (id)`,
		`CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)`,
		`CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (1000) PARTITION BY RANGE (id)`,
		`CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (100) TO (1000)`,
		`INSERT INTO p SELECT i FROM generate_series(0, 999) i`,
		`CREATE VIEW v AS SELECT 1 AS a`,
		`CREATE PUBLICATION pub FOR TABLE p1`,
		`ANALYZE`,
	} {
		db.Exec(t, sql)
	}
	_, url := db.Role(t, "")
	s := open(t, url, migration.Settings{})
	odd := `"My Schema"."a ""Table"""`
	got := relations(t, s, odd, "public.empty", "public.p", "public.nobody", "public.v", "public.none", "none")
	if len(got) != 5 {
		t.Errorf("%d relations: %v", len(got), got)
	}
	ask := func(sql string) string { return db.Query(t, sql) }
	a := got[odd]
	if a.Kind != "table" || a.Rows != 1000 || fmt.Sprint(a.Bytes) != ask(`SELECT pg_table_size('`+odd+`')`) || fmt.Sprint(a.IndexBytes) != ask(`SELECT pg_indexes_size('`+odd+`')`) || a.Published {
		t.Errorf("%+v, and the table has %s", a, ask(`SELECT pg_table_size('`+odd+`')`))
	}
	if len(a.NotValid) != 1 || a.NotValid[0] != `"Later on"` || len(a.Indexes) != 1 || a.Indexes[`"My Schema"."a ""Table""_pkey"`].Bytes != a.IndexBytes {
		t.Errorf("%+v", a)
	}
	if e := got["public.empty"]; !e.Empty() || e.Bytes != 0 || e.IndexBytes == 0 || e.Leaves != 0 {
		t.Errorf("an empty table: %+v", e)
	}
	p := got["public.p"]
	if p.Kind != "partitioned table" || p.Rows != 1000 || p.Leaves != 2 || !p.Published || fmt.Sprint(p.Bytes) != ask("SELECT pg_table_size('p1') + pg_table_size('p21')") ||
		fmt.Sprint(p.IndexBytes) != ask("SELECT pg_indexes_size('p1') + pg_indexes_size('p21')") || p.Indexes["public.p_at"].Bytes != p.IndexBytes || p.Indexes["public.p_at"].Invalid {
		t.Errorf("a partitioned table: %+v", p)
	}
	if n := got["public.nobody"]; !n.Empty() || n.Leaves != 0 || n.Writes != 0 {
		t.Errorf("without a partition: %+v", n)
	}
	if v := got["public.v"]; v.Kind != "view" || v.Rows != -1 || v.Bytes != -1 || v.Writes != -1 {
		t.Errorf("a view: %+v", v)
	}
}

// What was never analyzed and has pages has rows, nobody knows how many.
func TestRelations_unknownIsNotZero(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int) WITH (autovacuum_enabled = off)")
	db.Exec(t, "INSERT INTO t SELECT generate_series(1, 1000)")
	s := opened(t, db)
	f := relations(t, s, "public.t")["public.t"]
	if f.Rows == 0 || f.Bytes <= 0 || f.Empty() {
		t.Errorf("%+v", f)
	}
	db.Exec(t, "DELETE FROM t")
	db.Exec(t, "ANALYZE t")
	if f := relations(t, s, "public.t")["public.t"]; f.Empty() || f.Bytes <= 0 {
		t.Errorf("its rows are gone, its pages are not: %+v", f)
	}
}

// Rates are of rows and scans a second.
func TestRelations_rates(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
	db.Exec(t, "SELECT pg_stat_reset()")
	db.Exec(t, "INSERT INTO t SELECT generate_series(1, 100000)")
	db.Exec(t, "SELECT count(*) FROM t")
	s := opened(t, db)
	for began := time.Now(); ; {
		f := relations(t, s, "public.t")["public.t"]
		if f.Writes > 1 && f.Writes <= 100000 && f.Reads > 0 && f.Indexes["public.t_pkey"].Scans == 0 {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%+v", f)
		}
	}
}

// Who holds a relation in ACCESS EXCLUSIVE, or waits for it, is not waited for:
// its size is what was last seen.
func TestRelations_locked(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE known (id int PRIMARY KEY); CREATE TABLE new (id int); CREATE TABLE free (id int); INSERT INTO known SELECT generate_series(1, 1000); INSERT INTO new VALUES (1); INSERT INTO free VALUES (1)")
	db.Exec(t, "ANALYZE known")
	c := db.Conn(t)
	for _, sql := range []string{"BEGIN", "LOCK TABLE known, new IN ACCESS EXCLUSIVE MODE"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	got := relations(t, opened(t, db), "public.known", "public.new", "public.free")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it waited %s", took)
	}
	if f := got["public.known"]; f.Rows != 1000 || f.Bytes <= 0 {
		t.Errorf("analyzed before: %+v", f)
	}
	if f := got["public.new"]; f.Bytes != -1 || f.Empty() {
		t.Errorf("of which nothing is known: %+v", f)
	}
	if f := got["public.free"]; f.Bytes <= 0 {
		t.Errorf("not locked: %+v", f)
	}
}

func TestRelations_none(t *testing.T) {
	s := opened(t, pgtest.New(t))
	if got, err := s.Relations(t.Context(), nil); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	s.Close()
	if _, err := s.Relations(t.Context(), []string{"public.t"}); err == nil || !strings.Contains(err.Error(), "") {
		t.Errorf("of a session that is closed: %v", err)
	}
}
