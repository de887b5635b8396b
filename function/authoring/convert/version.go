package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// arranged puts scripts, whose versions are numbers with points in between,
// into the order of those numbers, and writes the versions anew where Atlas,
// which compares them as texts, would see another order: 2 behind 10.
func (s *source) arranged(scripts []script) []script {
	slices.SortStableFunc(scripts, func(a, b script) int { return compareVersions(a.version, b.version) })
	written := map[string]string{}
	for _, c := range scripts {
		written[c.from+c.part] = c.version
	}
	s.distinguish(scripts)
	for extra := range 2 {
		if ordered(scripts) && beforeTimes(scripts) {
			break
		}
		for i, v := range padded(scripts, extra) {
			scripts[i].version = v
		}
	}
	if i := slices.IndexFunc(scripts, func(c script) bool { return c.version != written[c.from+c.part] }); i >= 0 {
		s.note(scripts[i].from, 0, codeRewritten, fmt.Sprintf("versions get the same number of digits, such as %s for %s: Atlas compares them, and the times of new migrations, as texts",
			scripts[i].version, written[scripts[i].from+scripts[i].part]), "")
	}
	return scripts
}

// distinguish tells of versions that are there twice, and keeps their files apart.
func (s *source) distinguish(scripts []script) {
	for i := 1; i < len(scripts); i++ {
		before, next := scripts[i-1], scripts[i]
		if compareVersions(before.version, next.version) != 0 {
			continue
		}
		s.note(next.from, next.line, codeBroken, fmt.Sprintf("version %s is taken by %s too", next.version, before.from),
			"Give one of the two another version, in its name, and run aurora-migrate hash.")
		scripts[i].name = fmt.Sprintf("%s-%d", next.name, i+1)
	}
}

// beforeTimes says that what is named after a time, as new migrations are, comes
// behind scripts: 20261125093000 behind 019, but not behind 2.
func beforeTimes(scripts []script) bool {
	return !slices.ContainsFunc(scripts, func(s script) bool {
		year := strings.HasPrefix(s.version, "20") && len(parts(s.version)[0]) >= 4
		return !year && s.fileName() >= "20"
	})
}

// ordered says that files and versions are in order bytewise as they are.
func ordered(scripts []script) bool {
	for i := range len(scripts) - 1 {
		a, b := scripts[i], scripts[i+1]
		if a.version >= b.version && compareVersions(a.version, b.version) != 0 || a.fileName() >= b.fileName() {
			return false
		}
	}
	return true
}

// padded returns the versions with as many parts as the longest has, and each
// part as wide as its widest, the first wider by extra.
func padded(scripts []script, extra int) []string {
	var widths []int
	for _, s := range scripts {
		for i, p := range parts(s.version) {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(p))
		}
	}
	widths[0] += extra
	all := make([]string, len(scripts))
	for i, s := range scripts {
		p := parts(s.version)
		written := make([]string, len(widths))
		for j, width := range widths {
			digits := "0"
			if j < len(p) {
				digits = p[j]
			}
			written[j] = strings.Repeat("0", width-len(digits)) + digits
		}
		all[i] = strings.Join(written, ".")
	}
	return all
}

// parts are the numbers of a version, without leading zeros.
func parts(version string) []string {
	p := strings.Split(version, ".")
	for i := range p {
		if p[i] = strings.TrimLeft(p[i], "0"); p[i] == "" {
			p[i] = "0"
		}
	}
	return p
}

// compareVersions compares number by number, however long; 1 is 1.0.
func compareVersions(a, b string) int {
	x, y := parts(a), parts(b)
	for i := range max(len(x), len(y)) {
		m, n := "0", "0"
		if i < len(x) {
			m = x[i]
		}
		if i < len(y) {
			n = y[i]
		}
		if len(m) != len(n) {
			return len(m) - len(n)
		}
		if c := strings.Compare(m, n); c != 0 {
			return c
		}
	}
	return 0
}

// after is the version that follows v, as wide as v is.
func after(v string) string {
	head, last := "", v
	if i := strings.LastIndexByte(v, '.'); i >= 0 {
		head, last = v[:i+1], v[i+1:]
	}
	n, err := strconv.ParseUint(last, 10, 64)
	if err != nil {
		return v + ".1"
	}
	return fmt.Sprintf("%s%0*d", head, len(last), n+1)
}
