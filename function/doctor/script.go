package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Names of users that do not exist yet.
const (
	runnerUser  = "migrate_runner"
	plannerUser = "migrate_planner"
)

// scripts are what is lacking, where something is, and how the users of a
// runner and of a planner are made, for this database as it is configured here.
func scripts(p migration.Probes, missing []string) []migration.Script {
	var all []migration.Script
	if len(missing) > 0 {
		all = append(all, migration.Script{For: "what is missing", Missing: true, Statements: slices.Compact(missing)})
	}
	if p.Misconfigured != "" {
		return all
	}
	u := newUsers(p)
	unknown := p.Rejected != nil && (p.Rejected.SQLState == "28P01" || p.Rejected.SQLState == "28000")
	return append(all,
		migration.Script{For: "a user for the runner", Missing: unknown && !p.Planner, Statements: u.forRunner()},
		migration.Script{For: "a user for the planner", Missing: unknown && p.Planner, Statements: u.forPlanner()})
}

// users says of whom the scripts speak. All are quoted where they must be.
type users struct {
	runner, planner, owner string
	database, schema       string // schema of the history
	lands                  string // schema that files create in
	history                bool   // it is there
	ownerMissing           bool
}

func newUsers(p migration.Probes) users {
	u := users{runner: runnerUser, planner: plannerUser, owner: p.Settings.Role, database: cmp.Or(p.Database, "DATABASE"),
		schema: cmp.Or(p.History.Schema, p.Settings.HistorySchema, "atlas_schema_revisions"), lands: cmp.Or(p.Live.Landing, "public"), history: p.History.There,
		ownerMissing: p.Facts == nil || p.Facts.RoleMissing}
	if user := p.User; user != "" && !p.Live.Account.Superuser && user != u.owner {
		if p.Planner {
			u.planner = user
		} else {
			u.runner = user
		}
	}
	for _, name := range []*string{&u.runner, &u.planner, &u.owner, &u.database, &u.schema, &u.lands} {
		*name = migration.Identifier(*name)
	}
	return u
}

// loggingIn makes a user that may log in, by password or by IAM.
func loggingIn(user string) []string {
	return []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '<password>';", user),
		fmt.Sprintf("-- or, to log in with tokens of IAM: CREATE ROLE %s LOGIN; GRANT rds_iam TO %s;", user, user),
	}
}

// forRunner: it logs in, SETs the owner, and keeps the history.
func (u users) forRunner() []string {
	lines := loggingIn(u.runner)
	acting := u.runner
	if u.owner != "" {
		acting = u.owner
		if u.ownerMissing {
			lines = append(lines, fmt.Sprintf("CREATE ROLE %s NOLOGIN; -- where it does not exist; it owns what files create", u.owner))
		}
		lines = append(lines, fmt.Sprintf("GRANT %s TO %s;", u.owner, u.runner))
	}
	lines = append(lines,
		fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s;", u.database, u.runner),
		fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s;", u.lands, acting),
		fmt.Sprintf("GRANT pg_read_all_stats TO %s; -- to see who stands in the way", u.runner))
	if u.history {
		return append(lines,
			fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;", u.schema, u.runner),
			fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s.atlas_schema_revisions TO %s;", u.schema, u.runner))
	}
	return append(lines, fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s; -- for the schema of the history, %s", u.database, u.runner, u.schema))
}

// forPlanner: it logs in and reads the history; the catalogue anybody may read.
func (u users) forPlanner() []string {
	lines := append(loggingIn(u.planner),
		fmt.Sprintf("ALTER ROLE %s SET default_transaction_read_only = on;", u.planner),
		fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s;", u.database, u.planner),
		fmt.Sprintf("GRANT pg_read_all_stats TO %s; -- to see who stands in the way", u.planner))
	if u.history {
		return append(lines,
			fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;", u.schema, u.planner),
			fmt.Sprintf("GRANT SELECT ON %s.atlas_schema_revisions TO %s;", u.schema, u.planner))
	}
	return append(lines,
		"-- once the history is there, which the first apply makes:",
		fmt.Sprintf("-- GRANT USAGE ON SCHEMA %s TO %s; GRANT SELECT ON %s.atlas_schema_revisions TO %s;", u.schema, u.planner, u.schema, u.planner))
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
