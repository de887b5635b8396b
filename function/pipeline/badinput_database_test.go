package pipeline_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

func planTo(version string) pipeline.Request {
	return pipeline.Request{Action: migration.ActionPlan, To: version}
}

func baselineOf(version string) pipeline.Request {
	return pipeline.Request{Action: migration.ActionBaseline, Version: version}
}

func badEvents() []badInput {
	bad := func(name, event string, says ...string) badInput {
		return badInput{name: "event: " + name, event: event, files: twoFiles, outcome: migration.Invalid, says: says, next: "Mend the event"}
	}
	return []badInput{
		bad("unknown action", `{"action":"aply"}`, `unknown action "aply" (did you mean "apply"?)`, "status, plan, apply, verify, baseline"),
		bad("action that is far from any", `{"action":"destroy"}`, `unknown action "destroy": want one of`),
		bad("unknown field", `{"action":"apply","paln":"x"}`, `unknown field "paln" (did you mean "plan"?)`),
		bad("unknown field with a secret", `{"action":"plan","password":"`+password+`"}`, `unknown field "password"`),
		bad("field in upper case", `{"Action":"plan"}`, `"Action"`, `did you mean "action"?`),
		bad("unknown field within", `{"action":"apply","approval":{"acept":["x"]}}`, `unknown field "acept" (did you mean "accept"?)`),
		bad("field of another action", `{"action":"plan","version":"016"}`, `the action plan has no field "version"`),
		bad("no action", `{"plan":"x"}`, `the event has no "action"`),
		bad("action that is no string", `{"action":7}`, `the field "action" is a JSON number: want a string`),
		bad("baseline without a version", `{"action":"baseline"}`, `the action baseline needs a "version"`),
		bad("no JSON", `{"action":"plan"`, "not JSON"),
		bad("an array", `[{"action":"plan"}]`, "not a JSON object"),
		bad("two objects", `{"action":"plan"}{"action":"apply"}`, "JSON"),
		bad("empty", " ", "the event is empty"),
		bad("null", "null", "the event is null"),
		bad("an empty directory", `{"action":"plan","directory":{}}`, `"directory" is empty`),
		bad("a plan that is a number", `{"action":"apply","plan":7}`, `"plan" is neither a digest`),
		{name: "event: a directory for a runner", event: `{"action":"plan","directory":{"001.sql":"SELECT 1"}}`, files: twoFiles, says: []string{"takes no directory from outside"}, next: "planner"},
	}
}

// approving is a case in which what is applied is not what was planned.
func approving(name string, change func(s *scene, digest string), next string, says ...string) badInput {
	return badInput{name: "digest: " + name, before: "CREATE TABLE seen (id int)", files: []string{"002_b.sql", "ALTER TABLE seen ADD COLUMN x int;\n"},
		says: says, next: next, arrange: func(s *scene) {
			adopt(s)
			s.request = pipeline.Request{Action: migration.ActionApply, Plan: planned(s, s.p)}
			change(s, s.request.Plan)
		}}
}

func badDigests() []badInput {
	again := "Ask for a new plan"
	return []badInput{
		approving("none", func(s *scene, _ string) { s.request.Plan = "" }, "hand its digest to apply", "has not been approved"),
		approving("malformed", func(s *scene, _ string) { s.request.Plan = "yes" }, "Copy the digest", "not a digest"),
		approving("truncated", func(s *scene, d string) { s.request.Plan = d[:40] }, "Copy the digest", "not a digest"),
		approving("one digit altered", func(s *scene, d string) { s.request.Plan = altered(d) }, again, "has been altered"),
		approving("of another database", func(s *scene, d string) { s.connect(another(s)) }, again, "another cluster, database or role"),
		approving("of another role", func(s *scene, _ string) { s.p.Settings.Role = "pg_database_owner" }, again, "another cluster, database or role"),
		approving("of other files", func(s *scene, _ string) {
			s.p.Directory = dir(s, "002_b.sql", "ALTER TABLE seen ADD COLUMN y int;\n")
		}, again, "the pending files are not those"),
		approving("of other settings", func(s *scene, _ string) { s.p.Settings.LockTimeout = 3 * time.Second }, again, "the settings that change"),
		approving("of another schema", func(s *scene, _ string) { s.db.Exec(s, "ALTER TABLE seen ADD COLUMN z int") }, again, "has changed in the database"),
		approving("of another history", func(s *scene, _ string) {
			s.db.Exec(s, "UPDATE atlas_schema_revisions.atlas_schema_revisions SET applied = 1, total = 1")
		}, again, "the history has other rows"),
		approving("with another end", func(s *scene, _ string) { s.request.To = "001" }, again, ""),
		approving("of another engine", func(s *scene, d string) {
			// Digits that explain are behind the last "_", four for each part; the engine is the fourth.
			s.request.Plan = altered(d[:len(d)-12] + "0000" + d[len(d)-8:])
		}, again, "another version of PostgreSQL"),
		approving("apply by a planner", func(s *scene, _ string) { s.p.ReadOnly = true }, "runner function", "only plans"),
		{name: "digest: of a baseline for an apply", before: "CREATE TABLE seen (id int)", files: twoFiles, arrange: func(s *scene) {
			r := do(s, s.p, baselineOf("001"))
			adopt(s)
			s.request = pipeline.Request{Action: migration.ActionApply, Plan: r.Plan.Digest.String()}
		}, says: []string{"the pending files are not those"}, next: again},
		{name: "digest: baseline with that of another version", before: "CREATE TABLE seen (id int)", files: twoFiles, arrange: func(s *scene) {
			r := do(s, s.p, baselineOf("001"))
			s.request = pipeline.Request{Action: migration.ActionBaseline, Version: "002", Plan: r.Plan.Digest.String()}
		}, next: again},
	}
}

