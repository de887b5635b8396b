package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// readLiquibase makes a file of each changeset, in the order in which the
// changelogs name them; versions are counted, since Liquibase has none.
func readLiquibase(src *source) ([]script, error) {
	l := &liquibase{src: src, masters: map[string][]entry{}, properties: map[string]string{}, taken: map[string]bool{}}
	if err := l.open(); err != nil {
		return nil, err
	}
	roots := l.roots()
	if len(l.masters) > 0 && len(roots) > 1 {
		src.note(roots[1], 0, codeRewritten, fmt.Sprintf("no changelog says in which order %s run: they are taken in this one", strings.Join(roots, ", ")), "")
	}
	for _, p := range roots {
		l.walk(p)
	}
	for _, p := range src.paths {
		if formatted(src.texts[p]) && !l.taken[p] {
			src.note(p, 0, codeLeftOut, "no changelog includes it, so Liquibase does not run it", "")
		}
	}
	return l.scripts(), nil
}

type liquibase struct {
	src        *source
	masters    map[string][]entry // XML, YAML and JSON changelogs
	properties map[string]string
	taken      map[string]bool
	sets       []changeset
}

// open reads the changelogs that are not SQL.
func (l *liquibase) open() error {
	for _, p := range l.src.paths {
		text := l.src.texts[p]
		if !strings.Contains(text, "databaseChangeLog") {
			continue
		}
		var (
			entries []entry
			err     error
		)
		switch path.Ext(p) {
		case ".xml":
			entries, err = xmlEntries(text)
		case ".yaml", ".yml", ".json":
			entries, err = yamlEntries(text)
		default:
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		l.masters[p] = entries
	}
	return nil
}

// roots are the changelogs to begin with: those that no other includes, or,
// where all are SQL, all of them.
func (l *liquibase) roots() (roots []string) {
	included := map[string]bool{}
	for p, entries := range l.masters {
		for _, e := range entries {
			for _, other := range l.resolve(p, e) {
				included[other] = true
			}
		}
	}
	for _, p := range l.src.paths {
		_, master := l.masters[p]
		if master && !included[p] || len(l.masters) == 0 && formatted(l.src.texts[p]) {
			roots = append(roots, p)
		}
	}
	return roots
}

// resolve returns the files that an entry of the changelog at p includes.
func (l *liquibase) resolve(p string, e entry) []string {
	switch e.kind {
	case include:
		for _, candidate := range candidates(p, e) {
			if _, there := l.src.texts[candidate]; there {
				return []string{candidate}
			}
		}
	case includeAll:
		for _, candidate := range candidates(p, e) {
			if all := l.below(candidate, p); len(all) > 0 {
				return all
			}
		}
	}
	return nil
}

// candidates are the places where a path in a changelog may point: beside it,
// or below one of the roots that Liquibase searches, of which this directory is
// a part.
func candidates(p string, e entry) []string {
	name := strings.TrimPrefix(strings.TrimPrefix(e.path, "classpath:"), "/")
	beside := path.Join(path.Dir(p), name)
	if e.relative {
		return []string{beside}
	}
	all := []string{path.Clean(name)}
	for rest := name; ; {
		_, after, more := strings.Cut(rest, "/")
		if !more {
			break
		}
		rest = after
		all = append(all, path.Clean(rest))
	}
	return append(all, beside)
}

// below are the changelogs in a folder, in the order of their paths.
func (l *liquibase) below(folder, but string) (all []string) {
	for _, p := range l.src.paths {
		inside := folder == "." || strings.HasPrefix(p, folder+"/")
		_, master := l.masters[p]
		if inside && p != but && (master || path.Ext(p) == ".sql") {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// walk takes up the changesets of the changelog at p and of those it includes.
func (l *liquibase) walk(p string) {
	if l.taken[p] {
		return
	}
	l.taken[p] = true
	entries, master := l.masters[p]
	if !master {
		l.sets = append(l.sets, l.sqlChangelog(p)...)
		return
	}
	for _, e := range entries {
		switch e.kind {
		case property:
			l.define(e.attributes)
		case foreign:
			l.sets = append(l.sets, changeset{path: p, line: e.line, author: e.attributes["author"], id: e.attributes["id"], foreign: true})
		case include, includeAll:
			found := l.resolve(p, e)
			if len(found) == 0 {
				l.src.note(p, e.line, codeBroken, fmt.Sprintf("it includes %s, which is not in this directory", e.path),
					"Name as --source the directory that holds all changelogs.")
			}
			for _, other := range found {
				l.walk(other)
			}
		}
	}
}

// define keeps a property; the first definition counts.
func (l *liquibase) define(attributes map[string]string) {
	name := attributes["name"]
	if _, there := l.properties[name]; name != "" && !there && forPostgreSQL(attributes["dbms"]) {
		l.properties[name] = attributes["value"]
	}
}

func (l *liquibase) scripts() []script {
	var kept []changeset
	perFile := map[string]int{}
	for _, c := range l.sets {
		if c.judge(l.src) {
			kept = append(kept, c)
			perFile[c.path]++
		}
	}
	width := max(4, len(fmt.Sprint(len(kept))))
	var scripts []script
	for i, c := range kept {
		s := c.script(l)
		s.version = fmt.Sprintf("%0*d", width, i+1)
		s.name = slug(strings.TrimSuffix(path.Base(c.path), path.Ext(c.path)))
		if perFile[c.path] > 1 {
			s.name += "_" + slug(c.id)
		}
		scripts = append(scripts, s)
	}
	return scripts
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// slug is a text as part of a file name.
func slug(text string) string { return strings.Trim(unfit.ReplaceAllString(text, "-"), "-") }
