package migration

import (
	"net/netip"
	"time"
)

// Probes are what was seen on the way to a database. What could not be looked
// at, because something before it is broken, has its zero value.
type Probes struct {
	Now      time.Time
	Planner  bool // it changes nothing, so it needs less
	Settings Settings
	// Misconfigured says what cannot be used of the configuration; nothing else
	// was looked at then.
	Misconfigured string
	Directory     DirectoryProbe
	// Credentials says where they come from, Unavailable why they could not be had.
	Credentials string
	Unavailable *Failure
	User        string // who logs in, and to which database, as configured
	Database    string
	Route       *Route   // nil: the address is not known
	Rejected    *Failure // why there is no session
	Fault       Fault    // of Rejected
	// Explained: the next step of that failure, or of the route's, comes from
	// where the credentials do, which knows more than the server's words tell.
	Explained bool
	Facts     *Facts // nil: there is no session
	History   HistoryProbe
	Live      Live
}

// A DirectoryProbe is what was seen of the migrations.
type DirectoryProbe struct {
	Files    int
	Unread   string // why it cannot be read
	Findings []Finding
	Pending  []Pending // of the database; nothing where the history could not be read
}

// A Route is the way to the server, as far as it could be gone.
type Route struct {
	Host      string
	Port      int
	Socket    bool         // a socket of this machine: no name, no network, no TLS
	Addresses []netip.Addr // that the name stands for
	TLS       Encryption
	Broken    Link     // name, port or tls; "" where the way is free
	Fault     Fault    // what kind of thing is wrong there
	Failure   *Failure // says why
}

// A Fault is a kind of thing that can be wrong on the way to a server.
type Fault string

// The faults for which there is something particular to do.
const (
	FaultNoAnswer  Fault = "no answer"   // packets are dropped
	FaultRefused   Fault = "refused"     // nothing listens
	FaultSilent    Fault = "silent"      // it takes a connection and says nothing
	FaultStrange   Fault = "strange"     // it is not PostgreSQL
	FaultPlain     Fault = "plain"       // it has no TLS
	FaultAuthority Fault = "authority"   // nobody we trust has signed its certificate
	FaultHostName  Fault = "host name"   // its certificate is for another name
	FaultExpired   Fault = "not now"     // its certificate is not valid now
	FaultStopped   Fault = "interrupted" // we stopped looking
)

// A TLSMode says what was asked for, in the words of sslmode.
type TLSMode string

// Disabled is what was written: without TLS. Preferred takes TLS where the
// server has it, and else goes without. Required has it and believes any
// certificate, VerifiedCA one that a known authority has signed, VerifiedFull
// one for the host name too.
const (
	TLSDisabled     TLSMode = "disable"
	TLSPreferred    TLSMode = "prefer"
	TLSRequired     TLSMode = "require"
	TLSVerifiedCA   TLSMode = "verify-ca"
	TLSVerifiedFull TLSMode = "verify-full"
)

// Encryption is how a connection is encrypted. Version is "" where it is not.
// The certificate is told also where it was not believed.
type Encryption struct {
	Mode            TLSMode
	Version         string
	Subject, Issuer string
	Until           time.Time // of the certificate
}

// A HistoryProbe is what the login role may do with the history.
type HistoryProbe struct {
	Schema      string // where it is, or would be made
	There       bool
	SchemaThere bool
	Use, Create bool     // USAGE, CREATE on its schema
	Read, Write bool     // SELECT; INSERT, UPDATE and DELETE
	Unread      *Failure // it could not be read all the same
	Version     string   // current; "" for none
	Findings    []Finding
}

// Live is what the server says of its state.
type Live struct {
	// Missed says of the links that could not be looked at why.
	Missed map[Link]string
	// Lost says why the session broke while it looked around; "" where it did not.
	Lost string

	Account   Account
	Timeouts  []ServerSetting // with which a session begins, where they are not PostgreSQL's own
	Unusual   []ServerSetting // other settings that a run does not make its own
	Unwatched string          // why client_connection_check_interval cannot be set

	Landing string // the schema in which what is created without one lands; "" for none
	Schemas []SchemaAccess
	Foreign []Owned // what the pending files name and the acting role does not own

	Holder *Peer  // of the advisory lock
	Idle   string // for how long the holder has done nothing

	Connections, Room int // of clients, and how many a server takes
	Old               []Peer
	Hidden            int // sessions of this database whose transactions we may not see
	Prepared          []PreparedTransaction
	Indexes           []Leftover // INVALID ones
	Constraints       []Leftover // NOT VALID ones

	Publications, Subscriptions []string
	Slots                       []Slot
	Replicas                    []Replica
	HiddenReplicas              int

	Keys       []Key
	HiddenKeys int
	Age        Age
	Size       string // of the database

	Ahead  time.Duration // of the server's clock before ours
	Within time.Duration // how exactly that is known
}

// An Account is who logged in.
type Account struct {
	Superuser  bool // PostgreSQL's, or rds_superuser
	ReadStats  bool // sees the sessions of others
	IAM        bool // logs in with tokens of IAM
	CreateHere bool // CREATE on the database
	// ActingCreates: the role that files run as has CREATE on the database.
	ActingCreates bool
	Limit         int // of its connections, -1 for none
}

// A ServerSetting is a setting and its value, with its unit.
type ServerSetting struct{ Name, Value string }

// SchemaAccess is what the acting role may do in a schema.
type SchemaAccess struct {
	Name        string
	Named       bool // by a pending file, itself or something in it
	Use, Create bool
}

// Owned is an object and whose it is.
type Owned struct{ Object, Owner string }

// A PreparedTransaction waits for its second phase.
type PreparedTransaction struct {
	ID, Owner string
	Age       string
}

// A Leftover is something half done that stands on a table.
type Leftover struct{ Name, Table string }

// A Slot is a replication slot.
type Slot struct {
	Name     string
	Logical  bool
	Active   bool
	Retained string // WAL that is kept for it; "" where that is not known
}

// A Replica is a server that follows this one.
type Replica struct {
	Name string
	Lag  time.Duration
}

// A Key is a sequence that is running out.
type Key struct {
	Sequence string
	Column   string // the narrowest that it fills, "" for none
	Last     int64
	Limit    int64
}

// Age is how many transactions, or multixacts, the oldest database has to go
// back for one that is not frozen.
type Age struct {
	Database     string
	Transactions int
	Multixacts   int
}
