package authoring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A desired is the desired state as it was read.
type desired struct {
	isHCL   bool
	sources []source     // in the order in which they count
	hcl     *description // of HCL
}

// A source is one file of a desired state.
type source struct {
	path string
	text string
}

// readDesired reads and checks a desired state. The findings are faults, all
// that can be told without a database.
func readDesired(path string) (*desired, []migration.Finding) {
	paths, fault := sourcePaths(path)
	if fault != nil {
		return nil, []migration.Finding{*fault}
	}
	d := &desired{isHCL: extension(paths[0]) == ".hcl"}
	blank := true
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			return nil, []migration.Finding{noState(p, "cannot be read: "+reason(err), "Check that it can be read.")}
		}
		d.sources = append(d.sources, source{p, string(text)})
		blank = blank && strings.TrimSpace(string(text)) == ""
	}
	if blank {
		return nil, []migration.Finding{noState(path, "holds nothing", "Describe there the schema that you want, in HCL or as SQL: an empty desired state would mean that everything goes.")}
	}
	if d.isHCL {
		var faults []migration.Finding
		d.hcl, faults = describe(d.sources)
		return d, faults
	}
	return d, d.checkSQL()
}

// sourcePaths are the files that a path names, sorted.
func sourcePaths(path string) ([]string, *migration.Finding) {
	info, err := os.Stat(path)
	if err != nil {
		f := noState(path, reason(err), "Describe there the schema that you want, in HCL or as SQL; --schema names another place.")
		return nil, &f
	}
	if !info.IsDir() {
		if ext := extension(path); ext != ".hcl" && ext != ".sql" {
			f := noState(path, "is neither .hcl nor .sql", "Name a file of one of them, or a directory.")
			return nil, &f
		}
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		f := noState(path, "cannot be read: "+reason(err), "Check that it can be read.")
		return nil, &f
	}
	found := make(map[string][]string)
	for _, e := range entries {
		if ext := extension(e.Name()); !e.IsDir() && (ext == ".hcl" || ext == ".sql") && !strings.HasSuffix(e.Name(), ".test.hcl") {
			found[ext] = append(found[ext], filepath.Join(path, e.Name()))
		}
	}
	hcl, sql := found[".hcl"], found[".sql"]
	switch {
	case len(hcl) > 0 && len(sql) > 0:
		f := noState(path, fmt.Sprintf("holds HCL (%s) and SQL (%s), and it cannot be told which of them counts", filepath.Base(hcl[0]), filepath.Base(sql[0])),
			"Keep one of the two.")
		return nil, &f
	case len(hcl)+len(sql) == 0:
		f := noState(path, "holds no .hcl and no .sql file", "Describe there the schema that you want; --schema names another place.")
		return nil, &f
	}
	paths := append(hcl, sql...)
	slices.Sort(paths)
	return paths, nil
}

func noState(path, why, fix string) migration.Finding {
	return migration.Finding{Code: codeNoState, Severity: migration.Error, File: path, Summary: fmt.Sprintf("the desired state, %s: %s", path, why), Fix: fix}
}

func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// roles are those that the sources make, none where the state could not be read.
func (d *desired) roles() (names []string) {
	if d == nil {
		return nil
	}
	for _, s := range d.sources {
		names = append(names, rolesIn(s.text)...)
	}
	return names
}

// numbered are the sources of SQL as a directory that runs them in order, and
// what each is called there.
func (d *desired) numbered() (migration.MemoryDir, map[string]string, error) {
	texts, names := make(map[string]string), make(map[string]string)
	for i, s := range d.sources {
		name := fmt.Sprintf("%06d_%s", i+1, filepath.Base(s.path))
		texts[name], names[name] = s.text, s.path
	}
	files, err := hashed(texts)
	return files, names, err
}

// checkSQL finds what could not be run.
func (d *desired) checkSQL() []migration.Finding {
	files, names, err := d.numbered()
	if err != nil {
		return []migration.Finding{noState(d.sources[0].path, err.Error(), "Check that it can be read.")}
	}
	_, faults, err := migration.ReadDir(files)
	if err != nil {
		return []migration.Finding{noState(d.sources[0].path, err.Error(), "Check that it can be read.")}
	}
	faults = slices.DeleteFunc(faults, func(f migration.Finding) bool {
		return f.Code == emptyFile && len(d.sources) > 1 // of several files one may be empty
	})
	for i := range faults {
		if path, ok := names[faults[i].File]; ok {
			faults[i].File = path
		}
	}
	return faults
}

// emptyFile is what ReadDir calls a file without a statement.
const emptyFile = "AM124"

// place finds where the desired state describes a table, an enum or a part of a
// table; a line of 0 where it does not say.
func (d *desired) place(name, part string) (file string, line int) {
	if d.hcl == nil {
		return "", 0
	}
	for _, key := range []string{name + "|" + part, name} {
		if at, ok := d.hcl.places[key]; ok {
			return at.Filename, at.Start.Line
		}
	}
	return "", 0
}
