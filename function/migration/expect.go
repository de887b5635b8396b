package migration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// An expectation is what a database should hold, and what is known of that.
type expectation struct {
	catalog.Standard
	all     catalog.Snapshot // After, before it was restricted
	half    string
	missed  int
	other   int
	adopted bool
	known   map[key]bool // what any file of the directory made, changed or dropped
	partial bool         // it covers a part of the database
}

type key struct{ kind, name string }

// expect is what the replay says that the rows of a history left.
func (r *Replay) expect(dir *Dir, history History, target Target) *expectation {
	e := &expectation{known: r.known()}
	if r.Major != target.Major() {
		e.other = r.Major
	}
	for _, row := range history {
		if _, ours := dir.Find(row.Version); row.Type == Baseline && !ours {
			e.adopted = true
		}
	}
	current := history.Current()
	e.After = r.Fold(current, target.Role)
	e.Before = e.After
	if row, ok := history.Find(current); ok && row.Partial() && row.Type&Resolved == 0 {
		if f, ok := dir.Find(current); ok {
			e.half = fmt.Sprintf("%s (%d of %d statements)", f.Name, row.Applied, len(f.Stmts))
			e.Before = r.foldBelow(current, target.Role)
			words := Words(f.Text)
			e.Passing = among(words)
			e.Stays = !slices.ContainsFunc(words, func(w string) bool { return w == "drop" || w == "rename" || w == "schema" })
		}
	}
	e.Unknown = among(r.unseen(dir, current, &e.missed))
	e.all = e.After
	return e
}

// among says which names are among words, those of rebuilt indexes too; nil for
// no words.
func among(words []string) func(string) bool {
	if len(words) == 0 {
		return nil
	}
	slices.Sort(words)
	has := func(name string) bool { _, found := slices.BinarySearch(words, name); return found }
	return func(name string) bool { return has(name) || has(concurrently.ReplaceAllString(name, "")) }
}

// concurrently is what PostgreSQL appends to the name of an index that it
// rebuilds beside the old one.
var concurrently = regexp.MustCompile(`_cc(new|old)\d*$`)

// known are all objects that a file of the replay made, changed or dropped.
func (r *Replay) known() map[key]bool {
	known := make(map[key]bool)
	for _, f := range r.Files {
		for _, e := range f.Catalogue {
			known[key{e.Kind, e.Name}] = true
		}
	}
	return known
}

// foldBelow is what stands before the file of a version.
func (r *Replay) foldBelow(version, role string) catalog.Snapshot {
	below := ""
	for _, f := range r.Files {
		v, _, _ := strings.Cut(strings.TrimSuffix(f.Name, ".sql"), "_")
		if v >= version {
			break
		}
		below = v
	}
	if below == "" {
		return catalog.Snapshot{}
	}
	return r.Fold(below, role)
}

// unseen are the words of the statements up to a version that the replay did not
// see, and n is how many those are.
func (r *Replay) unseen(dir *Dir, version string, n *int) (words []string) {
	for _, f := range dir.Files {
		seen, ok := r.Find(f.Name)
		if f.Version > version || !ok {
			continue
		}
		for i, s := range seen.Statements {
			if s.Unobserved != "" && i < len(f.Stmts) {
				*n++
				words = append(words, Words(f.Stmts[i].Text)...)
			}
		}
	}
	return words
}

// restrict leaves of the standard what a look at words, or at everything that a
// plan can touch, would have found, and what it did find.
func (e *expectation) restrict(live catalog.Snapshot, words []string, everything bool) {
	named := make(map[string]bool, len(words))
	for _, w := range words {
		named[w] = true
	}
	found := make(map[key]bool, len(live))
	for _, o := range live {
		found[key{o.Kind, o.Name}] = true
	}
	keep := func(s catalog.Snapshot) (kept catalog.Snapshot) {
		for _, o := range s {
			if !untouched[o.Kind] && (everything || named[catalog.Last(o.Name)] || found[key{o.Kind, o.Name}]) {
				kept = append(kept, o)
			}
		}
		return kept
	}
	e.Before, e.After, e.partial = keep(e.Before), keep(e.After), true
}

// untouched are kinds that are read where all of a database is, and not where
// only what a plan touches is.
var untouched = map[string]bool{
	"schema": true, "identity": true, "extension": true, "event trigger": true, "publication": true, "collation": true, "cast": true,
	"operator": true, "text search configuration": true, "server": true, "default privileges": true,
}

// grown are the partitions that the migrations did not make, of tables that they
// partition.
func (e *expectation) grown(live catalog.Snapshot) map[string]bool {
	partitioned := make(map[string]bool)
	made := make(map[string]bool)
	for _, o := range slices.Concat(e.all, e.Before) {
		made[o.Name] = true
		partitioned[o.Name] = partitioned[o.Name] || catalog.Partitioned(o)
	}
	grown := make(map[string]bool)
	for again := true; again; {
		again = false
		for _, o := range live {
			if parent, ok := catalog.PartitionOf(o); ok && !made[o.Name] && !grown[o.Name] && partitioned[parent] {
				grown[o.Name], again = true, true
				partitioned[o.Name] = catalog.Partitioned(o)
			}
		}
	}
	return grown
}

// pruned leaves out the lines that tell of a partition elsewhere than in itself:
// what a table has for children, and the keys that refer to grown ones.
func (e *expectation) pruned(s, live catalog.Snapshot, grown map[string]bool) catalog.Snapshot {
	there := make(map[string]bool)
	if e.partial {
		for _, o := range slices.Concat(live, e.all) {
			there[o.Name] = true
		}
	}
	return s.Lines(func(_ catalog.Object, line string) (string, bool) {
		if strings.HasPrefix(line, "child ") {
			return "", false
		}
		to, refers := catalog.References(line)
		return line, !refers || !grown[to] && (!e.partial || there[to])
	})
}

// levelled takes out what one major version writes and another does not.
func levelled(s catalog.Snapshot) catalog.Snapshot {
	return s.Lines(func(_ catalog.Object, line string) (string, bool) {
		if strings.HasPrefix(line, "column ") {
			line = strings.Replace(line, " statistics=-1 ", " statistics= ", 1)
		}
		if strings.HasPrefix(line, "statistics ") {
			line = strings.Replace(line, " target=-1 ", " target= ", 1)
		}
		return line, !notNull.MatchString(line)
	})
}

// notNull is a constraint that versions before 18 do not name.
var notNull = regexp.MustCompile(`^constraint (?:"(?:[^"]|"")*"|\S+) NOT NULL `)
