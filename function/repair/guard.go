package repair

import (
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A guard stands around Atlas's differ and planner. Before them it takes away
// what they would fail on, after them what they would do and must not; what they
// pass over it plans itself.
type guard struct {
	Options
	findings   []migration.Finding
	own        []ownChange
	concurrent bool
}

// An ownChange is a statement that Atlas's planner cannot write. It stands
// before or behind all that the planner does to the table.
type ownChange struct {
	table  *schema.Table
	before bool
	change *migrate.Change
}

// write plans a statement of our own.
func (g *guard) write(t *schema.Table, before bool, cmd, comment string) {
	g.own = append(g.own, ownChange{t, before, &migrate.Change{Cmd: cmd, Comment: comment, Source: &schema.ModifyTable{T: t}}})
}

func (g *guard) find(f migration.Finding) {
	g.findings = append(g.findings, f)
}

// at makes a finding point at a part of a table.
func (g *guard) at(t *schema.Table, part string, f migration.Finding) {
	if g.Place != nil {
		f.File, f.Line = g.Place(t.Schema.Name+"."+t.Name, part)
	}
	g.find(f)
}

// before looks at pairs of tables: what the differ refuses is told here, all of
// it, and taken out of its way; a plan is not made then.
func (g *guard) before(from, to *schema.Realm) {
	for t1, t2 := range pairs(from, to) {
		g.partition(t1, t2)
		for c1, c2 := range columns(t1, t2) {
			g.generated(t2, c1, c2)
		}
		g.primaryKeyName(t1, t2)
	}
}

// pairs are the tables that both have.
func pairs(from, to *schema.Realm) func(yield func(t1, t2 *schema.Table) bool) {
	return func(yield func(t1, t2 *schema.Table) bool) {
		for _, s1 := range from.Schemas {
			s2, ok := to.Schema(s1.Name)
			if !ok {
				continue
			}
			for _, t1 := range s1.Tables {
				if t2, ok := s2.Table(t1.Name); ok && !yield(t1, t2) {
					return
				}
			}
		}
	}
}

func columns(t1, t2 *schema.Table) func(yield func(c1, c2 *schema.Column) bool) {
	return func(yield func(c1, c2 *schema.Column) bool) {
		for _, c1 := range t1.Columns {
			if c2, ok := t2.Column(c1.Name); ok && !yield(c1, c2) {
				return
			}
		}
	}
}

func (g *guard) partition(t1, t2 *schema.Table) {
	p1, p2 := attr[*postgres.Partition](t1.Attrs), attr[*postgres.Partition](t2.Attrs)
	k1, k2 := partitionKey(p1), partitionKey(p2)
	if k1 == k2 {
		return
	}
	g.at(t2, "", migration.Finding{Code: PartitionChanged, Severity: migration.Error,
		Summary: fmt.Sprintf("table %s is partitioned %s and should be %s: PostgreSQL cannot change that", t2.Name, orNot(k1), orNot(k2)),
		Fix:     "Make a new table beside it, copy the rows, and swap the names, in files of aurora-migrate new."})
	t2.Attrs = schema.RemoveAttr[*postgres.Partition](t2.Attrs)
	if p1 != nil {
		t2.Attrs = append(t2.Attrs, p1)
	}
}

func partitionKey(p *postgres.Partition) string {
	if p == nil {
		return ""
	}
	var parts []string
	for _, part := range p.Parts {
		switch x := part.X.(type) {
		case *schema.RawExpr:
			parts = append(parts, strings.Trim(x.X, "()"))
		default:
			parts = append(parts, quoted(part.C.Name))
		}
	}
	return fmt.Sprintf("by %s (%s)", strings.ToUpper(p.T), strings.Join(parts, ", "))
}

func orNot(key string) string {
	if key == "" {
		return "not at all"
	}
	return key
}

func (g *guard) generated(t *schema.Table, c1, c2 *schema.Column) {
	x1, x2 := attr[*schema.GeneratedExpr](c1.Attrs), attr[*schema.GeneratedExpr](c2.Attrs)
	if x2 == nil || x1 != nil && bare(x1.Expr) == bare(x2.Expr) {
		return // DROP EXPRESSION is what the planner can say
	}
	drop := fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s, ADD COLUMN %[2]s %s GENERATED ALWAYS AS (%s) STORED;",
		tableName(t), quoted(c2.Name), typeName(c2.Type.Type), bare(x2.Expr))
	f := migration.Finding{Code: GeneratedChanged, Severity: migration.Error,
		Summary: fmt.Sprintf("column %s of table %s should be computed from another expression: only dropping it and adding it again does that", c2.Name, t.Name),
		Fix:     "Write by hand, with the indexes that the column is in: " + drop + " From PostgreSQL 17 on, ALTER COLUMN ... SET EXPRESSION AS does it in place."}
	if x1 == nil {
		f.Summary = fmt.Sprintf("column %s of table %s should become a generated one: only dropping it, with its values, and adding it again does that", c2.Name, t.Name)
		f.Fix = "Write by hand, with the indexes that the column is in: " + drop
	}
	g.at(t, c2.Name, f)
	c2.Attrs = schema.RemoveAttr[*schema.GeneratedExpr](c2.Attrs)
	if x1 != nil {
		c2.Attrs = append(c2.Attrs, x1)
	}
}

// bare is an expression without the parentheses around all of it.
func bare(x string) string {
	for len(x) > 1 && x[0] == '(' && x[len(x)-1] == ')' {
		depth := 0
		for i, c := range x {
			switch c {
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth == 0 && i < len(x)-1 {
				return x
			}
		}
		x = x[1 : len(x)-1]
	}
	return x
}

// insert puts our own statements beside what the planner does to their tables.
func (g *guard) insert(plan *migrate.Plan) {
	for _, o := range g.own {
		first, last := -1, -1
		for i, c := range plan.Changes {
			if touches(c.Source, o.table) {
				last = i
				if first < 0 {
					first = i
				}
			}
		}
		switch {
		case last < 0:
			plan.Changes = append(plan.Changes, o.change)
		case o.before:
			plan.Changes = slices.Insert(plan.Changes, first, o.change)
		default:
			plan.Changes = slices.Insert(plan.Changes, last+1, o.change)
		}
	}
}

func touches(source schema.Change, t *schema.Table) bool {
	switch c := source.(type) {
	case *schema.ModifyTable:
		return c.T == t
	case *schema.AddTable:
		return c.T == t
	case *schema.ModifyColumn: // of a sequence that a column no longer needs
		own, ok := t.Column(c.To.Name)
		return ok && own == c.To
	}
	return false
}

// attr is the attribute of a type, nil where there is none.
func attr[T schema.Attr](attrs []schema.Attr) (none T) {
	for _, a := range attrs {
		if t, ok := a.(T); ok {
			return t
		}
	}
	return none
}

func quoted(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func tableName(t *schema.Table) string {
	return quoted(t.Schema.Name) + "." + quoted(t.Name)
}

func typeName(t schema.Type) string {
	if e, ok := t.(*schema.EnumType); ok && e.Schema != nil {
		return quoted(e.Schema.Name) + "." + quoted(e.T)
	}
	s, err := postgres.FormatType(t)
	if err != nil {
		return fmt.Sprintf("%T", t)
	}
	return s
}
