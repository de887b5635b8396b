package migration_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/schema"

	"github.com/alquimistaai/aurora-migrator/function/apply"
	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A folder is a directory that a test changes: names and texts.
type folder map[string]string

// dir reads the folder as it is now.
func (f folder) dir(t testing.TB) *migration.Dir {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range f {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	sum, err := migration.HashDir(m)
	if err != nil {
		t.Fatal(err)
	}
	m["atlas.sum"] = &fstest.MapFile{Data: sum}
	dir, faults, err := migration.ReadDir(m)
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v: %v, %v", slices.Sorted(maps.Keys(f)), faults, err)
	}
	return dir
}

// A shape is how files of a random folder come out.
type shape struct {
	most                int     // files
	checkpoint, outside float64 // how often
}

// randomFolder has versions with gaps, so that files can come in between.
func randomFolder(r *rand.Rand, s shape) folder {
	f := folder{}
	for range 1 + r.IntN(s.most) {
		f.add(r, 10+10*r.IntN(9), s)
	}
	return f
}

// add puts a file of a version there, unless it has one.
func (f folder) add(r *rand.Rand, version int, s shape) (name string) {
	for other := range f {
		if strings.HasPrefix(other, fmt.Sprintf("%03d_", version)) {
			return ""
		}
	}
	text := ""
	if r.Float64() < s.checkpoint {
		text += "-- atlas:checkpoint\n"
	}
	if r.Float64() < s.outside {
		text += "-- atlas:txmode none\n"
	}
	if text != "" {
		text += "\n"
	}
	for range 1 + r.IntN(4) {
		text += fmt.Sprintf("SELECT %d;\n", r.IntN(1000))
	}
	name = fmt.Sprintf("%03d_%c.sql", version, 'a'+r.IntN(26))
	f[name] = text
	return name
}

func names(files []migration.Pending) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Name)
	}
	return strings.Join(all, " ")
}

func codes(findings []migration.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Code)
	}
	return strings.Join(all, " ")
}

// ---- the pending files, beside Atlas's

// stored is Atlas's storage of revisions, in memory and for reading.
type stored []*migrate.Revision

func (s stored) Ident() *migrate.TableIdent                                 { return &migrate.TableIdent{} }
func (s stored) ReadRevisions(context.Context) ([]*migrate.Revision, error) { return s, nil }
func (s stored) WriteRevision(context.Context, *migrate.Revision) error     { return errors.ErrUnsupported }
func (s stored) DeleteRevision(context.Context, string) error               { return errors.ErrUnsupported }
func (s stored) ReadRevision(context.Context, string) (*migrate.Revision, error) {
	return nil, migrate.ErrRevisionNotExist
}

// clean is a driver on an empty database, which is all that Pending asks.
type clean struct{ migrate.Driver }

func (clean) CheckClean(context.Context, *migrate.TableIdent) error { return nil }
func (clean) InspectRealm(context.Context, *schema.InspectRealmOption) (*schema.Realm, error) {
	return nil, errors.ErrUnsupported
}

