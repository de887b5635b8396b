package migration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// spelled is a statement in many spellings that mean the same: comments and
// line breaks between its words, key words in either case.
func spelled(sql string) []string {
	words := strings.Split(sql, " ")
	return []string{
		sql, sql + ";", strings.Join(words, "\n"), strings.Join(words, "\t \r\n"), strings.Join(words, " /* ; /* nested ' */ \" */ "),
		strings.Join(words, " -- it's a comment\n"), "/* first */ " + sql + " -- last",
	}
}

func TestStmt_Outside(t *testing.T) {
	type o = migration.Outside
	for sql, want := range map[string]o{
		"create index concurrently i on t (a)":                      {Kind: migration.CreateIndex, Name: "i", Table: "t"},
		"CREATE INDEX CONCURRENTLY I ON T (a)":                      {Kind: migration.CreateIndex, Name: "i", Table: "t"},
		"CREATE UNIQUE INDEX CONCURRENTLY i ON s.t USING btree (a)": {Kind: migration.CreateIndex, Name: "i", TableSchema: "s", Table: "t"},
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t (a)": {Kind: migration.CreateIndex, Name: "i", TableSchema: "s", Table: "t"},
		`CREATE INDEX CONCURRENTLY "I-1" ON "S"."T""x" (a)`:         {Kind: migration.CreateIndex, Name: "I-1", TableSchema: "S", Table: `T"x`},
		`CREATE INDEX CONCURRENTLY "if" ON only ("only")`:           {Kind: migration.CreateIndex, Name: "if"},
		`CREATE INDEX CONCURRENTLY i ON "only" (a)`:                 {Kind: migration.CreateIndex, Name: "i", Table: "only"},
		"CREATE INDEX CONCURRENTLY ON t (a)":                        {Kind: migration.Unknowable},
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS ON t (a)":          {Kind: migration.Unknowable},
		"CREATE INDEX i ON t (a)":                                   {Kind: migration.Unknowable},
		"DROP INDEX CONCURRENTLY i":                                 {Kind: migration.DropIndex, Name: "i"},
		`drop index concurrently if exists s."I" cascade`:           {Kind: migration.DropIndex, Schema: "s", Name: "I"},
		"DROP INDEX i":                                                          {Kind: migration.Unknowable},
		"REINDEX INDEX CONCURRENTLY i":                                          {Kind: migration.Reindex, Name: "i"},
		`REINDEX INDEX CONCURRENTLY s."I"`:                                      {Kind: migration.Reindex, Schema: "s", Name: "I"},
		"REINDEX TABLE CONCURRENTLY s.t":                                        {Kind: migration.Reindex, TableSchema: "s", Table: "t"},
		"REINDEX (VERBOSE) TABLE CONCURRENTLY t":                                {Kind: migration.Reindex, Table: "t"},
		"REINDEX (CONCURRENTLY) TABLE s.t":                                      {Kind: migration.Reindex, TableSchema: "s", Table: "t"},
		"REINDEX (TABLESPACE x, CONCURRENTLY true, VERBOSE) INDEX s.i":          {Kind: migration.Reindex, Schema: "s", Name: "i"},
		"REINDEX SCHEMA CONCURRENTLY s":                                         {Kind: migration.Reindex},
		"REINDEX (CONCURRENTLY) DATABASE d":                                     {Kind: migration.Reindex},
		`REINDEX TABLE "concurrently"`:                                          {Kind: migration.Repeatable},
		"REINDEX DATABASE d":                                                    {Kind: migration.Repeatable},
		"ALTER TABLE t DETACH PARTITION p CONCURRENTLY":                         {Kind: migration.DetachPartition, Name: "p", Table: "t"},
		`alter table if exists only "S".t detach partition s2."P" concurrently`: {Kind: migration.DetachPartition, Schema: "s2", Name: "P", TableSchema: "S", Table: "t"},
		"ALTER TABLE t ADD COLUMN detach int":                                   {Kind: migration.Unknowable},
		`CREATE DATABASE "D" TEMPLATE template0`:                                {Kind: migration.CreateDatabase, Name: "D"},
		"DROP DATABASE IF EXISTS d WITH (FORCE)":                                {Kind: migration.DropDatabase, Name: "d"},
		"CREATE INDEX CONCURRENTLY i ON d.s.t (a)":                              {Kind: migration.CreateIndex, Name: "i", TableSchema: "s", Table: "t"},
		"VACUUM (ANALYZE) t":                                                    {Kind: migration.Repeatable},
		"ANALYZE t":                                                             {Kind: migration.Repeatable},
		"CLUSTER":                                                               {Kind: migration.Repeatable},
		"CHECKPOINT":                                                            {Kind: migration.Repeatable},
		"ALTER SYSTEM SET work_mem = '1MB'":                                     {Kind: migration.Repeatable},
		"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p":                    {Kind: migration.Unknowable},
		"CREATE TABLESPACE x LOCATION '/x'":                                     {Kind: migration.Unknowable},
		"CALL p()":                                                              {Kind: migration.Unknowable},
		"INSERT INTO t VALUES ('create index concurrently i on t (a)')":         {Kind: migration.Unknowable},
		"CREATE":                      {Kind: migration.Unknowable},
		"CREATE INDEX CONCURRENTLY":   {Kind: migration.Unknowable},
		"CREATE INDEX CONCURRENTLY i": {Kind: migration.Unknowable},
		"REINDEX":                     {Kind: migration.Repeatable},
		"REINDEX (CONCURRENTLY":       {Kind: migration.Reindex},
		"ALTER TABLE":                 {Kind: migration.Unknowable},
	} {
		for _, text := range spelled(sql) {
			if strings.Contains(sql, "ON only") {
				want = migration.Stmt{Text: text}.Outside() // not SQL: it must not panic
			}
			if got := (migration.Stmt{Text: text}).Outside(); got != want {
				t.Errorf("%q: %+v, want %+v", text, got, want)
			}
			known := want
			if known.Kind == migration.Unknowable {
				known.Kind = migration.Repeatable
			}
			if got := (migration.Stmt{Text: text, Rerunnable: true}).Outside(); got != known {
				t.Errorf("%q, said to be rerunnable: %+v, want %+v", text, got, known)
			}
		}
		family := strings.Contains(fmt.Sprint(want.Kind), "concurrently")
		if want.Kind.Concurrently() != family {
			t.Errorf("%s: of the family %v", want.Kind, want.Kind.Concurrently())
		}
	}
}

