package postgres

import (
	"strings"
	"testing"
)

// What a plan reads from end to end by an index is told from what it may leave off early.
func TestWholeReads(t *testing.T) {
	t.Parallel()
	const scan = `"Node Type": "Index Only Scan", "Schema": "s", "Index Name": "i"`
	for name, c := range map[string]struct{ plan, want string }{
		"all of it":            {`{` + scan + `}`, "s.i"},
		"filtered":             {`{` + scan + `, "Filter": "(a > 1)"}`, "s.i"},
		"a condition on it":    {`{` + scan + `, "Index Cond": "(a > 1)"}`, ""},
		"a bitmap without one": {`{"Node Type": "Bitmap Heap Scan", "Schema": "s", "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "i"}]}`, "s.i"},
		"a bitmap":             {`{"Node Type": "Bitmap Heap Scan", "Schema": "s", "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "i", "Index Cond": "(a = 1)"}]}`, ""},
		"below a limit":        {`{"Node Type": "Limit", "Plans": [{"Node Type": "LockRows", "Plans": [{` + scan + `}]}]}`, ""},
		"EXISTS":               {`{"Node Type": "Result", "Plans": [{"Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 1", ` + scan + `}]}`, ""},
		"a count in it":        {`{"Node Type": "Result", "Plans": [{"Node Type": "Aggregate", "Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 1", "Plans": [{` + scan + `}]}]}`, "s.i"},
		"WITH":                 {`{"Node Type": "CTE Scan", "Plans": [{"Parent Relationship": "InitPlan", "Subplan Name": "CTE c", ` + scan + `}]}`, "s.i"},
		"NOT IN":               {`{"Node Type": "Result", "Filter": "(NOT (hashed SubPlan 1))", "Plans": [{"Parent Relationship": "SubPlan", "Subplan Name": "SubPlan 1", ` + scan + `}]}`, "s.i"},
		"a partition each":     {`{"Node Type": "Append", "Plans": [{` + scan + `}, {` + strings.Replace(scan, `"i"`, `"j"`, 1) + `}]}`, "s.i s.j"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, r := range wholeReads([]byte(`[{"Plan": ` + c.plan + `}]`)) {
				got = append(got, r.schema+"."+r.index)
			}
			if is := strings.Join(got, " "); is != c.want {
				t.Errorf("%q, want %q", is, c.want)
			}
		})
	}
}
