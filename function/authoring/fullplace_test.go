//go:build linux || darwin

package authoring_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Nothing of a file stays where it, or atlas.sum behind it, could not be written.
// The stage is a file system on which a file cannot grow beyond some bytes: one
// that holds the new file and not the longer atlas.sum, and one that holds neither.
// It is a process of its own, since the limit is for a process, and go test has
// a file in this one that grows when it likes.
func TestWrite_failsWhole(t *testing.T) {
	const child = "AUTHORING_TEST_LIMITED"
	if os.Getenv(child) == "" {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWrite_failsWhole$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		if said, err := c.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS: TestWrite_failsWhole/") {
			t.Errorf("%v\n%s", err, said)
		}
		return
	}
	for name, c := range map[string]struct{ bytes, files int }{"no room for atlas.sum": {1000, 40}, "no room for the file": {16, 1}} {
		t.Run(name, func(t *testing.T) {
			p := newProjectOn(t, "")
			for i := range c.files {
				p.put(fmt.Sprintf("migrations/%03d_a.sql", i), "SELECT 1;\n")
			}
			p.hash()
			before := p.tree()
			limit(t, c.bytes)
			a := p.New("x", migration.TxFile)
			unlimited(t)
			p.wants(a, migration.Failed)
			if a.Failure == nil || !strings.Contains(a.Failure.Message, "file too large") || a.Written {
				t.Errorf("%s", told(a))
			}
			if after := p.tree(); after != before {
				t.Errorf("the directory was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// limit bounds the size of what this process writes, until unlimited. No other
// test may run then: Go runs those that are parallel after those that are not.
func limit(t *testing.T, bytes int) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = uint64(bytes)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unlimited(t) })
}

func unlimited(t *testing.T) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
}
