package migration

import (
	"strconv"
	"strings"
	"time"
)

// A Target is the database that a plan is for, as it answered.
type Target struct {
	Cluster       string `json:"cluster,omitempty"`  // configured resource id, else the system identifier, else host:port
	Database      string `json:"database,omitempty"` //
	Role          string `json:"role,omitempty"`     // what a file is run as, and what owns what it creates
	User          string `json:"user,omitempty"`     // who logged in
	Host          string `json:"host,omitempty"`     // host:port connected to
	Engine        string `json:"engine,omitempty"`   // "PostgreSQL 17.10", with "Aurora 17.4.2" where it is one
	VersionNumber int    `json:"-"`                  // server_version_num
}

// Major is the major version of the engine, 0 for the zero Target.
func (t Target) Major() int { return t.VersionNumber / 10000 }

// Aurora says that the engine is Aurora.
func (t Target) Aurora() bool { return strings.Contains(t.Engine, ", Aurora ") }

// Settings are those that change what a plan does: they are part of its
// digest, and a planner must have the same as its runner.
type Settings struct {
	// LockTimeout bounds each wait for a lock. 2 s where it is 0.
	LockTimeout time.Duration
	// LockBudget bounds the waits of one file together, from the first lock
	// on that stops others. Twice LockTimeout where it is 0.
	LockBudget time.Duration
	// StatementTimeout bounds each statement beside the deadline of the
	// invocation. 0: the deadline alone.
	StatementTimeout time.Duration
	// HistorySchema is where Atlas's table is. "": where exactly one is found,
	// and "atlas_schema_revisions" where there is none yet.
	HistorySchema string
	// Role is SET after login; what a file creates belongs to it. "": the user
	// who logs in.
	Role string
	// Approval is what a plan needs before it may run.
	Approval ApprovalMode
}

// ApprovalMode says what a plan needs before it may run.
type ApprovalMode string

// ByDigest: the digest that plan printed is handed back. NoApproval: nothing;
// for a laptop, where the one who plans is the one who applies.
const (
	ByDigest   ApprovalMode = "digest"
	NoApproval ApprovalMode = "none"
)

// Defaults returns s with every zero field set to what it stands for.
func (s Settings) Defaults() Settings {
	if s.LockTimeout == 0 {
		s.LockTimeout = 2 * time.Second
	}
	if s.LockBudget == 0 {
		s.LockBudget = 2 * s.LockTimeout
	}
	if s.Approval == "" {
		s.Approval = ByDigest
	}
	return s
}

func (s Settings) part() string {
	var f fields
	f.add("lock_timeout", s.LockTimeout.String(), "lock_budget", s.LockBudget.String(),
		"statement_timeout", s.StatementTimeout.String(), "history_schema", s.HistorySchema, "approval", string(s.Approval))
	return f.sum()
}

func (t Target) part() string {
	var f fields
	f.add("cluster", t.Cluster, "database", t.Database, "role", t.Role)
	return f.sum()
}

func (t Target) enginePart() string {
	var f fields
	f.add("engine", t.Engine)
	return f.sum()
}

func itoa(n int) string { return strconv.Itoa(n) }