// atlasPending is what Atlas itself would run of the folder.
func atlasPending(t testing.TB, f folder, h migration.History) (pending []string, err error) {
	t.Helper()
	var dir migrate.MemDir
	for name, text := range f {
		if err := dir.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := dir.Checksum()
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate.WriteSumFile(&dir, sum); err != nil {
		t.Fatal(err)
	}
	var rows stored
	for _, r := range h {
		rows = append(rows, &migrate.Revision{Version: r.Version, Description: r.Description, Type: migrate.RevisionType(r.Type), Applied: r.Applied, Total: r.Total, Hash: r.Hash, PartialHashes: r.PartialHashes})
	}
	executor, err := migrate.NewExecutor(clean{}, &dir, rows)
	if err != nil {
		t.Fatal(err)
	}
	files, err := executor.Pending(t.Context())
	if errors.Is(err, migrate.ErrNoPendingFiles) {
		return nil, nil
	}
	for _, f := range files {
		pending = append(pending, f.Name())
	}
	return pending, err
}

// randomHistory is any history that could stand beside the directory: rows of
// some of its files, half-applied ones among them, of versions that it does not
// have, and of a baseline.
func randomHistory(r *rand.Rand, dir *migration.Dir) migration.History {
	var h migration.History
	var ran []migration.File
	gap, foreign, half := 0.0, 0.0, 0.1*float64(r.IntN(2))
	if r.IntN(2) == 0 {
		gap, foreign = r.Float64()/2, r.Float64()/4
	}
	files := dir.Files[:r.IntN(len(dir.Files)+1)]
	for i, f := range files {
		if r.Float64() < foreign {
			h = append(h, migration.Revision{Version: f.Version + "5", Type: []migration.RevisionType{migration.Executed, migration.Resolved}[r.IntN(2)], Hash: "?", Applied: 1, Total: 1})
		}
		if i == 0 && r.IntN(5) == 0 {
			h = append(h, migration.Revision{Version: []string{"00", f.Version}[r.IntN(2)], Type: migration.Baseline})
			if h[0].Version == f.Version {
				ran = append(ran, f)
				continue
			}
		}
		if r.Float64() < gap || f.Checkpoint && r.IntN(4) > 0 {
			continue
		}
		ran = append(ran, f)
		hashes := migration.CumulativeHash(ran)
		row := migration.Revision{Version: f.Version, Description: f.Description, Type: migration.Executed, Applied: len(f.Stmts), Total: len(f.Stmts), Hash: hashes[len(hashes)-1]}
		if r.Float64() < half || i == len(files)-1 && r.IntN(3) == 0 {
			row.Applied = r.IntN(row.Total)
			row.PartialHashes = migration.StatementHashes(f.Stmts)[:row.Applied]
		}
		h = append(h, row)
	}
	if r.IntN(20) == 0 {
		h = append(h, migration.Revision{Version: "999", Type: migration.Executed, Applied: 1, Total: 2, Hash: "?"})
	}
	return h.Sorted()
}

// What is pending is what is pending to Atlas, file by file and in its order,
// whatever the directory and the history; and where Atlas refuses, so do we.
//
// We refuse more: a version that was executed and whose file is gone (AM202), a
// file left half applied below others (AM207), and a file below the first row of
// which the hashes tell that it came later (AM204); nor does Atlas look for files
// out of order below a half-applied checkpoint. It passes all of these over.
// What would run is the same list even then.
func TestNewDraft_pendsWhatAtlasPends(t *testing.T) {
	r := dice(t)
	seen := map[string]int{}
	for range 2000 {
		f := randomFolder(r, shape{most: 8, checkpoint: 0.15, outside: 0.2})
		dir := f.dir(t)
		h := randomHistory(r, dir)
		draft, findings := migration.NewDraft(dir, h, "", migration.Digest{})
		pending, err := atlasPending(t, f, h)
		about := fmt.Sprintf("directory %v\nhistory %+v\nAtlas %v, %v\nours %s, %s", slices.Sorted(maps.Keys(f)), h, pending, err, names(draft.Files), codes(findings))

		var order *migrate.HistoryNonLinearError
		var missing *migrate.MissingMigrationError
		switch {
		case errors.As(err, &order):
			seen["out of order"]++
			var late, ours []string
			for _, f := range order.OutOfOrder {
				late = append(late, f.Name())
			}
			for _, f := range findings {
				if f.Code == "AM204" && !deliberate(f, dir, h) {
					ours = append(ours, f.File)
				}
			}
			if !slices.Equal(late, ours) {
				t.Fatalf("out of order: %v, to us %v\n%s", late, ours, about)
			}
		case errors.As(err, &missing):
			seen["missing"]++
			if !slices.ContainsFunc(findings, func(f migration.Finding) bool { return f.Code == "AM202" && f.Severity == migration.Error }) {
				t.Fatalf("a half-applied file is gone, and we go on\n%s", about)
			}
		case err != nil:
			t.Fatal(about)
		default:
			if got := names(draft.Files); got != strings.Join(pending, " ") {
				t.Fatalf("pending differs\n%s", about)
			}
			for _, f := range findings {
				seen[f.Code]++
				if !deliberate(f, dir, h) {
					t.Fatalf("%s without a reason: %s\n%s", f.Code, f.Summary, about)
				}
			}
			seen["same"]++
			if len(findings) == 0 {
				seen["same, no finding"]++
			}
			if len(h) > 0 && h[len(h)-1].Partial() {
				seen["half applied"]++
			}
		}
		for _, f := range findings {
			if f.ID == "" || f.Severity != migration.Error || f.Summary == "" || f.Fix == "" {
				t.Fatalf("%+v does not say what and what to do\n%s", f, about)
			}
		}
	}
	t.Log(seen)
	for _, kind := range []string{"same", "same, no finding", "out of order", "missing", "half applied", "AM202", "AM207"} {
		if seen[kind] < 20 {
			t.Errorf("%q was met %d times only", kind, seen[kind])
		}
	}
}

// deliberate says that a finding is one that Atlas does not have, and true.
func deliberate(f migration.Finding, dir *migration.Dir, h migration.History) bool {
	switch f.Code {
	case "AM202":
		return slices.ContainsFunc(h, func(r migration.Revision) bool {
			_, there := dir.Find(r.Version)
			return !there && (r.Type == migration.Executed || r.Partial())
		})
	case "AM204":
		last, _ := dir.Find(h.Current())
		return f.File < h[0].Version || last.Checkpoint && h[len(h)-1].Partial()
	case "AM207":
		return slices.ContainsFunc(h[:len(h)-1], migration.Revision.Partial)
	}
	return false
}

// ---- the same digest again

// A memory is a database that keeps rows and, after some writes, dies.
type memory struct {
	rows   map[string]migration.Revision
	clock  time.Time
	writes int // left; below zero for ever
}

func newMemory() *memory {
	return &memory{rows: map[string]migration.Revision{}, clock: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), writes: -1}
}

