package replay_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
	"github.com/alquimistaai/aurora-migrator/function/replay"
)

// What it costs to watch: 1,000 files that make a table and an index each, half of
// which alter an earlier table too, beside the same files run as they are, each as one
// transaction, statement by statement, on one server in one run.
func BenchmarkRun_thousandFiles(b *testing.B) {
	files := map[string]string{}
	for i := range 1000 {
		text := fmt.Sprintf("CREATE TABLE t%d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a integer, b text, at timestamptz DEFAULT now());\nCREATE INDEX t%[1]d_a ON t%[1]d (a);\n", i)
		if i > 10 && i%2 == 1 {
			text += fmt.Sprintf("ALTER TABLE t%d ADD COLUMN c integer;\n", i-5)
		}
		files[fmt.Sprintf("%d_f.sql", 20200101000000+i)] = text
	}
	dir := directory(b, files)
	for b.Loop() {
		plain := pgtest.New(b).Conn(b)
		began := time.Now()
		for _, f := range dir.Files {
			for _, sql := range slices.Concat([]string{"BEGIN"}, texts(f), []string{"COMMIT"}) {
				if _, err := plain.Exec(b.Context(), sql); err != nil {
					b.Fatal(err)
				}
			}
		}
		took := time.Since(began)
		began = time.Now()
		if _, err := replay.Run(b.Context(), replay.Options{Dir: dir, Open: open(b)}); err != nil {
			b.Fatal(err)
		}
		watched := time.Since(began)
		b.ReportMetric(took.Seconds(), "s/plain")
		b.ReportMetric(watched.Seconds(), "s/replay")
		b.ReportMetric(watched.Seconds()/took.Seconds(), "replay/plain")
	}
}

func texts(f migration.File) (all []string) {
	for _, s := range f.Stmts {
		all = append(all, s.Text)
	}
	return all
}
