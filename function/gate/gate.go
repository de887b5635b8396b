// Package gate says whether a plan may run now. It decides from values alone;
// what it needs from outside, the corridor fetches and hands in.
package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Server refuses a database that a plan could not be run against, whatever the
// plan: a reader, a read-only session, a pooler in between, a role that cannot
// be SET. It returns nil where nothing of that kind stands in the way.
func Server(f migration.Facts) *migration.Refusal {
	t := f.Target
	role, user, database := migration.Identifier(t.Role), migration.Identifier(t.User), migration.Identifier(t.Database)
	switch {
	case f.Pooled:
		return &migration.Refusal{Reason: migration.BehindPooler,
			Summary: "a connection pooler stands between us and PostgreSQL: another backend answers than the one that was connected to, so the advisory lock would be held by nobody, or by two",
			Next:    "Connect to the cluster's writer endpoint itself, not through RDS Proxy or pgbouncer."}
	case f.Reader:
		return &migration.Refusal{Reason: migration.OnReader, RetryAfter: 30 * time.Second,
			Summary: fmt.Sprintf("%s is a reader: it is in recovery and cannot be written to", t.Host),
			Next:    "Use the cluster's writer endpoint. Right after a failover the name may point at a reader for some seconds: then try again."}
	case f.ReadOnly:
		return &migration.Refusal{Reason: migration.SessionReadOnly,
			Summary: fmt.Sprintf("transactions of %s in %s are read-only by default (default_transaction_read_only is on)", t.User, t.Database),
			Next:    fmt.Sprintf("Let this role write: ALTER ROLE %s IN DATABASE %s SET default_transaction_read_only = off; or use another one.", user, database)}
	case f.RoleMissing:
		return &migration.Refusal{Reason: migration.RoleUnusable,
			Summary: fmt.Sprintf("the configured role %s does not exist", t.Role),
			Next:    fmt.Sprintf("CREATE ROLE %s NOLOGIN; GRANT %s TO %s;", role, role, user)}
	case f.RoleForbidden:
		return &migration.Refusal{Reason: migration.RoleUnusable,
			Summary: fmt.Sprintf("%s may not SET ROLE %s", t.User, t.Role),
			Next:    fmt.Sprintf("GRANT %s TO %s;", role, user)}
	}
	return nil
}

// History refuses a database of which it cannot be told where its history is.
// schema is the one that the settings name, "" for none.
func History(f migration.Facts, schema string) *migration.Refusal {
	switch {
	case schema == "" && len(f.Histories) > 1:
		return &migration.Refusal{Reason: migration.HistoryUnclear,
			Summary: fmt.Sprintf("there are %d history tables, in the schemas %s: it cannot be told which one counts", len(f.Histories), strings.Join(f.Histories, ", ")),
			Next:    "Name the schema of the one that counts (MIGRATE_HISTORY_SCHEMA or --history-schema), or drop the other table."}
	case len(f.Misshapen) > 0 && (schema != "" || len(f.Histories) == 0):
		return &migration.Refusal{Reason: migration.HistoryUnclear,
			Summary: fmt.Sprintf("%s has the name of Atlas's history and not its columns, so it is something else", f.Misshapen[0]),
			Next:    "Rename it if it is not needed under this name, or keep the history in another schema: MIGRATE_HISTORY_SCHEMA or --history-schema names it."}
	}
	return nil
}

// Empty refuses to plan onto a database that has objects and no history: it
// cannot be known which migrations made them.
func Empty(f migration.Facts, history migration.History, first string) *migration.Refusal {
	if len(history) > 0 || len(f.Objects) == 0 {
		return nil
	}
	shown := f.Objects
	more := ""
	if len(shown) > 3 {
		shown, more = shown[:3], ", ..."
	}
	r := &migration.Refusal{Reason: migration.NotEmpty,
		Summary: fmt.Sprintf("the database %s has no history and is not empty (%s%s): it cannot be told which migrations it already has", f.Target.Database, strings.Join(shown, ", "), more),
		Next:    fmt.Sprintf(`Adopt it: baseline with the last version whose changes it already has, such as {"action":"baseline","version":"%s"}.`, first)}
	for _, o := range f.Others {
		r.Summary += fmt.Sprintf("; %s is the history of %s", o.Table, o.Tool)
		r.Next += adopt(o)
	}
	return r
}