func (m *memory) history() migration.History {
	return migration.History(slices.Collect(maps.Values(m.rows))).Sorted()
}

// write keeps what a table would keep: when a version first ran.
func (m *memory) write(r migration.Revision) bool {
	if m.writes == 0 {
		return false
	}
	m.writes--
	m.clock = m.clock.Add(time.Second)
	r.ExecutedAt = m.clock
	if was, ok := m.rows[r.Version]; ok {
		r.ExecutedAt = was.ExecutedAt
	}
	if !r.Partial() {
		r.PartialHashes = nil
	}
	m.rows[r.Version] = r
	return true
}

// Run writes the rows of steps; outside a transaction a statement is bracketed
// by two.
func (m *memory) Run(_ context.Context, steps []migration.Step) iter.Seq2[migration.StepResult, error] {
	return func(yield func(migration.StepResult, error) bool) {
		for _, s := range steps {
			result := migration.StepResult{Step: s}
			doubtful := s.Before()
			doubtful.Error = migration.InDoubt + "SELECT"
			if s.Alone() && !m.write(doubtful) || !m.write(s.Row) {
				yield(result, &migration.Failure{Message: "died", Kind: migration.Disconnected})
				return
			}
			result.Row, result.Committed = m.rows[s.Row.Version], true
			if !yield(result, nil) {
				return
			}
		}
	}
}

// A world is where a plan is made again and again.
type world struct {
	folder folder
	db     *memory
	target migration.Target
}

func newWorld(r *rand.Rand) *world {
	return &world{folder: randomFolder(r, shape{most: 6, checkpoint: 0.1, outside: 0.5}), db: newMemory(),
		target: migration.Target{Cluster: "c", Database: "d", Role: "r", Engine: "PostgreSQL 17.5"}}
}

