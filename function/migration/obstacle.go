package migration

import (
	"regexp"
	"slices"
	"time"
)

// conflicts says which modes a mode waits for, as PostgreSQL's documentation has
// it. It is symmetric.
var conflicts = map[LockMode][]LockMode{
	AccessShare:          {AccessExclusive},
	RowShare:             {Exclusive, AccessExclusive},
	RowExclusive:         {Share, ShareRowExclusive, Exclusive, AccessExclusive},
	ShareUpdateExclusive: {ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive},
	Share:                {RowExclusive, ShareUpdateExclusive, ShareRowExclusive, Exclusive, AccessExclusive},
	ShareRowExclusive:    {RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive},
	Exclusive:            {RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive},
	AccessExclusive:      lockModes,
}

// Conflicts says that who asks for m waits while somebody else has other.
func (m LockMode) Conflicts(other LockMode) bool { return slices.Contains(conflicts[m], other) }

// Obstacles are what in a database can stand in the way of a plan at this moment.
type Obstacles struct {
	Locks []HeldLock
	// Snapshots are sessions that still need rows as they were when they began,
	// the oldest first: CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY wait
	// for every one.
	Snapshots []OpenSnapshot
	// Replicating are the names of publications, subscriptions and slots.
	Replicating []string
}

// A HeldLock is a lock that another transaction has on a relation.
type HeldLock struct {
	Relation string // by the name that was asked for, also of one of its partitions
	Mode     LockMode
	Holder   Peer
	Age      time.Duration // of the transaction; 0 where our role may not see it
	Prepared string        // the name of a prepared transaction, which no session has; "" for a session
	// Yields: it is an autovacuum, which gives way to whoever waits. Wraparound: it
	// is one that does not.
	Yields, Wraparound bool
}

// An OpenSnapshot is a session with a snapshot.
type OpenSnapshot struct {
	Holder Peer
	Age    time.Duration // 0 where our role may not see it
}

// blueGreen is how Amazon calls what it makes for a Blue/Green deployment, as
// far as names tell.
var blueGreen = regexp.MustCompile(`(?i)^rds|blue[-_]?green`)

// BlueGreen says that what has this name replicates for a Blue/Green deployment.
func BlueGreen(name string) bool { return blueGreen.MatchString(name) }
