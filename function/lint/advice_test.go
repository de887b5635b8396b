package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// What is advised in words names what there is, and nothing that would fail.
func TestCheck_advises(t *testing.T) {
	for name, c := range map[string]struct {
		before, file, code string
		since              int // the major from which on it is said
		said, unsaid       []string
	}{
		"a domain with constraints, as the type below it": {
			before: "CREATE DOMAIN some_t AS text;\nCREATE DOMAIN email_t AS some_t NOT NULL CONSTRAINT at CHECK (VALUE LIKE '%@%' AND value <> 'value');\nCREATE TABLE c (id bigint PRIMARY KEY, email text);",
			file:   "ALTER TABLE c ALTER email TYPE email_t;",
			code:   "PG301",
			said: []string{"ADD COLUMN email_new text; and", "as constraints CHECK (email_new IS NOT NULL) and CHECK ((((email_new)::text ~~ '%@%'::text)", "'value'::text",
				"writes what CHECK (email_new IS NOT NULL) and CHECK ("},
			unsaid: []string{"at once", "email_new public.email_t", "email_new email_t"},
		},
		"a text of fewer characters": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, slug varchar(255) NOT NULL);",
			file:   "ALTER TABLE a ALTER slug TYPE varchar(100);",
			code:   "PG301",
			said: []string{"Keep the type of slug", "(23514; 22001 with the type)", "\n1. ALTER TABLE public.a ADD CONSTRAINT a_slug_length CHECK (char_length(slug) <= 100) NOT VALID;",
				"SET slug = left(slug, 100) WHERE char_length(slug) > 100;", "\n3. In a file of its own: ALTER TABLE public.a VALIDATE CONSTRAINT a_slug_length;"},
			unsaid: []string{"trigger", "slug_new"},
		},
		"a text of fewer characters, among others": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, slug text, n int);",
			file:   "ALTER TABLE a ALTER slug TYPE varchar(100) USING substr(slug, 2, 100), ALTER n TYPE bigint, ADD k text;",
			code:   "PG301",
			said:   []string{"one of its own: ALTER TABLE a ADD k text; Keep the type of slug", "SET slug = substr(slug, 2, 100) WHERE", "\nExpand and contract, a release apart:\n1. ALTER TABLE public.a ADD COLUMN n_new bigint; and"},
			unsaid: []string{"slug_new"},
		},
		"a text that must be a uuid": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, token text);",
			file:   "ALTER TABLE a ALTER token TYPE uuid USING token::uuid;",
			code:   "PG301",
			since:  16,
			said:   []string{"fail at once that writes what is no uuid (22P02)", "SELECT token FROM public.a WHERE NOT pg_input_is_valid(token::text, 'uuid') LIMIT 100;"},
		},
		"an enum without a label of before, by way of names": {
			before: "CREATE TYPE r AS ENUM ('a', 'b');\nCREATE TABLE t (id bigint PRIMARY KEY, r r NOT NULL DEFAULT 'a');",
			file:   "CREATE TYPE r_new AS ENUM ('a');\nALTER TABLE t ALTER r DROP DEFAULT;\nALTER TABLE t ALTER r TYPE r_new USING (r::text::r_new);\nALTER TYPE r RENAME TO r_old;\nALTER TYPE r_new RENAME TO r;\nDROP TYPE r_old;\nALTER TABLE t ALTER r SET DEFAULT 'a';",
			code:   "PG301",
			since:  16,
			said:   []string{"what is no public.r_new (22P02)", "NOT pg_input_is_valid(r::text, 'public.r_new')", "SET DEFAULT 'a';"},
		},
		"a text that USING makes a number of": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, n text);",
			file:   "ALTER TABLE a ALTER n TYPE int USING nullif(n, '')::int;",
			code:   "PG301",
			said:   []string{"Where a value of n cannot be made one of integer"},
			unsaid: []string{"look first"},
		},
		"a time that becomes another": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, at timestamp);",
			file:   "ALTER TABLE a ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC';",
			code:   "PG301",
			said:   []string{"SET at_new = at AT TIME ZONE 'UTC'"},
			unsaid: []string{"fail"},
		},
		"arrays, of more characters each": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, tags varchar(20)[]);",
			file:   "ALTER TABLE a ALTER tags TYPE varchar(40)[];",
			code:   "PG301",
			said:   []string{"tags_new"},
			unsaid: []string{"fail"},
		},
		"arrays, of fewer characters each": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, tags varchar(20)[]);",
			file:   "ALTER TABLE a ALTER tags TYPE varchar(10)[];",
			code:   "PG301",
			said:   []string{"Where a value of tags cannot be made one of character varying(10)[]"},
		},
		"a number of fewer digits": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, n bigint);",
			file:   "ALTER TABLE a ALTER n TYPE int;",
			code:   "PG301",
			said:   []string{"writes what is no integer (22003)", "WHERE n NOT BETWEEN -2147483648 AND 2147483647"},
		},
		"a number of more digits": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, n int NOT NULL);",
			file:   "ALTER TABLE a ALTER n TYPE bigint;",
			code:   "PG301",
			said:   []string{"ALTER COLUMN n SET NOT NULL; ALTER TABLE public.a DROP CONSTRAINT a_n_new_not_null;"},
			unsaid: []string{"fail"},
		},
		"two tables in one block": {
			before: "CREATE TABLE a (id bigint PRIMARY KEY, n int);\nCREATE TABLE b (id bigint PRIMARY KEY, n int);",
			file:   "DO $$ DECLARE r text; BEGIN FOREACH r IN ARRAY '{a,b}'::text[] LOOP EXECUTE format('ALTER TABLE %I ALTER n TYPE bigint', r); END LOOP; END $$;",
			code:   "PG301",
			said:   []string{"rewrites public.a and", "Likewise: rewrites public.b and its indexes"},
		},
		"a primary key in the place of another": {
			before: "CREATE TABLE r (id bigserial PRIMARY KEY, sensor_id bigint NOT NULL);",
			file:   "ALTER TABLE r DROP CONSTRAINT r_pkey, ADD CONSTRAINT r_pkey PRIMARY KEY (sensor_id, id);",
			code:   "AM605",
			said:   []string{"CREATE UNIQUE INDEX CONCURRENTLY r_id_key ON public.r (id);", "A table has one primary key", "(42P10)"},
			unsaid: []string{"put the one that takes its place there first"},
		},
		"a primary key dropped before, whose name is not free until then": {
			before: "CREATE TABLE r (id bigserial PRIMARY KEY, sensor_id bigint NOT NULL);",
			file:   "ALTER TABLE r DROP CONSTRAINT r_pkey;\nALTER TABLE r ADD PRIMARY KEY (sensor_id, id);",
			code:   "PG104",
			said:   []string{"Leave statement 1 out", "CONCURRENTLY r_pkey_new ON", "ALTER TABLE public.r DROP CONSTRAINT r_pkey, ADD CONSTRAINT r_pkey PRIMARY KEY USING INDEX r_pkey_new;"},
		},
		"a unique column that is NULL in each row": {
			before: "CREATE TABLE d (id bigint PRIMARY KEY);",
			file:   "ALTER TABLE d ADD COLUMN plan text UNIQUE NULLS NOT DISTINCT;",
			code:   "PG105",
			said:   []string{"fails where there are two rows (23505)", "fill it in batches", "leave NULLS NOT DISTINCT out"},
			unsaid: []string{"-- file"},
		},
		"a unique index over a column that is NULL in each row": {
			before: "CREATE TABLE d (id bigint PRIMARY KEY);",
			file:   "ALTER TABLE d ADD COLUMN plan text;\nCREATE UNIQUE INDEX ON d (plan) NULLS NOT DISTINCT;",
			code:   "PG101",
			said:   []string{"fails where there are two rows (23505)", "leave NULLS NOT DISTINCT out"},
			unsaid: []string{"-- file"},
		},
		"an index dropped and built again": {
			before: "CREATE TABLE m (id bigserial PRIMARY KEY, email text, gone timestamptz);\nCREATE UNIQUE INDEX m_email ON m (email);",
			file:   "DROP INDEX m_email;\nCREATE UNIQUE INDEX m_email ON m (email) WHERE gone IS NULL;",
			code:   "PG102",
			said:   []string{"what is said of statement 2"},
			unsaid: []string{"-- file"},
		},
		"a materialized view in the place of one in use": {
			before: "CREATE TABLE o (id bigint PRIMARY KEY, s text);\nCREATE MATERIALIZED VIEW m AS SELECT s, count(*) AS n FROM o GROUP BY s;\nCREATE UNIQUE INDEX m_s ON m (s);",
			file:   "DROP MATERIALIZED VIEW m;\nCREATE MATERIALIZED VIEW m AS SELECT s, count(*) AS n, max(id) FROM o GROUP BY s;",
			code:   "AM529",
			said: []string{"(55000)", "1. Under the name public.m_new, WITH NO DATA.", "2. REFRESH MATERIALIZED VIEW public.m_new;", "3. Indexes like m_s on it",
				"DROP MATERIALIZED VIEW public.m; ALTER MATERIALIZED VIEW public.m_new RENAME TO m; ALTER INDEX public.m_s_new RENAME TO m_s;"},
			unsaid: []string{"-- file"},
		},
		"a published table without an identity": {
			before: "CREATE TABLE h (at timestamptz);\nCREATE TABLE u (id bigint PRIMARY KEY);\nCREATE PUBLICATION p FOR TABLE u;",
			file:   "ALTER PUBLICATION p ADD TABLE h;",
			code:   "AM619",
			said:   []string{"a publication of its own", "CREATE PUBLICATION ... FOR TABLE public.h WITH (publish = 'insert');"},
		},
		"an identity set back": {
			before: "CREATE TABLE o (\"Id\" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);",
			file:   "ALTER TABLE o ALTER \"Id\" RESTART;",
			code:   "AM630",
			said:   []string{`SELECT setval('public."o_Id_seq"', greatest((SELECT max("Id") FROM public.o), (SELECT last_value FROM public."o_Id_seq")));`},
		},
		"a serial set back": {
			before: "CREATE TABLE o (id serial PRIMARY KEY);",
			file:   "ALTER SEQUENCE o_id_seq AS bigint RESTART WITH 1;",
			code:   "AM630",
			said:   []string{"SELECT setval('public.o_id_seq', greatest((SELECT max(id) FROM public.o), (SELECT last_value FROM public.o_id_seq)));"},
		},
		"a table that is unlogged from now on": {
			before: "CREATE TABLE c (k text PRIMARY KEY);",
			file:   "ALTER TABLE c SET UNLOGGED;",
			code:   "AM521",
			said:   []string{"SET UNLOGGED rewrites public.c", "lost in a crash or a failover, and on Aurora readers cannot read it"},
		},
		"REINDEX TABLE": {
			before: "CREATE TABLE c (k text PRIMARY KEY);",
			file:   "REINDEX TABLE c;",
			code:   "AM511",
			said:   []string{"REINDEX TABLE CONCURRENTLY public.c;"},
		},
		"the unique index of a materialized view": {
			before: "CREATE TABLE o (id bigint PRIMARY KEY, s text);\nCREATE MATERIALIZED VIEW m AS SELECT s, count(*) AS n FROM o GROUP BY s;\nCREATE UNIQUE INDEX m_s ON m (s);",
			file:   "-- atlas:txmode none\n\nDROP INDEX CONCURRENTLY m_s;",
			code:   "AM605",
			said:   []string{"REFRESH MATERIALIZED VIEW CONCURRENTLY", "(55000)"},
			unsaid: []string{"ON CONFLICT"},
		},
		"a name that a new column takes": {
			before: "CREATE TABLE e (id int PRIMARY KEY, id_new bigint);",
			file:   "ALTER TABLE e DROP id;\nALTER TABLE e RENAME id_new TO id;",
			code:   "BC102",
			said:   []string{"What still names id_new fails (42703): the trigger", "nothing fills it under the name id_new any more"},
			unsaid: []string{"Add id,", "%"},
		},
		"all that REINDEX SCHEMA works on": {
			before: "CREATE TABLE a (id int PRIMARY KEY);\nCREATE TABLE b (id int PRIMARY KEY);",
			file:   "-- atlas:txmode none\n\nREINDEX SCHEMA public;",
			code:   "AM511",
			said:   []string{"REINDEX SCHEMA public rebuilds"},
			unsaid: []string{"Likewise"},
		},
		"names that are swapped": {
			before: "CREATE TABLE e (id int PRIMARY KEY, id_big bigint);",
			file:   "ALTER TABLE e RENAME id TO id_old;\nALTER TABLE e RENAME id_big TO id;",
			code:   "BC102",
			said:   []string{"renames the column id of public.e to id_old", "Another column has the name when the transaction ends", "the column which is called id then has what this one had"},
			unsaid: []string{"42703"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if pgtest.Major(t) < c.since {
				t.Skipf("it needs PostgreSQL %d", c.since)
			}
			all := judge(t, []string{c.before}, []string{c.file}).findings
			at := slices.IndexFunc(all, func(f migration.Finding) bool { return f.Code == c.code })
			if at < 0 {
				t.Fatalf("no %s, but\n%s", c.code, told(all))
			}
			f := all[at]
			text := strings.Join([]string{f.Summary, f.Detail, f.Fix}, "\n")
			for _, said := range c.said {
				if !strings.Contains(text, said) {
					t.Errorf("it does not say %q:\n%s", said, text)
				}
			}
			for _, unsaid := range c.unsaid {
				if strings.Contains(text, unsaid) {
					t.Errorf("it says %q:\n%s", unsaid, text)
				}
			}
		})
	}
}
