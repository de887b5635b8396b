package postgres

import (
	"fmt"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// Autovacuum may analyse the catalogue while files are watched: what a look costs does not
// come to depend on how much there is.
func TestWatcher_looksByIndexes(t *testing.T) {
	t.Parallel()
	w, err := OpenWatcher(t.Context(), pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	text := ""
	for i := range 300 {
		text += fmt.Sprintf("CREATE TABLE public.t%d (id bigint PRIMARY KEY);\n", i)
	}
	if _, err := w.side.Exec(t.Context(), text+"ANALYZE;"); err != nil {
		t.Fatal(err)
	}
	file := migration.File{Name: "1_a.sql", Text: "ALTER TABLE t1 ADD COLUMN n integer;", Stmts: []migration.Stmt{{Text: "ALTER TABLE t1 ADD COLUMN n integer"}}}
	if err := w.script(t.Context(), begin+"; "+planning(file.Stmts[0].Text)+"; "+file.Stmts[0].Text); err != nil {
		t.Fatal(err)
	}
	a := newAttempt(file, true)
	a.begun()
	if _, err := w.look(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	const read = `SELECT pg_catalog.sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_catalog.pg_stat_xact_sys_tables WHERE relname IN ('pg_type', 'pg_constraint')`
	var before, after int64
	if err := w.conn.QueryRow(t.Context(), read).Scan(&before); err != nil {
		t.Fatal(err)
	}
	if _, err := w.look(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := w.conn.QueryRow(t.Context(), read).Scan(&after); err != nil {
		t.Fatal(err)
	}
	if read := after - before; read > 50 {
		t.Errorf("a look at one table of 300 reads %d rows of the catalogue", read)
	}
}
