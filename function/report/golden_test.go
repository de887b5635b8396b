package report

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each golden file is a screen as somebody reads it in the night. When one
// changes, read it as that person.
func TestScreen_golden(t *testing.T) {
	for name, c := range screens(t) {
		t.Run(name, func(t *testing.T) {
			lines := Screen(c.result, c.options)
			got := strings.Join(lines, "\n") + "\n"
			golden(t, filepath.Join("testdata", name+".golden"), got)
		})
	}
}

// The JSON of some reports, whole: the keys, their order and what stands in them.
func TestJSON_golden(t *testing.T) {
	r := planned(pending(leads(t), leadIndexes(t))...)
	r.Findings = findings
	golden(t, "testdata/planned.json", string(JSON(r, false)))
	golden(t, "testdata/failed.json", string(JSON(failedInTransaction(t), false)))
	golden(t, "testdata/drifted.json", string(JSON(drifted, false)))
	golden(t, "testdata/doctor.json", string(JSON(lacking, false)))
}

// The screen of a report that did not fit says what is missing, and where.
func TestScreen_cut(t *testing.T) {
	r := planned(pending(manyFiles(t, 99)...)...)
	r.Findings = findings
	for i := range 300 {
		name := fmt.Sprintf("public.partition_%d", i)
		r.Plan.Touched = append(r.Plan.Touched, catalog.Mark{Kind: "table", Name: name, Fingerprint: "0123456789abcdef"})
	}
	for i := range 1200 {
		r.Plan.Touched = append(r.Plan.Touched, r.Plan.Touched[i%300])
	}
	var d document
	if err := json.Unmarshal(JSON(r, true), &d); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/cut.golden", strings.Join(d.Screen, "\n")+"\n")
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with -update, then read it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (write it anew with -update, then read it); - golden, + now:\n%s", path, diff)
	}
}

type screenCase struct {
	result  migration.Result
	options ScreenOptions
}

func screens(t *testing.T) map[string]screenCase {
	t.Helper()
	one := planned(pending(dryRunLog(t))...)
	found := planned(pending(leads(t), leadIndexes(t))...)
	found.Findings = findings
	found.Unseen = []string{"the size of public.leads", "who waits for locks on public.dry_run_log"}
	many := planned(pending(manyFiles(t, 5)...)...)
	many.To = "104"
	long := planned(pending(manyFiles(t, 40)...)...)
	return map[string]screenCase{
		"planned":                  {result: one},
		"planned_function":         {planned(pending(leadIndexes(t))...), ScreenOptions{Stack: "aurora-migrations-prod", Flags: []string{"--function", "runner"}}},
		"planned_findings":         {result: found},
		"planned_many":             {result: many},
		"planned_brief":            {long, ScreenOptions{Brief: true}},
		"planned_goes_on":          {result: goesOn(t)},
		"nothing_to_do":            {result: migration.Result{Action: migration.ActionPlan, Outcome: migration.NothingToDo, Target: target, Version: "019"}},
		"applied":                  {result: applied(dryRunLog(t))},
		"applied_several":          {result: applied(dryRunLog(t), leads(t), leadIndexes(t))},
		"unfinished":               {result: unfinishedOutside(t)},
		"failed_in_transaction":    {result: failedInTransaction(t)},
		"failed_outside":           {result: failedOutside(t)},
		"failed_lock_wait":         {result: failedLockWait(t)},
		"unfinished_time_over":     {result: timeOver(t)},
		"unfinished_in_doubt":      {result: lost(t)},
		"unfinished_joined":        {result: underWay},
		"blocked_not_approved":     {result: notApproved},
		"status_blocked":           {result: statusBlocked(t)},
		"blocked_parts":            {result: blockedByDigest(t, migration.FilesPart, migration.HistoryPart, migration.SchemaPart, migration.EnginePart, migration.TargetPart, migration.SettingsPart)},
		"blocked_files":            {result: blockedByDigest(t, migration.FilesPart)},
		"blocked_history":          {result: blockedByDigest(t, migration.HistoryPart)},
		"blocked_schema":           {result: blockedByDigest(t, migration.SchemaPart)},
		"blocked_schema_by_report": {result: blockedByReport(t)},
		"blocked_engine":           {result: blockedByDigest(t, migration.EnginePart)},
		"blocked_target":           {result: blockedByDigest(t, migration.TargetPart)},
		"blocked_settings":         {result: blockedByDigest(t, migration.SettingsPart)},
		"blocked_malformed":        {result: blockedByDigest(t)},
		"blocked_locked":           {result: blockedByLock},
		"blocked_not_empty":        {result: blockedNotEmpty},
		"blocked_findings":         {result: blockedByFindings},
		"planned_signature":        {result: signed(found)},
		"blocked_unsigned":         {result: blockedByApproval(t, migration.BySignature, migration.NotSigned, "this plan has not been signed")},
		"blocked_unaccepted":       {result: blockedByApproval(t, migration.ByDigest, migration.FindingsBlock, "1 finding of severity error blocks this plan")},
		"failed_lock_wait_signed":  {result: signed(failedLockWait(t))},
		"status":                   {result: status(t)},
		"status_current":           {result: statusCurrent(t)},
		"status_brief":             {longStatus(t), ScreenOptions{Brief: true}},
		"status_empty":             {result: migration.Result{Action: migration.ActionStatus, Outcome: migration.Current, Target: target}},
		"baseline_planned":         {result: baseline(t, migration.Planned)},
		"baselined":                {result: baseline(t, migration.Baselined)},
		"invalid":                  {result: invalid},
		"connection_failed":        {result: connectionFailed},
		"verify_clean":             {result: clean},
		"verify_drifted":           {result: drifted},
		"verify_brief":             {drifted, ScreenOptions{Brief: true}},
		"doctor_unreached":         {result: unreached},
		"doctor_lacking":           {result: lacking},
		"doctor_healthy":           {result: healthy},
	}
}