// seal is what the corridor does, live schema included: it differs once
// anything has run, and it is not read for a plan that has begun.
func (w *world) seal(t testing.TB, to string, digest migration.Digest) (migration.Plan, []migration.Finding) {
	t.Helper()
	draft, findings := migration.NewDraft(w.folder.dir(t), w.db.history(), to, digest)
	var live catalog.Snapshot
	if len(draft.Own) == 0 {
		live = catalog.Snapshot{{Kind: "table", Name: "t", Definition: fmt.Sprint(w.db.history())}}
	}
	return draft.Seal(live, w.target, migration.Settings{}.Defaults()), findings
}

// approved is what the corridor's function of this name does: the plan, or the
// plan up to the last version that ran under its digest.
func (w *world) approved(t testing.TB, to string, digest migration.Digest) (plan migration.Plan, ok bool) {
	t.Helper()
	plan, findings := w.seal(t, to, digest)
	if len(findings) > 0 {
		t.Fatalf("findings: %+v", findings)
	}
	approval := migration.Approval{Digest: digest.String()}
	if gate.Approved(plan, approval, migration.ByDigest) == nil {
		return plan, true
	}
	if !plan.Finished() {
		return plan, false
	}
	plan, findings = w.seal(t, plan.Own[len(plan.Own)-1].Version, digest)
	return plan, len(findings) == 0 && gate.Approved(plan, approval, migration.ByDigest) == nil
}

// start makes a plan; without files there is none.
func (w *world) start(t testing.TB, r *rand.Rand) (plan migration.Plan, to string) {
	t.Helper()
	if dir := w.folder.dir(t); r.IntN(3) == 0 {
		to = dir.Files[r.IntN(len(dir.Files))].Version
	}
	plan, findings := w.seal(t, to, migration.Digest{})
	if len(findings) > 0 {
		t.Fatalf("findings: %+v", findings)
	}
	return plan, to
}

// runFor runs a plan until it has written so many rows; for ever below zero.
func (w *world) runFor(plan migration.Plan, writes int) *apply.Stop {
	w.db.writes = writes
	_, stop := apply.Run(context.Background(), w.db, plan, apply.Options{Release: "v0.1.0"})
	w.db.writes = -1
	return stop
}

// began leaves rows of another tool: whole files, and one half applied by Atlas
// or by an earlier plan of ours.
func (w *world) began(t testing.TB, r *rand.Rand) {
	t.Helper()
	plan, _ := w.start(t, r)
	if r.IntN(2) == 0 {
		w.runFor(plan, r.IntN(5)) // an earlier plan of ours that died
		return
	}
	for _, f := range plan.Files[:r.IntN(len(plan.Files)+1)] {
		row := migration.Revision{Version: f.Version, Description: f.Description, Type: migration.Executed, Applied: len(f.Stmts), Total: len(f.Stmts), Hash: f.Hash, OperatorVersion: "Atlas CLI v0.13.1"}
		if f.TxMode == migration.TxNone && r.IntN(2) == 0 {
			row.Applied = r.IntN(row.Total)
			row.PartialHashes, row.Error = migration.StatementHashes(f.Stmts)[:row.Applied], "ERROR: x"
			if r.IntN(3) == 0 && row.Applied == 0 {
				row.Hash = "" // what nothing says that it could not be
			}
		}
		w.db.write(row)
		if row.Partial() {
			return
		}
	}
}

// later adds files behind all others, outside transactions now and then.
func (w *world) later(t testing.TB, r *rand.Rand) {
	t.Helper()
	dir := w.folder.dir(t)
	last, err := strconv.Atoi(dir.Files[len(dir.Files)-1].Version)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1 + r.IntN(3) {
		if last+i+1 < 100 {
			w.folder.add(r, last+i+1, shape{outside: 0.5})
		}
	}
}

