package devdb

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// tinyMajor is a major that only tests know: its archive, testdata/tiny.jar, has the
// shape of a real one (a zip with a .txz with closed modes and a link in it), but its
// postgres is a script.
const tinyMajor = 99

func init() {
	jar, err := os.ReadFile("testdata/tiny.jar")
	if err != nil {
		return // not in this directory: the tests that need it fail
	}
	sum := sha256.Sum256(jar)
	releases[tinyMajor] = release{"99.1", map[string]string{platform(): hex.EncodeToString(sum[:])}}
}

// repository serves the tiny archive after the given answers, and counts requests.
func repository(t *testing.T, before ...int) (url string, requests *atomic.Int64) {
	t.Helper()
	jar, err := os.ReadFile("testdata/tiny.jar")
	if err != nil {
		t.Fatal(err)
	}
	requests = new(atomic.Int64)
	path := releases[tinyMajor].url("", platform())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(requests.Add(1))
		switch {
		case r.URL.Path != path:
			http.NotFound(w, r)
		case n <= len(before):
			w.WriteHeader(before[n-1])
		default:
			time.Sleep(100 * time.Millisecond) // long enough for a second process to come
			w.Write(jar)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func testCache(t *testing.T, dir string) cache {
	t.Helper()
	c, err := openCache(t.Context(), dir, serverAccount())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func childFetch() error {
	c, err := openCache(context.Background(), os.Getenv("FETCH_CACHE"), serverAccount())
	if err != nil {
		return err
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	b, err := c.fetch(context.Background(), Options{Major: tinyMajor, Repository: os.Getenv("FETCH_REPOSITORY")})
	if err != nil {
		return err
	}
	_, err = inspect(context.Background(), b.dir, c.who)
	return err
}

// Any number of processes that want the same version at once fetch it once, and each has
// it whole.
func TestFetch_byManyProcessesAtOnce(t *testing.T) {
	url, requests := repository(t)
	cacheDir := openDir(t)
	var wait []func() error
	var start []io.Closer
	for range 4 {
		cmd, in, out := child(t, "fetch", "FETCH_CACHE="+cacheDir, "FETCH_REPOSITORY="+url)
		if line, err := out.ReadString('\n'); err != nil {
			t.Fatalf("child: %q, %v", line, err)
		}
		start, wait = append(start, in), append(wait, cmd.Wait)
	}
	for _, in := range start {
		in.Close()
	}
	for i, w := range wait {
		if err := w(); err != nil {
			t.Errorf("process %d of 4: %v", i+1, err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	if left, _ := filepath.Glob(cacheDir + "/*.partial"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFetch_triesAgainWhileTheRepositoryIsBusy(t *testing.T) {
	url, requests := repository(t, http.StatusServiceUnavailable, http.StatusTooManyRequests)
	if _, err := testCache(t, openDir(t)).fetch(t.Context(), Options{Major: tinyMajor, Repository: url}); err != nil {
		t.Error(err)
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestFetch_failures(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	missing, _ := repository(t, http.StatusNotFound)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "not it") }))
	defer other.Close()
	r, p := releases[tinyMajor], platform()
	for _, tt := range []struct {
		name, repository, why string
	}{
		{"no network", gone.URL, `Get "` + r.url(gone.URL, p) + `": dial tcp ` + strings.TrimPrefix(gone.URL, "http://") + `: connect: connection refused`},
		{"not there", missing, "get " + r.url(missing, p) + ": 404 Not Found"},
		{"other bytes", other.URL, fmt.Sprintf("%s has the SHA-256 %x, and %s was expected", r.archive(p), sha256.Sum256([]byte("not it")), r.digests[p])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testCache(t, openDir(t))
			_, err := c.fetch(t.Context(), Options{Major: tinyMajor, Repository: tt.repository})
			if e := (*UnavailableError)(nil); !errors.As(err, &e) || e.Major != tinyMajor {
				t.Fatalf("%T: %v", err, err)
			}
			want := `no PostgreSQL 99: none is installed here, and it could not be fetched: ` + tt.why + `
    Nothing was started. One of these helps:
    - install PostgreSQL 99 (apt-get install postgresql-99, dnf install postgresql99-server, brew install postgresql@99);
    - set MIGRATE_DEV_URL to a PostgreSQL 99 server on which databases may be created;
    - with a network elsewhere, fetch ` + r.url(mavenCentral, p) + `
      and put it at ` + filepath.Join(c.dir, r.archive(p)) + `.`
			if err.Error() != want {
				t.Errorf("got:\n%v\nwant:\n%s", err, want)
			}
			// What the message says, helps.
			jar, err := os.ReadFile("testdata/tiny.jar")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(c.dir, r.archive(p)), jar, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := c.fetch(t.Context(), Options{Major: tinyMajor, Repository: tt.repository}); err != nil {
				t.Errorf("with the archive put there by hand: %v", err)
			}
		})
	}
}

func TestUntar_writesNowhereElse(t *testing.T) {
	for want, h := range map[string][]tar.Header{
		"path escapes from parent":              {{Typeflag: tar.TypeReg, Name: "../outside"}},
		"mkdirat link: file exists":             {{Typeflag: tar.TypeSymlink, Name: "link", Linkname: ".."}, {Typeflag: tar.TypeReg, Name: "link/outside"}},
		"openat link: path escapes from parent": {{Typeflag: tar.TypeSymlink, Name: "link", Linkname: ".."}, {Typeflag: tar.TypeReg, Name: "link"}},
	} {
		dir := t.TempDir()
		inside := filepath.Join(dir, "inside")
		if err := os.Mkdir(inside, 0o755); err != nil {
			t.Fatal(err)
		}
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, h := range h {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		if err := untar(&archive, inside); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", h[len(h)-1].Name, err)
		}
		if !gone(filepath.Join(dir, "outside")) {
			t.Errorf("%s: written", h[len(h)-1].Name)
		}
	}
}

// Every major that can be asked for has an archive for the usual machines.
func TestReleases(t *testing.T) {
	for major := oldestMajor; major <= newestMajor; major++ {
		r := releases[major]
		if !strings.HasPrefix(r.version, fmt.Sprintf("%d.", major)) {
			t.Errorf("%d is %q", major, r.version)
		}
		for _, p := range []string{"linux-amd64", "linux-arm64v8", "darwin-amd64", "darwin-arm64v8"} {
			if len(r.digests[p]) != 2*sha256.Size {
				t.Errorf("%d for %s: %q", major, p, r.digests[p])
			}
		}
	}
}
