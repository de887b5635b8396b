package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// The links up to the login.

func configuration(p migration.Probes) found {
	if p.Misconfigured != "" {
		return broken(p.Misconfigured, "Correct the function's environment (in template.yaml), deploy, and send the same event again.")
	}
	s := p.Settings
	said := fmt.Sprintf("lock timeout %s, lock budget %s, approval by %s", s.LockTimeout, s.LockBudget, s.Approval)
	if s.Approval == migration.NoApproval {
		said = fmt.Sprintf("lock timeout %s, lock budget %s, no approval", s.LockTimeout, s.LockBudget)
	}
	if s.StatementTimeout > 0 {
		said += fmt.Sprintf(", statement timeout %s", s.StatementTimeout)
	}
	if p.Planner {
		said += "; a planner, which changes nothing"
	}
	return ok("%s", said)
}

func directory(p migration.Probes) found {
	d := p.Directory
	if d.Unread != "" {
		return broken(d.Unread, "Check that the directory is there and can be read.")
	}
	faults := slices.DeleteFunc(slices.Clone(d.Findings), func(f migration.Finding) bool { return f.Severity != migration.Error })
	switch {
	case len(faults) == 1:
		return broken(place(faults[0])+faults[0].Summary, faults[0].Fix)
	case len(faults) > 1:
		return broken(fmt.Sprintf("%d things are wrong; the first: %s%s", len(faults), place(faults[0]), faults[0].Summary),
			faults[0].Fix+" Status tells of all of them.")
	case d.Files == 0:
		return warning("there is no migration in it", "Deploy with the files under migrations/, or name their directory with --dir.")
	}
	return ok("%s, as atlas.sum has them", count(d.Files, "file"))
}

func place(f migration.Finding) string {
	if f.Place() == "" {
		return ""
	}
	return f.Place() + ": "
}

const unknownAddress = "not looked at: the address is not known without the credentials"

func name(p migration.Probes) found {
	r := p.Route
	switch {
	case r == nil:
		return skipped(unknownAddress)
	case r.Socket:
		return ok("a socket of this machine, %s", r.Host)
	case r.Broken == migration.LinkName:
		return broken(r.Failure.Message, "Check the host name (DatabaseHost, the secret, or DATABASE_URL): it is the cluster's writer endpoint, as in name.cluster-id.region.rds.amazonaws.com. "+
			"In a VPC, DNS resolution has to be on (enableDnsSupport), and over a peering too.")
	}
	said := few(each(r.Addresses, func(a netip.Addr) string { return a.String() + " (" + kind(a) + ")" }))
	if r.Host != r.Addresses[0].String() {
		said = r.Host + " is " + said
	}
	if slices.ContainsFunc(r.Addresses, func(a netip.Addr) bool { return kind(a) == "public" }) {
		return warning(said, "A cluster that only its VPC reaches has a private address. Turn its public accessibility off; if it is off, the name is asked for from outside the VPC.")
	}
	return ok("%s", said)
}

func kind(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "this machine"
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return "private"
	}
	return "public"
}

func port(p migration.Probes) found {
	r := p.Route
	switch {
	case r == nil:
		return skipped(unknownAddress)
	case r.Socket:
		return ok("no network in between")
	case r.Broken != migration.LinkPort:
		return ok("port %d takes connections", r.Port)
	}
	return broken(r.Failure.Message, unreached(r))
}

// unreached says what to look at where there is no TCP connection.
func unreached(r *migration.Route) string {
	switch r.Fault {
	case migration.FaultNoAnswer:
		return fmt.Sprintf("Something drops the packets. Look in this order: is the function in the VPC of the cluster (its subnets), does its security group let port %d out to the cluster's, "+
			"does the cluster's let it in from the function's, do the network ACLs of both subnets let it pass, is the writer available and not stopped.", r.Port)
	case migration.FaultRefused:
		return fmt.Sprintf("The machine is reached and nothing listens at port %d: check the port (DatabasePort, the secret, or DATABASE_URL), and that the server is up.", r.Port)
	}
	return r.Failure.Next
}

func encryption(p migration.Probes) found {
	r := p.Route
	switch {
	case r == nil:
		return skipped(unknownAddress)
	case r.Socket:
		return ok("none needed: a socket of this machine")
	case r.Broken == migration.LinkTLS:
		return broken(r.Failure.Message+about(r.TLS), explained(p, r.Failure, untrusted(r)))
	case r.TLS.Mode == migration.TLSDisabled && away(r.Addresses):
		return warning("none, as sslmode=disable asks: all that is sent can be read on the way", "Write sslmode=verify-full into the URL.")
	case r.TLS.Mode == migration.TLSDisabled:
		return ok("none, as sslmode=disable asks; the server is on this machine")
	case r.TLS.Version == "":
		return broken("the server has no TLS, and that was not asked for: all that is sent could be read on the way",
			"Turn TLS on at the server, and write sslmode=verify-full into the URL. For a server of your own on this machine, write sslmode=disable.")
	}
	said := r.TLS.Version + about(r.TLS)
	switch r.TLS.Mode {
	case migration.TLSPreferred, migration.TLSRequired:
		return warning(said+", not verified: anybody on the way could answer in the server's place",
			"Write sslmode=verify-full into the URL, and sslrootcert=FILE with the root certificates (those of RDS: global-bundle.pem).")
	case migration.TLSVerifiedCA:
		said += ", signed by an authority that we trust; the host name was not compared"
	default:
		said += ", signed by an authority that we trust and for this host name"
	}
	if left := r.TLS.Until.Sub(p.Now); left < 14*24*time.Hour {
		return warning(said, fmt.Sprintf("The certificate ends in %d days: have the server get a new one. RDS does so by itself, with a restart where the engine needs one: see the pending maintenance of the cluster.", int(left.Hours()/24)))
	}
	return ok("%s", said)
}

