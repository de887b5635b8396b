package postgres

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// objects tells what was made, dropped, renamed or altered as a whole.
func (t *telling) objects(e *migration.Effects, s seen, words []string) {
	extends := s.extends()
	for oid, c := range s.changes {
		var o migration.ObjectSeen
		switch {
		case extends, t.madeAnew(s, c):
			continue
		case c.was == nil:
			o = migration.ObjectSeen{Kind: c.is.kind(), Name: c.is.Qualified, Change: migration.Created}
			if c.is.isIndex() {
				o.On = t.w.known.name(c.is.On)
			}
			if c.is.Parent != 0 {
				o.On = t.w.known.name(c.is.Parent)
			}
		case c.is == nil:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Dropped, Existed: !t.fresh[oid], Cascaded: !mentions(words, c.was)}
			if c.was.isIndex() {
				o.On = t.w.known.name(c.was.On)
				if before := t.before(c.was.On); o.On == "" && before != nil {
					o.On = before.Qualified
				}
			}
			if c.was.Parent != 0 {
				o.On = t.w.known.name(c.was.Parent)
			}
		case c.was.Schema != c.is.Schema:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Moved, To: c.is.Qualified, Existed: !t.fresh[oid]}
		case c.was.Name != c.is.Name:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Renamed, To: c.is.Qualified, Existed: !t.fresh[oid]}
		case c.was.RLS != c.is.RLS, c.was.Persistence != c.is.Persistence, c.was.Parent != c.is.Parent:
			o = migration.ObjectSeen{Kind: c.was.kind(), Name: c.was.Qualified, Change: migration.Altered, Existed: !t.fresh[oid], Tag: altered(c)}
			if c.was.Parent != c.is.Parent {
				o.On = t.w.known.name(max(c.was.Parent, c.is.Parent))
			}
		default:
			continue
		}
		e.Objects = append(e.Objects, o)
	}
	e.Objects = append(e.Objects, t.told(s, words)...)
}

// madeAnew says that an index was dropped and made again under its name, which is
// told as one that was rebuilt.
func (t *telling) madeAnew(s seen, c change) bool {
	one := c.is
	if one == nil {
		one = c.was
	}
	if c.was != nil && c.is != nil || !one.isIndex() {
		return false
	}
	for _, other := range s.changes {
		if (c.is == nil && other.was == nil && other.is.Qualified == one.Qualified || c.was == nil && other.is == nil && other.was.Qualified == one.Qualified) && t.w.known.all[one.On] != nil {
			return true
		}
	}
	return false
}

// extends says that the statement made or altered an extension, which brings
// objects of its own.
func (s seen) extends() bool {
	for _, n := range s.notices {
		for _, c := range n.Commands {
			if c.Kind == "extension" {
				return true
			}
		}
	}
	return false
}

func altered(c change) string {
	switch {
	case c.is.RLS && !c.was.RLS:
		return "ENABLE ROW LEVEL SECURITY"
	case c.was.RLS && !c.is.RLS:
		return "DISABLE ROW LEVEL SECURITY"
	case c.is.Persistence == "u":
		return "SET UNLOGGED"
	case c.was.Persistence != c.is.Persistence:
		return "SET LOGGED"
	case c.is.Parent != 0:
		return "ATTACH PARTITION"
	}
	return "DETACH PARTITION"
}

// told is what event triggers tell of objects that are no relations.
func (t *telling) told(s seen, words []string) (all []migration.ObjectSeen) {
	said := map[migration.ObjectSeen]bool{}
	extends := s.extends()
	for _, n := range s.notices {
		for _, c := range n.Commands {
			if c.Extension || extends && c.Kind != "extension" || c.Class == classRelation && !strings.HasPrefix(c.Tag, "COMMENT") || strings.HasPrefix(c.Name, watchSchema) {
				continue
			}
			o := migration.ObjectSeen{Kind: strings.ToLower(c.Kind), Name: c.Name, Change: migration.Altered, Tag: c.Tag}
			if strings.HasPrefix(c.Tag, "CREATE") {
				o.Change, o.Tag = migration.Created, ""
			}
			if c.Kind == "" { // GRANT of 15 and before
				o.Kind = "privileges"
			}
			said[o] = true
		}
		for _, d := range n.Dropped {
			if slices.Contains(relationObjects, d.Kind) && d.Class != classType || strings.HasPrefix(d.Name, watchSchema) || d.Kind == "type" && t.ofRelation(s, d.Name) ||
				extends || strings.HasSuffix(d.Name, "[]") || d.Kind == "trigger" && strings.Contains(d.Name, "RI_ConstraintTrigger") || d.Kind == "rule" && strings.HasPrefix(d.Name, `"_RETURN"`) {
				continue
			}
			said[migration.ObjectSeen{Kind: d.Kind, Name: d.Name, Change: migration.Dropped, Existed: true, Cascaded: !d.Original}] = true
		}
	}
	for o := range said {
		all = append(all, o)
	}
	return all
}

// ofRelation says that a dropped type is the row type of a dropped relation, or
// an array of it.
func (t *telling) ofRelation(s seen, name string) bool {
	name = strings.TrimSuffix(name, "[]")
	for _, c := range s.changes {
		if c.is == nil && c.was.Qualified == name {
			return true
		}
	}
	return false
}
