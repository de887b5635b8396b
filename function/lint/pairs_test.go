package lint_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// A pair is two ways to do something to a schema: one that hurts, and one that
// looks like it and does not. The first line of its archive says which hazards it
// shows, the code that the first way must get and, as "since 17", from which major on
// it runs.
type pair struct {
	code         string
	since        int
	before       []string
	unsafe, safe []string
}

func pairs(t *testing.T) map[string]pair {
	t.Helper()
	paths, err := filepath.Glob("testdata/pairs/*.txtar")
	if err != nil || len(paths) < 80 {
		t.Fatalf("%d pairs, want 80 and more: %v", len(paths), err)
	}
	all := make(map[string]pair)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var p pair
		first, _, _ := strings.Cut(string(archive.Comment), "\n")
		_, p.code, _ = strings.Cut(first, ": ")
		p.code, first, _ = strings.Cut(p.code, " since ")
		if first != "" {
			if p.since, err = strconv.Atoi(first); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		for _, f := range archive.Files {
			switch {
			case strings.HasPrefix(f.Name, "before"):
				p.before = append(p.before, string(f.Data))
			case strings.HasPrefix(f.Name, "unsafe"):
				p.unsafe = append(p.unsafe, string(f.Data))
			case strings.HasPrefix(f.Name, "safe"):
				p.safe = append(p.safe, string(f.Data))
			default:
				t.Fatalf("%s: a file %s", path, f.Name)
			}
		}
		if p.code == "" || len(p.unsafe) == 0 || len(p.safe) == 0 {
			t.Fatalf("%s: it has no code, no unsafe.sql or no safe.sql", path)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = p
	}
	return all
}

// What hurts is told of under its code, and its safe look-alike gets no warning
// and no error.
func TestCheck_tellsUnsafeFromSafe(t *testing.T) {
	for name, p := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if pgtest.Major(t) < p.since {
				t.Skipf("it needs PostgreSQL %d", p.since)
			}
			unsafe := judge(t, p.before, p.unsafe)
			if !slices.ContainsFunc(unsafe.loud(), func(f migration.Finding) bool { return f.Code == p.code }) {
				t.Errorf("unsafe: no warning or error %s, but:\n%s\nof\n%s", p.code, told(unsafe.findings), unsafe.seen())
			}
			seen := make(map[string]bool)
			for _, f := range unsafe.findings {
				if key := fmt.Sprint(f.Code, f.File, f.Statement); seen[key] {
					t.Errorf("two findings %s of one statement:\n%s", f.Code, told(unsafe.findings))
				} else {
					seen[key] = true
				}
			}
			safe := judge(t, p.before, p.safe)
			if len(safe.loud()) > 0 {
				t.Errorf("safe:\n%s\nof\n%s", told(safe.loud()), safe.seen())
			}
			for _, f := range unsafe.findings {
				if rewrite, ok := lint.ParseRewrite(f.Fix); ok {
					t.Run(f.Code, func(t *testing.T) { rewritten(t, p, unsafe, f, rewrite) })
				}
			}
		})
	}
}

// rewritten replays what a finding recommends in place of its statement: it runs,
// the finding is gone, and the catalogue is the same but for the order of columns.
func rewritten(t *testing.T, p pair, unsafe *judged, f migration.Finding, rewrite lint.Rewrite) {
	t.Helper()
	var files []string
	for _, file := range unsafe.dir.Files[len(p.before):] {
		head := ""
		if file.TxMode == migration.TxNone {
			head = "-- atlas:txmode none\n\n"
		}
		if file.Name != f.File {
			files = append(files, file.Text)
			continue
		}
		out := 0 // a statement that the advice has one leave out
		if m := leftOut.FindStringSubmatch(f.Fix); m != nil {
			out, _ = strconv.Atoi(m[1])
		}
		keep := func(stmts []migration.Stmt) {
			text := ""
			for _, s := range stmts {
				if out == 0 || s.Pos != file.Stmts[out-1].Pos {
					text += s.Text + "\n"
				}
			}
			if text != "" {
				files = append(files, head+text)
			}
		}
		next := f.Statement
		if f.Code != "AM615" && slices.Contains(beside, f.Code) {
			keep(file.Stmts[:next])
		} else {
			keep(file.Stmts[:next-1])
		}
		for _, r := range rewrite.Files {
			text := r.SQL
			if r.Alone {
				text = "-- atlas:txmode none\n\n" + text
			}
			files = append(files, text)
		}
		if f.Code == "AM615" { // what comes first
			next--
		}
		keep(file.Stmts[next:])
	}
	is := judge(t, p.before, files)
	if slices.ContainsFunc(is.loud(), func(o migration.Finding) bool {
		return o.Code == f.Code && f.Severity != migration.Info && !slices.Contains(others(unsafe, f), o.Summary)
	}) {
		t.Errorf("the rewrite has the same finding:\n%s\nin\n%s\nof\n%s", told(is.loud()), strings.Join(files, "\n----\n"), is.seen())
	}
	for _, o := range is.loud() {
		if !slices.ContainsFunc(unsafe.findings, func(u migration.Finding) bool { return u.Code == o.Code }) {
			t.Errorf("the rewrite has a finding of its own:\n%s\nin\n%s", told([]migration.Finding{o}), strings.Join(files, "\n----\n"))
		}
	}
	if f.Severity == migration.Info || slices.Contains(beside, f.Code) {
		return // it says what to add
	}
	got := is.fold()
	want := validated(unsafe.fold(), got)
	if changed := catalog.Changed(want.Marks(), got.Marks()); len(changed) > 0 {
		t.Errorf("the rewrite leads elsewhere: %s\n%s\nfrom\n%s\nwant\n%s\ngot\n%s", strings.Join(changed, ", "), f.Fix, strings.Join(files, "\n----\n"), differing(want, got), differing(got, want))
	}
}

