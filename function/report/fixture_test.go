package report

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// at is a moment of the night in which all of these reports are read; it is
// given in another zone, so that a report which forgets UTC shows.
func at(minutes int) time.Time {
	zone := time.FixedZone("BRT", -3*60*60)
	return time.Date(2026, 3, 1, 0, 14, 7, 0, zone).Add(time.Duration(minutes) * time.Minute)
}

var target = &migration.Target{
	Cluster: "cluster-7XKQ2ZB4LM", Database: "app", Role: "migrator", User: "deployer",
	Host: "app.cluster-7xkq2zb4lm.sa-east-1.rds.amazonaws.com:5432", Engine: "PostgreSQL 17.10", VersionNumber: 170010,
}

// file is a file of one statement a text.
func file(t testing.TB, name string, mode migration.TxMode, text string) migration.File {
	t.Helper()
	stmts, err := migration.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	version, rest, _ := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
	return migration.File{
		Name: name, Version: version, Description: rest, Text: text, TxMode: mode, Stmts: stmts,
		Hash: fmt.Sprintf("%043d=", len(text)),
	}
}

func dryRunLog(t testing.TB) migration.File {
	t.Helper()
	text, err := os.ReadFile("../../migrations/017_create_dry_run_log_micro_agente.sql")
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "017_create_dry_run_log_micro_agente.sql", migration.TxFile, string(text))
}

func leads(t testing.TB) migration.File {
	t.Helper()
	return file(t, "018_leads.sql", migration.TxFile, `CREATE TABLE leads (
    lead_id uuid PRIMARY KEY,
    nome varchar(500)
);
ALTER TABLE dry_run_log
    ADD CONSTRAINT dry_run_log_lead_fk FOREIGN KEY (lead_id) REFERENCES leads;
CREATE TABEL consents (lead_id uuid);
DROP TABLE old_leads;
GRANT SELECT ON leads TO reporting;
`)
}

func leadIndexes(t testing.TB) migration.File {
	t.Helper()
	return file(t, "019_lead_indexes.sql", migration.TxNone, `-- atlas:txmode none

CREATE INDEX CONCURRENTLY leads_nome ON leads (nome);
CREATE INDEX CONCURRENTLY dry_run_log_lead ON dry_run_log (lead_id);
CREATE UNIQUE INDEX CONCURRENTLY leads_nome_unique ON leads (lower(nome));
`)
}

var baselineRow = migration.Revision{Version: "016", Type: migration.Baseline, ExecutedAt: at(-4000)}

// row is what the history has of a file of which so many statements ran.
func row(f migration.File, applied, minutes int, took time.Duration) migration.Revision {
	return migration.Revision{
		Version: f.Version, Description: f.Description, Type: migration.Executed,
		Applied: applied, Total: len(f.Stmts), ExecutedAt: at(minutes), ExecutionTime: took, Hash: f.Hash,
	}
}

func pending(files ...migration.File) []migration.Pending {
	var list []migration.Pending
	for _, f := range files {
		list = append(list, migration.Pending{File: f})
	}
	return list
}

var touched = catalog.Snapshot{
	{Kind: "table", Name: "public.dry_run_log", Definition: "column log_id uuid"},
	{Kind: "table", Name: "public.leads", Definition: "column lead_id uuid"},
}

func sealed(files ...migration.Pending) *migration.Plan {
	d := migration.Draft{Files: files, History: migration.History{baselineRow}}
	p := d.Seal(touched, *target, migration.Settings{}.Defaults())
	return &p
}

func planned(files ...migration.Pending) migration.Result {
	return migration.Result{
		Approval: migration.ByDigest,
		Action:   migration.ActionPlan, Outcome: migration.Planned, Target: target, Plan: sealed(files...), Version: "016",
		Next: "Read what will run, then apply the plan with its digest.",
	}
}

// applied is the result of the invocation that ran all of files.
func applied(files ...migration.File) migration.Result {
	r := migration.Result{Approval: migration.ByDigest, Action: migration.ActionApply, Outcome: migration.Applied, Target: target, Plan: sealed(pending(files...)...)}
	for i, f := range files {
		result := migration.FileResult{Pending: migration.Pending{File: f}, Row: row(f, len(f.Stmts), i, time.Duration(i)*3400*time.Millisecond+12*time.Millisecond)}
		for n := range f.Stmts {
			result.Ran = append(result.Ran, migration.Ran{Statement: n, Took: 3 * time.Millisecond})
		}
		r.Files, r.Version = append(r.Files, result), f.Version
	}
	return r
}

// joined is the result of an invocation that finds what applied ran.
func joined(files ...migration.File) migration.Result {
	r := applied(files...)
	var again []migration.Pending
	for i := range r.Files {
		r.Files[i].Pending = migration.Pending{File: files[i], Row: r.Files[i].Row, Done: true}
		r.Files[i].Ran = nil
		again = append(again, r.Files[i].Pending)
	}
	r.Plan.Files = again
	r.Plan.Touched = nil // whatever it is by now
	return r
}
