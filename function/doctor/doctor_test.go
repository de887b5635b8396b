package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const writerEndpoint = "app.cluster-7xkq2zb4lm.sa-east-1.rds.amazonaws.com"

var now = time.Date(2026, 3, 1, 3, 14, 7, 0, time.UTC)

// well is what is seen of a cluster that nothing is wrong with.
func well() migration.Probes {
	return migration.Probes{
		Now: now, Settings: migration.Settings{Role: "app_owner"}.Defaults(), Credentials: "secret app/db", User: "deployer", Database: "app",
		Directory: migration.DirectoryProbe{Files: 3},
		Route: &migration.Route{Host: writerEndpoint, Port: 5432, Addresses: []netip.Addr{netip.MustParseAddr("10.0.3.17")},
			TLS: migration.Encryption{Mode: migration.TLSVerifiedFull, Version: "TLS 1.3", Subject: "app.rds.amazonaws.com", Issuer: "Amazon RDS", Until: now.AddDate(1, 0, 0)}},
		Facts: &migration.Facts{Target: migration.Target{Database: "app", Role: "app_owner", User: "deployer", Engine: "PostgreSQL 17.4, Aurora 17.4.2", VersionNumber: 170004},
			Histories: []string{"atlas_schema_revisions"}},
		History: migration.HistoryProbe{Schema: "atlas_schema_revisions", There: true, SchemaThere: true, Use: true, Read: true, Write: true, Version: "017"},
		Live: migration.Live{
			Account: migration.Account{ReadStats: true, CreateHere: true, Limit: -1}, Landing: "public",
			Schemas: []migration.SchemaAccess{{Name: "public", Use: true, Create: true}}, Room: 100, Connections: 9, Size: "12 GB",
			Age: migration.Age{Database: "app", Transactions: 41_000_000}, Within: time.Millisecond,
		},
	}
}

func TestDiagnose_well(t *testing.T) {
	d := Diagnose(well())
	for _, c := range d.Checks {
		if c.State != migration.CheckOK && c.Name != migration.LinkRoom {
			t.Errorf("%s is %s: %s", c.Name, c.State, c.Said)
		}
		if c.Fix != "" {
			t.Errorf("%s has the fix %q", c.Name, c.Fix)
		}
	}
	if d.Outcome() != migration.Healthy || len(d.Scripts) != 2 || d.Scripts[0].Missing || d.Scripts[1].Missing {
		t.Errorf("outcome %s, scripts %+v", d.Outcome(), d.Scripts)
	}
}

