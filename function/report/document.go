package report

import (
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// document is the report as JSON has it. Its keys and their order are a
// contract: the screen comes first, machines branch on the rest.
type document struct {
	Screen     []string              `json:"screen"`
	OK         bool                  `json:"ok"`
	Outcome    migration.Outcome     `json:"outcome"`
	Action     migration.Action      `json:"action"`
	Target     *migration.Target     `json:"target,omitempty"`
	Plan       *planDocument         `json:"plan,omitempty"`
	Findings   []migration.Finding   `json:"findings"`
	Statements []statementDocument   `json:"statements"`
	Next       string                `json:"next"`
	Checks     []migration.Check     `json:"checks,omitempty"` // of doctor
	SQL        []migration.Script    `json:"sql,omitempty"`
	Error      *migration.Failure    `json:"error,omitempty"`
	Refusal    *migration.Refusal    `json:"refusal,omitempty"`
	RetryAfter int                   `json:"retry_after,omitempty"` // seconds
	Files      []fileDocument        `json:"files,omitempty"`
	Progress   *int                  `json:"progress,omitempty"` // of an apply: statements of its files that are in the database; it only grows
	Version    string                `json:"version,omitempty"`
	Migrations []migration.Migration `json:"migrations,omitempty"`
	Lock       *migration.Peer       `json:"lock,omitempty"`
	Drift      []migration.Drift     `json:"drift,omitempty"`    // of verify: by kind and name
	Verified   *verifiedDocument     `json:"verified,omitempty"` // of verify: what was compared
	Unseen     []string              `json:"unseen,omitempty"`
	Cut        map[string]int        `json:"cut,omitempty"` // what was left out so that the report fits, by list
}

// planDocument is a sealed plan. Of an apply that ran, touched is left out: what
// it saw there depends on how far the plan had come already.
type planDocument struct {
	Digest  string             `json:"digest"`
	Parts   partsDocument      `json:"parts"`
	To      string             `json:"to,omitempty"`
	Files   []planFileDocument `json:"files"`
	Touched []catalog.Mark     `json:"touched,omitempty"`
	Adopts  []string           `json:"adopts,omitempty"` // of a baseline: what it does to the history
	// Approval is what the plan needs before it may run: its digest, a signature, or none.
	Approval migration.ApprovalMode `json:"approval"`
}

// partsDocument holds the first four digits of each part of the digest.
type partsDocument struct {
	Files    string `json:"files"`
	History  string `json:"history"`
	Schema   string `json:"schema"`
	Engine   string `json:"engine"`
	Target   string `json:"target"`
	Settings string `json:"settings"`
}

type planFileDocument struct {
	Name       string           `json:"name"`
	Version    string           `json:"version"`
	TxMode     migration.TxMode `json:"tx_mode"`
	Statements int              `json:"statements"`
	Applied    int              `json:"applied,omitempty"` // of action plan: statements that are in the database already
	Hash       string           `json:"hash"`
}

// fileDocument is a file of an apply, as the history has it.
type fileDocument struct {
	Name        string                   `json:"name"`
	Version     string                   `json:"version"`
	State       migration.MigrationState `json:"state"`
	Applied     int                      `json:"applied"`
	Total       int                      `json:"total"`
	AppliedAt   string                   `json:"applied_at,omitempty"` // RFC 3339, UTC
	ExecutionMS *float64                 `json:"execution_ms,omitempty"`
}

// A statementState says what became of a statement.
type statementState string

// Planned will run. Applied is in the database, whichever invocation brought it
// there. RolledBack ran to its end and was undone with its transaction. Failed
// is the one that the error speaks of. InDoubt is one of which nobody knows
// whether it took effect, because no answer came. A statement that was not
// reached is not in the list.
const (
	statementPlanned    statementState = "planned"
	statementApplied    statementState = "applied"
	statementRolledBack statementState = "rolled back"
	statementFailed     statementState = "failed"
	statementInDoubt    statementState = "in doubt"
)

type statementDocument struct {
	File         string         `json:"file"`
	Line         int            `json:"line"`
	Statement    int            `json:"statement"` // from 1
	Of           int            `json:"of"`
	SQL          string         `json:"sql"`
	Cut          int            `json:"cut,omitempty"` // bytes of sql that were left out at its end
	State        statementState `json:"state"`
	Milliseconds *float64       `json:"milliseconds,omitempty"` // where this invocation ran it
	Found        bool           `json:"found,omitempty"`        // not run here: an earlier run had begun it, and its effect was there
	Healed       string         `json:"healed,omitempty"`       // what was mended before it could run
}

// milliseconds says a duration to the microsecond.
func milliseconds(d time.Duration) *float64 {
	ms := float64(d.Microseconds()) / 1000
	return &ms
}
