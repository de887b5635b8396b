package lint_test

import (
	"fmt"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// One new file behind a directory of 2,000 tables.
func BenchmarkCheck_oneFileOfMany(b *testing.B) {
	in := cases["an index of unknown size"].input()
	files := []migration.FileReplay{}
	for i := range 2000 {
		name := fmt.Sprintf("public.t%d", i)
		files = append(files, migration.FileReplay{Name: fmt.Sprintf("1_%04d.sql", i),
			Catalogue: []catalog.Edit{tableOf(name, columnLine("a", "bigint"), columnLine("b", "text"))}})
	}
	in.Replay.Files = append(files, in.Replay.Files[1])
	for b.Loop() {
		if got := lint.Check(in); len(got) != 1 {
			b.Fatal(short(got))
		}
	}
}
