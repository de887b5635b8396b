package lint_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// pending are files, each of which has statements of one line with these effects.
func pending(files ...[]migration.Effects) ([]migration.Pending, *migration.Replay) {
	var all []migration.Pending
	r := &migration.Replay{Major: 17}
	for i, effects := range files {
		f := migration.File{Name: string(rune('1'+i)) + "_f.sql"}
		for j := range effects {
			effects[j].Statement, effects[j].Line = j+1, j+1
			f.Stmts = append(f.Stmts, migration.Stmt{Text: "ALTER TABLE t;", Line: j + 1})
		}
		all = append(all, migration.Pending{File: f})
		r.Files = append(r.Files, migration.FileReplay{Name: f.Name, Statements: effects})
	}
	return all, r
}

var (
	checkA   = migration.Effects{Constraints: []migration.ConstraintSeen{{Name: "c", Table: "public.t", Kind: "check", Definition: "CHECK ((a > 0))", Valid: true}}}
	addA     = migration.Effects{Columns: []migration.ColumnSeen{{Table: "public.t", Column: "a", Change: migration.Created, Type: "integer"}}}
	updateT  = migration.Effects{Rows: []migration.RowsSeen{{Table: "public.t", Update: migration.AllRows}}, Locks: []migration.LockSeen{{Relation: "public.t", Mode: migration.RowExclusive}}}
	createT  = migration.Effects{Objects: []migration.ObjectSeen{{Kind: "table", Name: "public.t", Change: migration.Created}}}
	renameT  = migration.Effects{Objects: []migration.ObjectSeen{{Kind: "table", Name: "public.old", Change: migration.Renamed, To: "public.t", Existed: true}}}
	renameA  = migration.Effects{Columns: []migration.ColumnSeen{{Table: "public.t", Column: "b", Change: migration.Renamed, To: "a", Type: "integer"}}}
	retypeA  = migration.Effects{Columns: []migration.ColumnSeen{{Table: "public.t", Column: "a", Change: migration.Altered, Type: "bigint", Was: "integer"}}}
	unseen   = migration.Effects{Unobserved: "no such extension"}
	notValid = migration.Effects{Constraints: []migration.ConstraintSeen{{Name: "c", Table: "public.t", Kind: "check", Definition: "CHECK ((a > 0)) NOT VALID"}}}
)

// What is asked is put to the database as it is before the pending statements.
func TestAsk(t *testing.T) {
	type effects = []migration.Effects
	const plain = "FROM public.t WHERE NOT ((a > 0))"
	for _, c := range []struct {
		name                 string
		files                []effects
		rows, after, unasked string // of the only question; none where all are ""
	}{
		{"a check", []effects{{checkA}}, plain, "", ""},
		{"one that is NOT VALID", []effects{{notValid}}, "", "", ""},
		{"of a table that is made before, in its file", []effects{{createT, checkA}}, "", "", ""},
		{"of a table that an earlier file makes", []effects{{createT}, {checkA}}, "", "", ""},
		{"behind an UPDATE", []effects{{updateT}, {checkA}}, plain, "1_f.sql:1 writes rows of public.t first", ""},
		{"behind what was not seen", []effects{{unseen, checkA}}, plain, "what 1_f.sql:1 does first is not known", ""},
		{"of a new column, which is null", []effects{{addA, checkA}}, "FROM (SELECT *, NULL::integer AS \"a\" FROM public.t) AS t WHERE NOT ((a > 0))", "", ""},
		{"of a new column that is filled", []effects{{addA, updateT, checkA}}, "", "1_f.sql:2 writes rows of public.t first", "the column a is made by 1_f.sql:1 and filled by 1_f.sql:2"},
		{"of a renamed column", []effects{{renameA}, {checkA}}, "FROM (SELECT *, \"b\" AS \"a\" FROM public.t) AS t WHERE NOT ((a > 0))", "", ""},
		{"of a retyped column", []effects{{retypeA}, {checkA}}, "", "", "1_f.sql:1 gives the column a another type first"},
		{"of a renamed table", []effects{{renameT}, {checkA}}, "FROM public.old AS t WHERE NOT ((a > 0))", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			questions := lint.Ask(pending(c.files...))
			if c.rows+c.after+c.unasked == "" {
				if len(questions) > 0 {
					t.Errorf("%+v", questions)
				}
				return
			}
			if len(questions) != 1 {
				t.Fatalf("%d questions: %+v", len(questions), questions)
			}
			if q := questions[0]; q.Rows != c.rows || q.After != c.after || q.Unasked != c.unasked || q.Code != "AM561" || q.File == "" || q.Line == 0 || q.Statement != q.Line {
				t.Errorf("%+v", q)
			}
		})
	}
}

