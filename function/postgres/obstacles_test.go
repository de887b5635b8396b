package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Locks of others on what is asked for are seen, on partitions too, whoever holds
// them; those on anything else are not, nor are our own.
func TestObstacles_locks(t *testing.T) {
	db := pgtest.On(t, pgtest.Private(t, map[string]string{"max_prepared_transactions": "5"}))
	db.Exec(t, `CREATE TABLE "T t" (id int); CREATE TABLE other (id int); CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT`)
	c := db.Conn(t)
	for _, sql := range []string{"SET application_name = 'worker'", "BEGIN", `INSERT INTO "T t" VALUES (1)`, "SELECT * FROM p1", "SELECT * FROM other"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	db.Exec(t, `BEGIN; LOCK TABLE p1 IN SHARE MODE; PREPARE TRANSACTION 'it''s'`)
	defer db.Exec(t, "ROLLBACK PREPARED 'it''s'")
	s := opened(t, db)
	o, err := s.Obstacles(t.Context(), []string{`public."T t"`, "public.p", "public.none"})
	if err != nil {
		t.Fatal(err)
	}
	find := func(relation string, mode migration.LockMode) migration.HeldLock {
		t.Helper()
		i := slices.IndexFunc(o.Locks, func(l migration.HeldLock) bool { return l.Relation == relation && l.Mode == mode })
		if i < 0 {
			t.Fatalf("no %s on %s: %+v", mode, relation, o.Locks)
		}
		return o.Locks[i]
	}
	if len(o.Locks) != 3 {
		t.Errorf("%+v", o.Locks)
	}
	if l := find(`public."T t"`, migration.RowExclusive); l.Holder.PID != int(c.PgConn().PID()) || l.Holder.Application != "worker" || l.Holder.State != "idle in transaction" || l.Age <= 0 || l.Prepared != "" || l.Yields || l.Wraparound {
		t.Errorf("%+v", l)
	}
	find("public.p", migration.AccessShare)
	if l := find("public.p", migration.Share); l.Prepared != "it's" || l.Holder.User != "postgres" || l.Age <= 0 || l.Holder.PID != 0 {
		t.Errorf("prepared: %+v", l)
	}
}

// A snapshot is one that CREATE INDEX CONCURRENTLY waits for: that of an open
// REPEATABLE READ transaction, not one of a transaction that is idle between two
// statements, and not a prepared one.
func TestObstacles_snapshots(t *testing.T) {
	db := pgtest.On(t, pgtest.Private(t, map[string]string{"max_prepared_transactions": "5"}))
	db.Exec(t, "CREATE TABLE t (id int); CREATE TABLE elsewhere (id int)")
	between, repeatable := db.Conn(t), db.Conn(t)
	if _, err := between.Exec(t.Context(), "BEGIN; INSERT INTO elsewhere VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "BEGIN; INSERT INTO elsewhere VALUES (1); PREPARE TRANSACTION 'p'")
	defer db.Exec(t, "ROLLBACK PREPARED 'p'")
	s := opened(t, db)
	waits := func() (seen bool, waited bool) {
		t.Helper()
		o, err := s.Obstacles(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		build := db.Conn(t)
		if _, err := build.Exec(t.Context(), "SET statement_timeout = '1s'"); err != nil {
			t.Fatal(err)
		}
		_, err = build.Exec(t.Context(), "CREATE INDEX CONCURRENTLY ON t (id)")
		return len(o.Snapshots) > 0, err != nil
	}
	if seen, waited := waits(); seen || waited {
		t.Errorf("with a transaction between two statements and a prepared one: seen %v, waited %v", seen, waited)
	}
	if _, err := repeatable.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM elsewhere"); err != nil {
		t.Fatal(err)
	}
	if seen, waited := waits(); !seen || !waited {
		t.Errorf("with a snapshot: seen %v, waited %v", seen, waited)
	}
}

func TestObstacles_replication(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE PUBLICATION rds_us_east_1_deployment; CREATE SUBSCRIPTION rdsbg CONNECTION 'dbname=x' PUBLICATION y WITH (connect = false)")
	o, err := opened(t, db).Obstacles(t.Context(), nil)
	if err != nil || !slices.Equal(o.Replicating, []string{"rds_us_east_1_deployment", "rdsbg"}) {
		t.Errorf("%v, %v", o.Replicating, err)
	}
	db.Exec(t, "ALTER SUBSCRIPTION rdsbg SET (slot_name = NONE); DROP SUBSCRIPTION rdsbg")
}

// An autovacuum against wraparound is told from one that yields.
func TestObstacles_wraparound(t *testing.T) {
	db := pgtest.On(t, pgtest.Private(t, map[string]string{"autovacuum_freeze_max_age": "100000", "synchronous_commit": "off", "fsync": "off", "autovacuum_naptime": "1"}))
	db.Exec(t, "CREATE TABLE t (id int) WITH (fillfactor = 10, autovacuum_enabled = off, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)")
	db.Exec(t, "INSERT INTO t SELECT generate_series(1, 20000)")
	db.Exec(t, "CREATE PROCEDURE burn() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..101000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
	db.Exec(t, "CALL burn()")
	s := opened(t, db)
	for began := time.Now(); ; {
		o, err := s.Obstacles(t.Context(), []string{"public.t"})
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Locks) > 0 && o.Locks[0].Wraparound && !o.Locks[0].Yields && o.Locks[0].Mode == migration.ShareUpdateExclusive {
			return
		}
		if time.Since(began) > 60*time.Second {
			t.Fatalf("%+v", o)
		}
	}
}