var findings = []migration.Finding{
	migration.Finding{
		Code: "PG305", Severity: migration.Warning, File: "018_leads.sql", Line: 5, Statement: 2,
		Summary: "Adding a foreign key scans dry_run_log (41,203,118 rows, 9.8 GB) while writes to it and to leads wait",
		Detail:  "At the speed at which this cluster reads, that is 40 to 60 s. In that time each INSERT into dry_run_log waits.",
		Fix:     "Add it as NOT VALID, and VALIDATE CONSTRAINT in a file of its own: that scans too, but lets writes pass.",
	}.Identified(),
	migration.Finding{
		Code: "DS102", Severity: migration.Error, File: "018_leads.sql", Line: 8, Statement: 4,
		Summary: "Dropping the table old_leads loses its 1,204 rows",
		Fix:     "Rename it first and drop it a release later.",
	}.Identified(),
	migration.Finding{
		Code: "AM310", Severity: migration.Info, File: "019_lead_indexes.sql",
		Summary: "Three indexes are built one after the other; the file takes about 4 min",
	}.Identified(),
}

func manyFiles(t *testing.T, n int) []migration.File {
	t.Helper()
	var files []migration.File
	for i := range n {
		name := string([]byte{'1', byte('0' + i/10), byte('0' + i%10)}) + "_step.sql"
		files = append(files, file(t, name, migration.TxFile, strings.Repeat("INSERT INTO settings (name, value)\nVALUES ('a', 1),\n('b', 2);\n", 3)))
	}
	return files
}

func goesOn(t *testing.T) migration.Result {
	f := leadIndexes(t)
	return planned(migration.Pending{File: f, Row: row(f, 2, 0, 90*time.Second)})
}

func unfinishedOutside(t *testing.T) migration.Result {
	r := applied(dryRunLog(t), leads(t), leadIndexes(t))
	r.Outcome = migration.Unfinished
	last := &r.Files[2]
	last.Row, last.Ran = row(last.File, 1, 2, 11*time.Minute+5*time.Second), last.Ran[:1]
	last.Ran[0].Healed = "the INVALID index public.leads_nome, left behind on 2026-02-27, was dropped"
	r.Version = "019"
	r.Plan.Files = append(r.Plan.Files, pending(file(t, "020_last.sql", migration.TxFile, "SELECT 1;"))...)
	r.Next = "Run the same command again: it goes on at 019_lead_indexes.sql, statement 2."
	return r
}

