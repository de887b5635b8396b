package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// An Edit is how one object changed between two snapshots. Of an object that
// came, Lines are all of its definition; of one that changed, Cut lines from At
// on give way to Lines; of one that went, Gone is set.
type Edit struct {
	Kind  string   `json:"kind"`
	Name  string   `json:"name"`
	Gone  bool     `json:"gone,omitempty"`
	At    int      `json:"at,omitempty"`  // from 0, in the definition as it was
	Cut   int      `json:"cut,omitempty"` // lines
	Lines []string `json:"lines,omitempty"`
}

// Edits returns what turns one snapshot into the other, in order of kind and
// name; nothing where they are the same.
func Edits(was, is Snapshot) []Edit {
	before := was.index()
	var edits []Edit
	seen := make(map[string]bool, len(is))
	for _, o := range is.Sorted() {
		seen[o.key()] = true
		old, ok := before[o.key()]
		switch {
		case !ok:
			edits = append(edits, Edit{Kind: o.Kind, Name: o.Name, Lines: lines(o.Definition)})
		case old.Definition != o.Definition:
			edits = append(edits, edited(old, o))
		}
	}
	for _, o := range was.Sorted() {
		if !seen[o.key()] {
			edits = append(edits, Edit{Kind: o.Kind, Name: o.Name, Gone: true})
		}
	}
	slices.SortStableFunc(edits, func(a, b Edit) int {
		if c := strings.Compare(a.Kind, b.Kind); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return edits
}

// edited finds the lines that differ between what the two have in common at
// their beginning and at their end.
func edited(was, is Object) Edit {
	a, b := lines(was.Definition), lines(is.Definition)
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	end := 0
	for end < len(a)-at && end < len(b)-at && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return Edit{Kind: is.Kind, Name: is.Name, At: at, Cut: len(a) - at - end, Lines: b[at : len(b)-end]}
}

// Apply returns s with edits made to it. Edits that do not fit what they are made
// to, which another snapshot is needed for, are ignored as far as they do not fit:
// the result is then some other snapshot, never a panic.
func (s Snapshot) Apply(edits []Edit) Snapshot {
	objects := s.index()
	for _, e := range edits {
		o := Object{Kind: e.Kind, Name: e.Name}
		if e.Gone {
			delete(objects, o.key())
			continue
		}
		var was []string
		if old, ok := objects[o.key()]; ok {
			was = lines(old.Definition)
		}
		at := min(max(e.At, 0), len(was))
		after := min(at+max(e.Cut, 0), len(was))
		o.Definition = strings.Join(slices.Concat(was[:at], e.Lines, was[after:]), "\n")
		objects[o.key()] = o
	}
	result := make(Snapshot, 0, len(objects))
	for _, o := range objects {
		result = append(result, o)
	}
	return result.Sorted()
}

// Renamed returns s as it would read if the role was had another name: is, which
// is quoted here where need be. The role was must be a plain word that nothing else is called.
func (s Snapshot) Renamed(was, is string) Snapshot {
	if was == is {
		return s
	}
	quoted := is
	if !plain.MatchString(is) {
		quoted = `"` + strings.ReplaceAll(is, `"`, `""`) + `"`
	}
	renamed := slices.Clone(s)
	for i := range renamed {
		renamed[i].Name = strings.ReplaceAll(renamed[i].Name, was, quoted)
		renamed[i].Definition = strings.ReplaceAll(renamed[i].Definition, was, quoted)
	}
	return renamed
}

var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

func (s Snapshot) index() map[string]Object {
	m := make(map[string]Object, len(s))
	for _, o := range s {
		m[o.key()] = o
	}
	return m
}

func (o Object) key() string { return o.Kind + "\x00" + o.Name }

// lines of a definition; those of the empty one are none.
func lines(definition string) []string {
	if definition == "" {
		return nil
	}
	return strings.Split(definition, "\n")
}
