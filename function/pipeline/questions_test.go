package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A watched directory grows file by file on a dev database; what was seen of it
// is asked of another.
type watched struct {
	t       testing.TB
	watcher *postgres.Watcher
	replay  migration.Replay
}

func watching(t testing.TB) *watched {
	t.Helper()
	// On a server of its own: it makes a role, which other tests have otherwise.
	w, err := postgres.OpenWatcher(t.Context(), pgtest.On(t, pgtest.Private(t, nil)).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &watched{t: t, watcher: w, replay: migration.Replay{Format: migration.ReplayFormat, Major: pgtest.Major(t)}}
}

// add runs a file on the dev database and returns it as one that is pending.
func (w *watched) add(sql string) migration.Pending {
	w.t.Helper()
	name := fmt.Sprintf("%06d_f.sql", len(w.replay.Files)+1)
	d, findings, err := migration.ReadDir(dir(w.t, name, sql))
	if err != nil || len(d.Files) != 1 {
		w.t.Fatal(err, findings)
	}
	seen, err := w.watcher.Watch(w.t.Context(), d.Files[0])
	if err != nil {
		w.t.Fatalf("%v\n%s", err, sql)
	}
	w.replay.Files = append(w.replay.Files, seen)
	return migration.Pending{File: d.Files[0]}
}

func (w *watched) ask(files ...migration.Pending) []migration.Question {
	return lint.Ask(files, &w.replay)
}

func session(t testing.TB, url string, s migration.Settings) *postgres.Session {
	t.Helper()
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := postgres.Open(t.Context(), config, postgres.Options{Settings: s.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	return session
}

// fails runs sql in a transaction that is taken back, before it what, and says
// whether PostgreSQL refused it.
func fails(t testing.TB, c *pgx.Conn, before, sql string) bool {
	t.Helper()
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if before != "" {
		if _, err := tx.Exec(t.Context(), before); err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
	}
	_, err = tx.Exec(t.Context(), sql)
	return err != nil
}

// A subject is a table with odd names, and what may stand beside it.
const subject = `CREATE SCHEMA "S %[1]d";
CREATE DOMAIN "S %[1]d"."D d" AS int;
CREATE TABLE "S %[1]d"."Parent" (x int, y int, u text, UNIQUE (x), UNIQUE (x, y));
CREATE TABLE "S %[1]d"."T ""t" (%[2]s, "A b" int, b bigint, value "S %[1]d"."D d", n numeric, f float8, c text)%[3]s;
`

var keysOf = []string{"id int PRIMARY KEY", "id uuid PRIMARY KEY DEFAULT gen_random_uuid()", `"I d" text PRIMARY KEY DEFAULT gen_random_uuid()::text`,
	`k int, "select" text, PRIMARY KEY ("select", k)`, "none int"}

// refusals are changes that some rows refuse. rowwise ones look at each row by
// itself. %[1]d is the number of the subject; T stands for its table.
var refusals = []struct {
	sql     string
	rowwise bool
}{
	{`ALTER TABLE T ADD CONSTRAINT "C 1" CHECK ("A b" > 1)`, true},
	{`ALTER TABLE T ADD CHECK ("A b" < b OR c = 'it''s')`, true},
	{`ALTER TABLE T ADD CHECK (c NOT LIKE 'a%%')`, true},
	{`ALTER TABLE T ADD CHECK (c = ANY (ARRAY['ab', '(', 'it''s']))`, true},
	{`ALTER TABLE T ADD CHECK (NOT (b IS NULL))`, true},
	{`ALTER TABLE T ALTER "A b" SET NOT NULL, ADD CHECK (n < 100)`, false},
	{`ALTER TABLE T ALTER "A b" SET NOT NULL`, true},
	{`ALTER TABLE T ALTER value SET NOT NULL`, true},
	{`ALTER TABLE T ADD UNIQUE ("A b")`, false},
	{`ALTER TABLE T ADD UNIQUE NULLS NOT DISTINCT ("A b", b)`, false},
	{`ALTER TABLE T ADD UNIQUE (b, "A b") DEFERRABLE`, false},
	{`CREATE UNIQUE INDEX ON T (lower(c))`, false},
	{`CREATE UNIQUE INDEX ON T ((c || '(,)'), b DESC NULLS LAST) WHERE n > 0 AND c <> ' WHERE '`, false},
	{`CREATE UNIQUE INDEX ON T (c COLLATE "C" text_pattern_ops, abs("A b")) INCLUDE (n)`, false},
	{`CREATE UNIQUE INDEX ON T (value) NULLS NOT DISTINCT WITH (fillfactor = 70)`, false},
	{`ALTER TABLE T ADD FOREIGN KEY ("A b") REFERENCES "S %[1]d"."Parent" (x)`, true},
	{`ALTER TABLE T ADD FOREIGN KEY (b, "A b") REFERENCES "S %[1]d"."Parent" (y, x)`, true},
	{`ALTER TABLE T ADD FOREIGN KEY ("A b", b) REFERENCES "S %[1]d"."Parent" (x, y) MATCH FULL ON DELETE CASCADE`, true},
	{`ALTER TABLE T ADD CONSTRAINT later CHECK (n >= 0) NOT VALID; ALTER TABLE T VALIDATE CONSTRAINT later`, true},
	{`ALTER TABLE T ADD CONSTRAINT later FOREIGN KEY (value) REFERENCES "S %[1]d"."Parent" (x) NOT VALID`, false},
	{`ALTER TABLE T ALTER c TYPE varchar(2)`, true},
	{`ALTER TABLE T ALTER c TYPE char(1)`, true},
	{`ALTER TABLE T ALTER b TYPE int`, true},
	{`ALTER TABLE T ALTER b TYPE smallint`, true},
	{`ALTER TABLE T ALTER n TYPE int`, true},
	{`ALTER TABLE T ALTER n TYPE bigint`, true},
	{`ALTER TABLE T ALTER n TYPE numeric(4,1)`, true},
	{`ALTER TABLE T ALTER n TYPE numeric(3)`, true},
	{`ALTER TABLE T ALTER b TYPE numeric(6,2)`, true},
	{`ALTER TABLE T ALTER f TYPE smallint`, true},
	{`ALTER TABLE T ALTER f TYPE numeric(5,2)`, true},
	{`ALTER TABLE T ALTER "A b" TYPE varchar(1)`, true},
	{`ALTER TABLE T ALTER c TYPE int USING c::int`, true},
	{`ALTER TABLE T ALTER c TYPE date USING (c::date), ADD CHECK (b > 0)`, false},
	{`ALTER TABLE T ALTER "A b" TYPE bigint`, true},
	{`ALTER TABLE T ADD fresh int NOT NULL`, false},
	{`ALTER TABLE T ADD fresh int NOT NULL DEFAULT 1`, false},
	{`ALTER TABLE T ADD fresh serial`, false},
	{`ALTER TABLE T ADD fresh int; ALTER TABLE T ALTER fresh SET NOT NULL`, false},
	{`ALTER TABLE T ADD fresh int DEFAULT -5, ADD CHECK (fresh > b)`, true},
	{`ALTER TABLE T RENAME "A b" TO z; ALTER TABLE T ADD CHECK (z > 1), ALTER z SET NOT NULL`, false},
	{`ALTER TABLE T RENAME TO renamed; ALTER TABLE "S %[1]d".renamed ADD CHECK ("A b" > 1)`, true},
	{`ALTER DOMAIN "S %[1]d"."D d" ADD CHECK (VALUE > 1)`, true},
	{`ALTER DOMAIN "S %[1]d"."D d" ADD CONSTRAINT dd CHECK (VALUE > 1) NOT VALID; ALTER DOMAIN "S %[1]d"."D d" VALIDATE CONSTRAINT dd`, true},
	{`DO $$ BEGIN EXECUTE 'ALTER TABLE T ADD CHECK (b < 3)'; END $$`, true},
}

// What the data answers is what PostgreSQL does: a change is refused if and only
// if rows are said to fail, and where rows fail by themselves as many are said to
// as it refuses one by one.
func TestQuestions(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	db := pgtest.New(t)
	w, c, s := watching(t), db.Conn(t), session(t, db.URL, migration.Settings{})
	failed := 0
	for i, refusal := range refusals {
		for _, kind := range []string{"", " PARTITION BY LIST (b)"} {
			number := 10*i + len(kind)%10
			key := keysOf[r.IntN(len(keysOf))]
			if kind != "" {
				if r.IntN(2) == 0 {
					continue
				}
				key = "none int"
			}
			before := fmt.Sprintf(subject, number, key, kind)
			table := fmt.Sprintf(`"S %d"."T ""t"`, number)
			if kind != "" {
				before += fmt.Sprintf("CREATE TABLE \"S %d\".p1 PARTITION OF %s FOR VALUES IN (1, 2);\nCREATE TABLE \"S %[1]d\".p2 PARTITION OF %s DEFAULT;\n", number, table, table)
				if strings.Contains(refusal.sql, "b TYPE") || strings.Contains(refusal.sql, "UNIQUE") && !strings.Contains(refusal.sql, ", b)") && !strings.Contains(refusal.sql, "(b,") ||
					strings.Contains(refusal.sql, "later FOREIGN") {
					continue // refused for a partitioned table, whatever its rows
				}
			}
			change := strings.ReplaceAll(refusal.sql, " T ", " "+table+" ")
			if strings.Contains(change, "%[1]d") {
				change = fmt.Sprintf(change, number)
			} else {
				change = strings.ReplaceAll(change, "%%", "%")
			}
			w.add(before)
			questions := w.ask(w.add(change + ";\n"))
			if _, err := c.Exec(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				n := r.IntN(7)
				if _, err := c.Exec(t.Context(), fill(r, number, key, n)); err != nil {
					t.Fatal(err)
				}
				if refused(t, c, s, questions, table, change, refusal.rowwise) {
					failed++
				}
			}
			if _, err := c.Exec(t.Context(), fmt.Sprintf(`DROP SCHEMA "S %d" CASCADE`, number)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if failed < len(refusals) {
		t.Errorf("only %d changes were refused by their rows: the rows do not try much", failed)
	}
}

// fill is SQL that replaces all rows by n others.
func fill(r *rand.Rand, number int, key string, n int) string {
	one := func(values ...string) string { return values[r.IntN(len(values))] }
	sql := fmt.Sprintf(`DELETE FROM "S %[1]d"."T ""t"; DELETE FROM "S %[1]d"."Parent"; INSERT INTO "S %[1]d"."Parent" VALUES (1, 1), (2, 1), (3, NULL);`, number)
	for i := range n {
		columns, values := "", ""
		switch {
		case strings.HasPrefix(key, "id int"):
			columns, values = "id, ", fmt.Sprintf("%d, ", i)
		case strings.HasPrefix(key, "k int"):
			columns, values = `k, "select", `, fmt.Sprintf("%d, 'key ''%d', ", i, i)
		}
		sql += fmt.Sprintf(`INSERT INTO "S %d"."T ""t" (%s"A b", b, value, n, f, c) VALUES (%s%s, %s, %s, %s, %s, %s);`, number, columns, values,
			one("NULL", "1", "2", "2", "3", "12"), one("NULL", "1", "2", "70000", "3000000000", "-1", "9999"), one("NULL", "NULL", "1", "2", "3"),
			one("NULL", "1", "999.5", "999.94", "999.95", "-999.96", "3000000000", "0.4", "'NaN'", "-5", "1e30"),
			one("NULL", "1", "999.994", "999.995", "32767.5", "32767.4", "'Infinity'", "'NaN'", "-32768.5"),
			one("NULL", "'ab'", "'AB'", "'abc'", "'a   '", "'('", "'it''s'", "'12'", "' 7 '", "'99999999999'", "'2026-01-01'", "''"))
	}
	return sql
}

// refused asks, and has PostgreSQL try.
func refused(t *testing.T, c *pgx.Conn, s *postgres.Session, questions []migration.Question, table, change string, rowwise bool) bool {
	t.Helper()
	answers := s.Answer(t.Context(), questions)
	rows := int64(0)
	for _, a := range answers {
		switch {
		case a.Unchecked != "":
			t.Errorf("%s\nnot checked: %s\n%s", change, a.Unchecked, a.Rows)
		case a.AtLeast && !a.Any:
			t.Errorf("%s\nnot counted to the end", change)
		case !a.Cuts:
			rows += a.Fail
		}
	}
	refuses := fails(t, c, "", change)
	if refuses != (rows > 0) {
		t.Errorf("%s\nPostgreSQL refuses: %v, rows that fail: %d\nthe rows: %s\nthe answers: %+v", change, refuses, rows, dump(t, c, table), answers)
	}
	if !rowwise || !refuses {
		return refuses
	}
	var places []string
	result, err := c.Query(t.Context(), "SELECT tableoid || ' ' || ctid FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	if places, err = pgx.CollectRows(result, pgx.RowTo[string]); err != nil {
		t.Fatal(err)
	}
	alone := int64(0)
	for _, place := range places {
		if fails(t, c, fmt.Sprintf("DELETE FROM %s WHERE tableoid || ' ' || ctid <> '%s'", table, place), change) {
			alone++
		}
	}
	if alone != rows {
		t.Errorf("%s\n%d rows fail one by one, %d are said to\nthe rows: %s", change, alone, rows, dump(t, c, table))
	}
	return refuses
}

func dump(t *testing.T, c *pgx.Conn, table string) (text string) {
	t.Helper()
	if err := c.QueryRow(t.Context(), "SELECT coalesce(string_agg(r::text, ' '), '') FROM "+table+" r").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