func failedInTransaction(t *testing.T) migration.Result {
	r := applied(dryRunLog(t), leads(t))
	r.Outcome, r.Version = migration.Failed, "017"
	r.Files[1].Row, r.Files[1].Ran = migration.Revision{}, r.Files[1].Ran[:2]
	r.Plan.Files = append(r.Plan.Files, pending(leadIndexes(t))...)
	r.Failure = &migration.Failure{
		File: "018_leads.sql", Line: 7, Column: 8, Statement: 3, Of: 5,
		Message: `ERROR: syntax error at or near "TABEL"`, SQLState: "42601",
		Excerpt: "CREATE TABEL consents (lead_id uuid);\n       ^",
		State:   "Nothing of this file was kept: it ran in one transaction, which was rolled back. The files before it stay applied.",
		Next:    "Mend the file, run atlas migrate hash, and ask for a new approval: the old one covers the old file.",
	}
	return r
}

func failedOutside(t *testing.T) migration.Result {
	r := applied(dryRunLog(t), leadIndexes(t))
	r.Outcome, r.Version = migration.Failed, "019"
	f := &r.Files[1]
	f.Row, f.Ran = row(f.File, 2, 1, 185*time.Second), f.Ran[:2]
	r.Failure = &migration.Failure{
		File: "019_lead_indexes.sql", Line: 5, Statement: 3, Of: 3,
		Message: `ERROR: could not create unique index "leads_nome_unique"`, SQLState: "23505",
		Hint:  "Look for rows that are equal in lower(nome).",
		State: "Statements 1 and 2 of the file are in the database, each committed by itself. The index leads_nome_unique is there and INVALID.",
		Next:  "Make the rows unique, then run the same command again: it drops the INVALID index and goes on at statement 3.",
	}
	return r
}

func failedLockWait(t *testing.T) migration.Result {
	r := applied(leads(t))
	r.Outcome, r.Version = migration.Failed, "016"
	r.Files[0].Row, r.Files[0].Ran = migration.Revision{}, r.Files[0].Ran[:1]
	r.Failure = &migration.Failure{
		File: "018_leads.sql", Line: 5, Statement: 2, Of: 5,
		Message: "ERROR: canceling statement due to lock timeout", SQLState: "55P03",
		Blockers: []migration.Peer{
			{PID: 4711, User: "app", Application: "lead-worker", Client: "10.0.3.17", State: "idle in transaction", Transaction: "4 min 12 s"},
			{PID: 4712, User: "app"},
		},
		State:      "Nothing of this file was kept; it was tried 14 times in 13 min.",
		Next:       "End the transaction of pid 4711 (or wait for it), then run the same command again.",
		RetryAfter: 30 * time.Second,
	}
	return r
}

func blockedByDigest(t *testing.T, differs ...migration.Part) migration.Result {
	r := migration.Result{
		Action: migration.ActionApply, Outcome: migration.Blocked, Target: target, Plan: sealed(pending(dryRunLog(t))...), Version: "016",
		Refusal: &migration.Refusal{
			Reason: "digest", Summary: "this is not the plan that was approved: " + fmt.Sprint(differs), Differs: differs,
			Next: "Ask for a new plan, read what has changed, and approve that.",
		},
	}
	if len(differs) == 0 {
		r.Refusal.Summary = "what was handed in as the plan is " + migration.ErrMalformedDigest.Error()
		r.Refusal.Next = "Copy the digest as plan prints it, whole."
	}
	return r
}

func blockedByReport(t *testing.T) migration.Result {
	r := blockedByDigest(t, migration.SchemaPart)
	r.Refusal.Changed = []string{"table public.dry_run_log was changed", "table public.leads is gone"}
	return r
}

var holder = &migration.Peer{PID: 311, User: "deployer", Application: "aurora-migrate p1_0123456789abcdef", Client: "10.0.1.9", State: "active", Transaction: "3 min 2 s"}

// underWay is the answer to a request whose plan another invocation runs.
var underWay = migration.Result{
	Asked: sealed().Digest.String(), To: "019",
	Action: migration.ActionApply, Outcome: migration.Unfinished, Target: target, Lock: holder,
	Next: "A run of this plan is under way: send the same request again to learn how it ended, or ask for status.",
}

