package migration

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
)

// A Dir is a directory of migrations as it was read: files in the order in
// which they run, which is the order of their names and of their versions.
type Dir struct {
	Files []File
	Sum   string // the first line of atlas.sum, "h1:..."; "" for an empty directory without one
}

// ReadDir reads the *.sql files at the top of fsys and checks them, each alone,
// beside each other and against atlas.sum. The findings are faults, all that
// there are, of severity error: a Dir that comes with any must not be planned.
// A directory without files needs no atlas.sum. The error tells of reading only.
func ReadDir(fsys fs.FS) (*Dir, []Finding, error) {
	names, err := sqlNames(fsys)
	if err != nil {
		return nil, nil, fmt.Errorf("read directory: %w", err)
	}
	files, err := readFiles(fsys, names.files)
	if err != nil {
		return nil, nil, fmt.Errorf("read directory: %w", err)
	}
	sum, present, err := readSum(fsys)
	if err != nil {
		return nil, nil, fmt.Errorf("read directory: %w", err)
	}
	dir := &Dir{Files: make([]File, len(files))}
	faults := checkNames(names)
	for i, f := range files {
		var more []Finding
		dir.Files[i], more = readFile(f)
		faults = append(faults, more...)
	}
	for i, h := range CumulativeHash(dir.Files) {
		dir.Files[i].Hash = h
	}
	if present {
		dir.Sum, _, _ = strings.Cut(sum, "\n")
		dir.Sum = strings.TrimSuffix(dir.Sum, "\r")
	}
	faults = append(faults, checkSum(dir.Files, sum, present)...)
	for i, f := range faults {
		faults[i] = f.Identified()
	}
	return dir, faults, nil
}

// sqlNames are the names at the top of a directory, sorted.
type dirNames struct {
	files []string // *.sql
	other []string // *.SQL and the like, which Atlas passes over
}

func sqlNames(fsys fs.FS) (dirNames, error) {
	var names dirNames
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return names, err
	}
	for _, e := range entries {
		switch ext := path.Ext(e.Name()); {
		case e.IsDir():
		case ext == ".sql":
			names.files = append(names.files, e.Name())
		case strings.EqualFold(ext, ".sql"):
			names.other = append(names.other, e.Name())
		}
	}
	slices.Sort(names.files)
	return names, nil
}

func readFiles(fsys fs.FS, names []string) ([]*migrate.LocalFile, error) {
	files := make([]*migrate.LocalFile, len(names))
	for i, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		files[i] = migrate.NewLocalFile(name, b)
	}
	return files, nil
}