// What cannot be staged on a server of one's own.
func TestDiagnose(t *testing.T) {
	for name, c := range map[string]struct {
		ail   func(*migration.Probes)
		link  migration.Link
		state migration.CheckState
		says  string
		fix   string
	}{
		"a public address": {func(p *migration.Probes) { p.Route.Addresses = []netip.Addr{netip.MustParseAddr("52.67.1.2")} },
			migration.LinkName, migration.CheckWarning, "52.67.1.2 (public)", "Turn its public accessibility off"},
		"a private address": {func(*migration.Probes) {}, migration.LinkName, migration.CheckOK, writerEndpoint + " is 10.0.3.17 (private)", ""},
		"no TLS over a network": {func(p *migration.Probes) { p.Route.TLS = migration.Encryption{Mode: migration.TLSDisabled} },
			migration.LinkTLS, migration.CheckWarning, "can be read on the way", "sslmode=verify-full"},
		"a certificate near its end": {func(p *migration.Probes) { p.Route.TLS.Until = now.Add(50 * time.Hour) },
			migration.LinkTLS, migration.CheckWarning, "TLS 1.3; the certificate is for app.rds.amazonaws.com", "ends in 2 days"},
		"a socket": {func(p *migration.Probes) { p.Route = &migration.Route{Host: "/run/postgresql", Socket: true} },
			migration.LinkTLS, migration.CheckOK, "a socket of this machine", ""},
		"IAM that does not let in": {func(p *migration.Probes) {
			p.Rejected = &migration.Failure{SQLState: "28000", Message: `FATAL: PAM authentication failed for user "deployer"`}
		}, migration.LinkLogin, migration.CheckBroken, "PAM", "dbuser:CLUSTER-RESOURCE-ID/deployer"},
		"a session that breaks": {func(p *migration.Probes) { p.Live.Lost = "the connection was lost: the server closed it" },
			migration.LinkLogin, migration.CheckBroken, "deployer got in, and then the session broke", "Run doctor again"},
		"a secret that says more": {func(p *migration.Probes) {
			p.Explained, p.Rejected = true, &migration.Failure{SQLState: "28P01", Message: "FATAL: no", Next: "The secret app/db still holds it."}
		}, migration.LinkLogin, migration.CheckBroken, "28P01", "The secret app/db still holds it."},
		"TLS that the server wants": {func(p *migration.Probes) {
			p.Rejected = &migration.Failure{SQLState: "28000", Message: `FATAL: no pg_hba.conf entry for host "10.0.1.9", user "deployer", database "app", no encryption`}
		}, migration.LinkLogin, migration.CheckBroken, "pg_hba.conf", "rds.force_ssl"},
		"the reader endpoint": {func(p *migration.Probes) {
			p.Facts.Reader, p.Route.Host = true, strings.Replace(writerEndpoint, ".cluster-", ".cluster-ro-", 1)
		}, migration.LinkWriter, migration.CheckBroken, "is the reader endpoint", writerEndpoint},
		"the endpoint of an instance": {func(p *migration.Probes) { p.Route.Host = "app-1.7xkq2zb4lm.sa-east-1.rds.amazonaws.com" },
			migration.LinkWriter, migration.CheckWarning, "by the endpoint of an instance", "writer endpoint"},
		"an RDS Proxy": {func(p *migration.Probes) { p.Route.Host = "app.proxy-7xkq2zb4lm.sa-east-1.rds.amazonaws.com" },
			migration.LinkPooler, migration.CheckBroken, "RDS Proxy", "advisory lock"},
		"read-only, of a planner": {func(p *migration.Probes) { p.Facts.ReadOnly, p.Planner = true, true },
			migration.LinkReadOnly, migration.CheckOK, "suits a planner", ""},
		"an old version": {func(p *migration.Probes) { p.Facts.Target.VersionNumber = 140012 },
			migration.LinkVersion, migration.CheckWarning, "older than what this release is made for (15 to 18)", "Upgrade"},
		"a new version": {func(p *migration.Probes) { p.Facts.Target.VersionNumber = 190001 },
			migration.LinkVersion, migration.CheckWarning, "newer than", "newer release"},
		"the last of the transactions": {func(p *migration.Probes) { p.Live.Age.Transactions = 1_400_000_000 },
			migration.LinkWraparound, migration.CheckWarning, "1400 million back (in app)", "VACUUM"},
		"no transactions left": {func(p *migration.Probes) { p.Live.Age.Multixacts = 2_100_000_000 },
			migration.LinkWraparound, migration.CheckBroken, "about to refuse every write", "VACUUM"},
		"few connections left": {func(p *migration.Probes) { p.Live.Connections = 99 },
			migration.LinkConnections, migration.CheckWarning, "99 of 100 are taken", "A run takes 2"},
		"a clock that is ahead": {func(p *migration.Probes) { p.Live.Ahead = 3 * time.Minute },
			migration.LinkClock, migration.CheckWarning, "the server's is 3m0s ahead of ours", "tokens of IAM"},
		"a clock that is behind": {func(p *migration.Probes) { p.Live.Ahead = -3 * time.Minute },
			migration.LinkClock, migration.CheckWarning, "3m0s behind ours", "tokens of IAM"},
		"a clock that may be right": {func(p *migration.Probes) { p.Live.Ahead, p.Live.Within = 3*time.Minute, 3*time.Minute },
			migration.LinkClock, migration.CheckOK, "agree to 3m0", ""},
		"a reader that is behind": {func(p *migration.Probes) {
			p.Live.Replicas = []migration.Replica{{Name: "a", Lag: time.Second}, {Name: "b", Lag: 75 * time.Second}}
		}, migration.LinkReplicas, migration.CheckWarning, "behind: b by 1m15s", "caught up"},
		"readers that keep up": {func(p *migration.Probes) { p.Live.Replicas = []migration.Replica{{Name: "a", Lag: time.Second}} },
			migration.LinkReplicas, migration.CheckOK, "1 replica, none behind", ""},
		"a slot that nobody reads": {func(p *migration.Probes) {
			p.Live.Slots = []migration.Slot{{Name: "dms", Logical: true, Retained: "41 GB"}}
		},
			migration.LinkReplication, migration.CheckWarning, "nobody reads the slots dms (which keeps 41 GB of WAL)", "drop it"},
		"a slot of Blue/Green": {func(p *migration.Probes) {
			p.Live.Slots = []migration.Slot{{Name: "app_blue_green_1", Logical: true, Active: true}}
		},
			migration.LinkReplication, migration.CheckBroken, "app_blue_green_1", "switched over"},
		"a watch that cannot be set": {func(p *migration.Probes) { p.Live.Unwatched = "ERROR: 22023" },
			migration.LinkSettings, migration.CheckWarning, "client_connection_check_interval cannot be set", "runs on to its end"},
		"triggers that do not fire": {func(p *migration.Probes) {
			p.Live.Unusual = []migration.ServerSetting{{Name: "session_replication_role", Value: "replica"}}
		}, migration.LinkSettings, migration.CheckWarning, "session_replication_role is replica", "origin"},
		"what could not be looked at": {func(p *migration.Probes) {
			p.Live.Missed = map[migration.Link]string{migration.LinkKeys: "no time left"}
		},
			migration.LinkKeys, migration.CheckSkipped, "not looked at: no time left", ""},
		"no history, and an unknown right": {func(p *migration.Probes) {
			p.History, p.Facts.Histories = migration.HistoryProbe{Schema: "h"}, nil
			p.Live.Missed, p.Live.Account = map[migration.Link]string{migration.LinkHistory: "no time left"}, migration.Account{ReadStats: true, Limit: -1}
		}, migration.LinkHistory, migration.CheckSkipped, "not looked at: no time left", ""},
		"room on Aurora": {func(*migration.Probes) {}, migration.LinkRoom, migration.CheckSkipped, "FreeLocalStorage", ""},
		"a directory that cannot be read": {func(p *migration.Probes) { p.Directory = migration.DirectoryProbe{Unread: "open .: no such file"} },
			migration.LinkDirectory, migration.CheckBroken, "no such file", "can be read"},
		"an empty directory": {func(p *migration.Probes) { p.Directory = migration.DirectoryProbe{} },
			migration.LinkDirectory, migration.CheckWarning, "no migration", "--dir"},
		"many faults of the directory": {func(p *migration.Probes) {
			f := migration.Finding{Severity: migration.Error, File: "001.sql", Summary: "edited", Fix: "Restore it."}
			p.Directory.Findings = []migration.Finding{{Severity: migration.Warning, Summary: "odd"}, f, f}
		}, migration.LinkDirectory, migration.CheckBroken, "2 things are wrong; the first: 001.sql: edited", "Restore it. Status"},
		"one of everything else's sessions": {func(p *migration.Probes) {
			p.Live.Old = []migration.Peer{{PID: 4711, User: "app", State: "idle in transaction", Transaction: "00:04:12"}}
		}, migration.LinkTransactions, migration.CheckWarning, "pid 4711 (app), idle in transaction, transaction open for 00:04:12", "pg_terminate_backend(4711)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := well()
			c.ail(&p)
			d := Diagnose(p)
			at := slices.IndexFunc(d.Checks, func(k migration.Check) bool { return k.Name == c.link })
			got := d.Checks[at]
			if got.State != c.state || !strings.Contains(got.Said, c.says) {
				t.Errorf("%s: %q, want %s: %q", got.State, got.Said, c.state, c.says)
			}
			if c.fix == "" && got.Fix != "" || !strings.Contains(got.Fix, c.fix) {
				t.Errorf("the fix is %q, want %q", got.Fix, c.fix)
			}
			if want := map[bool]migration.Outcome{true: migration.Unhealthy, false: migration.Healthy}[c.state == migration.CheckBroken]; d.Outcome() != want {
				t.Errorf("outcome %s, want %s", d.Outcome(), want)
			}
		})
	}
}

