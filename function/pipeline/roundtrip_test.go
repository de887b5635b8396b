package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// turns counts round trips: how often a client that has written reads an answer.
// Whatever it writes at once, and however many pieces the answer comes in, is
// one.
type turns struct {
	mu    sync.Mutex
	conns []*turningConn
}

func (t *turns) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &turningConn{Conn: conn}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns = append(t.conns, c)
	return c, nil
}

// sum is the count over all connections, but for the one that watches locks:
// whether it is opened depends on how fast the machine is, and nothing waits
// for it.
func (t *turns) sum() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, c := range t.conns {
		c.mu.Lock()
		if !c.lookout {
			n += c.turns
		}
		c.mu.Unlock()
	}
	return n
}

type turningConn struct {
	net.Conn
	mu      sync.Mutex
	asked   bool
	turns   int
	lookout bool
}

func (c *turningConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.asked = true
	c.lookout = c.lookout || bytes.Contains(b, []byte("aurora-migrate lookout"))
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *turningConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && c.asked {
		c.asked = false
		c.turns++
	}
	return n, err
}

// roundTrips serves a request, whose outcome has to be o, and says how many
// round trips it took, from the first packet of the handshake on.
func roundTrips(t *testing.T, url string, files fstest.MapFS, r pipeline.Request, o migration.Outcome) int {
	t.Helper()
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	var counted turns
	p := on(t, url, files)
	p.Connect = func(context.Context) (postgres.Config, error) { return config.WithDial(counted.dial), nil }
	want(t, do(t, p, r), o)
	return counted.sum()
}

// numbered is n files whose texts are made by text, from version first on.
func numbered(t testing.TB, first, n int, text func(version int) string) fstest.MapFS {
	t.Helper()
	var files []string
	for v := first; v < first+n; v++ {
		files = append(files, fmt.Sprintf("%06d_f.sql", v), text(v))
	}
	return dir(t, files...)
}

func trivial(version int) string { return fmt.Sprintf("SELECT %d;\n", version) }

// How long a request takes far from the database is how many round trips it
// makes, and that does not depend on the machine.
func TestDo_roundTrips(t *testing.T) {
	db := pgtest.New(t)
	const many = 1000
	apply := func(files fstest.MapFS) int {
		t.Helper()
		digest := planned(t, on(t, db.URL, files))
		return roundTrips(t, db.URL, files, pipeline.Request{Action: migration.ActionApply, Plan: digest}, migration.Applied)
	}
	check := func(what string, got, want int) {
		t.Helper()
		t.Logf("%s: %d", what, got)
		if got != want {
			t.Errorf("%s: %d round trips, want %d", what, got, want)
		}
	}

	// The handshake with SCRAM is 3; then facts, lock, history (or a second look
	// whether there is one), what the plan touches, and each file.
	const alone = 8
	check("apply of one file, no history yet", apply(numbered(t, 1, 1, trivial)), alone)
	check("apply of one file", apply(numbered(t, 1, 2, trivial)), alone)
	check("apply of 3 files", apply(numbered(t, 1, 5, trivial)), alone+2)
	check(fmt.Sprintf("apply of %d files", many-5), apply(numbered(t, 1, many, trivial)), alone+many-6)

	// Nothing to do: the handshake, facts, history.
	files := numbered(t, 1, many, trivial)
	for _, c := range []struct {
		action  migration.Action
		outcome migration.Outcome
	}{{migration.ActionPlan, migration.NothingToDo}, {migration.ActionApply, migration.NothingToDo}, {migration.ActionStatus, migration.Current}} {
		check(fmt.Sprintf("%s, %d applied", c.action, many), roundTrips(t, db.URL, files, pipeline.Request{Action: c.action}, c.outcome), 5)
	}
	check("plan of one file", roundTrips(t, db.URL, numbered(t, 1, many+1, trivial), pipeline.Request{Action: migration.ActionPlan}, migration.Planned), 6)
}

// TLS adds one for the question whether the server speaks it and one for its
// handshake; a server that wants another curve than was offered, as PostgreSQL
// before 18 does, adds a third.
func TestDo_roundTripsWithTLS(t *testing.T) {
	db := pgtest.On(t, pgtest.Private(t, map[string]string{"ssl": "on"}))
	url := strings.Replace(db.URL, "sslmode=disable", "sslmode=require", 1)
	files := numbered(t, 1, 3, trivial)
	applied(t, on(t, url, files))
	for _, a := range []migration.Action{migration.ActionPlan, migration.ActionApply, migration.ActionStatus} {
		outcome := migration.NothingToDo
		if a == migration.ActionStatus {
			outcome = migration.Current
		}
		got := roundTrips(t, url, files, pipeline.Request{Action: a}, outcome)
		t.Logf("%s: %d", a, got)
		if got < 7 || got > 8 {
			t.Errorf("%s with nothing to do: %d round trips, want 7 or 8", a, got)
		}
	}
}

// With a replay, an apply ends with one look at what it touched, and a digest
// that comes again looks at it once before it goes on; a plan costs what it
// costs without.
func TestDo_roundTripsWithAReplay(t *testing.T) {
	db := pgtest.New(t)
	all := replayed(t, numbered(t, 1, 3, func(v int) string {
		if v == 2 {
			return "-- atlas:txmode none\n\nCREATE TABLE two (n int);\nSELECT 1 / (SELECT count(*) FROM a);\n"
		}
		return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %c (n int);\nINSERT INTO a VALUES (1);\n", 'a'+v-1)
	}))
	if got := roundTrips(t, db.URL, all, pipeline.Request{Action: migration.ActionPlan, To: "000001"}, migration.Planned); got != 6 {
		t.Errorf("plan: %d round trips, want 6", got)
	}
	first := do(t, on(t, db.URL, all), pipeline.Request{Action: migration.ActionPlan, To: "000001"}).Plan.Digest.String()
	if got := roundTrips(t, db.URL, all, pipeline.Request{Action: migration.ActionApply, To: "000001", Plan: first}, migration.Applied); got != 9 {
		t.Errorf("apply of one file: %d round trips, want 9", got)
	}
	db.Exec(t, "DELETE FROM a")
	digest := planned(t, on(t, db.URL, all))
	want(t, do(t, on(t, db.URL, all), pipeline.Request{Action: migration.ActionApply, Plan: digest}), migration.Failed)
	bare := fstest.MapFS{}
	for name, f := range all {
		if name != migration.ReplayName {
			bare[name] = f
		}
	}
	fails := func(files fstest.MapFS) int {
		fewest := math.MaxInt
		for range 3 { // a look at what is touched gives way to whoever holds a lock on it, and is taken again
			fewest = min(fewest, roundTrips(t, db.URL, files, pipeline.Request{Action: migration.ActionApply, Plan: digest}, migration.Failed))
		}
		return fewest
	}
	without := fails(bare)
	if got := fails(all); got != without+1 {
		t.Errorf("apply that goes on and fails: %d round trips, want %d", got, without+1)
	}
	if got := roundTrips(t, db.URL, all, pipeline.Request{Action: migration.ActionVerify}, migration.Clean); got != 8 {
		t.Errorf("verify: %d round trips, want 8", got)
	}
}
