package devdb

import (
	"os"
	"path/filepath"
	"testing"
)

// An initdb that fails is quoted, and leaves neither a directory nor a half-made cluster.
func TestNewHome_whereInitdbFails(t *testing.T) {
	bin, tmp := openDir(t), openDir(t)
	if err := os.WriteFile(filepath.Join(bin, "initdb"), []byte("#!/bin/sh\necho 'no room'\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	c := testCache(t, openDir(t))
	_, err := newHome(t.Context(), Options{}, c, binaries{bin, "99.1", 99})
	if want := bin + "/initdb: exit status 3\n    no room"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	for _, dir := range []string{tmp, c.dir} {
		left, err := filepath.Glob(dir + "/[^.]*[^k]") // all but locks
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}
