package report

import "github.com/alquimistaai/aurora-migrator/function/migration"

// unreached is a chain that breaks at the network.
var unreached = func() migration.Result {
	r := migration.Result{Action: migration.ActionDoctor, Outcome: migration.Unhealthy}
	r.Next = "Something drops the packets. Look in this order: is the function in the VPC of the cluster (its subnets), does its security group let port 5432 out to the cluster's, does the cluster's let it in from the function's."
	const behind = "not looked at, since port is broken"
	r.Diagnosis.Checks = []migration.Check{
		{Name: migration.LinkConfiguration, State: migration.CheckOK, Said: "lock timeout 2s, lock budget 4s, approval by digest"},
		{Name: migration.LinkName, State: migration.CheckOK, Said: "app.cluster-7xkq2zb4lm.sa-east-1.rds.amazonaws.com is 10.0.3.17 (private)"},
		{Name: migration.LinkPort, State: migration.CheckBroken, Fix: r.Next, Said: "app.cluster-7xkq2zb4lm.sa-east-1.rds.amazonaws.com:5432 does not answer: no TCP connection within 5s"},
		{Name: migration.LinkTLS, State: migration.CheckSkipped, Said: behind},
		{Name: migration.LinkCredentials, State: migration.CheckSkipped, Said: behind},
		{Name: migration.LinkLogin, State: migration.CheckSkipped, Said: behind},
	}
	r.Diagnosis.Scripts = []migration.Script{{For: "a user for the runner", Statements: []string{"CREATE ROLE migrate_runner LOGIN PASSWORD '<password>';"}}}
	return r
}()

// lacking is a chain with two broken links, a warning and SQL for all of them.
var lacking = func() migration.Result {
	r := migration.Result{Action: migration.ActionDoctor, Outcome: migration.Unhealthy, Target: target, Version: "017"}
	const read = "GRANT USAGE ON SCHEMA atlas_schema_revisions TO deployer; GRANT SELECT, INSERT, UPDATE, DELETE ON atlas_schema_revisions.atlas_schema_revisions TO deployer;"
	r.Next = "Make deployer a member of migrator: GRANT migrator TO deployer;"
	r.Diagnosis.Checks = []migration.Check{
		{Name: migration.LinkLogin, State: migration.CheckOK, Said: "deployer may log in to app"},
		{Name: migration.LinkRole, State: migration.CheckBroken, Said: "deployer may not SET ROLE migrator", Fix: r.Next},
		{Name: migration.LinkHistory, State: migration.CheckBroken, Said: "deployer may not read the history, atlas_schema_revisions.atlas_schema_revisions", Fix: "Let the login user read it: " + read},
		{Name: migration.LinkTransactions, State: migration.CheckWarning,
			Said: "open for more than a minute: pid 4711 (app, \x1b[31mworker), idle in transaction, transaction open for 00:04:12; deployer may not see when the transactions of others began (3 sessions of them in this database), nor what holds a lock up",
			Fix:  "Let it see them; it shows no rows: GRANT pg_read_all_stats TO deployer;"},
		{Name: migration.LinkRoom, State: migration.CheckSkipped, Said: "the database has 12 GB; how much room is left, SQL does not tell"},
	}
	r.Diagnosis.Scripts = []migration.Script{
		{For: "what is missing", Missing: true, Statements: []string{"GRANT migrator TO deployer;", "GRANT USAGE ON SCHEMA atlas_schema_revisions TO deployer;",
			"GRANT SELECT, INSERT, UPDATE, DELETE ON atlas_schema_revisions.atlas_schema_revisions TO deployer;", "GRANT pg_read_all_stats TO deployer;"}},
		unreached.Diagnosis.Scripts[0],
	}
	return r
}()

var healthy = migration.Result{Action: migration.ActionDoctor, Outcome: migration.Healthy, Target: target, Version: "017",
	Next: "Nothing stands in the way: ask for a plan.",
	Diagnosis: migration.Diagnosis{Checks: []migration.Check{
		{Name: migration.LinkConfiguration, State: migration.CheckOK, Said: "lock timeout 2s, lock budget 4s, approval by digest"},
		{Name: migration.LinkTLS, State: migration.CheckOK, Said: "TLS 1.3; the certificate is for app.rds.amazonaws.com, by Amazon RDS sa-east-1 Subordinate CA RSA2048 G1.A.3, until 2027-03-01, signed by an authority that we trust and for this host name"},
		{Name: migration.LinkKeys, State: migration.CheckWarning, Said: "running out: public.leads_lead_id_seq for public.leads.lead_id at 93 % (2000000000 of 2147483647)",
			Fix: "At its end no row can be inserted. Move the key to bigint before: a new column, filled in steps, then swapped; the sequence AS bigint too."},
		{Name: migration.LinkClock, State: migration.CheckOK, Said: "the server's and ours agree to 2ms"},
	}, Scripts: unreached.Diagnosis.Scripts},
}
