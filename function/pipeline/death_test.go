package pipeline_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// mortal breaks the connection of a migrator at one protocol message that it
// sends, counted over all its connections: before the message leaves, or right
// after it has left, so that the answer is lost.
type mortal struct {
	at    int64 // the message to die at, from 1; 0 lives
	after bool
	sent  atomic.Int64
	dead  atomic.Bool
}

func (m *mortal) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if m.dead.Load() {
		return nil, errors.New("the migrator is dead")
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &mortalConn{Conn: c, m: m}, nil
}

type mortalConn struct {
	net.Conn
	m       *mortal
	mu      sync.Mutex
	started bool
	pending []byte
}

// Write forwards whole messages one by one until the one to die at.
func (c *mortalConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, b...)
	for {
		n := c.next()
		if n == 0 {
			return len(b), nil
		}
		at := c.m.sent.Add(1)
		if dies := c.m.at > 0 && at >= c.m.at; !dies || c.m.after && at == c.m.at {
			if _, err := c.Conn.Write(c.pending[:n]); err != nil {
				return 0, err
			}
			if !dies {
				c.pending = c.pending[n:]
				continue
			}
		}
		c.m.dead.Store(true)
		_ = c.Conn.Close()
		return 0, errors.New("the migrator died")
	}
}

// next is the length of the first whole message pending, 0 for none. The first
// one of a connection has no type byte.
func (c *mortalConn) next() int {
	head := 1
	if !c.started {
		head = 0
	}
	if len(c.pending) < head+4 {
		return 0
	}
	n := head + int(binary.BigEndian.Uint32(c.pending[head:]))
	if len(c.pending) < n {
		return 0
	}
	c.started = true
	return n
}

// straight has one of each kind of file: in a transaction and outside, with
// statements that may share a transaction with their row and such that may not.
func straight(t testing.TB) fs.FS {
	return dir(t,
		"001_users.sql", "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);\nINSERT INTO users (name) SELECT 'n' || g FROM generate_series(1, 50) g;\n",
		"002_out.sql", `-- atlas:txmode none

SET search_path = app, public;
CREATE SCHEMA app;
CREATE TABLE counted (n int);
INSERT INTO counted VALUES (1);
CREATE INDEX CONCURRENTLY users_name ON public.users (name);
INSERT INTO counted VALUES (2);
REINDEX INDEX CONCURRENTLY public.users_name;
VACUUM counted;
CREATE UNIQUE INDEX CONCURRENTLY counted_n ON counted (n);
DROP INDEX CONCURRENTLY public.users_name;
ALTER TABLE counted ADD COLUMN m int DEFAULT 7;
`,
		"003_more.sql", "UPDATE users SET name = name || '!';\nALTER TABLE users ADD COLUMN email text;\n")
}

// what is all that two runs of straight have to agree in.
func what(t testing.TB, db *pgtest.DB) string {
	t.Helper()
	return db.Query(t, `SELECT 'users', count(*)::text, count(DISTINCT name)::text, max(name), max(length(name))::text FROM users`) + "\n" +
		db.Query(t, `SELECT 'counted', string_agg(n || ':' || m, ',' ORDER BY n), '', '', '' FROM app.counted`) + "\n" +
		db.Query(t, `SELECT c.oid::regclass, coalesce(i.indisvalid::text, ''), coalesce(pg_get_indexdef(c.oid), '') FROM pg_class c LEFT JOIN pg_index i ON indexrelid = c.oid
			JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('public', 'app') ORDER BY c.oid::regclass::text COLLATE "C"`) + "\n" +
		db.Query(t, `SELECT version, description, type, applied, total, error, error_stmt, hash, partial_hashes FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY version`)
}

// A migrator can die at any moment: the function is frozen, the connection
// drops, the answer to a commit is lost on the way. This test lets it die once
// before and once after every single message that it sends, and asks each time
// that the same request, made again, ends where an undisturbed run ends.
func TestApply_resumesAfterDyingAnywhere(t *testing.T) {
	files := straight(t)
	t.Run("without a replay", func(t *testing.T) { diesAnywhere(t, files) })
	t.Run("with one", func(t *testing.T) { diesAnywhere(t, replayed(t, files)) })
}

func diesAnywhere(t *testing.T, files fs.FS) {
	whole := pgtest.New(t)
	life := &mortal{}
	applied(t, mortalPipeline(t, whole.URL, files, life))
	undisturbed, messages := what(t, whole), life.sent.Load()

	for _, after := range []bool{false, true} {
		for at := int64(1); at <= messages; at++ {
			name := fmt.Sprintf("after=%v/message=%d", after, at)
			if !pgtest.Part(name, 50) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := pgtest.New(t)
				digest := planned(t, on(t, db.URL, files))
				r := do(t, mortalPipeline(t, db.URL, files, &mortal{at: at, after: after}), pipeline.Request{Action: migration.ActionApply, Plan: digest})
				if r.Outcome != migration.Unfinished && r.Outcome != migration.Failed && r.Outcome != migration.Applied {
					t.Errorf("the run that died says %s: %s", r.Outcome, told(r))
				}
				again := do(t, on(t, db.URL, files), pipeline.Request{Action: migration.ActionApply, Plan: digest})
				if again.Outcome != migration.Applied {
					t.Fatalf("the run after it says %s: %s\nthe one that died: %s", again.Outcome, told(again), told(r))
				}
				if got := what(t, db); got != undisturbed {
					t.Errorf("ends as\n%s\nundisturbed:\n%s", got, undisturbed)
				}
				if said := told(again); strings.Contains(said, "AM330") {
					t.Errorf("warns of drift: %s", said)
				}
			})
		}
	}
}

func mortalPipeline(t testing.TB, url string, files fs.FS, m *mortal) *pipeline.Pipeline {
	t.Helper()
	config, err := postgres.ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	config = config.WithDial(m.dial)
	p := on(t, url, files)
	p.Connect = func(context.Context) (postgres.Config, error) { return config, nil }
	return p
}

// The server can die as well: an administrator, a failover. Each time the
// backend is ended when the run has got so far.
func TestApply_resumesAfterTheServerEndsIt(t *testing.T) {
	files := replayed(t, straight(t))
	whole := pgtest.New(t)
	applied(t, on(t, whole.URL, files))
	undisturbed := what(t, whole)
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			db := pgtest.New(t)
			p := on(t, db.URL, files)
			digest := planned(t, p)
			killer := db.Conn(t)
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				time.Sleep(time.Duration(i*4) * time.Millisecond)
				_, _ = killer.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'aurora-migrate %'`)
			}()
			first := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
			<-killed
			again := do(t, p, pipeline.Request{Action: migration.ActionApply, Plan: digest})
			if again.Outcome != migration.Applied {
				t.Fatalf("%s: %s\nfirst %s: %s", again.Outcome, told(again), first.Outcome, told(first))
			}
			if got := what(t, db); got != undisturbed {
				t.Errorf("ends as\n%s\nundisturbed:\n%s", got, undisturbed)
			}
		})
	}
}

func TestMortal_dies(t *testing.T) {
	db := pgtest.New(t)
	m := &mortal{at: 3}
	r := do(t, mortalPipeline(t, db.URL, straight(t), m), pipeline.Request{Action: migration.ActionPlan})
	if r.Outcome != migration.Failed || !m.dead.Load() || !strings.Contains(told(r), "died") {
		t.Errorf("%s: %s", r.Outcome, told(r))
	}
}
