package migration

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// A DriftHow says in which way an object is not what the migrations say.
type DriftHow string

// The ways. Missing was dropped by hand; no migration made what is extra; of a
// changed one, facts differ; an invalid one is none of the migrations' and has
// an index that is INVALID, or is half detached.
//
// Granted and grown are told and are no drift. Granted: privileges beyond those
// that the migrations grant, which whoever administers roles gives in each
// environment anew (one that they grant and that is gone is drift). Grown: a
// partition of a table that the migrations partition, made by some job; a
// partition that a migration made and that is gone is missing all the same,
// since rows went with it.
const (
	DriftMissing DriftHow = "missing"
	DriftExtra   DriftHow = "extra"
	DriftChanged DriftHow = "changed"
	DriftInvalid DriftHow = "invalid"
	DriftGranted DriftHow = "granted"
	DriftGrown   DriftHow = "grown"
)

// A Drift is an object in which a database is not what its migrations say. It
// holds definitions, and never a value of a row.
type Drift struct {
	Kind  string   `json:"kind"`
	Name  string   `json:"name"`
	How   DriftHow `json:"how"`
	Facts []string `json:"facts,omitempty"` // in words
	Plus  []string `json:"plus,omitempty"`  // lines of its definition that are there and should not be
	Minus []string `json:"minus,omitempty"` // lines that should be there and are not
}

// Counts says that it makes the database a drifted one.
func (d Drift) Counts() bool { return d.How != DriftGranted && d.How != DriftGrown }

// String is the drift in a line.
func (d Drift) String() string {
	s := d.Kind + " " + d.Name
	switch d.How {
	case DriftMissing:
		return s + " is not there, and the migrations make it"
	case DriftExtra:
		return s + " is there, and no migration makes it"
	case DriftGrown:
		return s + " is a partition that was added"
	}
	return s + ": " + strings.Join(d.Facts, "; ")
}

// A Verification is how a live database compares with what its migrations say.
type Verification struct {
	Version string  // up to which the migrations are applied
	Half    string  // the file that is applied only in part, "" for none
	Objects int     // that were compared
	Before  int     // that no migration made and that were there before: a baseline adopted them
	Missed  int     // statements that the replay did not see: what they name is not compared
	Other   int     // the major version that the replay ran on, where it is not the server's; definitions can read otherwise then
	Drift   []Drift // by kind and name
}

// Drifted says that there is drift that counts.
func (v Verification) Drifted() bool { return slices.ContainsFunc(v.Drift, Drift.Counts) }

// Verify compares all that a live database holds with what the replay says that
// the files leave which the history has.
//
// The public schema, which every database begins with, is not extra. Of a
// database that was adopted by a version without a file, what no file of the
// directory ever made, changed or dropped is of before, and no drift.
func Verify(r *Replay, dir *Dir, history History, target Target, live catalog.Snapshot) Verification {
	e := r.expect(dir, history, target)
	v := Verification{Version: history.Current(), Half: e.half, Missed: e.missed, Other: e.other}
	e.compare(live, &v)
	return v
}

// VerifyTouched is Verify for the part of a database that words name, or for all
// that a plan can touch. live is that part. All files up to the version are applied.
func VerifyTouched(r *Replay, dir *Dir, history History, target Target, live catalog.Snapshot, words []string, everything bool) []Drift {
	e := r.expect(dir, history, target)
	e.restrict(live, words, everything)
	var v Verification
	e.compare(live, &v)
	return slices.DeleteFunc(v.Drift, func(d Drift) bool { return !d.Counts() })
}

// compare fills v with the drift of live.
func (e *expectation) compare(live catalog.Snapshot, v *Verification) {
	if e.other != 0 {
		e.Before, e.After, live = levelled(e.Before), levelled(e.After), levelled(live)
	}
	grown := e.grown(live)
	e.Before, e.After, live = e.pruned(e.Before, live, grown), e.pruned(e.After, live, grown), e.pruned(live, live, grown)
	v.Objects = len(live)
	for _, d := range e.Differences(live) {
		drift := Drift{Kind: d.Kind, Name: d.Name, How: DriftHow(d.How), Facts: slices.Concat(d.Said, d.Lost, d.Beyond), Plus: d.Plus, Minus: d.Minus}
		if d.How == catalog.Extra {
			switch {
			case d.Kind == "schema" && d.Name == "public":
				continue
			case grown[d.Name]:
				drift.How = DriftGrown
			case d.Kind == "default privileges":
				drift.How, drift.Facts = DriftGranted, []string{"what is created gets privileges that the migrations do not set"}
			case e.adopted && !e.known[key{d.Kind, d.Name}]:
				v.Before++
				continue
			}
		}
		v.Drift = append(v.Drift, drift)
	}
	v.Drift = append(withoutParts(v.Drift, e.After, live), e.leftovers(live, grown)...)
	slices.SortStableFunc(v.Drift, func(a, b Drift) int {
		if c := strings.Compare(a.Kind, b.Kind); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// leftovers are what is INVALID or half detached of what is none of the
// migrations': of theirs, that is a change.
func (e *expectation) leftovers(live catalog.Snapshot, grown map[string]bool) (found []Drift) {
	for _, o := range live {
		if !grown[o.Name] && (!e.adopted || e.known[key{o.Kind, o.Name}]) {
			continue
		}
		if facts := catalog.Invalid(o); len(facts) > 0 {
			found = append(found, Drift{Kind: o.Kind, Name: o.Name, How: DriftInvalid, Facts: facts})
		}
	}
	return found
}

// withoutParts leaves out what came or went with a table that came or went: its
// sequences, and its identities.
func withoutParts(all []Drift, should, is catalog.Snapshot) []Drift {
	gone := make(map[string]DriftHow)
	for _, d := range all {
		if d.Kind != "sequence" && d.Kind != "identity" && d.How != DriftChanged {
			gone[d.Name] = d.How
		}
	}
	owners := make(map[string]string)
	for _, o := range slices.Concat(should, is) {
		if table, ok := catalog.OwnedBy(o); ok {
			owners[o.Name] = table
		}
	}
	return slices.DeleteFunc(all, func(d Drift) bool {
		table := d.Name
		if d.Kind == "sequence" {
			table = owners[d.Name]
		}
		how, with := gone[table]
		return (d.Kind == "sequence" || d.Kind == "identity") && with && (d.How == how || how == DriftGrown)
	})
}
