package lint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// A statement that fails in the replay is a finding too, which says what to change where
// PostgreSQL does not.
func TestFailed(t *testing.T) {
	const before = "CREATE TABLE a (id int PRIMARY KEY, n int, s text);\nINSERT INTO a VALUES (1, 1), (2, 1);\nCREATE VIEW v AS SELECT s FROM a;\n" +
		"CREATE TABLE p (id int) PARTITION BY RANGE (id);\nCREATE TYPE e AS ENUM ('x');\nCREATE MATERIALIZED VIEW m AS SELECT n FROM a;\n"
	for name, c := range map[string]struct{ sql, code, fix string }{
		"a value is missing":         {"ALTER TABLE a ADD COLUMN c int NOT NULL;", "MF103", "constant DEFAULT"},
		"values are there twice":     {"ALTER TABLE a ADD UNIQUE (n);", "AM545", "mend them in a file before"},
		"a rule is broken":           {"ALTER TABLE a ADD CHECK (n > 1);", "AM545", "NOT VALID"},
		"a key refers to nothing":    {"ALTER TABLE a ADD FOREIGN KEY (n) REFERENCES a (id) NOT VALID; ALTER TABLE a ADD CHECK (id < 2);", "AM545", "NOT VALID"},
		"a label is too new":         {"ALTER TYPE e ADD VALUE 'y'; SELECT 'y'::e;", "AM545", "a file that comes behind"},
		"it commits":                 {"DO $$ BEGIN COMMIT; END $$;", "AM545", "-- atlas:txmode none"},
		"it cannot be in a function": {"DO $$ BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY ON a (n)'; END $$;", "AM545", "in no DO block"},
		"a type that a view shows":   {"ALTER TABLE a ALTER COLUMN s TYPE varchar(9);", "AM545", "Drop the view before"},
		"PostgreSQL says it":         {"REFRESH MATERIALIZED VIEW CONCURRENTLY m;", "AM545", "unique index with no WHERE clause"},
		"anything else":              {"SELECT nobody();", "AM545", "No function matches"},
		"on partitions":              {"-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY ON p (id);", "AM545", "ON ONLY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texts := map[string]string{"001_a.sql": before, "002_b.sql": c.sql + "\n"}
			sum, err := migration.HashDir(migration.MemoryDir(texts))
			if err != nil {
				t.Fatal(err)
			}
			texts["atlas.sum"] = string(sum)
			dir, _, err := migration.ReadDir(migration.MemoryDir(texts))
			if err != nil {
				t.Fatal(err)
			}
			w, err := postgres.OpenWatcher(t.Context(), pgtest.New(t).URL)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := w.Plain(t.Context(), dir.Files[:1]); err != nil {
				t.Fatal(err)
			}
			_, err = w.Watch(t.Context(), dir.Files[1])
			var f *migration.Failure
			if !errors.As(err, &f) {
				t.Fatalf("it ran: %v", err)
			}
			got := lint.Failed(dir.Files[1], f)
			if got.Code != c.code || got.Severity != migration.Error || got.ID == "" || !strings.Contains(got.Fix, c.fix) {
				t.Errorf("got %+v\nof %v", got, err)
			}
		})
	}
}
