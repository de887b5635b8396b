package lint

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// made is what the files that are judged have made so far, by kind and name: nobody
// uses it yet. What gets another name is no longer in it, and neither is what had that
// name before.
type made map[string]bool

func madeKey(kind, name string) string { return kind + "\x00" + name }

func columnKey(table, column string) string { return madeKey("column", table+"\x00"+ident(column)) }

func constraintKey(table, name string) string { return madeKey("constraint", table+"\x00"+ident(name)) }

// objectKey is that of an object; tables are one kind.
func objectKey(kind, name string) string {
	if isTable(kind) {
		kind = "table"
	}
	return madeKey(kind, name)
}

// remember adds what the statements of a file made, and takes out what they dropped.
func (m made) remember(effects []migration.Effects) {
	for _, e := range effects {
		for _, o := range e.Objects {
			switch {
			case strings.HasSuffix(o.Kind, " constraint"):
				delete(m, constraintKey(o.On, o.Name))
			case o.Change == migration.Created && !o.Existed:
				m[objectKey(o.Kind, o.Name)] = true
			case o.Change == migration.Dropped, o.Change == migration.Renamed, o.Change == migration.Moved:
				delete(m, objectKey(o.Kind, o.Name))
				delete(m, objectKey(o.Kind, o.To))
			}
		}
		for _, k := range e.Constraints {
			m[constraintKey(k.Table, k.Name)] = true
		}
		for _, c := range e.Columns {
			switch c.Change {
			case migration.Created:
				m[columnKey(c.Table, c.Column)] = true
			case migration.Dropped, migration.Renamed:
				delete(m, columnKey(c.Table, c.Column))
				delete(m, columnKey(c.Table, c.To))
			}
		}
	}
}

// newInRun says that an earlier one of the files that are judged made it, and that they
// run together.
func (d *directory) newInRun(key string) bool {
	return d.made[key] && (d.in.Facts != nil || !d.in.fromTheBeginning())
}

// ownMade says that the file itself made an object, by an earlier statement outside a
// transaction, or that an earlier file of the run did: what is dropped then is nothing
// that anybody has.
func (s *statement) ownMade(o migration.ObjectSeen) bool {
	if s.newInRun(objectKey(o.Kind, o.Name)) {
		return true
	}
	return slices.ContainsFunc(s.effects[:s.e.Statement-1], func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Objects, func(x migration.ObjectSeen) bool {
			return x.Change == migration.Created && x.Kind == o.Kind && x.Name == o.Name
		})
	})
}
