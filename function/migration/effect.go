package migration

// LockMode is a mode of a lock on a relation, as PostgreSQL's documentation
// writes it (https://www.postgresql.org/docs/current/explicit-locking.html).
type LockMode string

// The modes, weakest first.
const (
	AccessShare          LockMode = "ACCESS SHARE"
	RowShare             LockMode = "ROW SHARE"
	RowExclusive         LockMode = "ROW EXCLUSIVE"
	ShareUpdateExclusive LockMode = "SHARE UPDATE EXCLUSIVE"
	Share                LockMode = "SHARE"
	ShareRowExclusive    LockMode = "SHARE ROW EXCLUSIVE"
	Exclusive            LockMode = "EXCLUSIVE"
	AccessExclusive      LockMode = "ACCESS EXCLUSIVE"
)

var lockModes = []LockMode{AccessShare, RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive}

// Strength orders the modes: 1 for ACCESS SHARE to 8 for ACCESS EXCLUSIVE, 0 for
// what is no mode.
func (m LockMode) Strength() int {
	for i, mode := range lockModes {
		if m == mode {
			return i + 1
		}
	}
	return 0
}

// StopsReads says that whoever reads the relation waits.
func (m LockMode) StopsReads() bool { return m == AccessExclusive }

// StopsWrites says that whoever writes to the relation waits.
func (m LockMode) StopsWrites() bool { return m.Strength() >= Share.Strength() }

// Effects are what one statement was seen to do to a dev database. Names of
// relations are as PostgreSQL prints them with an empty search_path: qualified,
// and quoted where need be; a renamed one has the name that it had when its file
// began.
type Effects struct {
	Statement int `json:"statement"` // from 1
	Line      int `json:"line"`      // from 1
	// Alone: it ran outside a transaction.
	Alone bool `json:"alone,omitempty"`
	// Unobserved says why it did not run, so that nothing is known of it; "" for
	// a statement that did.
	Unobserved string `json:"unobserved,omitempty"`
	// Privileged: a role that owns what it alters did not do, it took a superuser;
	// on Aurora a member of rds_superuser may do some of that.
	Privileged bool `json:"privileged,omitempty"`
	// Locks that it took on relations that were there before its file, or before
	// itself outside a transaction. One that an earlier statement of the file
	// holds in that mode already is not among them.
	Locks []LockSeen `json:"locks,omitempty"`
	// Scans are relations of before that it read from end to end.
	Scans []ScanSeen `json:"scans,omitempty"`
	// Rewrites are tables and materialized views of before whose file was rewritten.
	Rewrites []string `json:"rewrites,omitempty"`
	// Truncates are tables of before that it emptied without reading them.
	Truncates []string `json:"truncates,omitempty"`
	// Indexes of relations of before that it built or rebuilt.
	Indexes []IndexSeen `json:"indexes,omitempty"`
	// Constraints that it added to relations or domains of before, or validated.
	Constraints []ConstraintSeen `json:"constraints,omitempty"`
	// Columns of relations of before that it changed.
	Columns []ColumnSeen `json:"columns,omitempty"`
	// Objects that it created, dropped, renamed or altered; those of the file
	// itself too.
	Objects []ObjectSeen `json:"objects,omitempty"`
	// Rows that it wrote in tables of before, where these could be filled.
	Rows []RowsSeen `json:"rows,omitempty"`
	// Behind are sequences that have still to give out values which rows have that
	// its transaction inserted; those of the file itself too.
	Behind []BehindSeen `json:"behind,omitempty"`
	// Breaks are tables of before that could be written to, and cannot any more when
	// its transaction ends.
	Breaks []BreakSeen `json:"breaks,omitempty"`
	// Discards are tables of before that a write changed, and that it changes no more
	// when its transaction ends, though it does not fail.
	Discards []DiscardSeen `json:"discards,omitempty"`
	// Unfilled are relations of before that it locked and that could not be
	// filled with rows: what it reads of them is not known.
	Unfilled []string `json:"unfilled,omitempty"`
	// WithRows is the SQLSTATE with which it fails where the tables have rows,
	// though it runs where they have none; "" for one that does not.
	WithRows string `json:"with_rows,omitempty"`
	// Pieces are what each transaction did of a statement that commits in between,
	// in their order: a DO block, a procedure. None where it was one transaction.
	// What the statement did in all stands beside them.
	Pieces []Effects `json:"pieces,omitempty"`
}

// LockSeen is a lock on a relation that was there before.
type LockSeen struct {
	Relation string   `json:"relation"`
	Kind     string   `json:"kind"` // "table", "partitioned table", "index", ...
	Mode     LockMode `json:"mode"`
	// Collateral: the statement does not name the relation.
	Collateral bool `json:"collateral,omitempty"`
	// Released: it was given back inside the statement, by an exception block
	// or because the statement commits by itself.
	Released bool `json:"released,omitempty"`
}

