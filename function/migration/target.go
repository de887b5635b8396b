package migration

import (
	"slices"
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
	// ApprovalKeys are those whose signatures count, for BySignature.
	ApprovalKeys []PublicKey
	// ApprovalsNeeded is how many different ones of them have to sign. 1 where
	// it is 0.
	ApprovalsNeeded int
	// NeverAccept are codes of findings that no approval can accept.
	NeverAccept []string
}

// ApprovalMode says what a plan needs before it may run.
type ApprovalMode string

// ByDigest: the digest that plan printed is handed back. BySignature: beside
// it, that it is approved is signed, until when, and what was accepted.
// NoApproval: nothing; for a laptop, where the one who plans is the one who
// applies.
const (
	ByDigest    ApprovalMode = "digest"
	BySignature ApprovalMode = "signature"
	NoApproval  ApprovalMode = "none"
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
	if s.ApprovalsNeeded == 0 {
		s.ApprovalsNeeded = 1
	}
	return s
}

func (s Settings) part() string {
	var f fields
	f.add("lock_timeout", s.LockTimeout.String(), "lock_budget", s.LockBudget.String(),
		"statement_timeout", s.StatementTimeout.String(), "history_schema", s.HistorySchema, "approval", string(s.Approval))
	s.addPolicy(&f)
	return f.sum()
}

// addPolicy adds who may approve, and what nobody may accept, where there is
// such a policy: so a digest of settings without one is the same as ever.
func (s Settings) addPolicy(f *fields) {
	if s.Approval == BySignature {
		var ids []string
		for _, k := range s.ApprovalKeys {
			ids = append(ids, k.ID)
		}
		slices.Sort(ids)
		f.add("approvals_needed", itoa(s.ApprovalsNeeded), "approval_keys", strings.Join(ids, ","))
	}
	if len(s.NeverAccept) > 0 {
		codes := slices.Sorted(slices.Values(s.NeverAccept))
		f.add("never_accept", strings.Join(slices.Compact(codes), ","))
	}
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
