package migration

import (
	"errors"
	"fmt"
	"io/fs"

	"ariga.io/atlas/sql/migrate"
)

// HashDir returns the text of atlas.sum for the *.sql files at the top of fsys,
// as "atlas migrate hash" writes it.
func HashDir(fsys fs.FS) ([]byte, error) {
	names, err := sqlNames(fsys)
	if err != nil {
		return nil, fmt.Errorf("hash directory: %w", err)
	}
	files, err := readFiles(fsys, names.files)
	if err != nil {
		return nil, fmt.Errorf("hash directory: %w", err)
	}
	return hashFile(files).MarshalText()
}

// CumulativeHash returns what the entry of each file in atlas.sum would be,
// without "h1:", in a directory of just these files in this order; "" for a file
// that "atlas:sum ignore" keeps out of it. An entry covers the files before it
// too: of an edited file and those behind it, all entries differ.
func CumulativeHash(files []File) []string {
	local := make([]*migrate.LocalFile, len(files))
	for i, f := range files {
		local[i] = migrate.NewLocalFile(f.Name, []byte(f.Text))
	}
	entries := hashFile(local)
	hashes := make([]string, len(files))
	for i, f := range files {
		if len(entries) > 0 && entries[0].N == f.Name {
			hashes[i] = entries[0].H
			entries = entries[1:]
		}
	}
	return hashes
}

// hashFile is migrate.NewHashFile, whose error only a failing hash could cause.
func hashFile(files []*migrate.LocalFile) migrate.HashFile {
	as := make([]migrate.File, len(files))
	for i, f := range files {
		as[i] = f
	}
	h, err := migrate.NewHashFile(as)
	if err != nil {
		panic(err) // sha256 does not fail
	}
	return h
}

// readSum returns the text of atlas.sum and whether there is one.
func readSum(fsys fs.FS) (text string, present bool, err error) {
	b, err := fs.ReadFile(fsys, migrate.HashFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	return string(b), err == nil, err
}
