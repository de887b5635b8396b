package repair

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// guarded returns the changes that may be planned.
func (g *guard) guarded(from, to *schema.Realm, changes []schema.Change) []schema.Change {
	g.renamedTables(changes)
	modified := make(map[*schema.Table]*schema.ModifyTable)
	var kept []schema.Change
	for _, c := range changes {
		switch c := c.(type) {
		case *schema.DropSchema: // common has taken these away
			continue
		case *schema.ModifyObject:
			if !g.enum(c) {
				continue
			}
		case *schema.AddTable:
			g.nameOfNewKey(c.T)
		case *schema.ModifyTable:
			modified[c.T] = c
			continue
		}
		kept = append(kept, c)
	}
	var tables []schema.Change
	for t1, t2 := range pairs(from, to) {
		m := modified[t2]
		if m == nil {
			m = &schema.ModifyTable{T: t2}
		}
		m.Changes = g.table(t1, m)
		if len(m.Changes) > 0 {
			tables = append(tables, m)
		}
	}
	return inOrder(changes, kept, tables)
}

// inOrder puts the changed tables where the first of them stood, so that the
// planner sees the order that Atlas's own would.
func inOrder(all, kept, tables []schema.Change) []schema.Change {
	at := len(kept)
	n := 0
	for _, c := range all {
		if _, ok := c.(*schema.ModifyTable); ok {
			at = n
			break
		}
		if slices.Contains(kept, c) {
			n++
		}
	}
	return slices.Insert(kept, at, tables...)
}

// enum says whether the planner can write the change of an enum. It would pass
// over a value that vanished without a word.
func (g *guard) enum(c *schema.ModifyObject) bool {
	from, ok1 := c.From.(*schema.EnumType)
	to, ok2 := c.To.(*schema.EnumType)
	if !ok1 || !ok2 {
		return true
	}
	var gone []string
	for _, v := range from.Values {
		if !slices.Contains(to.Values, v) {
			gone = append(gone, literal(v))
		}
	}
	f := migration.Finding{Severity: migration.Error}
	name := from.T
	if from.Schema != nil {
		name = from.Schema.Name + "." + name
	}
	if g.Place != nil {
		f.File, f.Line = g.Place(name, "")
	}
	order := slices.DeleteFunc(slices.Clone(to.Values), func(v string) bool { return !slices.Contains(from.Values, v) })
	switch {
	case len(gone) > 0:
		f.Code = EnumValueGone
		f.Summary = fmt.Sprintf("the enum %s should lose %s: PostgreSQL cannot take a value out of an enum", from.T, strings.Join(gone, ", "))
		f.Fix = "Bring the value back; or write by hand a new type, the ALTER TABLE ... TYPE ... USING of each column that has it, and the DROP TYPE of the old one."
	case !slices.Equal(order, from.Values):
		f.Code = EnumReordered
		f.Summary = fmt.Sprintf("the values of the enum %s should stand in another order: PostgreSQL cannot move a value", from.T)
		f.Fix = "Bring the order back, new values may stand anywhere; or write by hand a new type, and the ALTER TABLE ... TYPE ... USING of each column that has it."
	default:
		return true
	}
	g.find(f)
	return false
}

// table returns the changes of one table that may be planned.
func (g *guard) table(t1 *schema.Table, m *schema.ModifyTable) []schema.Change {
	g.renamedColumns(m)
	var kept []schema.Change
	for _, c := range m.Changes {
		switch c := c.(type) {
		case *schema.DropIndex:
			if g.Silent && isExclusion(c.I) {
				g.at(m.T, c.I.Name, migration.Finding{Code: ExclusionKept, Severity: migration.Info,
					Summary: fmt.Sprintf("the exclusion constraint %s of table %s was left as it is: HCL cannot say it", c.I.Name, m.T.Name),
					Fix:     fmt.Sprintf("To drop it, write by hand: ALTER TABLE %s DROP CONSTRAINT %s;", tableName(m.T), quoted(c.I.Name))})
				continue
			}
		case *schema.ModifyColumn:
			if c.Change = g.column(m.T, c); c.Change.Is(schema.NoChange) {
				continue
			}
		case *schema.AddPrimaryKey:
			g.nameOfNewKey(m.T)
		case *schema.ModifyPrimaryKey:
			g.nameOfNewKey(m.T)
		}
		kept = append(kept, c)
	}
	kept = append(kept, g.unseenColumns(t1, m.T, kept)...)
	kept = append(kept, g.unseenIndexes(t1, m.T, kept)...)
	if g.Concurrently {
		kept = g.concurrently(m.T, kept)
	}
	return kept
}

