package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// A Part is one of the six things that a digest covers.
type Part string

// The parts, in the order in which a digest lists them.
const (
	FilesPart    Part = "files"
	HistoryPart  Part = "history"
	SchemaPart   Part = "schema"
	EnginePart   Part = "engine"
	TargetPart   Part = "target"
	SettingsPart Part = "settings"
)

var parts = [...]Part{FilesPart, HistoryPart, SchemaPart, EnginePart, TargetPart, SettingsPart}

// Parts maps each part to the SHA-256, in hexadecimal, of what it covers.
type Parts map[Part]string

// A Digest names a plan: same digest, same plan. It is one word, so that a
// double click selects it: "p1_", the SHA-256 that decides, "_", and four
// digits of each part, which only explain. The zero Digest names nothing.
type Digest struct {
	sum  string // 64 hexadecimal digits
	hint string // 4 for each part
}

const (
	digestMark = "p1_"
	sumLen     = 2 * sha256.Size
	hintLen    = 4
)

// Digest computes the digest of parts, of which every one must be there.
func (p Parts) Digest() Digest {
	h := sha256.New()
	var hint strings.Builder
	h.Write([]byte("aurora-migrate plan v1\n"))
	for _, part := range parts {
		h.Write([]byte(string(part) + " " + p[part] + "\n"))
		hint.WriteString(p[part][:hintLen])
	}
	return Digest{sum: hex.EncodeToString(h.Sum(nil)), hint: hint.String()}
}

// ErrMalformedDigest says that a text is not a digest. To a gate it is a
// digest that differs.
var ErrMalformedDigest = errors.New(`not a digest: want "p1_", 64 hexadecimal digits, "_" and 24 more, as plan prints it`)

// ParseDigest reads what String wrote. White space around it is forgiven.
func ParseDigest(s string) (Digest, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), digestMark)
	sum, hint, cut := strings.Cut(rest, "_")
	if !ok || !cut || !isHex(sum, sumLen) || !isHex(hint, hintLen*len(parts)) {
		return Digest{}, ErrMalformedDigest
	}
	return Digest{sum: sum, hint: hint}, nil
}

func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	return digestMark + d.sum + "_" + d.hint
}

// Short is the beginning of the digest, for a place too narrow for all of it,
// such as application_name. It identifies, it does not prove.
func (d Digest) Short() string {
	if d == (Digest{}) {
		return ""
	}
	return digestMark + d.sum[:16]
}

// Names says that d is the digest of p: the SHA-256 alone decides.
func (d Digest) Names(p Parts) bool { return d.sum == p.Digest().sum }

// Differing lists the parts whose explaining digits differ between d and p.
// It can be empty although d does not name p: four digits of 64 may agree by
// chance, and a digest may have been tampered with.
func (d Digest) Differing(p Parts) []Part {
	if d == (Digest{}) {
		return nil
	}
	var differing []Part
	for i, part := range parts {
		if d.hint[i*hintLen:(i+1)*hintLen] != p[part][:hintLen] {
			differing = append(differing, part)
		}
	}
	return differing
}

// MarshalText writes the digest as String does.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote; the empty text is the zero Digest.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	*d, err = ParseDigest(string(text))
	return err
}

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// fingerprint is the SHA-256 of a list of fields, each with its length before
// it, so that no two lists have the same bytes.
type fields struct{ b strings.Builder }

func (f *fields) add(values ...string) {
	for _, v := range values {
		f.b.WriteString(itoa(len(v)) + ":" + v)
	}
}

func (f *fields) sum() string {
	sum := sha256.Sum256([]byte(f.b.String()))
	return hex.EncodeToString(sum[:])
}
