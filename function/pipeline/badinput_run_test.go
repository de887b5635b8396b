package pipeline_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// people is a table with rows whose values are not to be told.
const people = `CREATE TABLE people (id int, name text, code varchar(40), born text, boss int);
INSERT INTO people VALUES (1, '` + rowValue + `', '` + rowValue + `', '` + rowValue + `', NULL), (2, '` + rowValue + `', 'x', '2001-02-30', 7);
`

// run is a case in which one file, after a baseline, fails when it is applied.
func run(name, sql, next string, says ...string) badInput {
	return badInput{name: name, before: people, ran: nil, files: []string{"002_b.sql", sql}, arrange: adopt,
		outcome: migration.Failed, says: append(says, "002_b.sql"), next: next}
}

// adopt gives the database a history at version 001.
func adopt(s *scene) { baselined(s.T, s.db) }

const commits = `CREATE PROCEDURE pays() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO people (id) VALUES (3); COMMIT; INSERT INTO people (id) VALUES (4); END $$;
CREATE PROCEDURE undoes() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO people (id) VALUES (3); ROLLBACK; INSERT INTO people (id) VALUES (4); END $$;
CREATE FUNCTION asks() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO people (id) VALUES (3); COMMIT; END $$;
`

func badStatements() []badInput {
	nothing := "Nothing of this file was kept"
	third := "CREATE TABLE b (id int);\nCREATE TABLE c (id int);\n\n  SELECT id FRM b;\nCREATE TABLE d ();\nCREATE TABLE e ();\n"
	cases := []badInput{
		run("syntax error in statement 3 of 5", third, "Mend the file, run atlas migrate hash",
			"002_b.sql:4:17: statement 3 of 5: ERROR: syntax error at or near \"b\" (SQLSTATE 42601)", nothing, "SELECT id FRM b; ^"),
		run("a deferred constraint that fails at COMMIT", "CREATE TABLE k (id int PRIMARY KEY);\nALTER TABLE people ADD FOREIGN KEY (boss) REFERENCES k DEFERRABLE INITIALLY DEFERRED NOT VALID;\nUPDATE people SET boss = 8 WHERE boss = 7;\n",
			"If it is the rows that are wrong, mend them", "23503", nothing, "002_b.sql: at COMMIT: ERROR: insert or update on table"),
		run("COMMIT in a procedure that it calls", "CREATE TABLE b ();\nCALL pays();\n", "take the COMMIT out", "2D000", nothing, "002_b.sql:2: statement 2 of 2"),
		run("ROLLBACK in a procedure that it calls", "CREATE TABLE b ();\nCALL undoes();\n", "commits or rolls back", "2D000", nothing, "statement 2 of 2"),
		run("COMMIT in a function that it calls", "CREATE TABLE b ();\nSELECT asks();\n", "commits or rolls back", nothing, "statement 2 of 2"),
		run("COMMIT in DO", "CREATE TABLE b ();\nDO $$ BEGIN INSERT INTO people (id) VALUES (3); COMMIT; END $$;\n", "commits or rolls back", "2D000", nothing, "statement 2 of 2"),
		run("ROLLBACK in DO", "CREATE TABLE b ();\nDO $$ BEGIN ROLLBACK; END $$;\n", "commits or rolls back", "2D000", nothing, "statement 2 of 2"),
		run("a procedure that commits, outside a transaction", outside+"CALL pays();\n", "aurora:rerunnable", "2D000", "statement 1 of 1"),
		run("a table that is not there", "CREATE TABLE b ();\nALTER TABLE nowhere ADD COLUMN x int;\n", "Mend the file", "42P01", `relation "nowhere" does not exist`, nothing),
		run("a password in the statement that fails", "CREATE TABLE b ();\nALTER ROLE nobody_at_all PASSWORD '"+password+"';\n", "Mend the file", "42704", nothing),
		run("a password in a line that is pointed at", "SELECT 1 FRM x; ALTER ROLE postgres PASSWORD '"+password+"';\n", "Mend the file", "42601", nothing),
	}
	for i := range cases {
		cases[i].before += commits
	}
	return cases
}

