//go:build unix

package devdb

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever the umask, the user that the server runs as can run what was fetched.
func TestFetch_isReadableByOthers(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	url, _ := repository(t)
	c := testCache(t, openDir(t)+"/aurora-migrate/postgres")
	var progress bytes.Buffer
	b, err := c.fetch(t.Context(), Options{Major: tinyMajor, Repository: url, Progress: &progress})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		"../../..": 0o755, "../..": 0o755, "..": 0o755, ".": 0o755,
		"postgres": 0o755, "initdb": 0o755, "../lib/libpq.so.5": 0o644,
	} {
		info, err := os.Stat(filepath.Join(b.dir, path))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	if want := "fetching PostgreSQL 99.1 (0 MB, once) from " + strings.TrimPrefix(url, "http://") + "\n"; progress.String() != want {
		t.Errorf("progress:\ngot  %q\nwant %q", progress.String(), want)
	}
}
