package authoring

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

const versionFormat = "20060102150405"

// nextVersion is the version of a new file: the time in UTC, to the second; or,
// where a file that is there would not come before that, because its clock was
// ahead or its versions are of another kind, the least that comes after it.
func nextVersion(last string, now time.Time) string {
	v := now.UTC().Format(versionFormat)
	if last < v {
		return v
	}
	digits := []byte(last)
	for i := len(digits) - 1; i >= 0 && '0' <= digits[i] && digits[i] <= '9'; i-- {
		if digits[i] < '9' {
			digits[i]++
			return string(digits)
		}
		digits[i] = '0'
	}
	// There is no number of as many digits behind 999, and one of more digits
	// sorts before it: the _ behind the version comes after every digit. Letters
	// come after both.
	end := last[len(last)-1]
	switch {
	case end == '9':
		return last[:len(last)-1] + "a"
	case 'a' <= end && end < 'z':
		return last[:len(last)-1] + string(end+1)
	}
	return last + "a"
}

// fileName checks the name that somebody gave a migration, and returns it as it
// stands in the name of a file.
func fileName(name string) (string, error) {
	clean := strings.Join(strings.FieldsFunc(name, unicode.IsSpace), "_")
	switch {
	case clean == "":
		return "", fmt.Errorf("the name is empty: want what the migration does, such as add_users")
	case strings.ContainsAny(clean, `/\:*?"<>|`) || strings.ContainsFunc(clean, func(r rune) bool { return !unicode.IsPrint(r) }) || filepath.Base(clean) != clean:
		return "", fmt.Errorf("the name %q cannot stand in the name of a file: want letters, digits and _, such as add_users", name)
	case len(clean) > 200:
		return "", fmt.Errorf("the name has %d bytes, and 200 is the limit", len(clean))
	case strings.HasSuffix(strings.ToLower(clean), ".sql"):
		return "", fmt.Errorf("the name %q ends with .sql: that, and the version, are put around it", name)
	}
	return clean, nil
}
