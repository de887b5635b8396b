package migration

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"math/big"
)

// halfOrder is half of the order of P-256: of the two values of S that are
// equally right for one signature, the low one is at most this.
var halfOrder = new(big.Int).Rsh(elliptic.P256().Params().N, 1)

// Why a signature cannot be one, whatever the key.
var (
	ErrMalformedSignature = errors.New("is not the DER of an ECDSA signature: it was cut short, has something behind it, or is of another kind")
	ErrMalleableSignature = errors.New("has the high one of the two values of S that fit: anybody can make it from the other without the key, so only the low one counts")
)

type pair struct{ R, S *big.Int }

// CheckSignature sees that der is an ECDSA signature on P-256 in the one form
// that counts: strict DER, nothing behind it, and the low S. It says nothing of
// what was signed and by whom.
func CheckSignature(der []byte) error {
	p, err := parseSignature(der)
	if err == nil && p.S.Cmp(halfOrder) > 0 {
		err = ErrMalleableSignature
	}
	return err
}

// LowS returns the signature in the form that counts. AWS KMS, openssl and Go
// leave it to chance which of the two they make.
func LowS(der []byte) ([]byte, error) {
	p, err := parseSignature(der)
	if err != nil {
		return nil, err
	}
	if p.S.Cmp(halfOrder) > 0 {
		p.S = new(big.Int).Sub(elliptic.P256().Params().N, p.S)
	}
	return asn1.Marshal(p)
}

func parseSignature(der []byte) (pair, error) {
	var p pair
	rest, err := asn1.Unmarshal(der, &p)
	if err != nil || len(rest) > 0 || !inField(p.R) || !inField(p.S) {
		return pair{}, ErrMalformedSignature
	}
	if again, err := asn1.Marshal(p); err != nil || !bytes.Equal(again, der) {
		return pair{}, ErrMalformedSignature
	}
	return p, nil
}

func inField(n *big.Int) bool {
	return n.Sign() > 0 && n.Cmp(elliptic.P256().Params().N) < 0
}
