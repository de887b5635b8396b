package pipeline

import (
	"cmp"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// branch is a directory that came in an event: file name to text.
type branch map[string]string

// Open opens a file, or the directory itself as ".".
func (b branch) Open(name string) (fs.File, error) {
	if name == "." {
		return &branchDir{entries: b.entries()}, nil
	}
	text, ok := b[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &branchFile{Reader: strings.NewReader(text), entry: entry{name: name, size: len(text)}}, nil
}

func (b branch) entries() []fs.DirEntry {
	entries := make([]fs.DirEntry, 0, len(b))
	for name, text := range b {
		entries = append(entries, fs.FileInfoToDirEntry(entry{name: name, size: len(text)}))
	}
	slices.SortFunc(entries, func(x, y fs.DirEntry) int { return cmp.Compare(x.Name(), y.Name()) })
	return entries
}

type branchFile struct {
	io.Reader
	entry
}

func (f *branchFile) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *branchFile) Close() error               { return nil }

type branchDir struct{ entries []fs.DirEntry }

func (d *branchDir) Stat() (fs.FileInfo, error) { return entry{name: ".", dir: true}, nil }
func (d *branchDir) Close() error               { return nil }
func (d *branchDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir returns the next n entries, all that are left where n is not positive.
func (d *branchDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	given := d.entries[:n]
	d.entries = d.entries[n:]
	return given, nil
}

// entry describes a file of a branch.
type entry struct {
	name string
	size int
	dir  bool
}

func (e entry) Name() string       { return path.Base(e.name) }
func (e entry) Size() int64        { return int64(e.size) }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool        { return e.dir }
func (e entry) Sys() any           { return nil }

func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