var notApproved = migration.Result{
	Action: migration.ActionApply, Outcome: migration.Blocked, Target: target,
	Refusal: &migration.Refusal{
		Reason: "approval", Summary: "this plan has not been approved: apply needs the digest that plan printed",
		Next: "Ask for a plan, read it, and hand its digest to apply.",
	},
}

// signed is the same where signatures are asked for.
func signed(r migration.Result) migration.Result {
	r.Approval = migration.BySignature
	r.Given = migration.Approval{Accept: []string{"DS102@018_leads.sql:8"}, Expires: "2026-11-26T18:00:00Z", Signatures: []migration.Signature{{Key: "0123456789abcdef", DER: []byte("signature")}}}
	return r
}

func blockedByApproval(t *testing.T, mode migration.ApprovalMode, reason migration.Reason, summary string) migration.Result {
	r := planned(pending(leads(t), leadIndexes(t))...)
	r.Action, r.Outcome, r.Approval, r.Findings = migration.ActionApply, migration.Blocked, mode, findings
	r.Refusal = &migration.Refusal{Reason: reason, Summary: summary, Next: "Have it approved."}
	r.Next = ""
	return r
}

// timeOver is a run whose time ended in the middle of a transactional file.
func timeOver(t *testing.T) migration.Result {
	r := failedInTransaction(t)
	r.Outcome = migration.Unfinished
	r.Failure = &migration.Failure{
		File: "018_leads.sql", Line: 7, Statement: 3, Of: 5, Kind: migration.Stopped,
		Message: "ERROR: canceling statement due to statement timeout", SQLState: "57014",
		State: "Nothing of this file was kept: it ran in one transaction, which was rolled back. The file before it is applied and stays.",
		Next:  "Run the same command again: it goes on from there, with all the time of a new invocation.",
	}
	return r
}

// lost is a run whose connection broke while it waited for the answer to COMMIT.
func lost(t *testing.T) migration.Result {
	r := timeOver(t)
	r.Failure = &migration.Failure{
		File: "018_leads.sql", Kind: migration.Disconnected, Message: "the connection was lost: unexpected EOF",
		State: "It is not known whether this file took effect: the connection was lost before the answer came. The file before it is applied and stays.",
		Next:  "Run the same command again: it looks what has taken effect and goes on from there.",
	}
	return r
}

func statusBlocked(t *testing.T) migration.Result {
	r := status(t)
	r.Outcome, r.Lock = migration.Blocked, nil
	r.Refusal = &migration.Refusal{Reason: "directory", Summary: r.Findings[0].Summary, Next: r.Findings[0].Fix}
	r.Next = r.Refusal.Next
	return r
}

var blockedByLock = migration.Result{
	Action: migration.ActionApply, Outcome: migration.Blocked, Target: target,
	Refusal: &migration.Refusal{
		Reason: "locked", Summary: "another migration holds the advisory lock of this database: " + holder.String(), Holder: holder,
		RetryAfter: 14500 * time.Millisecond, Next: "Wait until it is done, then run the same command again.",
	},
}

var blockedNotEmpty = migration.Result{
	Action: migration.ActionPlan, Outcome: migration.Blocked, Target: target,
	Refusal: &migration.Refusal{
		Reason: "not_empty", Summary: "the database app has no history and is not empty (table public.leads, table public.tenants, ...): it cannot be told which migrations it already has",
		Next: `Adopt it: baseline with the last version whose changes it already has, such as {"action":"baseline","version":"016"}.`,
	},
}

var blockedByFindings = migration.Result{
	Action: migration.ActionPlan, Outcome: migration.Blocked, Target: target, Version: "019",
	Findings: []migration.Finding{
		migration.Finding{
			Code: "AM201", Severity: migration.Error, File: "017_create_dry_run_log_micro_agente.sql",
			Summary: "017_create_dry_run_log_micro_agente.sql has been edited since it was applied on 2026-03-01 03:14 UTC",
			Detail:  "Databases that already have the file will never see the edit; new ones would get another schema.",
			Fix:     "Restore the file as it was applied, and put the change into a new file.",
		}.Identified(),
	},
	Refusal: &migration.Refusal{
		Reason: "directory", Summary: "017_create_dry_run_log_micro_agente.sql has been edited since it was applied on 2026-03-01 03:14 UTC",
		Next: "Restore the file as it was applied, and put the change into a new file.",
	},
}

