package authoring_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/authoring"
	"github.com/alquimistaai/aurora-migrator/function/authoring/atlastest"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// largeSchema is n tables as people have them, in SQL and in HCL; in HCL the
// last has a column more.
func largeSchema(n int) (sql, hcl string) {
	var s, h strings.Builder
	h.WriteString(public)
	for i := range n {
		fmt.Fprintf(&s, "CREATE TABLE \"t%04d\" (\"id\" bigint NOT NULL GENERATED ALWAYS AS IDENTITY, \"name\" text NOT NULL, \"made\" timestamptz NULL DEFAULT now(), PRIMARY KEY (\"id\"));\n", i)
		fmt.Fprintf(&s, "CREATE INDEX \"t%04d_name\" ON \"t%04d\" (\"name\");\n", i, i)
		more := ""
		if i == n-1 {
			more = "  column \"more\" {\n    type = int\n    null = true\n  }\n"
		}
		fmt.Fprintf(&h, `table "t%04d" {
  schema = schema.public
  column "id" {
    type = bigint
    identity { generated = ALWAYS }
  }
  column "name" { type = text }
  column "made" {
    type    = timestamptz
    null    = true
    default = sql("now()")
  }
%s  primary_key { columns = [column.id] }
  index "t%04d_name" { columns = [column.name] }
}
`, i, more, i)
	}
	return s.String(), h.String()
}

// A column more in one of 2,000 tables, against the Atlas CLI on the same server
// in the same run: of_atlas is which part of its time ours takes, a third at most.
// Atlas takes minutes.
func BenchmarkDiff_2000Tables(b *testing.B) {
	cli := atlastest.CLI(b)
	sql, hcl := largeSchema(2000)
	p := newProjectOn(b, atlastest.New(b).URL, "migrations/001_before.sql", sql, "schema/schema.hcl", hcl)
	var ours, theirs []time.Duration
	for range max(1, b.N) {
		began := time.Now()
		a := p.Diff(b.Context(), authoring.DiffOptions{Name: "more", DryRun: true})
		ours = append(ours, time.Since(began))
		if a.Outcome != migration.Planned || !contains(a.Text, `ADD COLUMN "more" integer NULL`) {
			b.Fatal(told(a))
		}
		theirs = append(theirs, atlasDiff(b, cli, p, a.Text))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(ours[len(ours)/2].Seconds(), "s/diff")
	part := float64(ours[len(ours)/2]) / float64(theirs[len(theirs)/2])
	b.ReportMetric(part, "of_atlas")
	if part > 1.0/3 {
		b.Errorf("diff takes %.2f of the time that Atlas takes, and a third is promised", part)
	}
}

// atlasDiff has the CLI write the same file, and takes it away again.
func atlasDiff(b *testing.B, cli string, p *project, want string) time.Duration {
	b.Helper()
	dev := atlastest.New(b).URL
	began := time.Now()
	out, err := exec.CommandContext(b.Context(), cli, "migrate", "diff", "more", "--dir", "file://"+p.Dir,
		"--to", "file://"+p.Schema, "--dev-url", dev).CombinedOutput()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("atlas migrate diff: %v\n%s", err, out)
	}
	written, err := filepath.Glob(filepath.Join(p.Dir, "*_more.sql"))
	if err != nil || len(written) != 1 {
		b.Fatalf("Atlas wrote %q: %v", written, err)
	}
	text, err := os.ReadFile(written[0])
	if err != nil || string(text) != want {
		b.Fatalf("Atlas writes\n%s\nand we\n%s\n%v", text, want, err)
	}
	if err := os.Remove(written[0]); err != nil {
		b.Fatal(err)
	}
	p.hash()
	return took
}
