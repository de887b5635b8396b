package pipeline_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	tell "github.com/alquimistaai/aurora-migrator/function/report"
)

func TestTry(t *testing.T) {
	db := pgtest.New(t)
	p := on(t, db.URL, dir(t, "001_users.sql", "CREATE TABLE users (id serial PRIMARY KEY);\n"))
	r := do(t, p, pipeline.Request{Action: migration.ActionDoctor})
	t.Log(strings.Join(tell.Screen(r, tell.ScreenOptions{}), "\n"))
	t.Log(string(tell.JSON(r, false)))
}