// Findings refuses what nobody may accept: a directory that cannot be trusted,
// or a history that contradicts it.
func Findings(findings []migration.Finding) *migration.Refusal {
	var errors int
	var first migration.Finding
	for _, f := range findings {
		if f.Severity == migration.Error {
			if errors++; errors == 1 {
				first = f
			}
		}
	}
	switch errors {
	case 0:
		return nil
	case 1:
		return &migration.Refusal{Reason: migration.DirectoryFaulty, Summary: first.Summary, Next: first.Fix}
	}
	return &migration.Refusal{Reason: migration.DirectoryFaulty,
		Summary: fmt.Sprintf("%d things stand in the way; the first: %s", errors, first.Summary),
		Next:    "Mend each of the findings; every one says how."}
}

// Approved compares the plan with what was approved. It returns nil where the
// plan is the one that the digest names, or where no approval is asked for.
func Approved(p migration.Plan, a migration.Approval, mode migration.ApprovalMode) *migration.Refusal {
	if a.Digest == "" {
		if mode == migration.NoApproval {
			return nil
		}
		return &migration.Refusal{Reason: migration.NotApproved,
			Summary: "this plan has not been approved: apply needs the digest that plan printed",
			Next:    "Ask for a plan, read it, and hand its digest to apply."}
	}
	digest, err := migration.ParseDigest(a.Digest)
	if err != nil {
		return &migration.Refusal{Reason: migration.DigestDiffers, Summary: "what was handed in as the plan is " + err.Error(), Next: "Copy the digest as plan prints it, whole."}
	}
	if digest.Names(p.Parts) {
		return nil
	}
	r := &migration.Refusal{Reason: migration.DigestDiffers, Differs: digest.Differing(p.Parts),
		Next: "Ask for a new plan, read what has changed, and approve that."}
	// Other files touch other objects, and a plan that has begun does not look
	// at them: then nothing follows from the marks.
	if slices.Contains(r.Differs, migration.SchemaPart) && !slices.Contains(r.Differs, migration.FilesPart) && len(a.Marks) > 0 {
		r.Changed = catalog.Changed(a.Marks, p.Touched)
	}
	if len(p.Strayed) > 0 {
		r.Changed = p.Strayed
	}
	if len(r.Differs) == 0 {
		r.Summary = "the digest is not the one of this plan, though none of its explaining digits differ: it has been altered, or it is of another kind of plan"
		return r
	}
	said := make([]string, len(r.Differs))
	for i, part := range r.Differs {
		said[i] = meaning[part]
		if part == migration.SchemaPart && slices.Contains(r.Differs, migration.FilesPart) {
			said[i] = "and with them what is touched (schema)"
		}
	}
	r.Summary = "this is not the plan that was approved: " + strings.Join(said, "; ")
	return r
}

var meaning = map[migration.Part]string{
	migration.FilesPart:    "the pending files are not the same (files)",
	migration.HistoryPart:  "other migrations have run or been taken back (history)",
	migration.SchemaPart:   "what it touches has been changed in the database (schema)",
	migration.EnginePart:   "the engine has another version (engine)",
	migration.TargetPart:   "it was made for another cluster, database or role (target)",
	migration.SettingsPart: "it was made under other settings (settings)",
}

// Held refuses while somebody else holds the lock.
func Held(holder migration.Peer) *migration.Refusal {
	return &migration.Refusal{Reason: migration.LockHeld, Holder: &holder, RetryAfter: 15 * time.Second,
		Summary: "another migration holds the advisory lock of this database: " + holder.String(),
		Next:    "Wait until it is done, then run the same command again."}
}
