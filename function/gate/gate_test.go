package gate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// says is a refusal as one text; "" for none. A refusal without a reason, a
// summary or a next step fails the test.
func says(t testing.TB, r *migration.Refusal) string {
	t.Helper()
	if r == nil {
		return ""
	}
	for _, s := range []string{string(r.Reason), r.Summary, r.Next} {
		if strings.TrimSpace(s) == "" || strings.Contains(s, "%!") {
			t.Errorf("it does not say why or what to do next: %+v", r)
		}
	}
	text := fmt.Sprintf("%s: %s", r.Reason, r.Summary)
	if r.RetryAfter > 0 {
		text += fmt.Sprintf(" (again after %s)", r.RetryAfter)
	}
	return text + "\n" + r.Next
}

func TestServer(t *testing.T) {
	target := migration.Target{Host: "db:5432", Database: "app", User: "login", Role: "owner"}
	for name, c := range map[string]struct {
		facts migration.Facts
		want  string
	}{
		"nothing in the way": {migration.Facts{Histories: []string{"a", "b"}, Objects: []string{"table x"}}, ""},
		"a reader": {migration.Facts{Reader: true}, "reader: db:5432 is a reader: it is in recovery and cannot be written to (again after 30s)\n" +
			"Use the cluster's writer endpoint. Right after a failover the name may point at a reader for some seconds: then try again."},
		"a reader is read-only too": {migration.Facts{Reader: true, ReadOnly: true}, "reader: db:5432 is a reader: it is in recovery and cannot be written to (again after 30s)\n" +
			"Use the cluster's writer endpoint. Right after a failover the name may point at a reader for some seconds: then try again."},
		"read-only": {migration.Facts{ReadOnly: true}, "read_only: transactions of login in app are read-only by default (default_transaction_read_only is on)\n" +
			"Let this role write: ALTER ROLE login IN DATABASE app SET default_transaction_read_only = off; or use another one."},
		"a pooler": {migration.Facts{Pooled: true, Reader: true}, "pooler: a connection pooler stands between us and PostgreSQL: another backend answers than the one that was connected to, so the advisory lock would be held by nobody, or by two\n" +
			"Connect to the cluster's writer endpoint itself, not through RDS Proxy or pgbouncer."},
		"no such role":     {migration.Facts{RoleMissing: true}, "role: the configured role owner does not exist\nCREATE ROLE owner NOLOGIN; GRANT owner TO login;"},
		"a role forbidden": {migration.Facts{RoleForbidden: true}, "role: login may not SET ROLE owner\nGRANT owner TO login;"},
	} {
		c.facts.Target = target
		if got := says(t, gate.Server(c.facts)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// SQL that is told to be run names its roles and its database as SQL has to.
func TestServer_quotes(t *testing.T) {
	for _, c := range []struct {
		facts migration.Facts
		next  string
	}{
		{migration.Facts{ReadOnly: true}, `Let this role write: ALTER ROLE "log-in" IN DATABASE "my-db" SET default_transaction_read_only = off; or use another one.`},
		{migration.Facts{RoleMissing: true}, `CREATE ROLE "Owner" NOLOGIN; GRANT "Owner" TO "log-in";`},
		{migration.Facts{RoleForbidden: true}, `GRANT "Owner" TO "log-in";`},
	} {
		c.facts.Target = migration.Target{Database: "my-db", User: "log-in", Role: "Owner"}
		if got := gate.Server(c.facts).Next; got != c.next {
			t.Errorf("%s\nwant\n%s", got, c.next)
		}
	}
}

func TestHistory(t *testing.T) {
	name := "\nName the schema of the one that counts (MIGRATE_HISTORY_SCHEMA or --history-schema), or drop the other table."
	rename := "\nRename it if it is not needed under this name, or keep the history in another schema: MIGRATE_HISTORY_SCHEMA or --history-schema names it."
	for _, c := range []struct {
		facts        migration.Facts
		schema, want string
	}{
		{migration.Facts{}, "", ""},
		{migration.Facts{Histories: []string{"a"}}, "", ""},
		{migration.Facts{Histories: []string{"a"}, Misshapen: []string{"b.x"}}, "", ""},
		{migration.Facts{Histories: []string{"a", "b"}}, "a", ""},
		{migration.Facts{Histories: []string{"a", "b"}}, "", "history: there are 2 history tables, in the schemas a, b: it cannot be told which one counts" + name},
		{migration.Facts{Misshapen: []string{"b.x"}}, "", "history: b.x has the name of Atlas's history and not its columns, so it is something else" + rename},
		{migration.Facts{Misshapen: []string{"b.x"}, Histories: []string{"a"}}, "b", "history: b.x has the name of Atlas's history and not its columns, so it is something else" + rename},
	} {
		if got := says(t, gate.History(c.facts, c.schema)); got != c.want {
			t.Errorf("%+v, %q:\n%s\nwant\n%s", c.facts, c.schema, got, c.want)
		}
	}
}

func TestEmpty(t *testing.T) {
	target := migration.Target{Database: "app"}
	adopt := "\nAdopt it: baseline with the last version whose changes it already has, such as {\"action\":\"baseline\",\"version\":\"016\"}."
	for name, c := range map[string]struct {
		facts   migration.Facts
		history migration.History
		want    string
	}{
		"empty, no history":      {migration.Facts{}, nil, ""},
		"empty, with history":    {migration.Facts{}, migration.History{{Version: "1"}}, ""},
		"objects and a history":  {migration.Facts{Objects: []string{"table a"}}, migration.History{{Version: "1"}}, ""},
		"objects and no history": {migration.Facts{Objects: []string{"table a", "view b"}}, nil, "not_empty: the database app has no history and is not empty (table a, view b): it cannot be told which migrations it already has" + adopt},
		"many objects":           {migration.Facts{Objects: []string{"a", "b", "c", "d"}}, nil, "not_empty: the database app has no history and is not empty (a, b, c, ...): it cannot be told which migrations it already has" + adopt},
		"the history of another": {migration.Facts{Objects: []string{"a"}, Others: []migration.OtherTool{{Tool: "Flyway", Table: "public.flyway_schema_history"}}}, nil,
			"not_empty: the database app has no history and is not empty (a): it cannot be told which migrations it already has; public.flyway_schema_history is the history of Flyway" + adopt +
				" The last version that Flyway ran is told by SELECT version FROM public.flyway_schema_history WHERE success AND version IS NOT NULL ORDER BY installed_rank DESC LIMIT 1; name the version of the file here that holds it, as its name has it." +
				" If the files are still that tool's own, aurora-migrate import makes them a directory of Atlas. public.flyway_schema_history may stay as it is."},
	} {
		c.facts.Target = target
		if got := says(t, gate.Empty(c.facts, c.history, "016")); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestFindings(t *testing.T) {
	fault := func(s string) migration.Finding {
		return migration.Finding{Severity: migration.Error, Summary: s + " is wrong", Fix: "Mend " + s + "."}
	}
	harmless := []migration.Finding{{Severity: migration.Warning, Summary: "w"}, {Severity: migration.Info, Summary: "i"}}
	for _, c := range []struct {
		findings []migration.Finding
		want     string
	}{
		{nil, ""},
		{harmless, ""},
		{append(harmless, fault("a")), "directory: a is wrong\nMend a."},
		{[]migration.Finding{fault("a"), harmless[0], fault("b")}, "directory: 2 things stand in the way; the first: a is wrong\nMend each of the findings; every one says how."},
	} {
		if got := says(t, gate.Findings(c.findings)); got != c.want {
			t.Errorf("%+v:\n%s\nwant\n%s", c.findings, got, c.want)
		}
	}
}

// sealed is a plan of one file over a live schema.
func sealed(text string, definition string, target migration.Target, s migration.Settings) migration.Plan {
	draft := migration.Draft{Files: []migration.Pending{{File: migration.File{Name: "1_a.sql", Version: "1", Text: text}}}}
	return draft.Seal(catalog.Snapshot{{Kind: "table", Name: "public.t", Definition: definition}}, target, s.Defaults())
}

func TestApproved(t *testing.T) {
	target := migration.Target{Database: "d", Engine: "e"}
	plan := sealed("SELECT 1;", "a", target, migration.Settings{})
	digest := plan.Digest.String()
	again := "\nAsk for a new plan, read what has changed, and approve that."
	this := "digest: this is not the plan that was approved: "
	begun := plan.Draft
	begun.Own = migration.History{{Version: "1", OperatorVersion: migration.Stamp{Release: "v", Digest: plan.Digest, Schema: plan.Schema}.String()}}
	for name, c := range map[string]struct {
		plan     migration.Plan
		approval migration.Approval
		mode     migration.ApprovalMode
		want     string
		changed  []string
	}{
		"the plan":              {plan: plan, approval: migration.Approval{Digest: digest}},
		"with white space":      {plan: plan, approval: migration.Approval{Digest: " " + digest + "\n"}},
		"explaining digits":     {plan: plan, approval: migration.Approval{Digest: digest[:len(digest)-1] + "f"}},
		"none asked for":        {plan: plan, mode: migration.NoApproval},
		"none asked for, given": {plan: plan, approval: migration.Approval{Digest: digest}, mode: migration.NoApproval},
		"none":                  {plan: plan, want: "approval: this plan has not been approved: apply needs the digest that plan printed\nAsk for a plan, read it, and hand its digest to apply."},
		"malformed": {plan: plan, approval: migration.Approval{Digest: digest[:40]},
			want: "digest: what was handed in as the plan is not a digest: want \"p1_\", 64 hexadecimal digits, \"_\" and 24 more, as plan prints it\nCopy the digest as plan prints it, whole."},
		"malformed, none asked for": {plan: plan, approval: migration.Approval{Digest: "yes"}, mode: migration.NoApproval,
			want: "digest: what was handed in as the plan is not a digest: want \"p1_\", 64 hexadecimal digits, \"_\" and 24 more, as plan prints it\nCopy the digest as plan prints it, whole."},
		"the sum altered": {plan: plan, approval: migration.Approval{Digest: digest[:3] + strings.Repeat("0", 64) + digest[67:]},
			want: "digest: the digest is not the one of this plan, though none of its explaining digits differ: it has been altered, or it is of another kind of plan" + again},
		"a file":   {plan: sealed("SELECT 2;", "a", target, migration.Settings{}), approval: migration.Approval{Digest: digest, Marks: plan.Touched}, want: this + "the pending files are not the same (files)" + again},
		"a schema": {plan: sealed("SELECT 1;", "b", target, migration.Settings{}), approval: migration.Approval{Digest: digest}, want: this + "what it touches has been changed in the database (schema)" + again},
		"a schema, with the report": {plan: sealed("SELECT 1;", "b", target, migration.Settings{}), approval: migration.Approval{Digest: digest, Marks: plan.Touched},
			want: this + "what it touches has been changed in the database (schema)" + again, changed: []string{"table public.t was changed"}},
		"file and schema": {plan: sealed("SELECT 2;", "b", target, migration.Settings{}), approval: migration.Approval{Digest: digest, Marks: plan.Touched},
			want: this + "the pending files are not the same (files); and with them what is touched (schema)" + again},
		"none asked for, another": {plan: sealed("SELECT 2;", "a", target, migration.Settings{}), approval: migration.Approval{Digest: digest}, mode: migration.NoApproval,
			want: this + "the pending files are not the same (files)" + again},
		"the rest": {plan: sealed("SELECT 1;", "a", migration.Target{Database: "x", Engine: "y"}, migration.Settings{LockTimeout: time.Second}), approval: migration.Approval{Digest: digest},
			want: this + "the engine has another version (engine); it was made for another cluster, database or role (target); it was made under other settings (settings)" + again},
		"history": {plan: migration.Draft{Files: plan.Files, History: migration.History{{Version: "0"}}}.Seal(catalog.Snapshot{{Kind: "table", Name: "public.t", Definition: "a"}}, target, migration.Settings{}.Defaults()),
			approval: migration.Approval{Digest: digest}, want: this + "other migrations have run or been taken back (history)" + again},
		// What it touches is not looked at again then: nothing is gone.
		"begun, and other settings": {plan: begun.Seal(nil, target, migration.Settings{LockTimeout: time.Second}.Defaults()), approval: migration.Approval{Digest: digest, Marks: plan.Touched},
			want: this + "it was made under other settings (settings)" + again},
	} {
		r := gate.Approved(c.plan, c.approval, c.mode)
		if got := says(t, r); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		if r != nil {
			if diff := cmp.Diff(c.changed, r.Changed); diff != "" {
				t.Errorf("%s: changed (-want +got):\n%s", name, diff)
			}
		}
	}
}

func TestHeld(t *testing.T) {
	r := gate.Held(migration.Peer{PID: 7, User: "u", Application: "atlas", Client: "10.0.0.1"})
	want := "locked: another migration holds the advisory lock of this database: pid 7 (u, atlas, from 10.0.0.1) (again after 15s)\nWait until it is done, then run the same command again."
	if got := says(t, r); got != want || r.Holder.PID != 7 {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