func status(t *testing.T) migration.Result {
	first, second := at(0), at(11)
	baselined := at(-4000)
	stamp := migration.Stamp{Release: "v0.1.0", Digest: sealed().Digest, Schema: strings.Repeat("ab", 32)}.String()
	return migration.Result{
		Action: migration.ActionStatus, Outcome: migration.Outstanding, Target: target, Version: "019",
		Lock: &migration.Peer{PID: 311, User: "deployer", Application: "aurora-migrate", State: "active"},
		Migrations: []migration.Migration{
			{Version: "015", File: "015_x.sql", State: migration.StateSkipped},
			{Version: "016", State: migration.StateBaseline, ExecutedAt: &baselined, By: stamp},
			{Version: "017", File: "017_create_dry_run_log_micro_agente.sql", State: migration.StateChanged, ExecutedAt: &first, ExecutionTime: migration.Milliseconds(12 * time.Millisecond), Applied: 5, Total: 5, By: stamp},
			{Version: "0175", File: "0175_late.sql", State: migration.StateOutOfOrder},
			{Version: "018", State: migration.StateMissing, ExecutedAt: &first, ExecutionTime: migration.Milliseconds(3400 * time.Millisecond), Applied: 5, Total: 5, By: "Atlas CLI v0.31.1-canary"},
			{Version: "019", File: "019_lead_indexes.sql", State: migration.StatePartial, ExecutedAt: &second, ExecutionTime: migration.Milliseconds(125 * time.Second), Applied: 1, Total: 3, By: stamp, Error: `could not create unique index "leads_nome_unique" (SQLSTATE 23505)`},
			{Version: "020", File: "020_last.sql", State: migration.StatePending, Total: 1},
		},
		Findings: blockedByFindings.Findings,
		Next:     "Mend what is out of order, then plan.",
	}
}

func statusCurrent(t *testing.T) migration.Result {
	r := status(t)
	r.Outcome, r.Version, r.Lock, r.Findings, r.Next = migration.Current, "017", nil, nil, ""
	r.Migrations = r.Migrations[1:3]
	r.Migrations[1].State = migration.StateApplied
	return r
}

func longStatus(t *testing.T) migration.Result {
	r := statusCurrent(t)
	applied := r.Migrations[1]
	r.Migrations = nil
	for _, f := range manyFiles(t, 90) {
		m := applied
		m.Version, m.File = f.Version, f.Name
		r.Migrations = append(r.Migrations, m)
	}
	r.Migrations[3].State = migration.StateChanged
	return r
}

func baseline(t *testing.T, o migration.Outcome) migration.Result {
	dir := &migration.Dir{Files: []migration.File{dryRunLog(t)}}
	a, found := migration.Adopt(dir, nil, "016")
	if len(found) > 0 {
		t.Fatal(found)
	}
	p := a.Seal(*target, migration.Settings{}.Defaults())
	r := migration.Result{Action: migration.ActionBaseline, Outcome: o, Target: target, Adoption: &a, Plan: &p,
		Next: "If the database has every change up to version 016, adopt it with the digest."}
	if o == migration.Baselined {
		r.Version, r.Next = "016", "Plan what is pending."
	}
	return r
}

var invalid = migration.Result{
	Outcome: migration.Invalid,
	Failure: &migration.Failure{
		Message: `unknown field "plann" (did you mean "plan"?): an event knows action, plan, to, version, approval, directory, brief`,
		State:   "The database was not connected to.",
		Next:    "Send the event again with the field as it is called.",
	},
}

var connectionFailed = migration.Result{
	Action: migration.ActionPlan, Outcome: migration.Failed,
	Failure: &migration.Failure{
		Message: "connect to app.cluster-7xkq2zb4lm.sa-east-1.rds.amazonaws.com:5432: no answer within 5 s",
		State:   "Nothing was changed.",
		Next:    "Look whether the security group of the function may reach port 5432 of the cluster's, and whether its subnets route there.",
		Kind:    migration.Unreachable,
	},
}
