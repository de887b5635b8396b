package migration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A PublicKey is one whose signature counts. Its ID is the beginning of the
// SHA-256 of its DER: it finds a key among those that are configured, and
// proves nothing.
type PublicKey struct {
	ID  string // 16 hexadecimal digits
	Key *ecdsa.PublicKey
}

// ParsePublicKey takes the DER of a SubjectPublicKeyInfo, of P-256 alone.
func ParsePublicKey(der []byte) (PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, errors.New("is no public key (SubjectPublicKeyInfo)")
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	switch {
	case !ok:
		return PublicKey{}, fmt.Errorf("is of the kind %s: want ECDSA on P-256", strings.TrimPrefix(fmt.Sprintf("%T", parsed), "*"))
	case key.Curve != elliptic.P256():
		return PublicKey{}, fmt.Errorf("is on the curve %s: want P-256", key.Params().Name)
	}
	return NewPublicKey(key)
}

// NewPublicKey names a key, which has to be on P-256.
func NewPublicKey(key *ecdsa.PublicKey) (PublicKey, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, err
	}
	sum := sha256.Sum256(der)
	return PublicKey{ID: hex.EncodeToString(sum[:8]), Key: key}, nil
}

// DER is the SubjectPublicKeyInfo.
func (k PublicKey) DER() []byte {
	der, _ := x509.MarshalPKIXPublicKey(k.Key) // it could be when the key was named
	return der
}

const publicKeyBlock = "PUBLIC KEY"

// PEM is the key as a configuration takes it.
func (k PublicKey) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: publicKeyBlock, Bytes: k.DER()}))
}

// ParsePublicKeys reads PEM blocks, one after another, or the DER of each in
// base64, with commas or white space between. The error says which of them is
// not one and why. A key that stands there twice is an error: two signatures
// that are asked for are to be those of two keys.
func ParsePublicKeys(text string) ([]PublicKey, error) {
	ders, err := publicKeyDERs(text)
	if err != nil {
		return nil, err
	}
	var keys []PublicKey
	for i, der := range ders {
		key, err := ParsePublicKey(der)
		if err != nil {
			return nil, fmt.Errorf("key %d of %d %w", i+1, len(ders), err)
		}
		if slices.ContainsFunc(keys, func(k PublicKey) bool { return k.ID == key.ID }) {
			return nil, fmt.Errorf("key %d of %d, %s, stands there twice", i+1, len(ders), key.ID)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

var errNoPublicKeys = errors.New("want public keys of ECDSA on P-256: PEM blocks one after another, or the DER of each in base64, with commas between")

func publicKeyDERs(text string) ([][]byte, error) {
	if strings.Contains(text, "-----") {
		return blocks(text)
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r <= ' ' })
	if len(words) == 0 {
		return nil, errNoPublicKeys
	}
	ders := make([][]byte, len(words))
	for i, word := range words {
		der, err := base64.StdEncoding.Strict().DecodeString(word)
		if err != nil {
			return nil, fmt.Errorf("key %d of %d is not base64: %w", i+1, len(words), errNoPublicKeys)
		}
		ders[i] = der
	}
	return ders, nil
}

// blocks reads PEM with nothing but white space between the blocks. A variable
// that was set in one line has spaces where the line breaks were.
func blocks(text string) (ders [][]byte, err error) {
	const begin, end = "-----BEGIN " + publicKeyBlock + "-----", "-----END " + publicKeyBlock + "-----"
	for rest := strings.TrimSpace(text); rest != ""; {
		n := len(ders) + 1
		after, ok := strings.CutPrefix(rest, begin)
		if !ok {
			return nil, fmt.Errorf("block %d does not begin with %s: %w", n, begin, errNoPublicKeys)
		}
		body, next, ok := strings.Cut(after, end)
		if !ok {
			return nil, fmt.Errorf("block %d does not end with %s", n, end)
		}
		der, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(body), ""))
		if err != nil {
			return nil, fmt.Errorf("block %d holds no base64 between its lines", n)
		}
		ders, rest = append(ders, der), strings.TrimSpace(next)
	}
	return ders, nil
}

// quoted is text that somebody sent, as it may be shown: short, in one line.
func quoted(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strconv.Quote(Mask(text))
}
