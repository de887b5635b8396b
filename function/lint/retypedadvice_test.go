package lint_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// The advice for another type is done to the letter: each step runs where the
// statement would have run, and the end is the catalogue that the statement
// leaves, with the values that it makes.
func TestCheck_retypesToTheLetter(t *testing.T) {
	for name, c := range map[string]struct {
		before, statement string
		said              []string
		sets              string   // by the trigger of step 1, which is in words; "" for no trigger
		constraints       []string // step 3, which is in words
		values            string   // a condition on the values that are there in the end
		otherwise         []string // what of the catalogue may differ
	}{
		"USING": {
			before:    "CREATE TABLE t (id bigint PRIMARY KEY, at timestamp, n text DEFAULT '7');\nINSERT INTO t VALUES (1, '2026-01-01 12:00', ''), (2, NULL, '5');",
			statement: "ALTER TABLE t ALTER at TYPE timestamptz USING at AT TIME ZONE 'Europe/Berlin', ALTER n DROP DEFAULT, ALTER n TYPE int USING nullif(n, '')::int, ALTER n SET DEFAULT 7;",
			said:      []string{"SET at_new = at AT TIME ZONE 'Europe/Berlin', n_new = nullif(n, '')::int WHERE"},
			values:    "(SELECT at FROM t WHERE id = 1) = '2026-01-01 11:00Z' AND (SELECT n FROM t WHERE id = 1) IS NULL AND (SELECT n FROM t WHERE id = 2) = 5",
		},
		"no USING assigns": { // a cast would cut
			before:    "CREATE TABLE t (id bigint PRIMARY KEY, k text, l varchar(10));\nINSERT INTO t VALUES (1, 'abc', 'x');",
			statement: "ALTER TABLE t ALTER k TYPE char(3), ALTER l TYPE varchar(20);",
			said:      []string{"ADD COLUMN k_new character(3); and", "SET k_new = k WHERE", "into one of its own: ALTER TABLE t ALTER l TYPE varchar(20);"},
			values:    "(SELECT k FROM t) = 'abc'",
			otherwise: []string{"column l "}, // the one of its own is not run here
		},
		"a generated one": {
			before:    "CREATE TABLE t (id bigint PRIMARY KEY, l text, g int GENERATED ALWAYS AS (length(l)) STORED);\nINSERT INTO t VALUES (1, 'abc');",
			statement: "ALTER TABLE t ALTER g TYPE bigint;",
			said:      []string{"SET g_new = length(l) WHERE", "leave the trigger, which takes the place of the expression"},
			values:    "(SELECT g FROM t) = 3",
			otherwise: []string{"column g "}, // a trigger fills it
		},
		"what a CHECK demands of the old column": {
			before:      "CREATE TABLE t (id bigint PRIMARY KEY, k int NOT NULL DEFAULT 3, CONSTRAINT c CHECK (k IS NOT NULL));\nINSERT INTO t VALUES (1);",
			statement:   "ALTER TABLE t ALTER k TYPE bigint;",
			said:        []string{"ALTER TABLE public.t DROP CONSTRAINT c"},
			sets:        "NEW.k_new := NEW.k",
			constraints: []string{"ALTER TABLE t ADD CONSTRAINT t_k_new_not_null CHECK (k_new IS NOT NULL) NOT VALID;", "ALTER TABLE t VALIDATE CONSTRAINT t_k_new_not_null;"},
			values:      "(SELECT k FROM t) = 3",
			otherwise:   []string{"constraint c "},
		},
		"the key of a serial": {
			before:      "CREATE TABLE o (id serial PRIMARY KEY, x text);\nINSERT INTO o (x) VALUES ('a'), ('b');",
			statement:   "ALTER TABLE o ALTER id TYPE bigint;",
			said:        []string{"a unique index o_id_new_idx, for the primary key, built CONCURRENTLY; as constraints o_id_new_not_null CHECK (id_new IS NOT NULL), added NOT VALID"},
			sets:        "NEW.id_new := NEW.id",
			constraints: []string{"-- atlas:txmode none\n\nCREATE UNIQUE INDEX CONCURRENTLY o_id_new_idx ON o (id_new);", "ALTER TABLE o ADD CONSTRAINT o_id_new_not_null CHECK (id_new IS NOT NULL) NOT VALID;", "ALTER TABLE o VALIDATE CONSTRAINT o_id_new_not_null;"},
			values:      "(SELECT array_agg(id ORDER BY id) FROM o) = '{1,2}' AND nextval('o_id_seq') > 2",
			otherwise:   []string{"sequence "}, // bigint now, which AM615 asks for
		},
		"a label of an enum goes": { // whose types have other names by the time of the swap
			before:      "CREATE TYPE r AS ENUM ('a', 'b');\nCREATE TYPE r_new AS ENUM ('a');\nCREATE TABLE t (id bigint PRIMARY KEY, r r NOT NULL DEFAULT 'a');\nINSERT INTO t VALUES (1);",
			statement:   "ALTER TABLE t ALTER r DROP DEFAULT, ALTER r TYPE r_new USING r::text::r_new, ALTER r SET DEFAULT 'a';",
			said:        []string{"ALTER COLUMN r SET DEFAULT 'a';"},
			sets:        "NEW.r_new := NEW.r::text::r_new",
			constraints: []string{"ALTER TABLE t ADD CONSTRAINT t_r_new_not_null CHECK (r_new IS NOT NULL) NOT VALID;", "ALTER TABLE t VALIDATE CONSTRAINT t_r_new_not_null;"},
			values:      "(SELECT r::text FROM t) = 'a'",
		},
		"the key of an identity": {
			before:      "CREATE TABLE \"O\" (\"Id\" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x text);\nINSERT INTO \"O\" (x) VALUES ('a'), ('b');",
			statement:   "ALTER TABLE \"O\" ALTER \"Id\" TYPE bigint;",
			said:        []string{`ALTER TABLE public."O" ALTER COLUMN "Id_old" DROP IDENTITY`},
			sets:        `NEW."Id_new" := NEW."Id"`,
			constraints: []string{"-- atlas:txmode none\n\nCREATE UNIQUE INDEX CONCURRENTLY \"O_Id_new_idx\" ON \"O\" (\"Id_new\");", "ALTER TABLE \"O\" ADD CONSTRAINT \"O_Id_new_not_null\" CHECK (\"Id_new\" IS NOT NULL) NOT VALID;", "ALTER TABLE \"O\" VALIDATE CONSTRAINT \"O_Id_new_not_null\";"},
			values:      "(SELECT array_agg(\"Id\" ORDER BY 1) FROM \"O\") = '{1,2}' AND nextval(pg_get_serial_sequence('\"O\"', 'Id')) > 2",
			otherwise:   []string{"sequence ", "owned by "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := []string{c.before}
			unsafe := judge(t, before, []string{c.statement})
			at := slices.IndexFunc(unsafe.findings, func(f migration.Finding) bool { return f.Code == "PG301" })
			if at < 0 {
				t.Fatalf("no PG301, but\n%s", told(unsafe.findings))
			}
			advice := unsafe.findings[at].Fix
			for _, said := range c.said {
				if !strings.Contains(advice, said) {
					t.Errorf("the advice does not say %q:\n%s", said, advice)
				}
			}
			var steps []string
			for _, line := range strings.Split(advice, "\n")[1:] {
				_, step, _ := strings.Cut(line, ". ")
				steps = append(steps, step)
			}
			add, _, _ := strings.Cut(steps[0], "; and ")
			_, fill, _ := strings.Cut(steps[1], "in batches: ")
			_, swap, _ := strings.Cut(steps[len(steps)-2], "; ") // behind the trigger
			_, drop, _ := strings.Cut(steps[len(steps)-1], "later: ")
			if c.sets != "" {
				table := strings.Fields(add)[2]
				add += ";\nCREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + c.sets + "; RETURN NEW; END $$;\nCREATE TRIGGER keep BEFORE INSERT OR UPDATE ON " + table + " FOR EACH ROW EXECUTE FUNCTION keep()"
				swap = "DROP TRIGGER keep ON " + table + "; DROP FUNCTION keep(); " + swap
			}
			files := slices.Concat([]string{add + ";", strings.Replace(fill, "WHERE ...", "WHERE true", 1)}, c.constraints,
				[]string{strings.TrimSuffix(swap, ".") + ";", drop, "DO $$ BEGIN IF (" + c.values + ") IS NOT TRUE THEN RAISE 'other values'; END IF; END $$;"})
			is := judge(t, before, files)
			if loud := slices.DeleteFunc(is.loud(), func(f migration.Finding) bool {
				return slices.Contains([]string{"DS103", "AM544", "AM601", "AM605"}, f.Code)
			}); len(loud) > 0 {
				t.Errorf("a step has findings of its own:\n%s\nin\n%s", told(loud), strings.Join(files, "\n----\n"))
			}
			plain := func(s catalog.Snapshot) string {
				var lines []string
				for _, o := range s {
					for line := range strings.SplitSeq(o.Definition, "\n") {
						other := slices.ContainsFunc(c.otherwise, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
						if !other && o.Kind != "sequence" {
							lines = append(lines, o.Kind+" "+o.Name+": "+notNull.ReplaceAllString(line, "NOT NULL"))
						}
					}
				}
				return strings.Join(lines, "\n")
			}
			if got, want := plain(is.fold()), plain(unsafe.fold()); got != want {
				t.Errorf("the steps lead elsewhere:\n%s\ngot\n%s\nwant\n%s", advice, got, want)
			}
		})
	}
}

// notNull is a NOT NULL that has a name, as each has from 18 on: PostgreSQL gives the
// new column another one.
var notNull = regexp.MustCompile(`^constraint \S+ NOT NULL`)

// What is told of is what happens: exactly these warnings and errors.
func TestCheck_tellsWhatHappens(t *testing.T) {
	const bounds = "CONSTRAINT b CHECK (at >= '2025-01-01' AND at < '2026-01-01')"
	for name, c := range map[string]struct{ before, file, want string }{
		"TRUNCATE builds nothing": {"CREATE TABLE t (id bigint PRIMARY KEY);\nCREATE TABLE c (t_id bigint REFERENCES t);\nCREATE INDEX ON c (t_id);",
			"TRUNCATE ONLY t CASCADE;", "AM602"},
		"TRUNCATE in a block": {"CREATE TABLE t (id bigint PRIMARY KEY, k text);", "DO $$ BEGIN TRUNCATE t; END $$;", "AM602"},
		"bounds that a NOT NULL column completes, an index that lacks": {"CREATE TABLE ev (id bigint NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);\nCREATE INDEX ev_id ON ev (id);\nCREATE TABLE ev_25 (id bigint NOT NULL, at date NOT NULL, " + bounds + ");",
			"ALTER TABLE ev ATTACH PARTITION ev_25 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');", "AM532"},
		"the same with a foreign key": {"CREATE TABLE cu (id bigint PRIMARY KEY);\nCREATE TABLE ev (cu bigint REFERENCES cu, at date NOT NULL) PARTITION BY RANGE (at);\nCREATE TABLE ev_25 (cu bigint, at date NOT NULL, " + bounds + ");",
			"ALTER TABLE ev ATTACH PARTITION ev_25 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');", "AM532"},
		"a lock that was there already": {"CREATE TABLE ev (id bigint, r text) PARTITION BY LIST (r);\nCREATE TABLE ev_d PARTITION OF ev DEFAULT;\nCREATE TABLE ev_eu (LIKE ev);",
			"ALTER TABLE ev_eu ADD CONSTRAINT c CHECK (r IS NOT NULL AND r = 'eu') NOT VALID;\nALTER TABLE ev ATTACH PARTITION ev_eu FOR VALUES IN ('eu');", "AM530 AM531"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var codes []string
			for _, f := range judge(t, []string{c.before}, []string{c.file}).loud() {
				codes = append(codes, f.Code)
			}
			slices.Sort(codes)
			if got := strings.Join(codes, " "); got != c.want {
				t.Errorf("told of %s, want %s", got, c.want)
			}
		})
	}
}
