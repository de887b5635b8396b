package migration

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// RevisionType says how a version came into the history. The numbers are
// Atlas's and stand in the table.
type RevisionType int

// A Baseline adopts what was there; Executed ran; Resolved was declared applied
// by hand (atlas migrate set). Executed|Resolved is a half-applied file that
// was declared whole.
const (
	Baseline RevisionType = 1 << iota
	Executed
	Resolved
)

func (t RevisionType) String() string {
	switch t {
	case Baseline:
		return "baseline"
	case Executed:
		return "applied"
	case Resolved:
		return "set by hand"
	case Executed | Resolved:
		return "applied, then set by hand"
	}
	return "unknown"
}

// A Revision is one row of Atlas's history table.
type Revision struct {
	Version         string
	Description     string
	Type            RevisionType
	Applied         int // statements that are in the database
	Total           int
	ExecutedAt      time.Time
	ExecutionTime   time.Duration
	Error           string // "" where all went well
	ErrorStmt       string
	Hash            string   // the file's entry in atlas.sum when it ran; "" for a baseline
	PartialHashes   []string // of the statements 1 to Applied, while Applied < Total
	OperatorVersion string
}

// Partial says that statements of the file are still to run.
func (r Revision) Partial() bool { return r.Applied != r.Total }

// InDoubt begins the text in the Error column while a statement runs that
// cannot share a transaction with its row: whoever finds it there does not
// know whether that statement took effect and has to look.
const InDoubt = "in doubt: "

// Doubtful says that the statement after the applied ones was started outside
// a transaction and that its end was not recorded.
func (r Revision) Doubtful() bool { return strings.HasPrefix(r.Error, InDoubt) }

// A Stamp is what we write into operator_version: who ran it, under which
// digest, and the fingerprint of the schema that the digest was sealed over,
// without which nobody could verify the digest once the schema has changed.
type Stamp struct {
	Release string
	Digest  Digest
	Schema  string // SHA-256, hexadecimal
	// Stood is what was not as the migrations say when the digest was sealed.
	Stood Stood
	// Was is the half-applied row that this one replaced, as far as a digest
	// covers it (type, applied, total, hash); nil where there was none.
	Was *Revision
}

const operator = "aurora-migrate"

func (s Stamp) String() string {
	release := strings.Join(strings.Fields(s.Release), "-") // one word, whatever it is called
	words := []string{operator, release, s.Digest.String(), "schema:" + s.Schema}
	if s.Stood.Known {
		words = append(words, s.Stood.String())
	}
	if s.Was != nil {
		words = append(words, fmt.Sprintf("was:%d,%d,%d,%s", s.Was.Type, s.Was.Applied, s.Was.Total, s.Was.Hash))
	}
	return strings.Join(words, " ")
}

// Stamp reads operator_version back. It is false for rows of other tools and
// for anything that does not have the exact form of ours.
func (r Revision) Stamp() (Stamp, bool) {
	words := strings.Split(r.OperatorVersion, " ")
	if len(words) < 4 || len(words) > 6 || words[0] != operator {
		return Stamp{}, false
	}
	schema, ok := strings.CutPrefix(words[3], "schema:")
	digest, err := ParseDigest(words[2])
	if !ok || err != nil || !isHex(schema, 64) {
		return Stamp{}, false
	}
	s := Stamp{Release: words[1], Digest: digest, Schema: schema}
	rest := words[4:]
	if len(rest) > 0 {
		if s.Stood, ok = readStood(rest[0]); ok {
			rest = rest[1:]
		}
	}
	if len(rest) == 1 {
		s.Was = new(Revision)
		_, _ = fmt.Sscanf(rest[0], "was:%d,%d,%d,%s", &s.Was.Type, &s.Was.Applied, &s.Was.Total, &s.Was.Hash)
	}
	if s.String() != r.OperatorVersion {
		return Stamp{}, false
	}
	return s, true
}

// A History is the rows of Atlas's table in order of version, bytewise.
type History []Revision

// Find returns the row of a version.
func (h History) Find(version string) (Revision, bool) {
	i, found := slices.BinarySearchFunc(h, version, func(r Revision, v string) int { return strings.Compare(r.Version, v) })
	if !found {
		return Revision{}, false
	}
	return h[i], true
}

// Current is the last version, "" for an empty history.
func (h History) Current() string {
	if len(h) == 0 {
		return ""
	}
	return h[len(h)-1].Version
}

// Split parts the rows that were written under d from all others. As of plans,
// the SHA-256 alone decides; under the zero Digest nothing was written.
func (h History) Split(d Digest) (others, own History) {
	for _, r := range h {
		if s, ok := r.Stamp(); ok && s.Digest.sum == d.sum {
			own = append(own, r)
		} else {
			others = append(others, r)
		}
	}
	return others, own
}

// Sorted returns h in order of version.
func (h History) Sorted() History {
	s := slices.Clone(h)
	slices.SortFunc(s, func(a, b Revision) int { return strings.Compare(a.Version, b.Version) })
	return s
}