func isExclusion(i *schema.Index) bool {
	return slices.ContainsFunc(i.Attrs, func(a schema.Attr) bool {
		c, ok := a.(*postgres.Constraint)
		return ok && c.IsExclude()
	})
}

func isUnique(i *schema.Index) bool {
	return slices.ContainsFunc(i.Attrs, func(a schema.Attr) bool {
		c, ok := a.(*postgres.Constraint)
		return ok && c.IsUnique()
	})
}

// column returns the kinds of change of a column that the planner is to write.
func (g *guard) column(t *schema.Table, c *schema.ModifyColumn) schema.ChangeKind {
	kinds := c.Change
	if kinds.Is(schema.ChangeType) && g.Silent {
		if collation := attr[*schema.Collation](c.From.Attrs); collation != nil && attr[*schema.Collation](c.To.Attrs) == nil {
			c.To.Attrs = append(c.To.Attrs, collation)
		}
	}
	if !kinds.Is(schema.ChangeAttr) {
		return kinds
	}
	i1, i2 := attr[*postgres.Identity](c.From.Attrs), attr[*postgres.Identity](c.To.Attrs)
	switch {
	case i1 != nil && i2 != nil:
		g.identityChanged(t, c, i1, i2)
		return kinds
	case i2 != nil:
		g.addIdentity(t, c.To, i2)
	case i1 != nil:
		g.write(t, true, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY", tableName(t), quoted(c.To.Name)),
			fmt.Sprintf("drop identity of column: %q on table: %q", c.To.Name, t.Name))
	}
	return kinds &^ schema.ChangeAttr
}

// identityChanged keeps the planner from a RESTART: numbers that are given out
// would be given out again.
func (g *guard) identityChanged(t *schema.Table, c *schema.ModifyColumn, i1, i2 *postgres.Identity) {
	kept := *i2
	sequence := postgres.Sequence{Start: 1, Increment: 1}
	if i2.Sequence != nil {
		sequence = *i2.Sequence
	}
	start := sequence.Start
	sequence.Last = math.MaxInt64
	kept.Sequence = &sequence
	to := *c.To
	to.Attrs = append(schema.RemoveAttr[*postgres.Identity](slices.Clone(to.Attrs)), &kept)
	c.To = &to
	if i1.Sequence != nil && i1.Sequence.Start == start {
		return
	}
	g.at(t, c.To.Name, migration.Finding{Code: IdentityStart, Severity: migration.Info,
		Summary: fmt.Sprintf("the identity of column %s of table %s starts at %d from now on; where it stands in a database that has rows is left as it is", c.To.Name, t.Name, start),
		Fix:     fmt.Sprintf("To move it, where no row has such a number yet, write by hand: ALTER TABLE %s ALTER COLUMN %s RESTART WITH %d;", tableName(t), quoted(c.To.Name), start)})
}

// addIdentity makes an identity of a column that is there, and has it go on
// behind the largest number that is taken.
func (g *guard) addIdentity(t *schema.Table, c *schema.Column, i *postgres.Identity) {
	sequence := postgres.Sequence{Start: 1, Increment: 1}
	if i.Sequence != nil {
		sequence = *i.Sequence
	}
	generation := i.Generation
	if generation == "" {
		generation = "BY DEFAULT"
	}
	table, column := tableName(t), quoted(c.Name)
	g.write(t, false, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s ADD GENERATED %s AS IDENTITY (START WITH %d INCREMENT BY %d)", table, column, generation, sequence.Start, sequence.Increment),
		fmt.Sprintf("add identity to column: %q on table: %q", c.Name, t.Name))
	g.write(t, false, fmt.Sprintf("SELECT setval(pg_get_serial_sequence(%s, %s), greatest(coalesce(max(%s), 0) + 1, %d), false) FROM %s", literal(table), literal(c.Name), column, sequence.Start, table),
		fmt.Sprintf("go on behind the largest value of column: %q on table: %q", c.Name, t.Name))
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
