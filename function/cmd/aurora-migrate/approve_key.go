package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/amazon/client"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// signer is what --key or --kms names.
func (t *terminal) signer(ctx context.Context, o *approving) (signer, error) {
	if o.key != "" {
		return t.keyFile(o.key)
	}
	c, err := client.New(ctx, client.RegionOf(o.kms))
	if err != nil {
		return nil, err
	}
	s, err := c.Signer(ctx, o.kms)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A privateKey signs with a key that was read from a file.
type privateKey struct {
	key    *ecdsa.PrivateKey
	public migration.PublicKey
}

// PublicKey is what its signatures are checked with.
func (k *privateKey) PublicKey() migration.PublicKey { return k.public }

// Sign signs a hash of SHA-256.
func (k *privateKey) Sign(_ context.Context, hash []byte) ([]byte, error) {
	der, err := ecdsa.SignASN1(rand.Reader, k.key, hash)
	if err != nil {
		return nil, err
	}
	return migration.LowS(der)
}

// keyFile reads a private key: PKCS #8 or SEC 1, as PEM. Nothing of what the
// file holds is in the error.
func (t *terminal) keyFile(path string) (*privateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("read the key from %s: %w", shown(path), reason(err))
	}
	t.warnOpen(path)
	key, err := parsePrivateKey(shown(path), text)
	if err != nil {
		return nil, err
	}
	public, err := migration.NewPublicKey(&key.PublicKey)
	if err != nil {
		return nil, usage("the key in %s: %w", shown(path), err)
	}
	return &privateKey{key, public}, nil
}

// warnOpen warns of a key that others on this machine can read. A pipe, as of
// <(...), has no mode that means anything, nor has a file on Windows.
func (t *terminal) warnOpen(path string) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || runtime.GOOS == "windows" {
		return
	}
	if open := info.Mode().Perm() & fs.FileMode(0o044); open != 0 {
		t.say("others on this machine can read the key in %s (mode %04o): chmod 600 it", shown(path), info.Mode().Perm())
	}
}

const makeKeyFile = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out approver.pem makes one"

func parsePrivateKey(from string, text []byte) (*ecdsa.PrivateKey, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, usage("the key in %s is encrypted: give it decrypted through a pipe, as in --key <(openssl pkey -in FILE)", from)
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "PUBLIC KEY":
			return nil, usage("%s holds a public key, and what signs is the private one", from)
		default: // EC PARAMETERS, which openssl writes before a key
			continue
		}
		ec, ok := key.(*ecdsa.PrivateKey)
		if err != nil || !ok || ec.Curve != elliptic.P256() {
			return nil, usage("the key in %s is not one of ECDSA on P-256: %s", from, makeKeyFile)
		}
		return ec, nil
	}
	return nil, usage("%s holds no private key as PEM: %s", from, makeKeyFile)
}