// Behind a broken link that ends the chain nothing is said to be well, and
// nothing is looked at: there is nothing to look at.
func TestDiagnose_nothingBehindTheEnd(t *testing.T) {
	failed := &migration.Failure{Message: "it failed", Next: "Mend it."}
	whole := well()
	for link, p := range map[migration.Link]migration.Probes{
		migration.LinkConfiguration: {Misconfigured: "MIGRATE_ROLE"},
		migration.LinkName:          {Route: &migration.Route{Broken: migration.LinkName, Failure: failed}, Directory: whole.Directory},
		migration.LinkPort:          {Route: &migration.Route{Broken: migration.LinkPort, Failure: failed, Addresses: whole.Route.Addresses}, Directory: whole.Directory},
		migration.LinkTLS:           {Route: &migration.Route{Broken: migration.LinkTLS, Failure: failed, Addresses: whole.Route.Addresses}, Directory: whole.Directory},
		migration.LinkCredentials:   {Unavailable: failed, Directory: whole.Directory},
		migration.LinkLogin:         {Route: whole.Route, Rejected: failed, Directory: whole.Directory},
	} {
		checks := Diagnose(p).Checks
		at := slices.IndexFunc(checks, func(c migration.Check) bool { return c.Name == link })
		for i, c := range checks {
			switch {
			case i == at && c.State != migration.CheckBroken, i > at && c.State != migration.CheckSkipped, i < at && c.State == migration.CheckBroken:
				t.Errorf("%s is broken, and %s is %s: %s", link, c.Name, c.State, c.Said)
			case i > at && c.Said != fmt.Sprintf("not looked at, since %s is broken", link):
				t.Errorf("%s says %q", c.Name, c.Said)
			}
		}
	}
}
