package migration

import (
	"reflect"
	"testing"
)

func TestQuiets_speakOfTheStatementBelowOrOfTheFile(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []Quiet
	}{
		"no directive": {"SELECT 1;\n", nil},
		"above a statement": {"SELECT 1;\n-- atlas:nolint PG101 -- the table is empty\nCREATE INDEX i ON t (a);\n",
			[]Quiet{{Line: 2, Statement: 2, Codes: []string{"PG101"}, Reason: "the table is empty"}}},
		"in the header": {"-- atlas:nolint DS102 ds103: nobody reads them\n\nDROP TABLE t;\n",
			[]Quiet{{Line: 1, Codes: []string{"DS102", "DS103"}, Reason: "nobody reads them"}}},
		"at the top and no empty line": {"-- atlas:nolint DS102: gone\nDROP TABLE t;\n",
			[]Quiet{{Line: 1, Statement: 1, Codes: []string{"DS102"}, Reason: "gone"}}},
		"no reason":                {"-- atlas:nolint DS102,DS103\nDROP TABLE t;\n", []Quiet{{Line: 1, Statement: 1, Codes: []string{"DS102", "DS103"}}}},
		"no codes":                 {"-- atlas:nolint\nDROP TABLE t;\n", []Quiet{{Line: 1, Statement: 1}}},
		"an empty line in between": {"SELECT 1;\n-- atlas:nolint DS102: gone\n\nDROP TABLE t;\n", []Quiet{{Line: 2, Stray: true, Codes: []string{"DS102"}, Reason: "gone"}}},
		"a reason with both marks": {"-- atlas:nolint DS102: gone -- long ago\nDROP TABLE t;\n",
			[]Quiet{{Line: 1, Statement: 1, Codes: []string{"DS102"}, Reason: "gone -- long ago"}}},
		"in a string": {"SELECT '-- atlas:nolint DS102: x';\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (File{Text: c.text}).Quiets(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("Quiets of %q:\n got %+v\nwant %+v", c.text, got, c.want)
			}
		})
	}
}

func TestQuiet_coversItsStatementAndCodesOnly(t *testing.T) {
	q := Quiet{Statement: 2, Codes: []string{"PG101"}}
	for _, c := range []struct {
		statement int
		code      string
		want      bool
	}{{2, "PG101", true}, {1, "PG101", false}, {2, "PG102", false}} {
		if got := q.Covers(c.statement, c.code); got != c.want {
			t.Errorf("Covers(%d, %s) = %v", c.statement, c.code, got)
		}
	}
	if (Quiet{Stray: true, Codes: q.Codes}).Covers(1, "PG101") {
		t.Error("a stray directive covers a statement")
	}
	if !(Quiet{Codes: q.Codes}).Covers(7, "PG101") {
		t.Error("a directive in the header does not cover statement 7")
	}
}
