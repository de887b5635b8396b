package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// A Stood is what of the objects that a plan touches was not as the migrations
// say when the plan was sealed, before anything of it ran: the drift of that
// moment, a short hash for each fact. It goes into the rows that the plan writes,
// so that whoever goes on later can tell a change made by hand meanwhile from one
// that was there when the plan was approved.
type Stood struct {
	Known bool // the zero Stood knows nothing, and nothing follows from it
	Facts []string
}

// manyFacts is how much drift a row carries; with more, a plan that goes on is
// not looked at.
const manyFacts = 40

// Watches says that the replay can tell whether somebody else has changed what
// the draft touches since it began: what it does is known, on this major
// version, and does not depend on names that are built when it runs.
func (d Draft) Watches(r *Replay, target Target) bool {
	if r == nil || r.Major != target.Major() || len(d.Todo()) == 0 {
		return false
	}
	if stamp, ours := d.firstStamp(); len(d.Own) > 0 && (!ours || !stamp.Stood.Known) {
		return false
	}
	return !slices.ContainsFunc(d.Files, func(p Pending) bool {
		seen, ok := r.Find(p.Name)
		return !ok || Dynamic(p.Stmts) || slices.ContainsFunc(seen.Statements, func(e Effects) bool { return e.Unobserved != "" })
	})
}

func (d Draft) firstStamp() (Stamp, bool) {
	if len(d.Own) == 0 {
		return Stamp{}, false
	}
	return d.Own[0].Stamp()
}

// Against returns d with what follows from comparing live, which is what d
// touches, with the replay: before the draft has begun, what stood there that
// the migrations do not say; when it goes on, what has strayed since. Where it
// does not watch, that is nothing.
func (d Draft) Against(r *Replay, dir *Dir, target Target, live catalog.Snapshot) Draft {
	d.Strayed = nil
	if !d.Watches(r, target) {
		if stamp, ours := d.firstStamp(); ours {
			d.Stood = stamp.Stood
		}
		return d
	}
	words, everything := d.Touches(r)
	differ := func(history History) (all []catalog.Difference, before *expectation) {
		e := r.expect(dir, history, target)
		e.restrict(live, words, everything)
		grown := e.grown(live)
		e.Before, e.After = e.pruned(e.Before, live, grown), e.pruned(e.After, live, grown)
		all = slices.DeleteFunc(e.Differences(e.pruned(live, live, grown)), func(x catalog.Difference) bool { return grown[x.Name] })
		return all, e
	}
	if len(d.Own) == 0 {
		all, _ := differ(d.History)
		d.Stood = stood(all)
		return d
	}
	stamp, _ := d.firstStamp()
	d.Stood = stamp.Stood
	all, _ := differ(append(slices.Clone(d.History), d.Own...).Latest())
	began := r.expect(dir, d.History, target)
	for _, x := range all {
		d.Strayed = append(d.Strayed, strayed(x, began, stamp.Stood)...)
	}
	return d
}

// Latest returns h in order of version, the last row of each.
func (h History) Latest() History {
	rows := make(map[string]Revision, len(h))
	for _, r := range h {
		rows[r.Version] = r
	}
	return History(slices.Collect(maps.Values(rows))).Sorted()
}

// stood hashes the facts of differences; it knows nothing where there are too many.
func stood(all []catalog.Difference) Stood {
	s := Stood{Known: true}
	for _, d := range all {
		for _, fact := range factsOf(d, true) {
			s.Facts = append(s.Facts, factHash(d, fact))
		}
	}
	if len(s.Facts) > manyFacts {
		return Stood{}
	}
	slices.Sort(s.Facts)
	return s
}

// strayed says what of a difference did not stand there when the plan began. The
// privileges of what the plan made itself do not count: the database may have
// default ones.
func strayed(d catalog.Difference, began *expectation, s Stood) (said []string) {
	was := func(o catalog.Object) bool { return o.Kind == d.Kind && o.Name == d.Name }
	for _, fact := range factsOf(d, slices.ContainsFunc(began.all, was) || slices.ContainsFunc(began.Before, was)) {
		if !slices.Contains(s.Facts, factHash(d, fact)) {
			said = append(said, d.Kind+" "+d.Name+": "+fact)
		}
	}
	return said
}

func factsOf(d catalog.Difference, privileges bool) []string {
	switch d.How {
	case catalog.Missing:
		return []string{"it is not there, and the migrations make it"}
	case catalog.Extra:
		return []string{"it is there, and no migration makes it"}
	}
	if !privileges {
		return d.Said
	}
	return slices.Concat(d.Said, d.Lost, d.Beyond)
}

// factHash is short: what it tells apart are the facts about one plan.
func factHash(d catalog.Difference, fact string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{d.Kind, d.Name, fact}, "\x00")))
	return hex.EncodeToString(sum[:5])
}

const (
	stoodMark = "drift:"
	stoodNone = "none"
)

func (s Stood) String() string {
	if len(s.Facts) == 0 {
		return stoodMark + stoodNone
	}
	return stoodMark + strings.Join(s.Facts, ",")
}

// readStood reads what String wrote.
func readStood(word string) (Stood, bool) {
	text, ok := strings.CutPrefix(word, stoodMark)
	if !ok {
		return Stood{}, false
	}
	s := Stood{Known: true}
	if text != stoodNone {
		s.Facts = strings.Split(text, ",")
	}
	return s, !slices.ContainsFunc(s.Facts, func(f string) bool { return !isHex(f, 10) })
}
