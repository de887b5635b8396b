package pipeline_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// everyKind makes something of each kind that a snapshot holds.
const everyKind = `
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN app.short AS text CONSTRAINT short_len CHECK (length(VALUE) < 9);
CREATE TYPE app.pair AS (x int, y int);
CREATE TABLE app.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'x', m app.mood, n int, CONSTRAINT n_positive CHECK (n > 0));
CREATE INDEX users_name ON app.users (name);
CREATE TABLE app.posts (id serial PRIMARY KEY, user_id bigint CONSTRAINT posts_user REFERENCES app.users);
CREATE TABLE app.logs (at date NOT NULL, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
CREATE TABLE app.logs_1 PARTITION OF app.logs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE app.refs (at date, n int, FOREIGN KEY (at, n) REFERENCES app.logs);
CREATE VIEW app.names AS SELECT name FROM app.users;
CREATE MATERIALIZED VIEW app.counts AS SELECT count(*) AS c FROM app.users;
CREATE SEQUENCE app.tickets;
CREATE FUNCTION app.twice(a int) RETURNS int LANGUAGE sql AS 'SELECT a * 2';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE app.tidy() LANGUAGE sql AS 'DELETE FROM app.posts';
CREATE TRIGGER users_touch BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE POLICY own ON app.posts USING (user_id = 1);
CREATE STATISTICS app.users_stats ON name, n FROM app.users;
CREATE PUBLICATION changes FOR TABLE app.users;
GRANT SELECT ON app.users TO PUBLIC;
COMMENT ON TABLE app.users IS 'people';
`

