package migration

import (
	"fmt"
	"strings"
	"time"
)

// A Failure says why something could not be done, where, in PostgreSQL's own
// words where they are PostgreSQL's, what state the database is in now, and
// what to do next. It holds no secret and no value of a row: PostgreSQL's
// DETAIL is left out of it unless it was asked for.
type Failure struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`   // from 1, of the place in the file that PostgreSQL points at
	Column    int    `json:"column,omitempty"` // from 1, in characters; 0 where PostgreSQL points at none
	Statement int    `json:"statement,omitempty"`
	Of        int    `json:"of,omitempty"`
	Message   string `json:"message"`
	SQLState  string `json:"sqlstate,omitempty"`
	Detail    string `json:"detail,omitempty"`
	Hint      string `json:"hint,omitempty"` // PostgreSQL's
	Excerpt   string `json:"excerpt,omitempty"`
	Blockers  []Peer `json:"blockers,omitempty"` // who held the lock that was waited for
	State     string `json:"state,omitempty"`    // of the database, now
	Next      string `json:"next,omitempty"`

	Kind       FailureKind   `json:"-"`
	RetryAfter time.Duration `json:"-"` // 0 where waiting does not help
	Cause      error         `json:"-"`
}

// FailureKind is what a caller that runs steps branches on.
type FailureKind string

// The kinds. Only after Disconnected and StillRunning is it unknown whether the
// step took effect, and after Unlocked it did; after every other nothing of it
// did, unless State says so.
const (
	Refused      FailureKind = "refused"       // PostgreSQL said no, and will say it again
	LockWait     FailureKind = "lock wait"     // a lock was not to be had in time, or a deadlock: try the whole step again
	Stopped      FailureKind = "stopped"       // the time for it was over
	Disconnected FailureKind = "disconnected"  // the session is gone
	StillRunning FailureKind = "still running" // our time is over, the server goes on with it
	Unlocked     FailureKind = "unlocked"      // the statement ran, and gave the lock back under which its row is written
	Unreachable  FailureKind = "unreachable"   // there was never a session
	Unsettled    FailureKind = "unsettled"     // an earlier run left the statement in doubt, and looking does not tell
)

// Error is the first line of what a person reads: place, statement, words,
// SQLSTATE.
func (f *Failure) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
			if f.Column > 0 {
				fmt.Fprintf(&b, ":%d", f.Column)
			}
		}
		b.WriteString(": ")
	}
	if f.Statement > 0 {
		fmt.Fprintf(&b, "statement %d of %d: ", f.Statement, f.Of)
	}
	b.WriteString(f.Message)
	if f.SQLState != "" {
		fmt.Fprintf(&b, " (SQLSTATE %s)", f.SQLState)
	}
	return b.String()
}

func (f *Failure) Unwrap() error { return f.Cause }

// A Peer is another session of the database, as far as we may see it. Its
// query is not in here: it could hold values of rows.
type Peer struct {
	PID         int    `json:"pid"`
	User        string `json:"user,omitempty"`
	Application string `json:"application,omitempty"`
	Client      string `json:"client,omitempty"`
	State       string `json:"state,omitempty"`       // "idle in transaction", ...; "" where our role may not see it
	Transaction string `json:"transaction,omitempty"` // for how long it has been open
}

func (p Peer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pid %d", p.PID)
	if p.User != "" {
		b.WriteString(" (" + p.User)
		if p.Application != "" {
			b.WriteString(", " + p.Application)
		}
		if p.Client != "" {
			b.WriteString(", from " + p.Client)
		}
		b.WriteString(")")
	}
	if p.State != "" {
		b.WriteString(", " + p.State)
	}
	if p.Transaction != "" {
		b.WriteString(", transaction open for " + p.Transaction)
	}
	return b.String()
}
