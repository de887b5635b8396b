package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// writeNewDir makes a directory of migrations: the texts by their paths, and
// atlas.sum. It appears under its name in one step, whole; the place must be
// free, or an empty directory. Where it fails nothing is left behind.
func writeNewDir(dir string, texts map[string]string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := isVacant(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	temporary := filepath.Join(parent, "."+filepath.Base(dir)+"."+rand.Text()[:8])
	err = fillDir(temporary, texts)
	if err == nil {
		if err = os.Remove(dir); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = os.Rename(temporary, dir)
	}
	if err != nil {
		_ = os.RemoveAll(temporary)
	}
	return err
}

// isVacant says what stands in the way at dir.
func isVacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usage("--dir is %s: %w", shown(dir), err)
	case len(entries) > 0:
		return usage("--dir is %s, which is there and not empty: nothing was written; name a directory that is not there yet", shown(dir))
	}
	here, err := os.Stat(".")
	if err != nil {
		return err
	}
	if there, err := os.Stat(dir); err == nil && os.SameFile(here, there) {
		return usage("--dir is %s, the directory that you are in, and it cannot be replaced under you: name one below it", shown(dir))
	}
	return nil
}

func fillDir(dir string, texts map[string]string) error {
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	sum, err := migration.HashDir(os.DirFS(dir))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sumName), sum, 0o644)
}
