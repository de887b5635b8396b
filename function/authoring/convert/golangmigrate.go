package convert

import (
	"fmt"
	"regexp"
	"strings"
)

var golangMigrateName = regexp.MustCompile(`^([0-9]+)_(.*)\.(down|up)\.(.*)$`)

// readGolangMigrate pairs the up and down files at the top of the directory.
func readGolangMigrate(src *source) ([]script, error) {
	var scripts []script
	down := map[string]string{} // number to path
	for _, p := range src.top() {
		m := golangMigrateName.FindStringSubmatch(p)
		switch {
		case m == nil && strings.HasSuffix(p, ".sql"):
			src.note(p, 0, codeLeftOut, "golang-migrate passes over it, since it is not named like 000001_create_users.up.sql", "")
		case m == nil:
		case m[3] == "down":
			down[number(m[1])] = p
		case m[4] != "sql":
			s := script{from: p, line: 1, version: m[1], name: m[2]}
			src.note(p, 0, codeNotSQL, fmt.Sprintf("version %s is not SQL", m[1]), "Write in SQL what it does into the file that holds its place, then run aurora-migrate hash.")
			scripts = append(scripts, s.placeholder("What "+p+" did"))
		case bare(src.texts[p]):
			src.note(p, 0, codeLeftOut, "there is no statement in it", "")
			delete(down, number(m[1]))
		default:
			scripts = append(scripts, script{from: p, line: 1, version: m[1], name: m[2], up: src.texts[p]})
		}
	}
	for i, s := range scripts {
		scripts[i].down = src.texts[down[number(s.version)]]
		delete(down, number(s.version))
	}
	for version, p := range down {
		src.note(p, 0, codeLeftOut, fmt.Sprintf("version %s has no way up", version), "")
	}
	return scripts, nil
}

// number is a version as golang-migrate understands it: 0001 is 1.
func number(version string) string { return parts(version)[0] }
