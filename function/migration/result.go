package migration

import (
	"strconv"
	"time"
)

// Action is what a request asks for.
type Action string

// The actions. Status, plan, verify and doctor only read.
const (
	ActionStatus   Action = "status"
	ActionPlan     Action = "plan"
	ActionApply    Action = "apply"
	ActionBaseline Action = "baseline"
	// ActionApprove is of the terminal alone: no event has it.
	ActionApprove Action = "approve"
	ActionVerify  Action = "verify"
	ActionDoctor  Action = "doctor"
)

// Outcome is the one word that a caller branches on.
type Outcome string

// The outcomes.
const (
	Planned     Outcome = "planned"
	NothingToDo Outcome = "nothing_to_do"
	Applied     Outcome = "applied"
	Baselined   Outcome = "baselined"
	Current     Outcome = "current"
	Outstanding Outcome = "pending"
	Clean       Outcome = "clean"
	Drifted     Outcome = "drifted"
	Healthy     Outcome = "healthy"
	Unhealthy   Outcome = "unhealthy"
	Failed      Outcome = "failed"
	Invalid     Outcome = "invalid"
	Blocked     Outcome = "blocked"
	Unfinished  Outcome = "unfinished"
)

// ExitCode is what the command line ends with.
func (o Outcome) ExitCode() int {
	switch o {
	case Planned, NothingToDo, Applied, Baselined, Current, Outstanding, Clean, Healthy:
		return 0
	case Invalid:
		return 2
	case Blocked:
		return 3
	case Unfinished:
		return 4
	case Drifted:
		return 5
	}
	return 1
}

// OK says that what was asked for was done.
func (o Outcome) OK() bool { return o.ExitCode() == 0 }

// A Result is all that there is to tell of one request. It is whole also where
// something failed on the way: what ran before stays told.
type Result struct {
	Action     Action
	Outcome    Outcome
	Asked      string       // the digest of the request, as it came
	To         string       // of the request
	Approval   ApprovalMode // what a plan needs here before it may run
	Given      Approval     // what came with the request
	Target     *Target      // nil where the database was not reached
	Plan       *Plan        // nil where nothing was sealed
	Adoption   *Adoption
	Refusal    *Refusal
	Findings   []Finding
	Files      []FileResult
	Migrations []Migration   // of status
	Version    string        // current version of the history
	Lock       *Peer         // of status: who holds the lock
	Diagnosis  Diagnosis     // of doctor
	Verified   *Verification // of verify; nil where nothing was compared
	Failure    *Failure
	Unseen     []string // what plan had no time to look at
	Next       string   // a sentence: what to do now
}

// Reason says why a plan may not run now, in a word that does not change.
type Reason string

// The reasons.
const (
	NotApproved     Reason = "approval"
	NotSigned       Reason = "unsigned"
	OtherApproval   Reason = "other_approval"
	ApprovalExpired Reason = "expired"
	ExpiryTooFar    Reason = "expiry"
	KeyUnlisted     Reason = "key"
	SignatureFaulty Reason = "signature"
	AcceptsUnknown  Reason = "accepts"
	FindingsBlock   Reason = "findings"
	NeverAccepted   Reason = "never_accepted"
	DigestDiffers   Reason = "digest"
	LockHeld        Reason = "locked"
	OnReader        Reason = "reader"
	SessionReadOnly Reason = "read_only"
	BehindPooler    Reason = "pooler"
	RoleUnusable    Reason = "role"
	NotEmpty        Reason = "not_empty"
	DirectoryFaulty Reason = "directory"
	HistoryUnclear  Reason = "history"
	OnlyPlanning    Reason = "planner"

	UnderBlueGreen    Reason = "blue_green"
	BehindVacuum      Reason = "wraparound"
	BehindTransaction Reason = "transaction"
	BehindSnapshot    Reason = "snapshot"
	NoReplay          Reason = "replay"
)

// A Refusal says why a plan may not run now. It is an answer, not an error.
type Refusal struct {
	Reason     Reason        `json:"reason"`
	Summary    string        `json:"summary"`
	Differs    []Part        `json:"differs,omitempty"`
	Changed    []string      `json:"changed,omitempty"` // which objects, where the plan report was handed in
	Holder     *Peer         `json:"holder,omitempty"`
	RetryAfter time.Duration `json:"-"` // 0 where waiting does not help
	Next       string        `json:"-"`
}

// A FileResult is what became of one file of a plan.
type FileResult struct {
	Pending
	Row  Revision // as it is in the history now; zero where the file has none
	Ran  []Ran    // what this invocation ran of it
	Plan bool     // nothing was to run: these are the statements as planned
}

// Milliseconds is a duration that JSON has as a number of milliseconds, with
// microseconds behind the point.
type Milliseconds time.Duration

// MarshalJSON writes the number.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Duration(m).Microseconds())/1000, 'f', -1, 64), nil
}

// A MigrationState says where one version stands.
type MigrationState string

// The states of a version.
const (
	StateApplied    MigrationState = "applied"
	StatePartial    MigrationState = "partially applied"
	StatePending    MigrationState = "pending"
	StateOutOfOrder MigrationState = "out of order"
	StateChanged    MigrationState = "changed since applied"
	StateMissing    MigrationState = "file missing"
	StateBaseline   MigrationState = "baseline"
	StateSkipped    MigrationState = "covered by baseline"
)

// A Migration is one version in the directory, in the history or in both.
type Migration struct {
	Version       string         `json:"version"`
	File          string         `json:"file,omitempty"`
	State         MigrationState `json:"state"`
	Applied       int            `json:"applied,omitempty"` // statements
	Total         int            `json:"total,omitempty"`
	ExecutedAt    *time.Time     `json:"executed_at,omitempty"`
	ExecutionTime Milliseconds   `json:"execution_ms,omitempty"`
	By            string         `json:"by,omitempty"` // operator_version
	Error         string         `json:"error,omitempty"`
	Row           Revision       `json:"-"` // in the history; the zero Revision where it has none
}
