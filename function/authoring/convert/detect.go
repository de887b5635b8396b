package convert

import (
	"io/fs"
	"path"
	"regexp"
)

var (
	gooseMark  = regexp.MustCompile(`(?mi)^--\s*\+goose\s+up\b`)
	dbmateMark = regexp.MustCompile(`(?m)^--[ \t]*migrate:up\b`)
)

// Detect says whose migrations are in a directory, in the order of Tools: none,
// one, or several where it cannot be told.
func Detect(fsys fs.FS) ([]Tool, error) {
	src, err := openSource(fsys)
	if err != nil {
		return nil, err
	}
	seen := map[Tool]bool{}
	for _, p := range src.paths {
		if tool, ok := whose(path.Base(p), src.texts[p]); ok {
			seen[tool] = true
		}
	}
	var found []Tool
	for _, t := range Tools {
		if seen[t] {
			found = append(found, t)
		}
	}
	return found, nil
}

// whose tells by the contents first: goose and dbmate both have names that
// others may have.
func whose(base, text string) (Tool, bool) {
	ext := path.Ext(base)
	switch {
	case ext == ".sql" && formatted(text), ext != ".sql" && changelogMark.MatchString(text):
		return Liquibase, true
	case ext == ".sql" && gooseMark.MatchString(text):
		return Goose, true
	case ext == ".sql" && dbmateMark.MatchString(text):
		return Dbmate, true
	case golangMigrateName.MatchString(base):
		return GolangMigrate, true
	case flywayName.MatchString(base) || flywayAny.MatchString(base):
		return Flyway, true
	}
	return "", false
}

var changelogMark = regexp.MustCompile(`<databaseChangeLog\b|(?m)^\s*"?databaseChangeLog"?\s*:`)
