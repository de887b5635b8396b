package lint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// changes is what pending statements change of what is there now. Its keys are
// names as the file in hand finds them, its values places.
type changes struct {
	created map[string]string                   // relations and domains that are not there now
	names   map[string]string                   // those that are called otherwise now, and how
	written map[string]string                   // tables of whose rows some are written
	altered map[string]map[string]columnChanged // by table and column
}

// columnChanged is a column that is not there now as the statement finds it.
type columnChanged struct {
	place string
	was   string // what it is called now; "" for one that is not there
	// value is SQL of what each row has in a column that is added; "" where that
	// is not known.
	value   string
	retyped bool
}

func newChanges() changes {
	return changes{created: map[string]string{}, names: map[string]string{}, written: map[string]string{}, altered: map[string]map[string]columnChanged{}}
}

// now is what the table is called in the database as it is.
func (c changes) now(table string) string {
	if name := c.names[table]; name != "" {
		return name
	}
	return table
}

// columns keeps what a statement does to columns, which its other parts find done.
func (c changes) columns(e migration.Effects, place string) {
	for _, s := range e.Columns {
		if c.altered[s.Table] == nil {
			c.altered[s.Table] = map[string]columnChanged{}
		}
		columns := c.altered[s.Table]
		was, known := columns[s.Column]
		if !known {
			was = columnChanged{was: s.Column}
		}
		was.place = place
		switch s.Change {
		case migration.Created:
			columns[s.Column] = columnChanged{place: place, value: filled(s)}
		case migration.Dropped:
			columns[s.Column] = columnChanged{place: place}
		case migration.Renamed:
			columns[s.Column] = columnChanged{place: place}
			columns[s.To] = was
		default:
			was.retyped = was.retyped || s.Was != "" && s.Was != s.Type
			if was.retyped || known {
				columns[s.Column] = was
			}
		}
	}
}

// constant is a default that is the same for every row and that reads the same
// everywhere.
var constant = regexp.MustCompile(`^(?:'(?:[^']|'')*'|-?[0-9]+(?:\.[0-9]+)?|\(-[0-9]+(?:\.[0-9]+)?\)|true|false|NULL)(?:::[a-z "]+(?:\([0-9, ]+\))?)?$`)

// filled is what each row has in a new column. A type with a schema may be a
// domain, with a default of its own.
func filled(s migration.ColumnSeen) string {
	switch {
	case s.Generated != "", s.Identity, strings.Contains(s.Type, "."):
		return ""
	case s.Default == "":
		return "NULL::" + s.Type
	case constant.MatchString(s.Default):
		return "(" + s.Default + ")::" + s.Type
	}
	return ""
}

// rest keeps what a statement does beside.
func (c changes) rest(e migration.Effects, place string) {
	for _, o := range e.Objects {
		if o.Change == migration.Created {
			c.created[o.Name] = place
		}
	}
	for _, r := range e.Rows {
		c.written[r.Table] = place
	}
	for _, l := range e.Locks {
		if l.Mode == migration.RowExclusive {
			c.written[l.Relation] = place
		}
	}
	for _, t := range e.Truncates {
		c.written[t] = place
	}
}

// derived is SQL of the columns that a table has for the statement and not now,
// ", NULL::integer AS a", of those that are among words. why says why one cannot
// be derived.
func (c changes) derived(table string, words []string) (added, why string) {
	columns := c.altered[table]
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		column := columns[name]
		if _, found := slices.BinarySearch(words, name); !found {
			continue
		}
		switch filled := c.written[table]; {
		case column.retyped:
			return "", fmt.Sprintf("%s gives the column %s another type first", column.place, name)
		case column.was == name:
		case column.was != "":
			added += fmt.Sprintf(", %s AS %s", quoteColumn(column.was), quoteColumn(name))
		case column.value == "":
			return "", fmt.Sprintf("the column %s is made by %s", name, column.place)
		case filled != "":
			return "", fmt.Sprintf("the column %s is made by %s and filled by %s", name, column.place, filled)
		default:
			added += fmt.Sprintf(", %s AS %s", column.value, quoteColumn(name))
		}
	}
	return added, ""
}

// rename gives everything the names that relations have behind a file.
func (c changes) rename(seen migration.FileReplay) {
	for _, e := range seen.Statements {
		for _, o := range e.Objects {
			if o.To == "" || o.To == o.Name || o.Change != migration.Renamed && o.Change != migration.Moved {
				continue
			}
			if c.created[o.Name] == "" {
				c.names[o.To] = c.now(o.Name)
			}
			move(c.created, o.Name, o.To)
			move(c.written, o.Name, o.To)
			move(c.altered, o.Name, o.To)
			delete(c.names, o.Name)
		}
	}
}

func move[T any](m map[string]T, from, to string) {
	if v, ok := m[from]; ok {
		m[to] = v
		delete(m, from)
	}
}

// quoteColumn quotes a name as the catalogue has it.
func quoteColumn(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
