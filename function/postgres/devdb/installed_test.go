package devdb

import (
	"os"
	"path/filepath"
	"testing"
)

// A PostgreSQL is found in PATH through a link too, if it is of the major, and only whole.
func TestInstalled_inPATH(t *testing.T) {
	root := openDir(t)
	program := func(version string, names ...string) string {
		dir := filepath.Join(root, version, "bin")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho 'postgres (PostgreSQL) "+version+" (Some 1.2)'\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	old := program("98.3", "postgres", "initdb")
	partial := program("99.7", "postgres")
	whole := program("99.2", "postgres", "initdb")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(whole+"/postgres", links+"/postgres"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", old+":"+partial+":relative:"+links)
	b, ok := installed(t.Context(), 99, serverAccount())
	if want := (binaries{whole, "99.2", 99}); !ok || b != want {
		t.Errorf("found %+v, %v; want %+v", b, ok, want)
	}
	if b, ok := installed(t.Context(), 97, serverAccount()); ok {
		t.Errorf("found %+v", b)
	}
}