// Whatever is done by hand to a database that the migrations made is told: which
// object, in which direction, and in words; and a database to which nothing was
// done is clean.
func TestVerify_tellsWhatWasDoneByHand(t *testing.T) {
	files := replayed(t, dir(t, "001_all.sql", everyKind, "002_later.sql", "CREATE TABLE app.later (a int);\n"))
	for name, c := range map[string]struct{ byHand, want string }{
		"nothing":             {"SELECT 1", ""},
		"rows":                {"INSERT INTO app.users (name) VALUES ('a'); SELECT nextval('app.tickets'); ANALYZE app.users", ""},
		"a table dropped":     {"DROP TABLE app.later", "missing table app.later"},
		"a table made":        {"CREATE TABLE app.mine (id serial PRIMARY KEY)", "extra table app.mine"},
		"a serial table gone": {"DROP TABLE app.posts CASCADE", "missing table app.posts"},
		"a column retyped":    {"ALTER TABLE app.users ALTER n TYPE bigint", "changed table app.users: column n is bigint, and the migrations say integer"},
		"a column added":      {"ALTER TABLE app.users ADD extra text", "changed table app.users: column extra (text) is there, and no migration makes it"},
		"a column dropped":    {"ALTER TABLE app.later ADD b int, DROP a", "changed table app.later: column a (integer) is not there, and the migrations make it; column b (integer) is there, and no migration makes it"},
		"nulls allowed":       {"ALTER TABLE app.users ALTER name DROP NOT NULL", "changed table app.users: column name may be null, and the migrations say NOT NULL"},
		"a default":           {"ALTER TABLE app.users ALTER name SET DEFAULT 'y'", "changed table app.users: the default of column name is 'y'::text, and the migrations say 'x'::text"},
		"an index dropped":    {"DROP INDEX app.users_name", "changed table app.users: index users_name (CREATE INDEX users_name ON app.users USING btree (name)) is not there, and the migrations make it"},
		"an index INVALID":    {"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.users_name'::regclass", "changed table app.users: index users_name is INVALID: it is never used, and still written to"},
		"a NOT VALID one": {"ALTER TABLE app.users DROP CONSTRAINT n_positive; ALTER TABLE app.users ADD CONSTRAINT n_positive CHECK (n > 0) NOT VALID",
			"changed table app.users: constraint n_positive is CHECK ((n > 0)) NOT VALID, and the migrations say CHECK ((n > 0)); constraint n_positive is NOT VALID, and the migrations validate it"},
		"a trigger disabled": {"ALTER TABLE app.users DISABLE TRIGGER users_touch", "changed table app.users: trigger users_touch is DISABLED, and the migrations say enabled"},
		"a policy":           {"DROP POLICY own ON app.posts", "changed table app.posts: policy own (* t) is not there, and the migrations make it"},
		"row level security": {"ALTER TABLE app.posts ENABLE ROW LEVEL SECURITY", "changed table app.posts: its row level security (enabled, forced) is t,f, and the migrations say f,f"},
		"a comment":          {"COMMENT ON TABLE app.users IS 'others'", "changed table app.users: it has another comment than the migrations give it"},
		"statistics":         {"DROP STATISTICS app.users_stats", "changed table app.users: statistics app.users_stats (CREATE STATISTICS app.users_stats ON name, n FROM app.users) is not there, and the migrations make it"},
		"a view":             {"CREATE OR REPLACE VIEW app.names AS SELECT name || '' AS name FROM app.users", "changed view app.names: its text is not the one that the migrations give it"},
		"a function":         {"CREATE OR REPLACE FUNCTION app.twice(a int) RETURNS int LANGUAGE sql AS 'SELECT a * 3'", "changed function app.twice(integer): its text is not the one that the migrations give it"},
		"a sequence":         {"ALTER SEQUENCE app.tickets INCREMENT 5", "changed sequence app.tickets: its increment is 5, and the migrations say 1"},
		"an enum":            {"ALTER TYPE app.mood ADD VALUE 'happy'", "changed enum app.mood: label 'happy' is there, and no migration makes it"},
		"an enum's order":    {"ALTER TYPE app.mood RENAME VALUE 'ok' TO 'was'; ALTER TYPE app.mood RENAME VALUE 'sad' TO 'ok'; ALTER TYPE app.mood RENAME VALUE 'was' TO 'sad'", "changed enum app.mood: its labels stand in another order than the migrations make them"},
		"a domain":           {"ALTER DOMAIN app.short SET DEFAULT 'a'", "changed domain app.short: its default is 'a'::text, and the migrations say none"},
		"a type":             {"ALTER TYPE app.pair ADD ATTRIBUTE z int", "changed composite type app.pair: attribute z (integer) is there, and no migration makes it"},
		"a schema":           {"CREATE SCHEMA mine", "extra schema mine"},
		"a publication":      {"DROP PUBLICATION changes", "missing publication changes; changed table app.users: publication changes is not there, and the migrations make it"},
		"an extension":       {"CREATE EXTENSION hstore SCHEMA app", "extra extension hstore"},
		"an owner":           {"ALTER TABLE app.later OWNER TO pg_monitor", "changed table app.later: its owner is pg_monitor, and the migrations say postgres"},
		"a grant":            {"GRANT INSERT ON app.users TO pg_monitor; GRANT SELECT (id) ON app.posts TO pg_monitor", "(granted table app.posts: on column id, SELECT is granted to pg_monitor, and not by the migrations); (granted table app.users: INSERT is granted to pg_monitor, and not by the migrations)"},
		"a grant to oneself": {"GRANT ALL ON app.later TO CURRENT_USER", ""},
		"a grant taken":      {"REVOKE SELECT ON app.users FROM PUBLIC", "changed table app.users: SELECT is not granted to PUBLIC, and the migrations grant it"},
		"a default grant":    {"REVOKE EXECUTE ON FUNCTION app.twice FROM PUBLIC", "changed function app.twice(integer): EXECUTE is not granted to PUBLIC, and the migrations grant it"},
		"default privileges": {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor", "(granted default privileges postgres  r: what is created gets privileges that the migrations do not set)"},
		"a partition":        {"CREATE TABLE app.logs_2 PARTITION OF app.logs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')", "(grown table app.logs_2)"},
		"partitions of one":  {"CREATE TABLE app.logs_2 PARTITION OF app.logs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY RANGE (n); CREATE TABLE app.logs_2_1 PARTITION OF app.logs_2 DEFAULT", "(grown table app.logs_2); (grown table app.logs_2_1)"},
		"a partition gone":   {"ALTER TABLE app.refs DROP CONSTRAINT refs_at_n_fkey; DROP TABLE app.logs_1", "missing table app.logs_1; changed table app.refs: "},
		"a partition alone":  {"ALTER TABLE app.refs DROP CONSTRAINT refs_at_n_fkey; ALTER TABLE app.logs DETACH PARTITION app.logs_1", "changed table app.logs_1: it is no partition, and the migrations make it one FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); it does not belong to app.logs, and the migrations say it does"},
		"an INVALID one": {"CREATE TABLE app.logs_2 PARTITION OF app.logs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE INDEX broken ON app.logs_2 (n); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.broken'::regclass",
			"(grown table app.logs_2); invalid table app.logs_2: index broken is INVALID: it is never used, and still written to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			p := on(t, db.URL, files)
			applied(t, p)
			db.Exec(t, c.byHand)
			r := do(t, p, pipeline.Request{Action: migration.ActionVerify})
			got := drifts(r)
			switch {
			case c.want == "" && (r.Outcome != migration.Clean || got != ""):
				t.Errorf("%s: %s\n%s", r.Outcome, got, told(r))
			case c.want != "" && !strings.Contains(got, strings.ReplaceAll(c.want, "postgres", db.Query(t, "SELECT current_user"))):
				t.Errorf("%s: got\n%s\nwant\n%s", r.Outcome, got, c.want)
			case c.want != "" && r.Outcome != map[bool]migration.Outcome{true: migration.Clean, false: migration.Drifted}[strings.HasPrefix(c.want, "(") && !strings.Contains(c.want, "invalid")]:
				t.Errorf("outcome %s of %s", r.Outcome, got)
			}
		})
	}
}

// drifts is all that a verification found; in brackets what does not count.
func drifts(r migration.Result) string {
	if r.Verified == nil {
		return "not compared"
	}
	var said []string
	for _, d := range r.Verified.Drift {
		s := string(d.How) + " " + d.Kind + " " + d.Name
		if d.How != migration.DriftMissing && d.How != migration.DriftExtra && d.How != migration.DriftGrown {
			s += ": " + strings.Join(d.Facts, "; ")
		}
		if !d.Counts() {
			s = "(" + s + ")"
		}
		said = append(said, s)
	}
	return strings.Join(said, "; ")
}
