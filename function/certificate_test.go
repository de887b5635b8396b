package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An authority signs certificates of servers.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	a.root = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "root"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}, nil, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(c, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	c.SerialNumber, c.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-24*time.Hour)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

func (a *authority) pem() string { return encode("CERTIFICATE", a.root.Raw) }

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certify gives the server a certificate for host that ends after so long, and
// returns how the function is told of its root.
func (c *cloud) certify(host string, end time.Duration) []string {
	c.Helper()
	a, key := newAuthority(c.T), newKey(c.T)
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: host}, NotAfter: time.Now().Add(end), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{host}
	}
	signed := a.sign(leaf, a.root, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.Fatal(err)
	}
	dir := filepath.Dir(c.server.CertFile())
	for name, text := range map[string]string{"server.crt": encode("CERTIFICATE", signed.Raw), "server.key": encode("PRIVATE KEY", der)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil { // it stays its owner's
			c.Fatal(err)
		}
	}
	if err := c.server.Restart(c.Context()); err != nil {
		c.Fatal(err)
	}
	return []string{"DB_ROOT_CERTIFICATES=" + strings.ReplaceAll(a.pem(), "\n", " ")}
}
