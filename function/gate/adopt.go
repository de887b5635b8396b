package gate

import (
	"fmt"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// lastVersion is, for each tool that keeps versions in its history, what asks
// for the last one that it has run; %s is the table.
var lastVersion = map[string]string{
	"Flyway":          "SELECT version FROM %s WHERE success AND version IS NOT NULL ORDER BY installed_rank DESC LIMIT 1",
	"goose":           "SELECT max(version_id) FROM %s WHERE is_applied",
	"golang-migrate":  "SELECT version FROM %s WHERE NOT dirty",
	"dbmate or Rails": "SELECT max(version) FROM %s",
	"tern":            "SELECT version FROM %s",
	"Ecto":            "SELECT max(version) FROM %s",
	"Alembic":         "SELECT version_num FROM %s",
	"sqlx":            "SELECT max(version) FROM %s WHERE success",
	"Liquibase":       "SELECT author, id, filename FROM %s ORDER BY orderexecuted DESC LIMIT 1",
}

// importable are the tools whose directories aurora-migrate import reads.
var importable = map[string]bool{"Flyway": true, "goose": true, "golang-migrate": true, "dbmate or Rails": true, "Liquibase": true}

// adopt says how the history of another tool tells which version to adopt.
func adopt(o migration.OtherTool) string {
	query, known := lastVersion[o.Tool]
	if !known {
		return fmt.Sprintf(" The last entry of %s tells which that is; that table may stay as it is.", o.Table)
	}
	what := "The last version that %s ran"
	if o.Tool == "Liquibase" {
		what = "The last changeset that %s ran"
	}
	said := fmt.Sprintf(" "+what+" is told by "+query+"; name the version of the file here that holds it, as its name has it.", o.Tool, o.Table)
	if o.Tool == "golang-migrate" {
		said += " Where that yields no row, a migration stopped half-way: finish it, or take it back, first."
	}
	if importable[o.Tool] {
		said += " If the files are still that tool's own, aurora-migrate import makes them a directory of Atlas."
	}
	return said + fmt.Sprintf(" %s may stay as it is.", o.Table)
}
