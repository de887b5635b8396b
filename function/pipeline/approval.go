package pipeline

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// approval is the wire form of what approve writes and an event holds. The
// digest says which plan it is for; it may be left out, since the signatures
// are over it.
type approval struct {
	Digest     string            `json:"digest"`
	Accept     []string          `json:"accept"`
	Expires    *string           `json:"expires"`
	Signatures []json.RawMessage `json:"signatures"`
}

type signature struct {
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

// ParseApproval reads what approve writes. Like ParseRequest it refuses by name
// what it does not understand.
func ParseApproval(data []byte) (migration.Approval, error) {
	if absent(bytes.TrimSpace(data)) || !json.Valid(data) {
		return migration.Approval{}, errors.New("it is not JSON: want the object that approve prints")
	}
	return readApproval(data)
}

func readApproval(raw json.RawMessage) (migration.Approval, error) {
	if absent(raw) {
		return migration.Approval{}, nil
	}
	var a approval
	if _, err := object(raw, `"approval"`, approvalFields, &a); err != nil {
		return migration.Approval{}, err
	}
	read := migration.Approval{For: strings.TrimSpace(a.Digest), Accept: a.Accept}
	if slices.Contains(a.Accept, "") {
		return migration.Approval{}, errors.New(`"accept" holds an empty ID: want the IDs of findings, as plan prints them`)
	}
	if a.Expires != nil {
		var err error
		if read.Expires, err = migration.ParseExpiry(*a.Expires); err != nil {
			return migration.Approval{}, fmt.Errorf(`"expires" is %q: %w`, *a.Expires, err)
		}
	}
	for _, raw := range a.Signatures {
		s, err := readSignature(raw)
		if err != nil {
			return migration.Approval{}, err
		}
		read.Signatures = append(read.Signatures, s)
	}
	return read, nil
}

func readSignature(raw json.RawMessage) (migration.Signature, error) {
	var s signature
	if _, err := object(raw, `an entry of "signatures"`, signatureFields, &s); err != nil {
		return migration.Signature{}, err
	}
	if s.Key == "" || s.Signature == "" {
		return migration.Signature{}, errors.New(`an entry of "signatures" lacks its "key" or its "signature": want both`)
	}
	// A line break, which the decoder would skip, and loose bits at the end would
	// make two texts of one signature.
	der, err := base64.StdEncoding.Strict().DecodeString(s.Signature)
	if err != nil || strings.ContainsAny(s.Signature, "\r\n") {
		return migration.Signature{}, fmt.Errorf(`the "signature" of the key %q is not base64: want it as approve prints it`, s.Key)
	}
	return migration.Signature{Key: s.Key, DER: der}, nil
}

// FormatApproval is an approval as ParseApproval reads it.
func FormatApproval(a migration.Approval) []byte {
	type written struct {
		Digest     string           `json:"digest,omitempty"`
		Accept     []string         `json:"accept"`
		Expires    migration.Expiry `json:"expires,omitempty"`
		Signatures []signature      `json:"signatures"`
	}
	w := written{Digest: a.For, Accept: append([]string{}, a.Accept...), Expires: a.Expires, Signatures: []signature{}}
	for _, s := range a.Signatures {
		w.Signatures = append(w.Signatures, signature{s.Key, base64.StdEncoding.EncodeToString(s.DER)})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(w) // strings, into memory
	return text.Bytes()
}
