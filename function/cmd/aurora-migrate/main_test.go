package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"aurora-migrate": main})
}

// Each story has a database of its own, named by DATABASE_URL. STRANGER_URL is
// the same for a user that is not there. MIGRATIONS is the directory of this
// repository. story_test.go has the words that stories may use beside those of
// testscript.
func TestScript(t *testing.T) {
	migrations, err := filepath.Abs("../../../migrations")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                words,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			tb := env.T().(testing.TB)
			db := pgtest.New(tb)
			env.Values[keyTest], env.Values[keyDatabase], env.Values[keyLine] = tb, db, new(line)
			env.Setenv("DATABASE_URL", db.URL)
			env.Setenv("DATABASE", db.Name)
			env.Setenv("STRANGER_URL", db.As("stranger", "geheim-4711"))
			env.Setenv("MIGRATIONS", migrations)
			return nil
		},
	})
}
