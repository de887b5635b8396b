package pipeline_test

import (
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// What we have prepared in the session is gone when a file deallocates
// everything, in a function too. That file and those behind it run all the
// same, and once.
func TestApply_fileDeallocatesAll(t *testing.T) {
	db := pgtest.New(t)
	r := applied(t, on(t, db.URL, dir(t,
		"001.sql", "CREATE TABLE a (n int);\nCREATE FUNCTION forget() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$;\n",
		"002.sql", "INSERT INTO a VALUES (2);\nDEALLOCATE ALL;\nINSERT INTO a VALUES (2);\n",
		"003.sql", "INSERT INTO a VALUES (3);\n",
		"004.sql", "INSERT INTO a VALUES (4);\nSELECT forget();\n",
		"005.sql", "-- atlas:txmode none\n\nINSERT INTO a VALUES (5);\nSELECT forget();\nINSERT INTO a VALUES (5);\n",
		"006.sql", "INSERT INTO a VALUES (6);\n")))
	for i, n := range []int{2, 3, 1, 2, 3, 1} {
		if ran := r.Files[i].Ran; len(ran) != n {
			t.Errorf("%s tells of %d statements, want %d: %+v", r.Files[i].Name, len(ran), n, ran)
		}
	}
	if got := db.Query(t, "SELECT string_agg(n::text, ' ' ORDER BY n) FROM a"); got != "2 2 3 4 5 5 6" {
		t.Errorf("a holds %s", got)
	}
	if got := db.Query(t, "SELECT count(*), count(*) FILTER (WHERE applied = total AND error = '') FROM atlas_schema_revisions.atlas_schema_revisions"); got != "6|6" {
		t.Errorf("rows in the history, whole ones: %s", got)
	}
}
