package repair

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// homeless are kinds of objects that live in no schema.
var homeless = []string{"schema", "extension", "event trigger", "publication", "cast", "server", "default privileges"}

// In returns the objects of s that live in one of the schemas, and those that
// live in none. A schema that is not one of them is left out too.
func In(s catalog.Snapshot, schemas []string) catalog.Snapshot {
	var kept catalog.Snapshot
	for _, o := range s {
		switch {
		case o.Kind == "schema" && !slices.Contains(schemas, unquoted(o.Name)):
		case slices.Contains(homeless, o.Kind), slices.Contains(schemas, SchemaOf(o.Name)):
			kept = append(kept, o)
		}
	}
	return kept
}

// Schemas are those of a snapshot.
func Schemas(s catalog.Snapshot) (names []string) {
	for _, o := range s {
		if o.Kind == "schema" {
			names = append(names, unquoted(o.Name))
		}
	}
	return names
}

// SchemaOf is the schema of a qualified name as PostgreSQL prints it; "" where
// the name has none.
func SchemaOf(name string) string {
	schema, _ := cut(name)
	return schema
}

// NameOf is such a name without its schema, unquoted; of a function without its
// arguments.
func NameOf(name string) string {
	_, rest := cut(name)
	if !strings.HasPrefix(rest, `"`) {
		rest, _, _ = strings.Cut(rest, "(")
		return rest
	}
	end := closing(rest)
	return unquoted(rest[:end])
}

// cut parts a qualified name: the schema, unquoted, and the rest as it is.
func cut(name string) (schema, rest string) {
	end := strings.IndexAny(name, ".(")
	if strings.HasPrefix(name, `"`) {
		end = closing(name)
	}
	if end < 0 || end >= len(name) || name[end] != '.' {
		return "", name
	}
	return unquoted(name[:end]), name[end+1:]
}

// closing is where the quoted identifier that a name begins with ends.
func closing(name string) int {
	for i := 1; i < len(name); i++ {
		if name[i] != '"' {
			continue
		}
		if i+1 < len(name) && name[i+1] == '"' {
			i++
			continue
		}
		return i + 1
	}
	return len(name)
}

func unquoted(identifier string) string {
	if len(identifier) < 2 || identifier[0] != '"' {
		return identifier
	}
	return strings.ReplaceAll(identifier[1:len(identifier)-1], `""`, `"`)
}
