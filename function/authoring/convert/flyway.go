package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	flywayName = regexp.MustCompile(`^([VUB])([0-9][0-9._]*)__(.*)\.([A-Za-z]+)$`)
	flywayAny  = regexp.MustCompile(`^R__(.*)\.([A-Za-z]+)$`)
	flywayCall = regexp.MustCompile(`^(before|after|create)[A-Z]\w*(__.*)?\.(sql|java|sh|ps1)$`)
)

// readFlyway reads V files; U files are the ways back of those, R files follow
// at the end, and B files stand for what is there anyway.
func readFlyway(src *source) ([]script, error) {
	f := &flyway{src: src, undo: map[string]string{}}
	for _, p := range src.paths {
		f.take(p)
	}
	f.baselines()
	for i, s := range f.scripts {
		for version, p := range f.undo {
			if compareVersions(version, s.version) == 0 {
				f.scripts[i].down = src.texts[p]
				delete(f.undo, version)
			}
		}
	}
	for version, p := range f.undo {
		src.note(p, 0, codeLeftOut, fmt.Sprintf("it undoes version %s, which is not there", version), "")
	}
	f.repeatables()
	return f.scripts, nil
}

type flyway struct {
	src     *source
	scripts []script
	undo    map[string]string // version to path
	bases   []script
	repeat  []string
}

func (f *flyway) take(p string) {
	base := path.Base(p)
	switch m, r := flywayName.FindStringSubmatch(base), flywayAny.FindStringSubmatch(base); {
	case m != nil:
		f.versioned(p, m[1], strings.TrimRight(strings.ReplaceAll(m[2], "_", "."), "."), m[3], m[4])
	case r != nil && r[2] == "sql":
		f.repeat = append(f.repeat, p)
	case r != nil && source2code(r[2]):
		f.src.note(p, 0, codeNotSQL, "a repeatable migration that is not SQL", "Write in SQL what it leaves behind, as a migration of its own.")
	case flywayCall.MatchString(base):
		f.src.note(p, 0, codeLeftOut, "a callback: nothing calls it any more", "If what it does belongs to the schema, write it into a migration.")
	case path.Ext(base) == ".sql":
		f.src.note(p, 0, codeLeftOut, "Flyway passes over it, since it is not named like V1__create_users.sql", "")
	}
}

// source2code says that an extension is one of code that Flyway runs.
func source2code(ext string) bool {
	return slices.Contains([]string{"java", "class", "kt", "groovy", "scala", "js", "py", "sh", "ps1", "bat", "cmd"}, ext)
}

func (f *flyway) versioned(p, kind, version, name, ext string) {
	s := script{from: p, line: 1, version: version, name: name, up: f.src.texts[p]}
	conf := f.src.texts[p+".conf"]
	s.alone = configured(conf, "executeInTransaction", "false")
	switch {
	case ext == "conf" || ext != "sql" && !source2code(ext):
		return
	case kind == "U" && ext == "sql":
		f.undo[version] = p
		return
	case ext != "sql" && kind == "U":
		f.src.note(p, 0, codeLeftOut, "a way back that is not SQL", "")
		return
	case ext != "sql":
		f.src.note(p, 0, codeNotSQL, fmt.Sprintf("version %s is code, not SQL", version),
			"Write in SQL what it does to the schema into the file that holds its place, then run aurora-migrate hash.")
		f.scripts = append(f.scripts, s.placeholder(fmt.Sprintf("What %s of Flyway did", path.Base(p))))
		return
	case bare(s.up):
		f.src.note(p, 0, codeLeftOut, "there is no statement in it", "")
		return
	}
	if !configured(conf, "placeholderReplacement", "false") {
		f.src.placeholders(p, nil, s.up, "Flyway")
	}
	if kind == "B" {
		f.bases = append(f.bases, s)
		return
	}
	f.scripts = append(f.scripts, s)
}

// configured says that a script configuration sets a key to a value.
func configured(conf, key, value string) bool {
	for line := range strings.Lines(conf) {
		k, v, _ := strings.Cut(line, "=")
		if strings.TrimSpace(k) == key && strings.EqualFold(strings.TrimSpace(v), value) {
			return true
		}
	}
	return false
}

// baselines keeps the last baseline migration where nothing else makes what it
// makes.
func (f *flyway) baselines() {
	slices.SortStableFunc(f.bases, func(a, b script) int { return compareVersions(a.version, b.version) })
	for i, b := range f.bases {
		replaced := i < len(f.bases)-1 || slices.ContainsFunc(f.scripts, func(s script) bool {
			return compareVersions(s.version, b.version) <= 0
		})
		if replaced {
			f.src.note(b.from, 0, codeLeftOut, fmt.Sprintf("the baseline migration %s is not needed: the versions that it stands for, or a later one, are there", b.version), "")
			continue
		}
		f.scripts = append(f.scripts, b)
	}
}

// repeatables puts the R files behind the last version, in the order of their
// descriptions, as Flyway runs them.
func (f *flyway) repeatables() {
	slices.SortStableFunc(f.repeat, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	slices.SortStableFunc(f.scripts, func(a, b script) int { return compareVersions(a.version, b.version) })
	version := "0"
	if n := len(f.scripts); n > 0 {
		version = f.scripts[n-1].version
	}
	for _, p := range f.repeat {
		if bare(f.src.texts[p]) {
			f.src.note(p, 0, codeLeftOut, "there is no statement in it", "")
			continue
		}
		version = after(version)
		conf := f.src.texts[p+".conf"]
		s := script{from: p, line: 1, version: version, name: flywayAny.FindStringSubmatch(path.Base(p))[1],
			up: f.src.texts[p], alone: configured(conf, "executeInTransaction", "false")}
		if !configured(conf, "placeholderReplacement", "false") {
			f.src.placeholders(p, nil, s.up, "Flyway")
		}
		f.src.note(p, 0, codeRunsOnce, fmt.Sprintf("a repeatable migration: it runs once, as version %s", version),
			"From now on, a change to what it defines is a new migration.")
		f.scripts = append(f.scripts, s)
	}
}
