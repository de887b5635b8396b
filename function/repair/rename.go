package repair

import (
	"fmt"
	"slices"

	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// renamedColumns names pairs of a column that goes and one of the same type that
// comes: nobody but the author knows whether that is one column renamed.
func (g *guard) renamedColumns(m *schema.ModifyTable) {
	var gone, come []*schema.Column
	for _, c := range m.Changes {
		switch c := c.(type) {
		case *schema.DropColumn:
			gone = append(gone, c.C)
		case *schema.AddColumn:
			come = append(come, c.C)
		}
	}
	for _, old := range gone {
		i := slices.IndexFunc(come, func(c *schema.Column) bool { return typeName(c.Type.Type) == typeName(old.Type.Type) })
		if i < 0 {
			continue
		}
		g.at(m.T, come[i].Name, migration.Finding{Code: PossibleRename, Severity: migration.Warning,
			Summary: fmt.Sprintf("column %s of table %s is dropped, with its values, and %s of the same type is added: a rename?", old.Name, m.T.Name, come[i].Name),
			Fix:     fmt.Sprintf("If it is one, write instead: ALTER TABLE %s RENAME COLUMN %s TO %s;", tableName(m.T), quoted(old.Name), quoted(come[i].Name))})
		come = slices.Delete(come, i, i+1)
	}
}

// renamedTables does the same for tables that have the same columns.
func (g *guard) renamedTables(changes []schema.Change) {
	var gone, come []*schema.Table
	for _, c := range changes {
		switch c := c.(type) {
		case *schema.DropTable:
			gone = append(gone, c.T)
		case *schema.AddTable:
			come = append(come, c.T)
		}
	}
	for _, old := range gone {
		i := slices.IndexFunc(come, func(t *schema.Table) bool { return alike(old, t) })
		if i < 0 {
			continue
		}
		fix := fmt.Sprintf("ALTER TABLE %s RENAME TO %s;", tableName(old), quoted(come[i].Name))
		if old.Schema.Name != come[i].Schema.Name {
			fix = fmt.Sprintf("ALTER TABLE %s SET SCHEMA %s;", tableName(old), quoted(come[i].Schema.Name))
		}
		g.at(come[i], "", migration.Finding{Code: PossibleRename, Severity: migration.Warning,
			Summary: fmt.Sprintf("table %s is dropped, with its rows, and %s with the same columns is created: a rename?", old.Name, come[i].Name),
			Fix:     "If it is one, write instead: " + fix})
		come = slices.Delete(come, i, i+1)
	}
}

func alike(t1, t2 *schema.Table) bool {
	same := t1.Name == t2.Name || t1.Schema.Name == t2.Schema.Name
	return same && (attr[*postgres.Partition](t1.Attrs) == nil) == (attr[*postgres.Partition](t2.Attrs) == nil) &&
		slices.EqualFunc(t1.Columns, t2.Columns, func(c1, c2 *schema.Column) bool {
			return c1.Name == c2.Name && typeName(c1.Type.Type) == typeName(c2.Type.Type)
		})
}