// ScanSeen is a relation that was read from end to end.
type ScanSeen struct {
	Relation string `json:"relation"`
	Times    int    `json:"times,omitempty"` // where more than once
}

// IndexSeen is an index that was built.
type IndexSeen struct {
	Index      string `json:"index"`
	Table      string `json:"table"`
	Definition string `json:"definition"` // CREATE INDEX ..., as PostgreSQL writes it
	Unique     bool   `json:"unique,omitempty"`
	Primary    bool   `json:"primary,omitempty"`
	Invalid    bool   `json:"invalid,omitempty"` // it is INVALID after the statement
	// Rebuilt: it was there before.
	Rebuilt bool `json:"rebuilt,omitempty"`
	// Constraint that it enforces, "" for none.
	Constraint string `json:"constraint,omitempty"`
}

// ConstraintSeen is a constraint that was added or validated.
type ConstraintSeen struct {
	Name       string `json:"name"`
	Table      string `json:"table,omitempty"`
	Domain     string `json:"domain,omitempty"`
	Kind       string `json:"kind"`       // "check", "foreign key", "not null", "primary key", "unique", "exclusion"
	Definition string `json:"definition"` // as pg_get_constraintdef writes it
	References string `json:"references,omitempty"`
	// Valid: it holds for the rows that are there. Not for NOT VALID ones.
	Valid bool `json:"valid"`
	// Validated: it was there before, NOT VALID, and is valid now.
	Validated bool `json:"validated,omitempty"`
}

// Change says what became of something.
type Change string

// The changes.
const (
	Created Change = "created"
	Dropped Change = "dropped"
	Renamed Change = "renamed"
	Moved   Change = "moved" // to another schema
	Altered Change = "altered"
)

// ColumnSeen is a column that was changed.
type ColumnSeen struct {
	Table  string `json:"table"`
	Column string `json:"column"` // its name before; of a new one, the new name
	Change Change `json:"change"`
	To     string `json:"to,omitempty"` // the name that a renamed one has now
	// Type is what the column has now; Was what it had, where that is another.
	Type string `json:"type,omitempty"`
	Was  string `json:"was,omitempty"`
	// NotNull, Default, Generated and Identity are those that it has now.
	NotNull   bool   `json:"not_null,omitempty"`
	Default   string `json:"default,omitempty"`
	Generated string `json:"generated,omitempty"` // "stored", "virtual" or ""
	Identity  bool   `json:"identity,omitempty"`
	// NullsEnded, NullsAllowed: NOT NULL came or went.
	NullsEnded   bool `json:"nulls_ended,omitempty"`
	NullsAllowed bool `json:"nulls_allowed,omitempty"`
	// DefaultWas is the default that it had, where that is another.
	DefaultWas *string `json:"default_was,omitempty"`
}

// ObjectSeen is an object that was made, or no longer is what it was.
type ObjectSeen struct {
	Kind   string `json:"kind"` // as pg_identify_object has it: "table", "function", "policy", ...
	Name   string `json:"name"`
	Change Change `json:"change"`
	To     string `json:"to,omitempty"`  // the name that a renamed or moved one has now
	Tag    string `json:"tag,omitempty"` // the command of an altered one: "ALTER TABLE", "GRANT", ...
	// Existed: it was there before the file; of a created one, never.
	Existed bool `json:"existed,omitempty"`
	// Cascaded: the statement did not name it; it went with what it depends on.
	Cascaded bool `json:"cascaded,omitempty"`
	// On is the table that a trigger, a policy, an index or a constraint belongs to.
	On string `json:"on,omitempty"`
}

// RowsSeen are rows of a table of before that were written.
type RowsSeen struct {
	Table   string  `json:"table"`
	Insert  bool    `json:"insert,omitempty"`
	Update  Portion `json:"update,omitempty"`
	Delete  Portion `json:"delete,omitempty"`
	Cascade bool    `json:"cascade,omitempty"` // the statement does not name the table
}

// BehindSeen is a sequence whose next value is not beyond the largest of its column.
type BehindSeen struct {
	Table    string `json:"table"`
	Column   string `json:"column"`
	Sequence string `json:"sequence"`
	Next     int64  `json:"next"`
	Largest  int64  `json:"largest"`
}

// BreakSeen is a table that refuses every write of a kind, whatever is in it.
type BreakSeen struct {
	Table string `json:"table"`
	Write string `json:"write"` // "UPDATE", "INSERT or DELETE"
	// Role whose writes it refuses, "" where they are all refused, the owner's too.
	Role string `json:"role,omitempty"`
	Code string `json:"code"` // SQLSTATE
	Says string `json:"says"`
}

// DiscardSeen is a table at which every write of a kind does nothing.
type DiscardSeen struct {
	Table string `json:"table"`
	Write string `json:"write"` // "INSERT", "UPDATE" or "DELETE"
}

// Portion says how many of the rows of a table.
type Portion string

// AllRows: every row that there was. SomeRows: fewer.
const (
	AllRows  Portion = "all"
	SomeRows Portion = "some"
)