// Statements that ran are not asked about, and without a replay nothing is.
func TestAsk_whatRan(t *testing.T) {
	files, r := pending([]migration.Effects{checkA, checkA})
	files[0].Row = migration.Revision{Applied: 1, Total: 2}
	if q := lint.Ask(files, r); len(q) != 1 || q[0].Statement != 2 {
		t.Errorf("half applied: %+v", q)
	}
	files[0].Done = true
	if q := lint.Ask(files, r); len(q) != 0 {
		t.Errorf("done: %+v", q)
	}
	if q := lint.Ask(files, nil); q != nil {
		t.Errorf("without a replay: %+v", q)
	}
}

func TestAnswers(t *testing.T) {
	q := migration.Question{File: "1_f.sql", Line: 2, Statement: 1, Code: "AM561", Subject: "the check c", Table: "public.t", Rows: "FROM public.t WHERE NOT (a)", Fix: "Mend."}
	edit := func(f func(*migration.Answered)) migration.Answered {
		a := migration.Answered{Question: q}
		f(&a)
		return a
	}
	for _, c := range []struct {
		name   string
		answer migration.Answered
		want   string // severity, ID, summary, detail; "" for no finding
	}{
		{"none", edit(func(a *migration.Answered) {}), ""},
		{"one", edit(func(a *migration.Answered) { a.Fail, a.Keys = 1, []string{"id = 1"} }), "error AM561@1_f.sql:2 1 row of public.t fails the check c|The primary keys of these rows: id = 1"},
		{"many", edit(func(a *migration.Answered) { a.Fail, a.AtLeast, a.Keys = 6, true, []string{"id = 1", "id = 2"} }),
			"error AM561@1_f.sql:2 at least 6 rows of public.t fail the check c|Primary keys of some: id = 1; id = 2"},
		{"written before", edit(func(a *migration.Answered) { a.Fail, a.After = 2, "1_f.sql:1 writes rows of public.t first" }),
			"warning AM561@1_f.sql:2 2 rows of public.t fail the check c as they are now; 1_f.sql:1 writes rows of public.t first|"},
		{"a guess", edit(func(a *migration.Answered) { a.Fail, a.Guess = 2, true }), "warning AM561@1_f.sql:2 2 rows of public.t fail the check c, unless USING makes something else of them|"},
		{"any", edit(func(a *migration.Answered) { a.Fail, a.Any, a.Subject = 1, true, "the new column x" }), "error AM561@1_f.sql:2 public.t has rows, and each fails the new column x|"},
		{"cut", edit(func(a *migration.Answered) {
			a.Fail, a.Cuts, a.Subject = 1, true, "the type varchar(2) of the column a"
		}),
			"error AM561@1_f.sql:2 1 row of public.t loses a part to the type varchar(2) of the column a|"},
		{"not checked", edit(func(a *migration.Answered) { a.Unchecked = "it took longer than 5s" }),
			"warning AM560@1_f.sql:2 it was not checked whether rows of public.t fail the check c: it took longer than 5s|"},
		{"not checked, and empty", edit(func(a *migration.Answered) { a.Unchecked, a.Empty = "it took longer than 5s", true }), ""},
		{"not to be known", edit(func(a *migration.Answered) { a.Unasked, a.Unchecked = "who knows", "who knows" }),
			"info AM560@1_f.sql:2 it was not checked whether rows of public.t fail the check c: who knows|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			for _, f := range lint.Answers([]migration.Answered{c.answer}) {
				said = append(said, string(f.Severity)+" "+f.ID+" "+f.Summary+"|"+f.Detail)
			}
			if got := strings.Join(said, "\n"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
