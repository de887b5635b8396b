package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// How says in which way an object is not what it should be.
type How string

// The ways. Granted is one that differs in nothing but privileges beyond those
// that it should have.
const (
	Missing How = "missing"
	Extra   How = "extra"
	Differs How = "changed"
	Granted How = "granted"
)

// A Difference is one object that is not what it should be.
type Difference struct {
	Kind, Name string
	How        How
	Said       []string // of a changed one: what differs, in words, but for privileges
	Lost       []string // privileges that it should have granted and has not, in words
	Beyond     []string // privileges that it has granted beyond those, in words
	Plus       []string // lines of its definition that are there and should not be
	Minus      []string // lines that should be there and are not
}

// A Standard is what a database should hold.
type Standard struct {
	// Is: either of the two will do, of each fact that they have, while
	// something between them is under way. Else they are the same.
	Before, After Snapshot
	// Unknown, where it is not nil, says that nothing is to be said of what is
	// called so, quotes and schema taken off: an object, or a part of one.
	Unknown func(name string) bool
	// Passing, where it is not nil, says that an object, or a part of one, that is
	// called so may come and go; of an object that is there all along, what else
	// differs is told.
	Passing func(name string) bool
	// Stays: it may come, and does not go where it is on both sides.
	Stays bool
}

// Whole is the standard that is one snapshot.
func Whole(s Snapshot) Standard { return Standard{Before: s, After: s} }

// Differences compares what a database holds with the standard, in order of
// kind and name; nothing where they agree.
func (s Standard) Differences(is Snapshot) []Difference {
	before, after, live := s.Before.index(), s.After.index(), is.index()
	all := maps.Clone(before)
	maps.Copy(all, after)
	maps.Copy(all, live)
	var found []Difference
	for _, key := range slices.Sorted(maps.Keys(all)) {
		o := all[key]
		if said(s.Unknown, o.Name) {
			continue
		}
		b, inBefore := before[key]
		a, inAfter := after[key]
		l, there := live[key]
		d := Difference{Kind: o.Kind, Name: o.Name}
		switch {
		case !there && inBefore && inAfter && (s.Stays || !said(s.Passing, o.Name)):
			d.How = Missing
		case there && !inBefore && !inAfter && !said(s.Passing, o.Name):
			d.How = Extra
		case there && (inBefore || inAfter) && l.Definition != b.Definition && l.Definition != a.Definition:
			if d = s.changed(d, b, a, l); d.How == "" {
				continue
			}
		default:
			continue
		}
		found = append(found, d)
	}
	slices.SortStableFunc(found, func(x, y Difference) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	return found
}

func said(of func(string) bool, name string) bool {
	return of != nil && name != "" && of(Last(name))
}

// changed compares the facts of an object. What it returns has no How where
// nothing is left to say.
func (s Standard) changed(d Difference, before, after, live Object) Difference {
	b, a, l := lines(before.Definition), lines(after.Definition), lines(live.Definition)
	d.Plus = without(unmoved(minus(l, slices.Concat(b, minus(a, b))), append(minus(b, a), minus(a, b)...)), s.Unknown, s.Passing)
	d.Minus = without(minus(common(b, a), l), s.Unknown)
	if !s.Stays {
		d.Minus = without(d.Minus, s.Passing)
	}
	if len(a) == 0 {
		after = before
	}
	d.Said, d.Lost, d.Beyond = compare(d.Minus, d.Plus, ownerOf(after), ownerOf(live))
	switch {
	case len(d.Said)+len(d.Lost) > 0:
		d.How = Differs
	case len(d.Beyond) > 0:
		d.How = Granted
	case len(d.Plus) == 0 && len(d.Minus) == 0 && slices.Equal(a, b) && slices.Equal(sorted(a), sorted(l)):
		d.How, d.Said = Differs, []string{"its " + ordered(l) + " stand in another order than the migrations make them"}
	}
	return d
}

// without leaves out the lines about what is called as one of these says.
func without(all []string, these ...func(string) bool) []string {
	return slices.DeleteFunc(all, func(line string) bool {
		return slices.ContainsFunc(these, func(is func(string) bool) bool { return said(is, parse(line).name) })
	})
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// unmoved leaves out the lines about what is under way: of what moving speaks of,
// nobody knows how it stands in between.
func unmoved(all, moving []string) []string {
	return slices.DeleteFunc(all, func(line string) bool {
		f := parse(line)
		return slices.ContainsFunc(moving, func(m string) bool {
			g := parse(m)
			return f.same(g) || f.isText() && g.isText()
		})
	})
}

// minus returns the lines of a that are not in b, each as often as it stands
// there more often.
func minus(a, b []string) []string {
	count := make(map[string]int, len(b))
	for _, line := range b {
		count[line]++
	}
	var rest []string
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			rest = append(rest, line)
		}
	}
	return rest
}

// common returns the lines of a that are in b too.
func common(a, b []string) []string { return minus(a, minus(a, b)) }

// ordered says what of a definition has an order.
func ordered(definition []string) string {
	for word, said := range map[string]string{"column ": "columns", "label ": "labels", "attribute ": "attributes"} {
		if slices.ContainsFunc(definition, func(line string) bool { return strings.HasPrefix(line, word) }) {
			return said
		}
	}
	return "lines"
}

// ownerOf is whom an object belongs to, "" where its definition does not say.
func ownerOf(o Object) string {
	for _, line := range lines(o.Definition) {
		if owner, ok := parse(line).find("owner"); ok {
			return strings.TrimSpace(owner)
		}
	}
	return ""
}