// half is a case in which a file outside a transaction fails at its second
// statement: the first stays, and the history tells why the second does not.
func half(name, sql, next string, says ...string) badInput {
	c := run("outside a transaction: "+name, outside+"CREATE TABLE b ();\n"+sql+";\nCREATE TABLE c ();\n", next, append(says, "002_b.sql:4: statement 2 of 3", "Statements 1 to 1 of this file are in the database")...)
	c.stays = `SELECT applied = 1 AND total = 3 AND error <> '' AND to_regclass('b') IS NOT NULL AND to_regclass('c') IS NULL AND (SELECT bool_and(indisvalid) FROM pg_index)
		FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '002'`
	return c
}

// guarded is a case in which rows are watched by a trigger that is not in the file.
func guarded(c badInput) badInput {
	c.before += `CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	RAISE EXCEPTION '% is a person', new.name; END $$;
CREATE TRIGGER guard BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION guard();`
	return c
}

func badValues() []badInput {
	nothing := "Nothing of this file was kept"
	change := func(name, sql, next string, says ...string) badInput {
		return run(name, "CREATE TABLE b ();\n"+sql+";\n", next, append(says, nothing, "002_b.sql:2: statement ")...)
	}
	return []badInput{
		change("22P02 text that is no number", "ALTER TABLE people ALTER name TYPE int USING name::int", "mend them and run the same command again", "22P02", "invalid input syntax for type integer", "value withheld"),
		change("22P02 text that is no uuid", "ALTER TABLE people ALTER name TYPE uuid USING name::uuid", "mend them and run the same command again", "22P02", "invalid input syntax for type uuid"),
		change("22P02 text that is no JSON", "ALTER TABLE people ALTER name TYPE jsonb USING name::jsonb", "mend them and run the same command again", "22P02"),
		change("22007 text that is no date", "ALTER TABLE people ALTER name TYPE date USING name::date", "mend them and run the same command again", "22007"),
		change("22008 a date out of range", "SELECT born::date FROM people WHERE id = 2", "mend them and run the same command again", "22008", "out of range: \"(value withheld)\""),
		change("22001 text too long", "ALTER TABLE people ALTER name TYPE varchar(5)", "mend them and run the same command again", "22001", "value too long"),
		change("22003 a number out of range", "SELECT (('1' || repeat('0', 30))::numeric * length(name))::int FROM people", "mend them and run the same command again", "22003"),
		change("22012 division by zero", "SELECT 1 / (id - 1) FROM people", "mend them and run the same command again", "22012", "division by zero"),
		change("22023 a time zone that is not one", "SELECT now() AT TIME ZONE name FROM people", "mend them and run the same command again", "22023"),
		change("22023 a value for a setting", "SELECT set_config('work_mem', name, true) FROM people", "mend them and run the same command again", "22023", `parameter "work_mem"`),
		change("22021 bytes that are no text", "SELECT convert_from('\\xff'::bytea || name::bytea, 'UTF8') FROM people", "mend them and run the same command again", "22021"),
		change("2201B a pattern", "SELECT 'x' ~ ('[' || name) FROM people", "mend them and run the same command again", "2201B"),
		change("22P05 a letter without a counterpart", "SELECT convert_to(name || '€', 'LATIN1') FROM people", "mend them and run the same command again", "22P05"),
		change("22000 a range", "SELECT int4range(id, 0) FROM people", "mend them and run the same command again", "22000"),
		change("42601 text that is no query", "SELECT (name || ' & & ')::tsquery FROM people", "Mend the file", "42601", "value withheld"),
		change("42601 SQL made of a row", "DO $$ BEGIN EXECUTE (SELECT name FROM people WHERE id = 1); END $$", "Mend the file", "42601", "value withheld"),
		change("42P01 a name made of a row", "SELECT (name || '')::regclass FROM people", "Mend the file", "42P01", "value withheld"),
		change("42P01 a quoted name made of a row", `SELECT ('"' || name || '"')::regclass FROM people`, "Mend the file", "42P01", "value withheld"),
		change("42704 a role made of a row", `SELECT ('"' || name || '"')::regrole FROM people`, "Mend the file", "42704"),
		change("42704 a type made of a row", `SELECT ('"' || name || '"')::regtype FROM people`, "Mend the file", "42704"),
		change("42883 a function made of a row", `SELECT ('"' || name || '"')::regproc FROM people`, "Mend the file", "42883", "value withheld"),
		change("42P01 a table made of a row in SQL", `DO $$ DECLARE n text; BEGIN SELECT name INTO n FROM people WHERE id = 1; EXECUTE format('SELECT * FROM %I', n); END $$`, "Mend the file", "42P01", "value withheld"),
		change("42703 a column made of a row in SQL", `DO $$ DECLARE n text; BEGIN SELECT name INTO n FROM people WHERE id = 1; EXECUTE format('SELECT %I FROM people', n); END $$`, "Mend the file", "42703", "value withheld"),
		change("23505 a duplicate", "CREATE UNIQUE INDEX ON people (name)", "mend them and run the same command again", "23505", "could not create unique index"),
		change("23505 a duplicate that comes", "CREATE TABLE u (n text PRIMARY KEY); INSERT INTO u SELECT name FROM people", "mend them and run the same command again", "23505"),
		change("23502 a null", "UPDATE people SET id = NULL; ALTER TABLE people ALTER id SET NOT NULL", "mend them and run the same command again"),
		change("23502 a row with a null", "CREATE TABLE n (v text, i int NOT NULL); INSERT INTO n SELECT name, NULL FROM people", "mend them and run the same command again"),
		change("23514 a check that rows fail", "ALTER TABLE people ADD CONSTRAINT short CHECK (length(name) < 5)", "mend them and run the same command again", "23514", "short"),
		change("23514 a row that fails a check", "CREATE TABLE k (v text CHECK (length(v) < 5)); INSERT INTO k SELECT name FROM people", "mend them and run the same command again"),
		change("23503 a key without a counterpart", "CREATE TABLE k (v text PRIMARY KEY); ALTER TABLE people ADD FOREIGN KEY (name) REFERENCES k", "mend them and run the same command again"),
		change("23P01 an exclusion", "CREATE TABLE x (v text, EXCLUDE (v WITH =)); INSERT INTO x SELECT name FROM people", "mend them and run the same command again"),
		change("23514 no partition for a row", "CREATE TABLE p (v text) PARTITION BY LIST (v); INSERT INTO p SELECT name FROM people", "mend them and run the same command again"),
		change("P0001 raised with a value of a row", `DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM people LOOP RAISE EXCEPTION 'nobody knows %, so stop', r.name; END LOOP; END $$`, "mend them and run the same command again",
			"P0001", "nobody knows", "so stop"),
		change("P0001 raised with words only", `DO $$ BEGIN RAISE EXCEPTION 'people without a boss: mend them first'; END $$`, "mend them and run the same command again", "P0001", "people without a boss: mend them first"),
		guarded(change("P0001 raised by a trigger", "UPDATE people SET id = id", "mend them and run the same command again", "P0001", "what was raised in function guard(), line 2 is withheld", "MIGRATE_SHOW_DETAIL")),
		change("23514 raised with a code and a hint", `DO $$ DECLARE n text; BEGIN SELECT name INTO n FROM people WHERE id = 1; RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = 'bad ' || n, HINT = n, DETAIL = n, COLUMN = n; END $$`, "mend them and run the same command again", "23514"),
		half("22P02", "ALTER TABLE people ALTER name TYPE int USING name::int", "mend them and run the same command again", "22P02", "value withheld"),
		half("23505 in CONCURRENTLY", "CREATE UNIQUE INDEX CONCURRENTLY people_name ON people (name)", "mend them and run the same command again", "23505", "could not create unique index"),
		half("P0001", `DO $$ BEGIN RAISE EXCEPTION 'not %', (SELECT name FROM people WHERE id = 1); END $$`, "Else mend statement 2", "P0001", "not (value withheld)"),
		change("P0004 an assertion", `DO $$ DECLARE n text; BEGIN SELECT name INTO n FROM people WHERE id = 1; ASSERT false, 'not ' || n; END $$`, "mend them and run the same command again", "P0004"),
	}
}

// Values are shown to who asks for them.
func TestApply_showsValuesWhereAsked(t *testing.T) {
	for _, sql := range []string{
		"ALTER TABLE people ALTER name TYPE int USING name::int",
		"CREATE UNIQUE INDEX ON people (name)",
		`SELECT ('"' || name || '"')::regclass FROM people`,
		"DO $$ BEGIN RAISE EXCEPTION '%', (SELECT name FROM people WHERE id = 1); END $$",
	} {
		db := pgtest.New(t)
		db.Exec(t, people)
		baselined(t, db)
		p := on(t, db.URL, dir(t, "002_b.sql", sql+";\n"))
		p.ShowDetail = true
		r := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, p)})
		want(t, r, migration.Failed)
		if !strings.Contains(r.Failure.Message+r.Failure.Detail, rowValue) {
			t.Errorf("%s: %s", sql, told(r))
		}
	}
}
