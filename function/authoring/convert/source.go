package convert

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A source is a directory of another tool, read whole, and what there is to
// tell of it.
type source struct {
	paths    []string // of all files, in the order of fs.WalkDir; hidden ones left out
	texts    map[string]string
	findings []migration.Finding
}

// maxSource is how large a file may be to be looked at: migrations are not
// larger, and what is, is data that lies beside them.
const maxSource = 64 << 20

func openSource(fsys fs.FS) (*source, error) {
	s := &source{texts: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		switch hidden := p != "." && strings.HasPrefix(e.Name(), "."); {
		case err != nil:
			return err
		case hidden && e.IsDir():
			return fs.SkipDir
		case hidden || e.IsDir():
			return nil
		}
		info, err := fs.Stat(fsys, p)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
			return err
		}
		b, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		s.paths = append(s.paths, p)
		s.texts[p] = s.clean(p, string(b))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	return s, nil
}

// clean takes out what PostgreSQL or Atlas would stumble over and nobody sees.
func (s *source) clean(p, text string) string {
	cleaned := strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	if cleaned != text && path.Ext(p) == ".sql" {
		s.note(p, 0, codeRewritten, "line ends of Windows or a byte order mark are gone", "")
	}
	return cleaned
}

// top are the files that do not stand in a folder.
func (s *source) top() []string {
	var top []string
	for _, p := range s.paths {
		if !strings.Contains(p, "/") {
			top = append(top, p)
		}
	}
	return top
}

// severities of the codes.
var severities = map[string]migration.Severity{
	codeNotSQL: migration.Error, codePlaceholder: migration.Error, codeBroken: migration.Error,
	codeLeftOut: migration.Warning, codeRunsOnce: migration.Warning, codeRewritten: migration.Info,
}

func (s *source) note(p string, line int, code, summary, fix string) {
	f := migration.Finding{Code: code, Severity: severities[code], File: p, Line: line, Summary: summary, Fix: fix}
	s.findings = append(s.findings, f.Identified())
}

// lineOf is the line, from 1, of a position in a text.
func lineOf(text string, at int) int { return 1 + strings.Count(text[:at], "\n") }
