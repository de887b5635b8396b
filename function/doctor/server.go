package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// The links that say whether this is a server, and we are a user, to run a plan
// with. package gate refuses the same; here each is told by itself.

func writer(p migration.Probes) found {
	host := p.Route.Host
	switch {
	case p.Facts.Reader && strings.Contains(host, ".cluster-ro-"):
		return broken(host+" is the reader endpoint of the cluster, and what answers is a reader",
			"Use the writer endpoint: "+strings.Replace(host, ".cluster-ro-", ".cluster-", 1))
	case p.Facts.Reader:
		return broken("the server is a reader: it is in recovery and cannot be written to",
			"Use the writer endpoint of the cluster. Right after a failover its name may point at a reader for some seconds: then run doctor again.")
	case isRDS(host) && p.Facts.Target.Aurora() && !strings.Contains(host, ".cluster-"):
		return warning("a writer now, by the endpoint of an instance", "Use the writer endpoint of the cluster (name.cluster-id...): after a failover this instance is a reader.")
	}
	return ok("the server is a writer")
}

func isRDS(host string) bool {
	return strings.HasSuffix(host, ".rds.amazonaws.com") || strings.HasSuffix(host, ".rds.amazonaws.com.cn")
}

func readOnly(p migration.Probes) found {
	t := p.Facts.Target
	switch {
	case !p.Facts.ReadOnly:
		return ok("transactions may write")
	case p.Planner:
		return ok("transactions are read-only by default, which suits a planner")
	}
	return broken(fmt.Sprintf("transactions of %s in %s are read-only by default (default_transaction_read_only is on)", t.User, t.Database),
		fmt.Sprintf("Let %s write, or use another user. If the parameter group says so, the cluster may have been set read-only on purpose.", t.User),
		fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET default_transaction_read_only = off;", migration.Identifier(t.User), migration.Identifier(t.Database)))
}

func pooler(p migration.Probes) found {
	const fix = "Connect to the writer endpoint of the cluster itself, not through RDS Proxy or pgbouncer: there the advisory lock would be held by nobody, or by two."
	switch host := p.Route.Host; {
	case p.Facts.Pooled:
		return broken("another backend answers than the one that was connected to: a pooler stands in between", fix)
	case isRDS(host) && strings.Contains(host, ".proxy-"):
		return broken(host+" is the endpoint of an RDS Proxy", fix)
	}
	return ok("nothing stands in between")
}

const oldest, newest = 15, 18

func version(p migration.Probes) found {
	t := p.Facts.Target
	switch major := t.Major(); {
	case major < oldest:
		return warning(fmt.Sprintf("%s is older than what this release is made for (%d to %d)", t.Engine, oldest, newest), "Upgrade the cluster. What was tried with newer versions may fail there.")
	case major > newest:
		return warning(fmt.Sprintf("%s is newer than what this release is made for (%d to %d)", t.Engine, oldest, newest), "Look for a newer release of aurora-migrate.")
	}
	return ok("%s", t.Engine)
}

func role(p migration.Probes) found {
	t := p.Facts.Target
	grant := fmt.Sprintf("GRANT %s TO %s;", migration.Identifier(t.Role), migration.Identifier(t.User))
	switch {
	case p.Settings.Role == "" && p.Planner:
		return ok("none is set: files run as the user of the runner")
	case p.Settings.Role == "":
		return ok("none is set: files run as %s, and what they create is its own", t.User)
	case p.Facts.RoleMissing:
		return broken(fmt.Sprintf("the configured role %s does not exist", t.Role), "Create it, or name the right one (DatabaseRole, MIGRATE_ROLE or --role).",
			fmt.Sprintf("CREATE ROLE %s NOLOGIN;", migration.Identifier(t.Role)), grant)
	case p.Facts.RoleForbidden && p.Planner:
		return ok("%s, which a planner need not SET", t.Role)
	case p.Facts.RoleForbidden:
		return broken(fmt.Sprintf("%s may not SET ROLE %s", t.User, t.Role), fmt.Sprintf("Make %s a member of %s.", t.User, t.Role), grant)
	}
	return ok("files run as %s, and what they create is its own", t.Role)
}

func history(p migration.Probes) found {
	f, h := p.Facts, p.History
	switch {
	case p.Settings.HistorySchema == "" && len(f.Histories) > 1:
		return broken(fmt.Sprintf("there are %d history tables, in the schemas %s: it cannot be told which one counts", len(f.Histories), few(f.Histories)),
			"Name the schema of the one that counts (HistorySchema, MIGRATE_HISTORY_SCHEMA or --history-schema), or drop the other table.")
	case len(f.Misshapen) > 0 && !h.There:
		return broken(f.Misshapen[0]+" has the name of Atlas's history and not its columns, so it is something else",
			"Rename it if it is not needed under this name, or keep the history in another schema (HistorySchema, MIGRATE_HISTORY_SCHEMA or --history-schema).")
	case !h.There && len(f.Histories) > 0:
		return broken(fmt.Sprintf("the history is in the schema %s, and the settings name %s, where there is none", few(f.Histories), h.Schema),
			"Name the schema that it is in (HistorySchema, MIGRATE_HISTORY_SCHEMA or --history-schema).")
	case !h.There:
		return seen(migration.LinkHistory, noHistory)(p)
	}
	return anyHistory(p)
}

// anyHistory looks at a history that is there.
func anyHistory(p migration.Probes) found {
	h, t := p.History, p.Facts.Target
	table, user := migration.Identifier(h.Schema)+".atlas_schema_revisions", migration.Identifier(t.User)
	use := fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;", migration.Identifier(h.Schema), user)
	switch {
	case !h.Use || !h.Read:
		return broken(fmt.Sprintf("%s may not read the history, %s", t.User, table), "Let the login user read it.", granted(p, use, table, user)...)
	case !h.Write && !p.Planner:
		return broken(fmt.Sprintf("%s may read the history, %s, and not write it", t.User, table), "Let the login user write it.", granted(p, use, table, user)...)
	case h.Unread != nil:
		return broken("the history could not be read: "+h.Unread.Error(), h.Unread.Next)
	}
	faults := slices.DeleteFunc(slices.Clone(h.Findings), func(f migration.Finding) bool { return f.Severity != migration.Error })
	if len(faults) > 0 {
		return broken(fmt.Sprintf("it contradicts the directory: %s", faults[0].Summary), faults[0].Fix+" Status tells of all that differs.")
	}
	if h.Version == "" {
		return ok("%s, which is empty; %s pending", table, files(len(p.Directory.Pending)))
	}
	return ok("%s, at version %s; %s pending", table, h.Version, files(len(p.Directory.Pending)))
}

func files(n int) string {
	if n == 1 {
		return "1 file is"
	}
	return count(n, "file") + " are"
}

// granted is what a user needs for an existing history.
func granted(p migration.Probes, use, table, user string) []string {
	if p.Planner {
		return []string{use, fmt.Sprintf("GRANT SELECT ON %s TO %s;", table, user)}
	}
	return []string{use, fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s;", table, user)}
}

// noHistory looks whether one could be made, and whether it may.
func noHistory(p migration.Probes) found {
	h, f := p.History, p.Facts
	user := migration.Identifier(f.Target.User)
	switch {
	case len(f.Objects) > 0 && p.Directory.Files > 0:
		said := fmt.Sprintf("there is none, and the database is not empty (%s): it cannot be told which migrations it already has", few(f.Objects))
		for _, o := range f.Others {
			said += fmt.Sprintf("; %s is the history of %s", o.Table, o.Tool)
		}
		return broken(said, "Adopt it: baseline with the last version whose changes it already has.")
	case p.Planner:
		return ok("none yet; the first apply makes it in the schema %s", h.Schema)
	case h.SchemaThere && !(h.Use && h.Create):
		return broken(fmt.Sprintf("there is none, and %s may not create it in the schema %s", f.Target.User, h.Schema), "Let the login user make it.",
			fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s;", migration.Identifier(h.Schema), user))
	case !h.SchemaThere && !p.Live.Account.CreateHere:
		return broken(fmt.Sprintf("there is none, and %s may not create the schema %s for it", f.Target.User, h.Schema), "Make the schema for the login user.",
			fmt.Sprintf("CREATE SCHEMA %s AUTHORIZATION %s;", migration.Identifier(h.Schema), user))
	}
	return ok("none yet; the first apply makes it in the schema %s", h.Schema)
}
