package amazon

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"
)

type certificate struct {
	*x509.Certificate
	pem string
}

// embedded are the certificates in roots.pem.
func embedded(t *testing.T) (all []certificate) {
	t.Helper()
	for rest := rootsPEM; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return all
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, certificate{c, string(pem.EncodeToMemory(b))})
	}
}

func trusts(pool *x509.CertPool, c *x509.Certificate) bool {
	_, err := c.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

// The roots of Amazon RDS are all in there, and good for at least a year from
// now. Where this fails, run go generate in this directory, with a newer
// version of the package that makeroots.go names if there is one.
func TestRDSRoots(t *testing.T) {
	all := embedded(t)
	if len(all) != 92 {
		t.Errorf("%d certificates: if roots.pem was made anew, correct this number", len(all))
	}
	regions := make(map[string]bool)
	for _, c := range all {
		if end := time.Now().AddDate(1, 0, 0); c.NotAfter.Before(end) {
			t.Errorf("%s ends on %s", c.Subject.CommonName, c.NotAfter.Format(time.DateOnly))
		}
		if !c.IsCA {
			t.Errorf("%s is not a root", c.Subject.CommonName)
		}
		if !trusts(rdsRoots(), c.Certificate) {
			t.Errorf("%s is not trusted", c.Subject.CommonName)
		}
		regions[c.Subject.CommonName] = true
	}
	for _, region := range []string{"us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-1", "sa-east-1"} {
		for _, kind := range []string{"RSA2048", "RSA4096", "ECC384"} {
			if name := "Amazon RDS " + region + " Root CA " + kind + " G1"; !regions[name] {
				t.Errorf("%s is missing", name)
			}
		}
	}
}