// away says that an address is not on this machine.
func away(addresses []netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return !a.IsLoopback() })
}

// about describes a certificate, "" where none was seen.
func about(e migration.Encryption) string {
	if e.Subject == "" && e.Issuer == "" {
		return ""
	}
	return fmt.Sprintf("; the certificate is for %s, by %s, until %s", cmp.Or(e.Subject, "nobody"), cmp.Or(e.Issuer, "nobody"), e.Until.Format(time.DateOnly))
}

// untrusted says what to do where TLS did not come about.
func untrusted(r *migration.Route) string {
	switch r.Fault {
	case migration.FaultPlain:
		return "Turn TLS on at the server. Aurora always has it, so what answers there may be something else: check host and port. For a server of your own on this machine, write sslmode=disable into the URL."
	case migration.FaultAuthority:
		return "The roots of RDS are built in where the settings are parts (DB_HOST, ...); for a server with a certificate of its own give the root that signed it (DB_ROOT_CERTIFICATES, or sslrootcert in the URL). If the server is Aurora, something on the way answers in its place."
	case migration.FaultHostName:
		return "Connect by the name that the certificate is for: the endpoint of the cluster itself, not an address and not a name of your own that points at it."
	case migration.FaultExpired:
		return "Renew the server's certificate (on RDS: modify the instance, certificate authority rds-ca-rsa2048-g1 or newer), and check that this machine's clock is right."
	}
	return waking(r.Fault, r.Failure)
}

// explained is what the source of the credentials says to do, else fix.
func explained(p migration.Probes, f *migration.Failure, fix string) string {
	if p.Explained {
		return f.Next
	}
	return fix
}

func waking(fault migration.Fault, f *migration.Failure) string {
	if fault == migration.FaultSilent {
		return "A paused serverless cluster takes some 15 seconds to wake: run doctor again. If it stays silent, see in the console whether the cluster is available; something that is not PostgreSQL may be listening there."
	}
	return f.Next
}

func credentials(p migration.Probes) found {
	if f := p.Unavailable; f != nil {
		return broken(f.Error(), cmp.Or(f.Next, "Check the address and the credentials of the database that are configured here."))
	}
	return ok("from %s, for %s", cmp.Or(p.Credentials, "the configuration"), p.User)
}

func login(p migration.Probes) found {
	if f := p.Rejected; f != nil {
		fix, sql := unlogged(p, f)
		return broken(f.Error(), explained(p, f, fix), sql...)
	}
	if p.Live.Lost != "" {
		return broken(fmt.Sprintf("%s got in, and then the session broke: %s", p.User, p.Live.Lost),
			"Run doctor again. If it breaks again, see the server's log, and whether it fails over or has no memory left.")
	}
	a := p.Live.Account
	said := fmt.Sprintf("%s may log in to %s", p.User, p.Facts.Target.Database)
	if a.IAM {
		said += ", with tokens of IAM"
	}
	if a.Superuser {
		said += "; it is an administrator, which is more than a run needs (the SQL for lesser users stands under sql in the JSON report)"
	}
	return ok("%s", said)
}

// unlogged says what to do where the server says no.
func unlogged(p migration.Probes, f *migration.Failure) (fix string, sql []string) {
	switch {
	case f.SQLState == "28P01":
		return fmt.Sprintf("The server does not take this password for %s, or has no such user. Where it comes from a secret: see that the secret names this user and holds its present password (a rotation that stopped half way leaves an old one).", p.User), nil
	case f.SQLState == "28000" && strings.Contains(f.Message, "PAM"):
		return fmt.Sprintf("Let %s log in by IAM: the cluster has IAM authentication on, the function's role may rds-db:connect as dbuser:CLUSTER-RESOURCE-ID/%s (ClusterResourceId, RunnerUser, PlannerUser), and the user is a member of rds_iam.", p.User, p.User),
			[]string{"GRANT rds_iam TO " + migration.Identifier(p.User) + ";"}
	case f.SQLState == "28000" && strings.Contains(f.Message, "pg_hba"):
		return fmt.Sprintf("The server lets %s in neither from here nor in this way. Aurora with rds.force_ssl says so to whoever comes without TLS: write sslmode=verify-full. Else it is a line in pg_hba.conf.", p.User), nil
	case f.SQLState == "28000":
		return fmt.Sprintf("Let %s log in, or use another user.", p.User), []string{"ALTER ROLE " + migration.Identifier(p.User) + " LOGIN;"}
	case f.SQLState == "3D000":
		return fmt.Sprintf("Create the database %s, or name the right one (DatabaseName, the secret, or DATABASE_URL).", p.Database), nil
	case f.SQLState == "42501":
		return fmt.Sprintf("Let %s connect to %s.", p.User, p.Database), []string{fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s;", migration.Identifier(p.Database), migration.Identifier(p.User))}
	}
	return waking(p.Fault, f), nil
}
