package migration

import (
	"cmp"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A MemoryDir is a directory that is nowhere on a disk: file name to text.
type MemoryDir map[string]string

// Open opens a file, or the directory itself as ".".
func (b MemoryDir) Open(name string) (fs.File, error) {
	if name == "." {
		return &memoryDir{entries: b.entries()}, nil
	}
	text, ok := b[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{Reader: strings.NewReader(text), entry: entry{name: name, size: len(text)}}, nil
}

func (b MemoryDir) entries() []fs.DirEntry {
	entries := make([]fs.DirEntry, 0, len(b))
	for name, text := range b {
		entries = append(entries, fs.FileInfoToDirEntry(entry{name: name, size: len(text)}))
	}
	slices.SortFunc(entries, func(x, y fs.DirEntry) int { return cmp.Compare(x.Name(), y.Name()) })
	return entries
}

type memoryFile struct {
	io.Reader
	entry
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *memoryFile) Close() error               { return nil }

type memoryDir struct{ entries []fs.DirEntry }

func (d *memoryDir) Stat() (fs.FileInfo, error) { return entry{name: ".", dir: true}, nil }
func (d *memoryDir) Close() error               { return nil }
func (d *memoryDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir returns the next n entries, all that are left where n is not positive.
func (d *memoryDir) ReadDir(n int) ([]fs.DirEntry, error) {
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

// entry describes a file of it.
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
