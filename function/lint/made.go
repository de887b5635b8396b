package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// made is what the files that are judged have made so far: nobody uses it yet. What
// stands where something stood before, or does what that did, is in use.
type made struct {
	things map[string]bool
	taken  map[string]bool // names of what was there before the run and went, or was given to something else
	closed map[string]bool // where a rule or a trigger of before went: one of the run may do its work
}

func newMade() made {
	return made{things: map[string]bool{}, taken: map[string]bool{}, closed: map[string]bool{}}
}

// further is what follows on it, without the things themselves.
func (m made) further() made {
	return made{things: map[string]bool{}, taken: maps.Clone(m.taken), closed: maps.Clone(m.closed)}
}

func madeKey(kind, name string) string { return kind + "\x00" + name }

func columnKey(table, column string) string { return madeKey("column", table+"\x00"+ident(column)) }

func constraintKey(table, name string) string { return madeKey("constraint", table+"\x00"+ident(name)) }

func triggerKey(table, name string) string { return madeKey("trigger", name+" on "+table) }

// relations are the kinds that share names.
var relationKinds = []string{"table", "partitioned table", "foreign table", "view", "materialized view", "sequence", "index", "partitioned index"}

func objectKey(kind, name string) string {
	if slices.Contains(relationKinds, kind) {
		kind = "relation"
	}
	return madeKey(kind, name)
}

// group is where a constraint or a trigger may take the place of another, "" for
// anything else.
func group(kind, on string) string {
	if kind == "constraint" || kind == "trigger" {
		return madeKey(kind, on)
	}
	return ""
}

// remember follows what the statements of a file made, dropped and gave other names.
func (m made) remember(before *catalogue, effects []migration.Effects) {
	for _, e := range effects {
		for _, o := range e.Objects {
			_, on, _ := strings.Cut(o.Name, " on ")
			switch {
			case strings.HasSuffix(o.Kind, " constraint"):
				m.goes(constraintKey(o.On, o.Name), group("constraint", o.On))
			case o.Change == migration.Created:
				m.comes(objectKey(o.Kind, o.Name), group(o.Kind, on), before.holds(o))
			case o.Change == migration.Dropped:
				m.goes(objectKey(o.Kind, o.Name), group(o.Kind, on))
			case o.Change == migration.Renamed, o.Change == migration.Moved:
				m.renames(objectKey(o.Kind, o.Name), objectKey(o.Kind, o.To))
			}
		}
		for _, k := range e.Constraints {
			t := before.table(k.Table)
			m.comes(constraintKey(k.Table, k.Name), group("constraint", k.Table), k.Validated || t != nil && t.constraint(k.Name) != nil)
		}
		for _, c := range e.Columns {
			switch key := columnKey(c.Table, c.Column); c.Change {
			case migration.Created:
				t := before.table(c.Table)
				m.comes(key, "", t != nil && t.column(c.Column) != nil)
			case migration.Dropped:
				m.goes(key, "")
			case migration.Renamed:
				m.renames(key, columnKey(c.Table, c.To))
			}
		}
	}
}

// holds says that something of the kind and name of an object is there: CREATE OR
// REPLACE makes nothing new.
func (c *catalogue) holds(o migration.ObjectSeen) bool {
	if slices.Contains(relationKinds, o.Kind) {
		return slices.ContainsFunc(relationKinds, func(kind string) bool { return c.get(kind, o.Name) != "" }) || o.On != "" && c.index(o.On, o.Name) != nil
	}
	if name, on, ok := strings.Cut(o.Name, " on "); ok && o.Kind == "trigger" {
		t := c.table(on)
		return t != nil && triggerNamed(t.triggers, name) != nil
	}
	return c.get(o.Kind, o.Name) != ""
}

func (m made) comes(key, group string, there bool) {
	if !there && !m.taken[key] && !m.closed[group] {
		m.things[key] = true
	}
}

func (m made) goes(key, group string) {
	if m.things[key] {
		delete(m.things, key)
		return
	}
	m.taken[key] = true
	if group == "" {
		return
	}
	m.closed[group] = true
	for other := range m.things {
		if kind, on, _ := strings.Cut(group, "\x00"); kind == "constraint" && strings.HasPrefix(other, group+"\x00") || kind == "trigger" && strings.HasPrefix(other, "trigger\x00") && strings.HasSuffix(other, " on "+on) {
			delete(m.things, other)
		}
	}
}

// renames follows a name: what is new stays so, unless it takes the name of what was in
// use.
func (m made) renames(from, to string) {
	fresh := m.things[from]
	m.goes(from, "")
	if fresh && !m.taken[to] {
		m.things[to] = true
		return
	}
	m.uses(to)
}

// uses says that something is in use from now on.
func (m made) uses(key string) {
	delete(m.things, key)
	m.taken[key] = true
}

// reaches follows what is in use by way of something else: a table that is a part of
// one in use, or that the function of a trigger on one names.
func (m made) reaches(after *catalogue, effects []migration.Effects) {
	for _, e := range effects {
		for _, o := range e.Objects {
			name, on, _ := strings.Cut(o.Name, " on ")
			switch {
			case o.Change == migration.Altered && o.Tag == "ATTACH PARTITION" && !m.things[objectKey("table", o.On)]:
				m.uses(objectKey("table", o.Name))
			case o.Change == migration.Created && o.Kind == "trigger" && !m.things[objectKey("table", on)]:
				m.runs(after, on, name)
			}
		}
	}
}

// runs has the tables in use that the function of a trigger names.
func (m made) runs(after *catalogue, on, trigger string) {
	t := after.table(on)
	if t == nil {
		return
	}
	g := triggerNamed(t.triggers, trigger)
	if g == nil {
		return
	}
	_, runs, _ := strings.Cut(g.definition, " EXECUTE FUNCTION ")
	for _, r := range after.routines("function", bareName(runs)) {
		for _, x := range deepTokens(r.within) {
			if name := after.called(x.Text); x.Name() && name != "" && m.things[objectKey("table", name)] {
				m.uses(objectKey("table", name))
			}
		}
	}
}

// newInRun says that an earlier statement of the file made it, or an earlier one of the
// files that are judged, where they run together: what is dropped then is nothing that
// anybody has.
func (d *directory) newInRun(key string) bool {
	return d.own.things[key] || d.made.things[key] && (d.in.Facts != nil || !d.in.fromTheBeginning())
}
