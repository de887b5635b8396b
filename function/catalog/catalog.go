// Package catalog holds what a database holds, as a value: objects with their
// definitions, the fingerprint of a set of them, and the difference of two.
// It reads nothing; postgres fills it in.
package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strconv"
)

// An Object is a relation, a type or a function with all that belongs to it: a
// table carries its columns, constraints, indexes, triggers, policies, grants
// and comments, so that whatever changes about it changes Definition.
type Object struct {
	Kind       string // "table", "view", "sequence", "enum", "function", ...
	Name       string // qualified and quoted as PostgreSQL prints it; functions with their argument types
	Definition string // one fact a line, in an order that does not depend on when the facts came to be
}

// Fingerprint is the SHA-256 of the object in hexadecimal.
func (o Object) Fingerprint() string {
	h := sha256.New()
	field(h, o.Kind)
	field(h, o.Name)
	field(h, o.Definition)
	return hex.EncodeToString(h.Sum(nil))
}

// A Snapshot is a set of objects as one moment saw them.
type Snapshot []Object

// Sorted returns the objects of s in order of kind and name.
func (s Snapshot) Sorted() Snapshot {
	sorted := slices.Clone(s)
	slices.SortFunc(sorted, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}

// Fingerprint is the SHA-256 of the whole set, whatever the order of its
// objects. Two snapshots have one fingerprint if and only if no definition in
// them differs. The empty set has one too.
func (s Snapshot) Fingerprint() string {
	h := sha256.New()
	for _, o := range s.Sorted() {
		field(h, o.Fingerprint())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// field writes s with its length before it, so that no two lists of fields
// write the same bytes. A hash never fails to be written.
func field(w io.Writer, s string) {
	_, _ = io.WriteString(w, strconv.Itoa(len(s))+":"+s)
}

// A Mark is an object without its definition: enough to tell later whether it
// is still the same, short enough to stand in a report.
type Mark struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
}

// Marks returns the mark of every object of s, sorted.
func (s Snapshot) Marks() []Mark {
	marks := make([]Mark, 0, len(s))
	for _, o := range s.Sorted() {
		marks = append(marks, Mark{Kind: o.Kind, Name: o.Name, Fingerprint: o.Fingerprint()[:16]})
	}
	return marks
}

// Changed says in words which objects came, went or changed between two sets
// of marks, in order of kind and name; empty where none did.
func Changed(was, is []Mark) []string {
	type key struct{ kind, name string }
	before := make(map[key]string, len(was))
	for _, m := range was {
		before[key{m.Kind, m.Name}] = m.Fingerprint
	}
	words := make(map[key]string)
	for _, m := range is {
		k := key{m.Kind, m.Name}
		fingerprint, known := before[k]
		delete(before, k)
		switch {
		case !known:
			words[k] = "was added"
		case fingerprint != m.Fingerprint:
			words[k] = "was changed"
		}
	}
	for k := range before {
		words[k] = "is gone"
	}
	var said []string
	for _, k := range slices.SortedFunc(maps.Keys(words), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	}) {
		said = append(said, k.kind+" "+k.name+" "+words[k])
	}
	return said
}
