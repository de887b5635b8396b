package migration

import (
	"regexp"
	"slices"
	"strings"
)

// MaxIdentifier is how many bytes of a name PostgreSQL keeps. It cuts what is
// longer and says so in a notice only.
const MaxIdentifier = 63

var plainIdentifier = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// reserved are the words that PostgreSQL takes for a name only in quotes.
var reserved = strings.Fields(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
	concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default
	deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is
	isnull join lateral leading left like limit localtime localtimestamp natural none not notnull null offset on only or order outer overlaps placing primary
	references returning right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using
	variadic verbose when where window with`)

// Identifier is the name of a role, a schema or a database as SQL has it, in
// quotes where it needs them, so that a person can paste it; "" for no name.
func Identifier(name string) string {
	if name == "" || plainIdentifier.MatchString(name) && !slices.Contains(reserved, name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