// altered is a digest with another first digit.
func altered(digest string) string {
	if strings.HasPrefix(digest, "p1_0") {
		return "p1_1" + digest[4:]
	}
	return "p1_0" + digest[4:]
}

func badDatabases() []badInput {
	cases := []badInput{
		{name: "objects and no history", before: people, files: []string{"017_x.sql", "CREATE TABLE x ();\n"},
			says: []string{"has no history and is not empty", "table public.people"}, next: `{"action":"baseline","version":"016"}`},
		{name: "two histories", before: historyIn("one") + historyIn("two"), files: twoFiles,
			says: []string{"there are 2 history tables", "in the schemas one, two"}, next: "MIGRATE_HISTORY_SCHEMA"},
		{name: "a table with the name of the history", before: "CREATE SCHEMA atlas_schema_revisions; CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version text, installed text)", files: twoFiles,
			says: []string{"atlas_schema_revisions.atlas_schema_revisions has the name of Atlas's history and not its columns"}, next: "another schema"},
		{name: "a view with the name of the history", before: "CREATE SCHEMA h; CREATE VIEW h.atlas_schema_revisions AS SELECT 1", files: twoFiles,
			arrange: func(s *scene) { s.p.Settings.HistorySchema = "h" },
			says:    []string{"h.atlas_schema_revisions has the name of Atlas's history"}, next: "another schema"},
	}
	for tool, table := range map[string]string{
		"Flyway":         "flyway_schema_history (installed_rank int, version text)",
		"goose":          "goose_db_version (id int, version_id bigint, is_applied bool)",
		"golang-migrate": "schema_migrations (version bigint, dirty bool)",
		"dbmate":         "schema_migrations (version varchar)",
		"Liquibase":      "databasechangelog (id text, md5sum text)",
		"Alembic":        "alembic_version (version_num varchar(32))",
		"Ecto":           "schema_migrations (version bigint, inserted_at timestamp)",
		"tern":           "schema_version (version int)",
		"Django":         "django_migrations (id int, app text, name text)",
		"Prisma":         "_prisma_migrations (id text, checksum text, migration_name text)",
		"Knex":           "knex_migrations (id int, name text, migration_time timestamptz)",
		"sqlx":           "_sqlx_migrations (version bigint, checksum bytea)",
		"Sequelize":      `"SequelizeMeta" (name text)`,
	} {
		name, _, _ := strings.Cut(table, " ")
		cases = append(cases, badInput{name: "the history of " + tool, before: people + "CREATE TABLE " + table, files: []string{"017_x.sql", "CREATE TABLE x ();\n"},
			says: []string{"has no history and is not empty", fmt.Sprintf("public.%s is the history of %s", name, tool)},
			next: `{"action":"baseline","version":"016"}`})
	}
	return cases
}

// historyIn makes an empty history in a schema of its own.
func historyIn(schema string) string {
	return fmt.Sprintf(`CREATE SCHEMA %s; CREATE TABLE %[1]s.atlas_schema_revisions (version varchar PRIMARY KEY, description varchar NOT NULL, type bigint NOT NULL, applied bigint NOT NULL,
		total bigint NOT NULL, executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, error text, error_stmt text, hash varchar NOT NULL, partial_hashes jsonb, operator_version varchar NOT NULL);`, schema)
}