// A plan may die behind any row that it writes. At each such point the same
// digest names what is pending then, with exactly the rest of it to do; and
// when all is done it is known as done: also after more files were deployed,
// after these ran under plans of their own, and whatever half-applied row of
// Atlas or of an earlier plan it had begun with.
func TestSeal_sameDigestAtEveryPoint(t *testing.T) {
	r := dice(t)
	seen := map[string]int{}
	for range 500 {
		w := newWorld(r)
		w.began(t, r)
		plan, to := w.start(t, r)
		if len(plan.Files) == 0 {
			continue
		}
		seen["plans"]++
		if plan.Files[0].Row.Version != "" {
			seen["over a half-applied row"]++
		}
		about := fmt.Sprintf("directory %v, to %q\nhistory at first %+v\nplan %s", slices.Sorted(maps.Keys(w.folder)), to, w.db.history(), names(plan.Files))
		states := 0
		for stop := w.runFor(plan, r.IntN(3)); ; states++ {
			again, findings := w.seal(t, to, plan.Digest)
			if len(findings) > 0 || again.Digest != plan.Digest || !plan.Digest.Names(again.Parts) {
				t.Fatalf("after %d runs the digest differs in %v, findings %s\n%s\nhistory now %+v", states+1, plan.Digest.Differing(again.Parts), codes(findings), about, w.db.history())
			}
			if got, want := fmt.Sprint(todo(again)), fmt.Sprint(w.left(plan)); got != want {
				t.Fatalf("to do are %s, and left are %s\n%s\nhistory now %+v", got, want, about, w.db.history())
			}
			if stop == nil {
				break
			}
			seen["deaths"]++
			stop = w.runFor(again, r.IntN(3))
		}
		w.checkDone(t, to, plan, about)
		last := plan.Files[len(plan.Files)-1].Version

		w.later(t, r)
		w.checkDone(t, to, plan, about+"\nwith files deployed since")
		for w.runAnother(t, r) {
			seen["later runs"]++
			w.checkDone(t, to, plan, about+"\nwith plans run since")
			// With a row behind its own, no other answer is needed to know the plan.
			if again, _ := w.seal(t, to, plan.Digest); w.db.history().Current() > last && again.Digest != plan.Digest {
				t.Fatalf("with plans run since it differs in %v\n%s", plan.Digest.Differing(again.Parts), about)
			}
		}
	}
	t.Log(seen)
	for _, kind := range []string{"plans", "over a half-applied row", "deaths", "later runs"} {
		if seen[kind] < 100 {
			t.Errorf("%q was met %d times only", kind, seen[kind])
		}
	}
}

// todo is what a plan would run, statement by statement.
func todo(p migration.Plan) (left []string) {
	for _, f := range p.Todo() {
		for i := f.Applied(); i < len(f.Stmts); i++ {
			left = append(left, fmt.Sprintf("%s#%d", f.Version, i+1))
		}
	}
	return left
}

// left is what of a plan no row calls applied.
func (w *world) left(p migration.Plan) (left []string) {
	for _, f := range p.Files {
		for i := w.db.rows[f.Version].Applied; i < len(f.Stmts); i++ {
			left = append(left, fmt.Sprintf("%s#%d", f.Version, i+1))
		}
	}
	return left
}

func (w *world) checkDone(t *testing.T, to string, plan migration.Plan, about string) {
	t.Helper()
	again, ok := w.approved(t, to, plan.Digest)
	if !ok || len(again.Todo()) > 0 || !again.Finished() || names(again.Files) != names(plan.Files) {
		t.Fatalf("done, and not known: approved %v, differs in %v, to do %v, finished %v, files %s\n%s\nhistory now %+v",
			ok, plan.Digest.Differing(again.Parts), todo(again), again.Finished(), names(again.Files), about, w.db.history())
	}
}

// runAnother runs the next plan of what is pending, with deaths under way.
func (w *world) runAnother(t testing.TB, r *rand.Rand) bool {
	t.Helper()
	plan, to := w.start(t, r)
	if len(plan.Files) == 0 {
		return false
	}
	for w.runFor(plan, 1+r.IntN(4)) != nil {
		plan, _ = w.seal(t, to, plan.Digest)
	}
	return true
}
