package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	tell "github.com/alquimistaai/aurora-migrator/function/report"
)

var doctor = pipeline.Request{Action: migration.ActionDoctor}

// An illness is one thing that is wrong, for real, and what doctor says of it.
type illness struct {
	name    string
	before  string   // SQL run by a superuser before anything else
	files   []string // name, text, ...
	arrange func(*scene)
	link    migration.Link
	state   migration.CheckState // broken where it is not said
	says    []string
	fix     string
	mends   bool // what stands under "what is missing" mends it, run by a superuser
	behind  migration.CheckState
}

func illnesses() []illness {
	return slices.Concat(illWay(), illLogin(), illServer(), illHistory(), illPrivileges(), illState())
}

// Each link is broken for real; doctor names it as the first broken one, with
// its fix, within its time, and changes and tells nothing. Where the fix is SQL,
// running it mends the link.
func TestDoctor_illnesses(t *testing.T) {
	for _, c := range illnesses() {
		t.Run(c.name, c.run)
	}
}

func (c illness) run(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := &scene{T: t, db: db, conn: db.Conn(t), patience: patience, log: &lockedBuffer{}}
	if c.before != "" {
		s.db.Exec(t, c.before)
	}
	if c.files == nil {
		c.files = twoFiles
	}
	s.files = dir(t, c.files...)
	s.connect(s.db.URL)
	c.arrange(s)
	was := s.snapshot()
	r := s.do(doctor)
	if is := s.snapshot(); is != was {
		t.Errorf("it changed the database\nfrom\n%s\nto\n%s", was, is)
	}
	c.judge(s, r)
	s.nothingTold(r)
	if t.Failed() || testing.Verbose() {
		t.Logf("%s", strings.Join(tell.Screen(r, tell.ScreenOptions{}), "\n"))
	}
	if c.mends && !t.Failed() {
		for _, statement := range missing(r) {
			s.db.Exec(t, statement)
		}
		if after := check(t, s.do(doctor), c.link); after.State != migration.CheckOK {
			t.Errorf("after its SQL was run: %s: %s", after.State, after.Said)
		}
	}
}

func (c illness) judge(s *scene, r result) {
	s.Helper()
	if c.state == "" {
		c.state = migration.CheckBroken
	}
	got := check(s, r, c.link)
	if got.State != c.state {
		s.Errorf("%s is %s, want %s: %s", c.link, got.State, c.state, got.Said)
	}
	for _, words := range c.says {
		if !strings.Contains(got.Said, words) {
			s.Errorf("it says %q, want %q in it", got.Said, words)
		}
	}
	if c.state != migration.CheckOK && (got.Fix == "" || !strings.Contains(got.Fix, c.fix)) {
		s.Errorf("the fix is %q, want %q in it", got.Fix, c.fix)
	}
	broken, _ := r.Diagnosis.Broken()
	switch {
	case c.state != migration.CheckBroken && r.Outcome != migration.Healthy:
		s.Errorf("outcome %s, want healthy: %s: %s", r.Outcome, broken.Name, broken.Said)
	case c.state == migration.CheckBroken && (r.Outcome != migration.Unhealthy || broken != got || r.Next != got.Fix):
		s.Errorf("outcome %s, the first broken link is %s: %s; next is %q", r.Outcome, broken.Name, broken.Said, r.Next)
	}
	if last := r.Diagnosis.Checks[len(r.Diagnosis.Checks)-1]; c.behind != "" && last.State != c.behind {
		s.Errorf("%s is %s, want %s", last.Name, last.State, c.behind)
	}
}

func check(t testing.TB, r result, link migration.Link) migration.Check {
	t.Helper()
	for _, c := range r.Diagnosis.Checks {
		if c.Name == link {
			return c
		}
	}
	t.Fatalf("no check is called %s", link)
	panic("not reached")
}

// missing is the SQL for what is missing.
func missing(r result) []string {
	for _, script := range r.Diagnosis.Scripts {
		if script.For == "what is missing" {
			return script.Statements
		}
	}
	return nil
}

