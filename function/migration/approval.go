package migration

import (
	"crypto/sha256"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// An Approval is what came with the request to run a plan.
type Approval struct {
	Digest     string         // as it came; it may be malformed, then it names no plan
	Marks      []catalog.Mark // what the plan touched when it was made, where its report was handed in
	For        string         // the digest that the approval itself says it is for; "": it does not say
	Accept     []string       // IDs of findings that are accepted
	Expires    Expiry         // "": it does not say
	Signatures []Signature
}

// A Signature is one key's word for an approval.
type Signature struct {
	Key string // ID of the key, see PublicKey
	DER []byte // ASN.1, as ECDSA signatures are; nothing is known of it yet
}

// An Expiry is the end of an approval, in the very bytes that were signed: two
// ways to write one moment are two expiries.
type Expiry string

// ErrMalformedExpiry says that a text is not a moment as an approval has it.
var ErrMalformedExpiry = errors.New("want a moment as RFC 3339 has it, with its zone, such as 2026-11-25T18:00:00Z")

// ParseExpiry takes RFC 3339 to the letter, a zone included, and nothing that
// readers of dates forgive: what is signed is the text.
func ParseExpiry(text string) (Expiry, error) {
	_, err := Expiry(text).Time()
	if err != nil {
		return "", err
	}
	return Expiry(text), nil
}

// ExpiryAt is a moment as an approval has it: UTC, to the second.
func ExpiryAt(at time.Time) Expiry { return Expiry(at.UTC().Format(time.RFC3339)) }

// Time is the moment. The error is ErrMalformedExpiry.
func (e Expiry) Time() (at time.Time, err error) {
	at, err = time.Parse(time.RFC3339, string(e))
	if err != nil || !rfc3339.MatchString(string(e)) {
		return time.Time{}, ErrMalformedExpiry
	}
	return at, nil
}

// rfc3339 is what time.Parse is laxer than: it takes a comma, hours of one digit
// and zones that there are not.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ApprovalText is what a signature of an approval is made over, byte for byte.
// The order of the IDs and how often one stands there make no difference. The
// error says which ID cannot be signed: one with a line break would read as two.
func ApprovalText(digest Digest, expires Expiry, accept []string) ([]byte, error) {
	ids := slices.Clone(accept)
	slices.Sort(ids)
	var b strings.Builder
	b.WriteString("aurora-migrate approval v1\n" + digest.String() + "\n" + string(expires) + "\n")
	for _, id := range slices.Compact(ids) {
		if id == "" || strings.ContainsAny(id, "\r\n") {
			return nil, &UnsignableError{ID: id}
		}
		b.WriteString(id + "\n")
	}
	return []byte(b.String()), nil
}

// An UnsignableError names the ID of a finding that is empty or has a line
// break in it.
type UnsignableError struct{ ID string }

func (e *UnsignableError) Error() string {
	return quoted(e.ID) + " cannot be accepted: an ID is one line, and not an empty one"
}

// ApprovalHash is the SHA-256 of a text, which is what ECDSA signs.
func ApprovalHash(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:]
}