func TestStmt_SetsSession(t *testing.T) {
	for sql, want := range map[string]bool{
		"SET search_path TO app": true, "set search_path = app": true, "SET SESSION statement_timeout = 0": true, "SET ROLE owner": true, "SET TIME ZONE 'UTC'": true,
		"SET SESSION AUTHORIZATION a": true, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY": true, "RESET search_path": true, "RESET ROLE": true,
		"SELECT set_config('search_path', 'app', false)": true, "SELECT pg_catalog.set_config('a.b', 'c', false)": true, `SELECT "pg_catalog"."set_config"('a.b', 'c', false)`: true,
		"SET LOCAL search_path TO app": false, "SET CONSTRAINTS ALL DEFERRED": false, "SET TRANSACTION READ ONLY": false,
		"SELECT 1": false, "SELECT current_setting('a')": false, "UPDATE t SET a = 1": false, "ALTER ROLE a SET search_path = b": false, "SELECT 'set_config'": false, "SELECT set_config FROM t": false, "SELECT app.set_config('a', 'b', false)": false, "": false, ";": false,
	} {
		for _, text := range spelled(sql) {
			if got := (migration.Stmt{Text: text}).SetsSession(); got != want {
				t.Errorf("%q: %v", text, got)
			}
		}
	}
}
