package repair

import (
	"fmt"

	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
)

// unseenColumns returns changes of columns that the differ has no eye for:
// another collation, and another type of those that it knows by name only.
func (g *guard) unseenColumns(t1, t2 *schema.Table, seen []schema.Change) (changes []schema.Change) {
	for c1, c2 := range columns(t1, t2) {
		if !g.retyped(c1, c2) {
			continue
		}
		if m := modification(seen, c2.Name); m != nil {
			m.Change |= schema.ChangeType
			continue
		}
		changes = append(changes, &schema.ModifyColumn{From: c1, To: c2, Change: schema.ChangeType})
	}
	return changes
}

func (g *guard) retyped(c1, c2 *schema.Column) bool {
	u1, ok1 := c1.Type.Type.(*postgres.UserDefinedType)
	u2, ok2 := c2.Type.Type.(*postgres.UserDefinedType)
	if ok1 && ok2 && u1.T != u2.T {
		return true
	}
	return !g.Silent && collation(c1) != collation(c2)
}

func collation(c *schema.Column) string {
	if a := attr[*schema.Collation](c.Attrs); a != nil {
		return a.V
	}
	return ""
}

func modification(changes []schema.Change, column string) *schema.ModifyColumn {
	for _, c := range changes {
		if m, ok := c.(*schema.ModifyColumn); ok && m.To.Name == column {
			return m
		}
	}
	return nil
}

// unseenIndexes returns changes between a unique index and a unique constraint
// of one name, which the differ takes for the same.
func (g *guard) unseenIndexes(t1, t2 *schema.Table, seen []schema.Change) (changes []schema.Change) {
	for _, i1 := range t1.Indexes {
		i2, ok := t2.Index(i1.Name)
		if !ok || isUnique(i1) == isUnique(i2) || isModified(seen, i1.Name) {
			continue
		}
		changes = append(changes, &schema.ModifyIndex{From: i1, To: i2, Change: schema.ChangeAttr})
	}
	return changes
}

func isModified(changes []schema.Change, index string) bool {
	for _, c := range changes {
		if m, ok := c.(*schema.ModifyIndex); ok && m.To.Name == index && !(m.Change &^ schema.ChangeComment).Is(schema.NoChange) {
			return true
		}
	}
	return false
}

// primaryKeyName plans another name for a primary key that stays as it is.
func (g *guard) primaryKeyName(t1, t2 *schema.Table) {
	k1, k2 := t1.PrimaryKey, t2.PrimaryKey
	if g.Silent || k1 == nil || k2 == nil || k1.Name == "" || k2.Name == "" || k1.Name == k2.Name || !sameParts(k1, k2) {
		return
	}
	g.renameConstraint(t2, k1.Name, k2.Name)
}

func sameParts(k1, k2 *schema.Index) bool {
	if len(k1.Parts) != len(k2.Parts) {
		return false
	}
	for i := range k1.Parts {
		c1, c2 := k1.Parts[i].C, k2.Parts[i].C
		if c1 == nil || c2 == nil || c1.Name != c2.Name {
			return false
		}
	}
	return true
}

// nameOfNewKey gives a new primary key the name that it should have: the
// planner leaves the choice to PostgreSQL.
func (g *guard) nameOfNewKey(t *schema.Table) {
	given := t.Name + "_pkey"
	if k := t.PrimaryKey; k != nil && k.Name != "" && k.Name != given && len(given) < 64 {
		g.renameConstraint(t, given, k.Name)
	}
}

func (g *guard) renameConstraint(t *schema.Table, from, to string) {
	g.write(t, false, fmt.Sprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", tableName(t), quoted(from), quoted(to)),
		fmt.Sprintf("rename constraint %q on table: %q", from, t.Name))
}

// concurrently has indexes of a table that is in use built and dropped without
// stopping its writers. PostgreSQL cannot do that to a partitioned one.
func (g *guard) concurrently(t *schema.Table, changes []schema.Change) (out []schema.Change) {
	if attr[*postgres.Partition](t.Attrs) != nil {
		return changes
	}
	for _, c := range changes {
		switch c := c.(type) {
		case *schema.AddIndex:
			g.inBackground(c.I, &c.Extra)
		case *schema.DropIndex:
			g.inBackground(c.I, &c.Extra)
		case *schema.ModifyIndex:
			if (c.Change &^ schema.ChangeComment).Is(schema.NoChange) || isUnique(c.From) || isUnique(c.To) {
				break
			}
			drop, add := &schema.DropIndex{I: c.From}, &schema.AddIndex{I: c.To}
			g.inBackground(c.From, &drop.Extra)
			g.inBackground(c.To, &add.Extra)
			out = append(out, drop, add)
			continue
		}
		out = append(out, c)
	}
	return out
}

func (g *guard) inBackground(i *schema.Index, extra *[]schema.Clause) {
	if isUnique(i) || isExclusion(i) {
		return
	}
	*extra = append(*extra, &postgres.Concurrently{})
	g.concurrent = true
}
