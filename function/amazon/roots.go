package amazon

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
)

//go:generate go run makeroots.go

//go:embed roots.pem
var rootsPEM []byte

// rdsRoots are the roots of Amazon RDS in all regions. They are parsed once, and
// not before somebody needs them.
var rdsRoots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(rootsPEM)
	return pool
})

const begin = "-----BEGIN "

// readRoots reads certificates as PEM, or the file that v is the path of. Line
// ends may have become spaces, or \n, on the way through parameters of a stack.
func readRoots(v string, into **x509.CertPool) error {
	if v == "" {
		return nil
	}
	what := "DB_ROOT_CERTIFICATES"
	if !strings.Contains(v, begin) {
		text, err := os.ReadFile(v)
		if err != nil {
			return fmt.Errorf("%s is neither PEM nor a file that can be read: %w", what, err)
		}
		what, v = what+": "+v, string(text)
	}
	pool, err := parseRoots(v)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	*into = pool
	return nil
}

var block = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END [A-Z0-9 ]+-----`)

func parseRoots(text string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	blocks := block.FindAllStringSubmatch(strings.ReplaceAll(text, `\n`, "\n"), -1)
	for i, b := range blocks {
		if b[1] != "CERTIFICATE" {
			return nil, fmt.Errorf("block %d of %d is not a CERTIFICATE", i+1, len(blocks))
		}
		lines := begin + "CERTIFICATE-----\n" + strings.Join(strings.Fields(b[2]), "\n") + "\n-----END CERTIFICATE-----\n"
		der, _ := pem.Decode([]byte(lines))
		if der == nil {
			return nil, fmt.Errorf("certificate %d of %d is not PEM", i+1, len(blocks))
		}
		c, err := x509.ParseCertificate(der.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of %d: %w", i+1, len(blocks), err)
		}
		pool.AddCert(c)
	}
	if len(blocks) == 0 {
		return nil, errors.New("there is no certificate in it: want -----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----")
	}
	return pool, nil
}
