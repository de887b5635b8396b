package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// buildTags and buildFlags are those of the Makefile.
const (
	buildTags = "lambda.norpc"
	ldflags   = "-s -w -X main.release=v0.0.0-test"
)

// bootstrapWith builds bootstrap for this machine with the files of dir in the
// place of those in migrations/, hashed if they have no atlas.sum; with "", it
// builds it as it is. go build -overlay lets the compiler see other files than
// there are, embedded ones too: so what is tested is the program that is
// deployed, line for line, and that has no way in for a test.
func bootstrapWith(t *testing.T, dir string) (string, error) {
	args := []string{}
	if dir != "" {
		overlay, err := overlay(t, dir)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	return build(t, os.Environ(), args...)
}

func build(t testing.TB, env []string, args ...string) (string, error) {
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	args = append([]string{"build", "-tags", buildTags, "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", bootstrap}, args...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Env = append(env, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return bootstrap, nil
}

// overlay is the path of a file that puts those of dir in the place of those in
// migrations/.
func overlay(t *testing.T, dir string) (string, error) {
	scratch := t.TempDir() // the files as they are now: the story may change them
	if err := os.CopyFS(scratch, os.DirFS(dir)); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(scratch, "atlas.sum")); err != nil {
		sum, err := migration.HashDir(os.DirFS(scratch))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(scratch, "atlas.sum"), sum, 0o644); err != nil {
			return "", err
		}
	}
	embedded, err := filepath.Abs("../migrations")
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	gone, err := files(embedded)
	if err != nil {
		return "", err
	}
	for name := range gone {
		replace[filepath.Join(embedded, name)] = ""
	}
	come, err := files(scratch)
	if err != nil {
		return "", err
	}
	for name, path := range come {
		replace[filepath.Join(embedded, name)] = path
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(t.TempDir(), "overlay.json")
	return path, os.WriteFile(path, text, 0o644)
}

// files are those of dir that migrations embeds, by name.
func files(dir string) (map[string]string, error) {
	found := make(map[string]string)
	for _, pattern := range []string{"*.sql", "*.json", "atlas.sum"} {
		names, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			found[name] = filepath.Join(dir, name)
		}
	}
	return found, nil
}
