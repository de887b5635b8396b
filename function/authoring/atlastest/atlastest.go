// Package atlastest gives tests the real Atlas CLI, and the tools whose
// directories can be imported. Each is built from its own module under tools/,
// once into the cache of this machine: the CLI takes some two minutes then, and
// several processes wait for one build. Nothing but Go is needed, and the Go
// module proxy the first time.
package atlastest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// CLI returns the path of Atlas's command line, v0.13.1 of the community. It needs
// a database of New.
func CLI(t testing.TB) string {
	t.Helper()
	return built(t, program{name: "atlas", builds: "ariga.io/atlas/cmd/atlas", takes: "about two minutes"})
}

// Migrators returns the path of a program that runs the migrations of a
// directory with goose, golang-migrate or dbmate:
//
//	migrators goose|golang-migrate|dbmate DIRECTORY URL
func Migrators(t testing.TB) string {
	t.Helper()
	return built(t, program{name: "migrators", builds: ".", takes: "about half a minute"})
}

// A program is one to build: the module tools/name, and what of it.
type program struct {
	name, builds, takes string
}

// buildTime bounds a build on a machine with much else to do.
const buildTime = 9 * time.Minute

func built(t testing.TB, p program) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	path, err := p.build(ctx)
	if err != nil {
		t.Fatalf("build tools/%s, which this test needs: %v", p.name, err)
	}
	return path
}

func (p program) build(ctx context.Context) (string, error) {
	dir, err := cacheDir(p.name)
	if err != nil {
		return "", err
	}
	return p.in(ctx, dir)
}

// in returns the path of the program below dir, and builds it if it is not there.
func (p program) in(ctx context.Context, dir string) (string, error) {
	module, err := moduleOf(ctx, p.name)
	if err != nil {
		return "", err
	}
	key, err := keyOf(module)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, key, p.name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	lock := flock.New(filepath.Join(dir, key+".lock"))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for another process that builds %s: %w", path, err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(os.Stderr, "building tools/%s into %s (once; %s)\n", p.name, filepath.Dir(path), p.takes)
	partial := path + ".partial"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", partial, p.builds)
	cmd.Dir = module
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, os.Rename(partial, path)
}

// moduleOf is the directory of tools/name in this repository.
func moduleOf(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "tools", name), nil
}

// keyOf names what a module builds: its files and the compiler.
func keyOf(module string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	files, err := filepath.Glob(filepath.Join(module, "*"))
	if err != nil {
		return "", err
	}
	for _, f := range files { // in order of their names
		b, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, filepath.Base(f), len(b))
		h.Write(b)
	}
	if len(files) == 0 {
		return "", fmt.Errorf("there is nothing in %s", module)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// cacheDir is where dev servers are kept too: for root not below its home
// directory, and for a user without one in a temporary place that stays.
func cacheDir(name string) (string, error) {
	places := []string{"/var/cache/aurora-migrate"}
	if os.Geteuid() != 0 {
		places = []string{filepath.Join("/var/tmp", "aurora-migrate-"+strconv.Itoa(os.Getuid()))}
		if user, err := os.UserCacheDir(); err == nil {
			places = append([]string{filepath.Join(user, "aurora-migrate")}, places...)
		}
	}
	var failed []error
	for _, p := range places {
		dir := filepath.Join(p, name)
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			return dir, nil
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("no cache directory: %w", errors.Join(failed...))
}