var leftOut = regexp.MustCompile(`^Leave statement (\d+) out`)

// beside are the codes whose rewrite comes beside the statement, not in its place.
var beside = []string{"AM615", "AM635", "AM543"}

// validated is the snapshot with the constraints valid that are so in got: a
// rewrite may leave one validated that the statement left as it was.
func validated(want, got catalog.Snapshot) catalog.Snapshot {
	want = slices.Clone(want)
	for i, o := range want {
		at := slices.IndexFunc(got, func(g catalog.Object) bool { return g.Kind == o.Kind && g.Name == o.Name })
		if at < 0 {
			continue
		}
		is := strings.Split(got[at].Definition, "\n")
		lines := strings.Split(o.Definition, "\n")
		for l, line := range lines {
			if valid := strings.Replace(line, " NOT VALID valid=f ", " valid=t ", 1); slices.Contains(is, valid) {
				lines[l] = valid
			}
		}
		slices.Sort(lines)
		want[i].Definition = strings.Join(lines, "\n")
	}
	return want
}

// others are what is said of other statements under the code of f.
func others(j *judged, f migration.Finding) []string {
	var said []string
	for _, o := range j.findings {
		if o.Code == f.Code && (o.File != f.File || o.Statement != f.Statement) {
			said = append(said, o.Summary)
		}
	}
	return said
}

func differing(a, b catalog.Snapshot) string {
	var lines []string
	for _, o := range a {
		if !slices.Contains(b, o) {
			lines = append(lines, o.Kind+" "+o.Name+"\n"+o.Definition)
		}
	}
	return strings.Join(lines, "\n")
}

// A judged directory.
type judged struct {
	dir      *migration.Dir
	replay   migration.Replay
	findings []migration.Finding
	first    int
}

// judge replays files behind those of before and judges them.
func judge(t *testing.T, before, files []string) *judged {
	t.Helper()
	texts := make(map[string]string)
	for i, text := range slices.Concat(before, files) {
		texts[fmt.Sprintf("%03d_file.sql", i+1)] = text
	}
	sum, err := migration.HashDir(migration.MemoryDir(texts))
	if err != nil {
		t.Fatal(err)
	}
	texts["atlas.sum"] = string(sum)
	dir, faults, err := migration.ReadDir(migration.MemoryDir(texts))
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v %s\n%s", err, told(faults), strings.Join(files, "\n----\n"))
	}
	r, err := replay.Run(t.Context(), replay.Options{Dir: dir, Open: func(ctx context.Context) (replay.Watcher, error) { return postgres.OpenWatcher(ctx, pgtest.New(t).URL) }})
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(files, "\n----\n"))
	}
	in := lint.Input{Files: dir.Files[len(before):], Replay: &r}
	return &judged{dir, r, lint.Check(in), len(before)}
}

// loud are the warnings and errors.
func (j *judged) loud() []migration.Finding {
	return slices.DeleteFunc(slices.Clone(j.findings), func(f migration.Finding) bool { return f.Severity == migration.Info })
}

// fold is what the directory leaves, the lines of each definition sorted and the
// place of a column in its table left out.
func (j *judged) fold() catalog.Snapshot {
	s := slices.Clone(j.replay.Fold("999", "owner"))
	for i, o := range s {
		lines := strings.Split(o.Definition, "\n")
		for l, line := range lines {
			if strings.HasPrefix(line, "constraint ") && strings.Contains(line, "_at_check CHECK (((at IS NOT NULL)") {
				lines[l] = "" // DETACH ... CONCURRENTLY leaves it
			}
			if owner, place, ok := strings.Cut(line, " "); ok && owner == "owned" {
				lines[l] = place[:strings.LastIndexByte(place, ' ')]
			}
		}
		slices.Sort(lines)
		s[i].Definition = strings.TrimPrefix(strings.Join(lines, "\n"), "\n")
	}
	return s
}

func (j *judged) seen() string {
	r := j.replay
	r.Files = slices.Clone(r.Files[j.first:])
	text, err := migration.MarshalReplay(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func told(findings []migration.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%s %s: %s\n    %s", f.Severity, f.ID, f.Summary, strings.ReplaceAll(f.Fix, "\n", "\n    ")))
	}
	return strings.Join(lines, "\n")
}
