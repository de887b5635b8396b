package migration

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Facts are what a server says of itself and of us.
type Facts struct {
	Target Target
	// Reader: the server is in recovery, so nothing can be written through it.
	Reader bool
	// ReadOnly: transactions of this role or database are read-only by default.
	ReadOnly bool
	// Pooled: another backend answered than the one we connected to, so locks
	// and settings of a session mean nothing.
	Pooled bool
	// RoleMissing, RoleForbidden: the configured role is not there, or the
	// login user may not SET it.
	RoleMissing, RoleForbidden bool
	// Histories are the schemas that hold a table of Atlas's shape.
	Histories []string
	// Misshapen is what stands where the history belongs, has its name and not
	// its columns; nothing, or one.
	Misshapen []string
	// Others are history tables of other tools.
	Others []OtherTool
	// Objects are the first few things that live in the database, histories
	// left out; none for an empty database.
	Objects []string
	// Timeouts end what sessions of others wait for, as far as settings of the
	// server, the database and roles say so.
	Timeouts []Timeout
}

// A Timeout ends a statement of others that waits.
type Timeout struct {
	Role    string // whose sessions have it; "" for those of any without one of its own
	Setting string // lock_timeout or statement_timeout
	After   time.Duration
}

// ParseTimeout reads a time as PostgreSQL writes it in a setting: a number, with
// or without a unit, milliseconds where there is none. It is false for 0, which
// means never, and for what is no time.
func ParseTimeout(text string) (time.Duration, bool) {
	text = strings.Join(strings.Fields(text), "")
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	unit, known := timeUnits[text[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n > 0 && n*float64(unit) < math.MaxInt64) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// timeUnits are PostgreSQL's, documented under "Parameter Names and Values".
var timeUnits = map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "": time.Millisecond, "s": time.Second,
	"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// An OtherTool is a history table that another migration tool left.
type OtherTool struct {
	Tool  string
	Table string // qualified
}