func illWay() []illness {
	at := func(name string, link migration.Link, address string, patience time.Duration, fix string, says ...string) illness {
		return illness{name: name, link: link, fix: fix, says: says, behind: migration.CheckSkipped, arrange: func(s *scene) {
			s.patience = patience
			address := address
			switch address {
			case "closed":
				address = closed(s.T)
			case "deaf":
				address = pgtest.Deaf(s.T)
			case "silent":
				address = serve(s.T, silent)
			case "http":
				address = serve(s.T, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
			}
			mode := "require"
			if link == migration.LinkLogin {
				mode = "disable"
			}
			s.connect("postgres://u:" + password + "@" + address + "/d?sslmode=" + mode)
		}}
	}
	tls := func(name string, fix, says string, arrange func(*scene) (address, query string)) illness {
		return illness{name: name, link: migration.LinkTLS, fix: fix, says: []string{says}, behind: migration.CheckSkipped, arrange: func(s *scene) {
			address, query := arrange(s)
			s.connect("postgres://postgres:" + password + "@" + address + "/postgres?" + query)
		}}
	}
	now, loopback := time.Now(), net.IPv4(127, 0, 0, 1)
	return []illness{
		at("a name that is not there", migration.LinkName, "no-such-host.invalid:5432", patience, "writer endpoint", "no-such-host.invalid cannot be resolved"),
		at("a port where nothing listens", migration.LinkPort, "closed", patience, "nothing listens at port", "refuses the connection"),
		at("packets that are dropped", migration.LinkPort, "deaf", patience, "security group", "no TCP connection within 5s"),
		at("a server that stays silent, with TLS", migration.LinkTLS, "silent", 2*time.Second, "A paused serverless cluster", "then stayed silent"),
		at("a server that stays silent, without TLS", migration.LinkLogin, "silent", 2*time.Second, "A paused serverless cluster", "then stayed silent"),
		at("something that is not PostgreSQL, with TLS", migration.LinkTLS, "http", patience, "something else is listening", "does not speak PostgreSQL's protocol"),
		at("something that is not PostgreSQL, without TLS", migration.LinkLogin, "http", patience, "something else is listening", "does not speak PostgreSQL's protocol"),
		tls("no TLS where it is demanded", "Turn TLS on", "speaks no TLS", func(s *scene) (string, string) { return host(s), "sslmode=require" }),
		tls("no TLS where it is only preferred", "sslmode=disable", "the server has no TLS", func(s *scene) (string, string) { return host(s), "sslmode=prefer" }),
		tls("a certificate of an unknown authority", "DB_ROOT_CERTIFICATES", "no root certificate that we trust", func(s *scene) (string, string) {
			address, _ := secured(s)
			_, other := certificate(s.T, now.Add(time.Hour), loopback)
			return address, "sslmode=verify-full&sslrootcert=" + other
		}),
		tls("a certificate for another host", "by the name that the certificate is for", "for another host name than 127.0.0.1; the certificate is for test, by test, until ", func(s *scene) (string, string) {
			pair, root := certificate(s.T, now.Add(time.Hour), net.IPv4(192, 0, 2, 1))
			return serve(s.T, speakTLS(pair)), "sslmode=verify-full&sslrootcert=" + root
		}),
		tls("a certificate that has expired", "Renew the server's certificate", "which is not now", func(s *scene) (string, string) {
			pair, root := certificate(s.T, now.Add(-time.Hour), loopback)
			return serve(s.T, speakTLS(pair)), "sslmode=verify-full&sslrootcert=" + root
		}),
	}
}

// host is the address of the scene's server.
func host(s *scene) string {
	u, err := url.Parse(s.db.URL)
	if err != nil {
		s.Fatal(err)
	}
	return u.Host
}

func illLogin() []illness {
	return []illness{
		{name: "credentials that cannot be had", link: migration.LinkCredentials, says: []string{"the secret app/db is not there"}, fix: "Correct its ARN", behind: migration.CheckSkipped, arrange: func(s *scene) {
			s.p.Connect = func(context.Context) (postgres.Config, error) {
				return postgres.Config{}, &migration.Failure{Message: "the secret app/db is not there", Next: "Correct its ARN.", Cause: errors.New(password)}
			}
		}},
		{name: "a wrong password from a secret", link: migration.LinkLogin, says: []string{"28P01"}, fix: "The secret was read once more", arrange: func(s *scene) {
			s.connect(s.db.As("postgres", password))
			s.p.Refused = func(_ context.Context, f *migration.Failure) bool {
				f.Next = "The secret was read once more."
				return false
			}
		}},
		{name: "a wrong password", link: migration.LinkLogin, says: []string{"28P01"}, fix: "holds its present password", behind: migration.CheckSkipped, arrange: func(s *scene) {
			s.connect(s.db.As("postgres", password))
		}},
		{name: "a user that may not log in", link: migration.LinkLogin, says: []string{"28000"}, fix: "LOGIN;", mends: true, arrange: func(s *scene) {
			s.db.Exec(s, "ALTER ROLE "+s.login("")+" NOLOGIN; GRANT CREATE ON DATABASE "+s.db.Name+" TO PUBLIC")
		}},
		{name: "a database that is not there", link: migration.LinkLogin, says: []string{"3D000"}, fix: "Create the database nowhere", arrange: func(s *scene) {
			s.connect(s.edit(func(u *url.URL) { u.Path = "/nowhere" }))
		}},
		{name: "a database that one may not connect to", link: migration.LinkLogin, says: []string{"42501"}, fix: "GRANT CONNECT ON DATABASE", mends: true, arrange: func(s *scene) {
			s.db.Exec(s, "REVOKE CONNECT ON DATABASE "+s.db.Name+" FROM PUBLIC")
			s.login("")
		}},
	}
}

func illServer() []illness {
	role := func(name, attributes string, set func(s *scene, login string), c illness) illness {
		c.name = name
		c.arrange = func(s *scene) {
			login := s.login(attributes)
			s.db.Exec(s, fmt.Sprintf("GRANT ALL ON DATABASE %s TO %s; GRANT ALL ON SCHEMA public TO PUBLIC; GRANT pg_read_all_stats TO %[2]s", s.db.Name, login))
			set(s, login)
		}
		return c
	}
	return []illness{
		{name: "a reader", link: migration.LinkWriter, says: []string{"a reader"}, fix: "writer endpoint", behind: migration.CheckOK, arrange: func(s *scene) { s.connect(pgtest.Standby(s)) }},
		{name: "a pooler in between", link: migration.LinkPooler, says: []string{"another backend answers"}, fix: "not through RDS Proxy", behind: migration.CheckOK, arrange: func(s *scene) { s.through(pooled(s)) }},
		role("transactions that are read-only", "", func(s *scene, login string) {
			s.db.Exec(s, fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET default_transaction_read_only = on", login, s.db.Name))
		}, illness{link: migration.LinkReadOnly, says: []string{"read-only by default"}, fix: "SET default_transaction_read_only = off;", mends: true}),
		role("a role that is not there", "", func(s *scene, _ string) {
			s.p.Settings.Role, _ = s.db.Role(s, "") // which drops it in the end, when it is there again
			s.db.Exec(s, "DROP ROLE "+s.p.Settings.Role)
		}, illness{link: migration.LinkRole, says: []string{"does not exist"}, fix: "CREATE ROLE", mends: true}),
		role("a role that may not be SET", "", func(s *scene, _ string) {
			s.p.Settings.Role, _ = s.db.Role(s, "")
		}, illness{link: migration.LinkRole, says: []string{"may not SET ROLE"}, fix: "GRANT role_", mends: true}),
		role("a directory that was edited", "", func(s *scene, _ string) {
			s.files["001_a.sql"] = text("SELECT 'edited'")
		}, illness{link: migration.LinkDirectory, files: []string{"001_a.sql", "SELECT 1;\n"}, fix: "hash", behind: migration.CheckOK}),
	}
}

// plain logs in as a role that may do what a run needs, but for what a case
// takes away.
func (s *scene) plain() (login string) {
	s.Helper()
	login = s.login("")
	s.db.Exec(s, fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s; GRANT USAGE, CREATE ON SCHEMA public TO %[2]s; GRANT pg_read_all_stats TO %[2]s", s.db.Name, login))
	return login
}

func illHistory() []illness {
	on := func(name string, set func(*scene), says, fix string, mends bool) illness {
		return illness{name: "history: " + name, link: migration.LinkHistory, says: []string{says}, fix: fix, mends: mends, arrange: set, behind: migration.CheckOK}
	}
	const schema = "atlas_schema_revisions"
	adopted := func(rights string, planner bool) func(*scene) {
		return func(s *scene) {
			adopt(s)
			login := s.plain()
			if rights != "" {
				s.db.Exec(s, fmt.Sprintf("GRANT USAGE ON SCHEMA %[1]s TO %[2]s; GRANT %[3]s ON %[1]s.atlas_schema_revisions TO %[2]s", schema, login, rights))
			}
			s.p.ReadOnly = planner
		}
	}
	return []illness{
		on("not to be read", adopted("", false), "may not read the history", "GRANT SELECT, INSERT, UPDATE, DELETE ON", true),
		on("not to be read by a planner", adopted("", true), "may not read the history", "GRANT SELECT ON", true),
		on("not to be written", adopted("SELECT, INSERT", false), "and not write it", "GRANT SELECT, INSERT, UPDATE, DELETE ON", true),
		on("two of them", func(s *scene) { s.db.Exec(s, historyIn("one")+historyIn("two")) }, "2 history tables, in the schemas one, two", "Name the schema", false),
		on("in another schema", func(s *scene) {
			s.db.Exec(s, historyIn("one"))
			s.p.Settings.HistorySchema = "two"
		}, "the history is in the schema one, and the settings name two", "Name the schema", false),
		on("something else by its name", func(s *scene) {
			s.db.Exec(s, "CREATE SCHEMA atlas_schema_revisions; CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version text)")
		}, "and not its columns", "Rename it", false),
		on("of another directory", func(s *scene) {
			applied(s.T, on_(s, "001_a.sql", "CREATE TABLE was ();\n", "002_b.sql", "CREATE TABLE other ();\n"))
		}, "it contradicts the directory", "Status tells", false),
		on("none, and not empty", func(s *scene) { s.db.Exec(s, "CREATE TABLE seen (id int)") }, "table public.seen", "Adopt it: baseline", false),
		on("none, and nowhere to make it", func(s *scene) {
			s.db.Exec(s, fmt.Sprintf("REVOKE CREATE ON DATABASE %s FROM %s", s.db.Name, s.plain()))
		}, "may not create the schema atlas_schema_revisions", "CREATE SCHEMA atlas_schema_revisions AUTHORIZATION", true),
		on("none, and no right in its schema", func(s *scene) {
			s.db.Exec(s, `CREATE SCHEMA "My History"`)
			s.plain()
			s.p.Settings.HistorySchema = "My History"
		}, "may not create it in the schema My History", `GRANT USAGE, CREATE ON SCHEMA "My History"`, true),
	}
}

// on_ is a pipeline over other files and the scene's database.
func on_(s *scene, namesAndTexts ...string) *pipeline.Pipeline {
	return on(s, s.db.URL, dir(s, namesAndTexts...))
}

func illPrivileges() []illness {
	on := func(name, file string, set func(s *scene, login string), c illness) illness {
		c.name, c.link, c.mends, c.behind = "privileges: "+name, migration.LinkPrivileges, true, migration.CheckOK
		c.files = []string{"002_b.sql", file}
		c.arrange = func(s *scene) {
			adopt(s)
			login := s.plain()
			s.db.Exec(s, fmt.Sprintf("GRANT USAGE ON SCHEMA atlas_schema_revisions TO %s; GRANT ALL ON atlas_schema_revisions.atlas_schema_revisions TO %[1]s", login))
			set(s, login)
		}
		return c
	}
	revoke := func(s *scene, login string) { s.db.Exec(s, "REVOKE CREATE ON SCHEMA public FROM "+login) }
	return []illness{
		on("to create anywhere", "CREATE TABLE b ();\n", revoke, illness{says: []string{"may create nowhere", "(public)"}, fix: "GRANT USAGE, CREATE ON SCHEMA public"}),
		on("of the role that is SET", "CREATE TABLE b ();\n", func(s *scene, login string) {
			s.p.Settings.Role, _ = s.db.Role(s, "")
			s.db.Exec(s, "GRANT "+s.p.Settings.Role+" TO "+login)
		}, illness{says: []string{"role_", "may create nowhere"}, fix: "GRANT USAGE, CREATE ON SCHEMA public TO role_"}),
		on("in one schema of two", "CREATE TABLE app.b ();\n", func(s *scene, login string) {
			s.db.Exec(s, "CREATE SCHEMA app; GRANT ALL ON SCHEMA app TO "+login)
			revoke(s, login)
		}, illness{state: migration.CheckWarning, says: []string{"may create nothing in public"}, fix: "GRANT USAGE, CREATE ON SCHEMA public"}),
		on("no schema at all", "CREATE TABLE b ();\n", func(s *scene, _ string) { s.db.Exec(s, "DROP SCHEMA public") },
			illness{says: []string{"there is no schema in the search_path"}, fix: "CREATE SCHEMA public AUTHORIZATION"}),
		on("to create a schema", "CREATE SCHEMA app;\n", func(s *scene, login string) {
			s.db.Exec(s, fmt.Sprintf("REVOKE CREATE ON DATABASE %s FROM %s", s.db.Name, login))
		}, illness{says: []string{"002_b.sql:1 has CREATE SCHEMA", "may not create in the database"}, fix: "GRANT CREATE ON DATABASE"}),
		on("a table of another owner", "ALTER TABLE people ADD COLUMN x int;\n", func(*scene, string) {},
			illness{before: people, state: migration.CheckWarning, says: []string{"does not own table public.people (of postgres)"}, fix: "ALTER TABLE public.people OWNER TO"}),
	}
}

func illState() []illness {
	warned := func(name string, link migration.Link, set func(*scene), fix string, says ...string) illness {
		return illness{name: name, link: link, state: migration.CheckWarning, says: says, fix: fix, behind: migration.CheckOK, arrange: set, before: ""}
	}
	// made is a database with a history, so that it may have objects.
	made := func(sql string) func(*scene) {
		return func(s *scene) {
			s.db.Exec(s, sql)
			adopt(s)
			s.files = dir(s, "001_a.sql", "SELECT 1;\n")
			s.connect(s.db.URL)
		}
	}
	return []illness{
		warned("a lock that is held", migration.LinkLock, func(s *scene) {
			holds(s, "SELECT pg_advisory_lock(2686470616)")
		}, "pg_terminate_backend(", "held by pid ", "has done nothing for"),
		warned("a lock that is held by a transaction", migration.LinkLock, func(s *scene) {
			holds(s, "BEGIN", "SELECT pg_advisory_lock(2686470616)")
		}, "Wait until it is done", "a migration is under way: held by pid "),
		{name: "no sight of the sessions of others", link: migration.LinkTransactions, state: migration.CheckWarning, mends: true, fix: "GRANT pg_read_all_stats TO", arrange: func(s *scene) {
			s.db.Exec(s, "REVOKE pg_read_all_stats FROM "+s.plain())
			holds(s, "BEGIN", "SELECT 1")
		}, says: []string{"may not see when the transactions of others began (2 sessions of them"}},
		warned("few connections", migration.LinkConnections, func(s *scene) {
			s.db.Exec(s, "ALTER ROLE "+s.plain()+" CONNECTION LIMIT 1")
		}, "CONNECTION LIMIT 4", "may have 1 connection at a time"),
		warned("an INVALID index", migration.LinkIndexes, made(people+"CREATE INDEX people_code ON people (code); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_code'::regclass"),
			"DROP INDEX CONCURRENTLY public.people_code", "public.people_code on public.people"),
		warned("a constraint that is NOT VALID", migration.LinkConstraints, made(people+`ALTER TABLE people ADD CONSTRAINT "Born" CHECK (born IS NOT NULL) NOT VALID`),
			`ALTER TABLE public.people VALIDATE CONSTRAINT "Born"`, `"Born" on public.people`),
		warned("a publication", migration.LinkReplication, made(people+"CREATE PUBLICATION reports FOR TABLE people"), "subscriber first", "published by reports"),
		{name: "a Blue/Green deployment", link: migration.LinkReplication, says: []string{"rds_us_east_1_deployment"}, fix: "switched over", behind: migration.CheckOK,
			arrange: made("CREATE PUBLICATION rds_us_east_1_deployment FOR ALL TABLES")},
		warned("a serial that runs out", migration.LinkKeys, made("CREATE TABLE orders (id serial PRIMARY KEY); SELECT setval('orders_id_seq', 2000000000)"),
			"bigint", "public.orders_id_seq for public.orders.id at 93 % (2000000000 of 2147483647)"),
		warned("a bigint sequence for an int", migration.LinkKeys, made("CREATE SEQUENCE ids; CREATE TABLE orders (id int DEFAULT nextval('ids')); SELECT setval('ids', 1700000000)"),
			"bigint", "public.ids for public.orders.id at 79 %"),
		{name: "a bigint key with room", link: migration.LinkKeys, state: migration.CheckOK, arrange: made("CREATE TABLE orders (id bigserial PRIMARY KEY); SELECT setval('orders_id_seq', 2000000000)")},
		{name: "timeouts of the database", link: migration.LinkSettings, state: migration.CheckOK, says: []string{"statement_timeout is 5000ms; a run sets its own"}, arrange: func(s *scene) {
			s.db.Exec(s, "ALTER DATABASE "+s.db.Name+" SET statement_timeout = '5s'")
		}},
		warned("a limit to temporary files", migration.LinkSettings, func(s *scene) {
			s.db.Exec(s, "ALTER DATABASE "+s.db.Name+" SET temp_file_limit = '1GB'")
		}, "index build", "temp_file_limit is 1048576kB"),
	}
}

// holds runs statements on a session that stays until the test ends.
func holds(s *scene, statements ...string) {
	s.Helper()
	c := s.db.Conn(s)
	for _, statement := range statements {
		if _, err := c.Exec(s.Context(), statement); err != nil {
			s.Fatal(err)
		}
	}
}

// What doctor prints to make the two users suffices: the runner applies what the
// planner planned, and doctor has nothing against either.
func TestDoctor_usersSuffice(t *testing.T) {
	db := pgtest.New(t)
	owner, _ := db.Role(t, "")
	files := dir(t, "001_a.sql", "CREATE TABLE a (id bigint);\n")
	p := on(t, db.URL, files)
	p.Settings.Role = owner
	runner, planner := made(t, db, p, "runner"), made(t, db, p, "planner")
	planner.ReadOnly = true

	healthy(t, planner)
	healthy(t, runner)
	r := do(t, runner, pipeline.Request{Action: migration.ActionApply, Plan: planned(t, planner)})
	want(t, r, migration.Applied)
	if got := db.Query(t, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'"); got != owner {
		t.Errorf("the table belongs to %s", got)
	}
	// The history is there now, so there is more to grant: what is missing says it.
	for _, statement := range missing(do(t, planner, doctor)) {
		db.Exec(t, statement)
	}
	healthy(t, planner)
	healthy(t, runner)
	want(t, do(t, planner, pipeline.Request{Action: migration.ActionPlan}), migration.NothingToDo)
	want(t, do(t, planner, pipeline.Request{Action: migration.ActionStatus}), migration.Current)
}

// made makes the user of a script, under a name of its own, and logs in as it.
func made(t *testing.T, db *pgtest.DB, p *pipeline.Pipeline, who string) *pipeline.Pipeline {
	t.Helper()
	name, address := db.Role(t, "")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	db.Exec(t, "DROP ROLE "+name) // which the test drops again in the end
	found := false
	for _, script := range do(t, p, doctor).Diagnosis.Scripts {
		if script.For != "a user for the "+who {
			continue
		}
		found = true
		for _, statement := range script.Statements {
			statement = strings.ReplaceAll(strings.ReplaceAll(statement, "migrate_"+who, name), "<password>", secret)
			if !strings.HasPrefix(statement, "--") {
				db.Exec(t, statement)
			}
		}
	}
	if !found {
		t.Fatalf("no script makes a user for the %s", who)
	}
	made := on(t, address, p.Directory)
	made.Settings = p.Settings
	return made
}

func healthy(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()
	r := do(t, p, doctor)
	for _, c := range r.Diagnosis.Checks {
		if c.State == migration.CheckBroken || c.State == migration.CheckWarning {
			t.Errorf("%s is %s: %s", c.Name, c.State, c.Said)
		}
	}
	if r.Outcome != migration.Healthy || len(missing(r)) > 0 {
		t.Errorf("outcome %s, missing %q", r.Outcome, missing(r))
	}
}

// TLS that works is told with its certificate and how it was verified.
func TestDoctor_tls(t *testing.T) {
	server := pgtest.Private(t, map[string]string{"ssl": "on"})
	for mode, want := range map[string]struct {
		state migration.CheckState
		says  string
	}{
		"verify-full": {migration.CheckOK, "signed by an authority that we trust and for this host name"},
		"verify-ca":   {migration.CheckOK, "the host name was not compared"},
		"require":     {migration.CheckWarning, "not verified"},
		"prefer":      {migration.CheckWarning, "not verified"},
	} {
		address := strings.Replace(server.URL(""), "sslmode=require", "sslmode="+mode, 1)
		if strings.HasPrefix(mode, "verify") {
			address += "&sslrootcert=" + server.CertFile()
		}
		r := do(t, on(t, address, dir(t)), doctor)
		got := check(t, r, migration.LinkTLS)
		if got.State != want.state || !strings.Contains(got.Said, want.says) || !strings.Contains(got.Said, "TLS 1.3; the certificate is for localhost, by localhost, until 20") {
			t.Errorf("%s: %s: %s", mode, got.State, got.Said)
		}
		if r.Outcome != migration.Healthy {
			t.Errorf("%s: outcome %s: %s", mode, r.Outcome, r.Next)
		}
	}
}

// A prepared transaction needs a server that takes them.
func TestDoctor_prepared(t *testing.T) {
	db := pgtest.On(t, pgtest.Private(t, map[string]string{"max_prepared_transactions": "2"}))
	c := db.Conn(t)
	for _, sql := range []string{"BEGIN", "SELECT pg_current_xact_id()", "PREPARE TRANSACTION 'it''s'"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	defer db.Exec(t, "ROLLBACK PREPARED 'it''s'")
	got := check(t, do(t, on(t, db.URL, dir(t)), doctor), migration.LinkPrepared)
	if got.State != migration.CheckWarning || !strings.Contains(got.Said, `"it's" of postgres, for 00:00:`) || !strings.Contains(got.Fix, "ROLLBACK PREPARED 'it''s';") {
		t.Errorf("%+v", got)
	}
}

// A configuration that cannot be used is the first link.
func TestDoctor_misconfigured(t *testing.T) {
	r := pipeline.Misconfigured("MIGRATE_LOCK_TIMEOUT is \"5\": want a duration")
	if got := check(t, r, migration.LinkConfiguration); r.Outcome != migration.Unhealthy || got.State != migration.CheckBroken || r.Next != got.Fix {
		t.Errorf("%+v, next %q", got, r.Next)
	}
	if got := check(t, r, migration.LinkDirectory); got.State != migration.CheckSkipped {
		t.Errorf("%+v", got)
	}
}
