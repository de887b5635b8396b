package lint

import (
	"regexp"
	"slices"
	"strings"
)

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_$]*$`)

// reserved are the key words that cannot name a column or a constraint without
// quotes (https://www.postgresql.org/docs/current/sql-keywords-appendix.html).
var reserved = strings.Fields(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant
group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp
natural not notnull null offset on only or order outer overlaps placing primary references returning right select session_user
similar some symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when where
window with between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int integer
interval json least national nchar none normalize nullif numeric out overlay position precision real row setof smallint substring
time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
xmlroot xmlserialize xmltable`)

// ident quotes a name where PostgreSQL needs it. One in quotes stays as it is.
func ident(name string) string {
	switch {
	case len(name) > 1 && name[0] == '"' && name[len(name)-1] == '"':
		return name
	case plainName.MatchString(name) && !slices.Contains(reserved, name):
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// last is the name of a relation without its schema, without quotes.
func last(qualified string) string {
	if strings.HasSuffix(qualified, `"`) {
		body := qualified[:len(qualified)-1]
		for i := len(body) - 1; i >= 0; i-- {
			if body[i] != '"' {
				continue
			}
			if i > 0 && body[i-1] == '"' {
				i--
				continue
			}
			return strings.ReplaceAll(body[i+1:], `""`, `"`)
		}
		return body
	}
	return qualified[strings.LastIndexByte(qualified, '.')+1:]
}

// schema is the schema of a qualified name, as it is written.
func schema(qualified string) string {
	name := last(qualified)
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(qualified, ident(name)), name), ".")
}

// beside is a name in the schema of another.
func beside(qualified, name string) string {
	return schema(qualified) + "." + ident(name)
}

// named is a name for something new that begins with those of a table and a
// column, at most 63 bytes long.
func named(tableName, columnName, ending string) string {
	stem := last(tableName)
	if columnName != "" {
		stem += "_" + strings.Trim(columnName, `"`)
	}
	if room := 63 - len(ending); len(stem) > room {
		stem = strings.ToValidUTF8(stem[:room], "")
	}
	return ident(stem + ending)
}

// list is "a", "a and b", "a, b and 3 more".
func list(names []string) string {
	const most = 4
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n <= most:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	default:
		return strings.Join(names[:most-1], ", ") + " and " + grouped(int64(n-most+1)) + " more"
	}
}

// unique is names sorted, each once.
func unique(names []string) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
