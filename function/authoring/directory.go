package authoring

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A directory is one as it was read, all of it in memory: what is compared with
// the desired state is what was hashed, and whether somebody else wrote
// meanwhile can be told.
type directory struct {
	path     string
	texts    map[string]string // *.sql and atlas.sum
	dir      *migration.Dir
	findings []migration.Finding
}

const sumName = "atlas.sum"

func readDirectory(path string) (*directory, error) {
	d := &directory{path: path}
	unlock, err := lock(path) // else a new file could be seen whose atlas.sum comes a moment later
	if err == nil {           // who only reads is not held up by want of a lock
		defer unlock()
	}
	if d.texts, err = texts(path); err != nil {
		return nil, err
	}
	d.dir, d.findings, err = migration.ReadDir(d.files())
	return d, err
}

// texts reads the files that count, also those whose names are wrong.
func texts(path string) (map[string]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	found := make(map[string]string)
	for _, e := range entries {
		if e.IsDir() || e.Name() != sumName && !strings.EqualFold(extension(e.Name()), ".sql") {
			continue
		}
		text, err := fs.ReadFile(os.DirFS(path), e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went while we were reading; so it is not there
		}
		if err != nil {
			return nil, fmt.Errorf("read the directory: %w", err)
		}
		found[e.Name()] = string(text)
	}
	return found, nil
}

func extension(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[i:]
	}
	return ""
}

// roles are those that the files make.
func (d *directory) roles() (names []string) {
	for _, text := range d.texts {
		names = append(names, rolesIn(text)...)
	}
	return names
}

func (d *directory) files() fs.FS { return migration.MemoryDir(d.texts) }

// hashed returns files with the atlas.sum that fits them.
func hashed(texts map[string]string) (migration.MemoryDir, error) {
	m := migration.MemoryDir(maps.Clone(texts))
	delete(m, sumName)
	sum, err := migration.HashDir(m)
	if err != nil {
		return nil, err
	}
	m[sumName] = string(sum)
	return m, nil
}

// with returns the directory with one file more, and the atlas.sum that fits.
func (d *directory) with(name, text string) (migration.MemoryDir, error) {
	more := maps.Clone(d.texts)
	more[name] = text
	return hashed(more)
}

// last is the version behind which a new file has to stand; "" for none.
func (d *directory) last() string {
	if len(d.dir.Files) == 0 {
		return ""
	}
	return d.dir.Files[len(d.dir.Files)-1].Version
}
