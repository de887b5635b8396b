package migration

// A Link is one of the chain from the function to a database that can be
// migrated. Its word is a part of the contract.
type Link string

// The links, in the order in which they are looked at.
const (
	LinkConfiguration Link = "configuration"
	LinkDirectory     Link = "directory"
	LinkName          Link = "name"
	LinkPort          Link = "port"
	LinkTLS           Link = "tls"
	LinkCredentials   Link = "credentials"
	LinkLogin         Link = "login"
	LinkWriter        Link = "writer"
	LinkReadOnly      Link = "read_only"
	LinkPooler        Link = "pooler"
	LinkVersion       Link = "version"
	LinkRole          Link = "role"
	LinkHistory       Link = "history"
	LinkPrivileges    Link = "privileges"
	LinkLock          Link = "lock"
	LinkSettings      Link = "settings"
	LinkConnections   Link = "connections"
	LinkTransactions  Link = "transactions"
	LinkPrepared      Link = "prepared"
	LinkIndexes       Link = "indexes"
	LinkConstraints   Link = "constraints"
	LinkReplication   Link = "replication"
	LinkReplicas      Link = "replicas"
	LinkKeys          Link = "keys"
	LinkWraparound    Link = "wraparound"
	LinkRoom          Link = "room"
	LinkClock         Link = "clock"
)

// A CheckState says how a link stands.
type CheckState string

// A broken link has to be mended before anything can be migrated. A warning
// stops nothing. What is skipped was not looked at, and Said says why.
const (
	CheckOK      CheckState = "ok"
	CheckBroken  CheckState = "broken"
	CheckWarning CheckState = "warning"
	CheckSkipped CheckState = "skipped"
)

// A Check is what was found at one link.
type Check struct {
	Name  Link       `json:"name"`
	State CheckState `json:"state"`
	Said  string     `json:"said"`
	Fix   string     `json:"fix,omitempty"` // of what is broken, and of a warning
}

// A Script is SQL for whoever administers the database. Passwords in it are
// places to fill in.
type Script struct {
	For        string   `json:"for"`
	Missing    bool     `json:"missing"` // something of it is lacking now
	Statements []string `json:"statements"`
}

// A Diagnosis is what doctor found: a check for each link, in order, and SQL.
type Diagnosis struct {
	Checks  []Check
	Scripts []Script
}

// Broken is the first broken link; false where none is.
func (d Diagnosis) Broken() (Check, bool) {
	for _, c := range d.Checks {
		if c.State == CheckBroken {
			return c, true
		}
	}
	return Check{}, false
}

// Outcome is Unhealthy where a link is broken. Warnings alone are healthy.
func (d Diagnosis) Outcome() Outcome {
	if _, broken := d.Broken(); broken {
		return Unhealthy
	}
	return Healthy
}
