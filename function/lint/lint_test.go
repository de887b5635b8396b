package lint_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A case is one file with the effects of its statements, written by hand.
type handCase struct {
	sql           string // of 2_change.sql
	before        []catalog.Edit
	effects       []migration.Effects
	edits         []catalog.Edit // of the file
	facts         map[string]migration.RelationFacts
	holds         map[lint.Place]time.Duration
	forecasts     map[lint.Place]migration.Forecast
	time, timeout time.Duration
	policy        lint.Policy
	major         int
	want          string // "error PG101 2", severity, code and statement, "; " between them
}

func lock(relation string, mode migration.LockMode) migration.LockSeen {
	return migration.LockSeen{Relation: relation, Kind: "table", Mode: mode}
}

func locks(l ...migration.LockSeen) []migration.LockSeen { return l }

func scans(names ...string) (seen []migration.ScanSeen) {
	for _, n := range names {
		seen = append(seen, migration.ScanSeen{Relation: n})
	}
	return seen
}

// tableOf is a table of the catalogue with these lines.
func tableOf(name string, lines ...string) catalog.Edit {
	return catalog.Edit{Kind: "table", Name: name, Lines: append([]string{"relation r p owner=o acl= options= toast= rls=f,f identity=d method=heap tablespace=0 populated=t"}, lines...)}
}

func columnLine(name, typ string) string {
	return fmt.Sprintf("column %s %s collation= storage=p statistics= acl= options= default= comment=", name, typ)
}

var t1 = []catalog.Edit{tableOf("public.t", columnLine("a", "integer"), columnLine("b", "text"),
	"constraint t_pkey PRIMARY KEY (a) valid=t comment=", "index CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a) tablespace=0 statistics= comment=")}

var uniqueEffects = []migration.Effects{{Alone: true, Indexes: []migration.IndexSeen{{Index: "public.i", Table: "public.t", Unique: true, Definition: "CREATE UNIQUE INDEX i ON public.t USING btree (b)"}}}}

var indexEffects = []migration.Effects{{Statement: 1, Line: 1, Locks: locks(lock("public.t", migration.Share)), Scans: scans("public.t"),
	Indexes: []migration.IndexSeen{{Index: "public.i", Table: "public.t", Definition: "CREATE INDEX i ON public.t USING btree (b)"}}}}

var wideIndex = []catalog.Edit{tableOf("public.t", columnLine("a", "integer"), columnLine("b", "text"), "index CREATE INDEX wide ON public.t USING btree (a, b) tablespace=0")}

var madeIndex = []migration.Effects{{Alone: true, Objects: []migration.ObjectSeen{{Kind: "index", Name: "public.i", On: "public.t", Change: migration.Created}}}}

var madeTable = []migration.Effects{{Objects: []migration.ObjectSeen{{Kind: "table", Name: "public.t", Change: migration.Created}}}}

var rewriteEffects = []migration.Effects{{Statement: 1, Line: 1, Locks: locks(lock("public.t", migration.AccessExclusive)), Rewrites: []string{"public.t"}}}

var cases = map[string]handCase{
	"nothing": {sql: "SELECT 1;", effects: []migration.Effects{{}}, want: ""},
	"a short ACCESS EXCLUSIVE": {sql: "ALTER TABLE t ADD c int;", before: t1, want: "",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessExclusive)), Columns: []migration.ColumnSeen{{Table: "public.t", Column: "c", Change: migration.Created, Type: "integer"}}}}},
	"an index of unknown size": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "error PG101 1"},
	"an index on an empty table": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "info PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Kind: "table", Bytes: -1}}},
	"a table that a file before makes": {sql: "CREATE TABLE t (a int, b text); CREATE INDEX i ON t (b);", effects: []migration.Effects{
		{Objects: []migration.ObjectSeen{{Kind: "table", Name: "public.t", Change: migration.Created}}}, {Statement: 2}}, edits: t1, want: ""},
	"an index on 2 MiB": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "warning PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 1000, Bytes: 2 << 20}}},
	"an index on a small table": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "info PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 10, Bytes: 8192}}},
	"an index on 100 MiB": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "error PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 1 << 20, Bytes: 100 << 20}}},
	"a forecast beats the size": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "warning PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 1 << 20, Bytes: 100 << 20}}, holds: map[lint.Place]time.Duration{{File: "2_change.sql", Statement: 1}: 300 * time.Millisecond}},
	"unknown rows count as large": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "error PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Rows: -1, Bytes: -1}}},
	"a policy": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, want: "info PG101 1", policy: lint.Policy{SizeWarning: 1 << 30, SizeError: 1 << 31},
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 1 << 20, Bytes: 100 << 20}}},
	"a build under SHARE UPDATE EXCLUSIVE": {sql: "SELECT f();", before: t1, want: "",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.ShareUpdateExclusive)), Scans: scans("public.t"), Indexes: indexEffects[0].Indexes}}},
	"not observed":     {sql: "CREATE EXTENSION postgis;", effects: []migration.Effects{{Unobserved: "the extension postgis is not there"}}, want: "warning AM501 1"},
	"only a superuser": {sql: "CREATE EXTENSION x;", effects: []migration.Effects{{Privileged: true}}, want: "info AM640 1"},
	"set logged":       {sql: "ALTER TABLE t SET LOGGED;", before: t1, effects: rewriteEffects, want: "error AM521 1"},
	"set tablespace":   {sql: "ALTER TABLE t SET TABLESPACE fast;", before: t1, effects: rewriteEffects, want: "error AM522 1"},
	"access method":    {sql: "ALTER TABLE t SET ACCESS METHOD columnar;", before: t1, effects: rewriteEffects, want: "error AM523 1"},
	"another rewrite":  {sql: "SELECT f();", before: t1, effects: rewriteEffects, want: "error AM527 1"},
	"a rewrite of an empty table": {sql: "ALTER TABLE t SET LOGGED;", before: t1, effects: rewriteEffects, want: "info AM521 1",
		facts: map[string]migration.RelationFacts{"public.t": {}}},
	"work under the lock of an exception block": {sql: "SELECT f();", before: t1, want: "error AM527 1",
		effects: []migration.Effects{{Locks: locks(migration.LockSeen{Relation: "public.t", Kind: "table", Mode: migration.AccessExclusive, Released: true}), Scans: scans("public.u")}}},
	"work after a lock that was given back": {sql: "SELECT f(); CREATE TABLE x AS SELECT * FROM u;", before: t1, want: "",
		effects: []migration.Effects{{Locks: locks(migration.LockSeen{Relation: "public.t", Kind: "table", Mode: migration.AccessExclusive, Released: true})}, {Scans: scans("public.u")}}},
	"work under an earlier lock": {sql: "ALTER TABLE t ADD c int; CREATE TABLE x AS SELECT * FROM u;", before: t1, want: "error AM510 2",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessExclusive))}, {Scans: scans("public.u")}}},
	"the same outside a transaction": {sql: "-- atlas:txmode none\n\nALTER TABLE t ADD c int; CREATE TABLE x AS SELECT * FROM u;", before: t1, want: "",
		effects: []migration.Effects{{Alone: true, Locks: locks(lock("public.t", migration.AccessExclusive))}, {Alone: true, Scans: scans("public.u")}}},
	"a scan under ROW EXCLUSIVE": {sql: "INSERT INTO t SELECT * FROM u;", before: t1, want: "",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.RowExclusive)), Scans: scans("public.u")}}},
	"very many locks": {sql: "SELECT f();", want: "warning AM538 1", policy: lint.Policy{ManyLocks: 2},
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessShare), lock("public.u", migration.AccessShare))}}},
	"an index in use": {sql: "DROP INDEX CONCURRENTLY i;", before: []catalog.Edit{tableOf("public.t", "index CREATE INDEX i ON public.t USING btree (a) tablespace=0")}, want: "warning AM541 1",
		effects: []migration.Effects{{Alone: true, Objects: []migration.ObjectSeen{{Kind: "index", Name: "public.i", On: "public.t", Change: migration.Dropped, Existed: true}}}},
		facts:   map[string]migration.RelationFacts{"public.t": {Rows: 5, Indexes: map[string]migration.IndexFacts{"public.i": {Scans: 7}}}}},
	"the index of a partitioned table is dropped": {sql: "DROP INDEX i;", before: []catalog.Edit{tableOf("public.t", "partition by RANGE (a)", "index CREATE INDEX i ON ONLY public.t USING btree (a) tablespace=0")}, want: "info PG102 1",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessExclusive)), Objects: []migration.ObjectSeen{{Kind: "partitioned index", Name: "public.i", On: "public.t", Change: migration.Dropped, Existed: true}}}}},
	"an index that is a leading part of another": {sql: "CREATE INDEX CONCURRENTLY i ON t (a);", before: wideIndex, want: "info AM649 1", effects: madeIndex,
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 3, Lines: []string{"index CREATE INDEX i ON public.t USING btree (a) tablespace=0"}}}},
	"one in another order": {sql: "CREATE INDEX CONCURRENTLY i ON t (b);", before: wideIndex, want: "", effects: madeIndex,
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 3, Lines: []string{"index CREATE INDEX i ON public.t USING btree (b) tablespace=0"}}}},
	"one of some rows": {sql: "CREATE INDEX CONCURRENTLY i ON t (a) WHERE b = 'x';", before: wideIndex, want: "", effects: madeIndex,
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 3, Lines: []string{"index CREATE INDEX i ON public.t USING btree (a) WHERE (b = 'x'::text) tablespace=0"}}}},
	"one by another method": {sql: "CREATE INDEX CONCURRENTLY i ON t USING hash (a);", before: wideIndex, want: "", effects: madeIndex,
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 3, Lines: []string{"index CREATE INDEX i ON public.t USING hash (a) tablespace=0"}}}},
	"one that keeps a rule": {sql: "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);", before: wideIndex, want: "", effects: madeIndex,
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 3, Lines: []string{"index CREATE UNIQUE INDEX i ON public.t USING btree (a) tablespace=0"}}}},
	"a unique index over rows of before": {sql: "CREATE UNIQUE INDEX CONCURRENTLY i ON t (b);", before: t1, want: "info AM544 1", effects: uniqueEffects},
	"one where the data are asked":       {sql: "CREATE UNIQUE INDEX CONCURRENTLY i ON t (b);", before: t1, want: "", effects: uniqueEffects, facts: map[string]migration.RelationFacts{"public.t": {Rows: 5}}},
	"a lock of the session":              {sql: "SELECT pg_advisory_lock(1);", effects: []migration.Effects{{}}, want: "info AM657 1"},
	"one that is given back":             {sql: "SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1);", effects: []migration.Effects{{}, {}}, want: ""},
	"an index over the primary key": {sql: "CREATE INDEX CONCURRENTLY i ON t (a);", before: t1, want: "info AM649 1", effects: madeIndex,
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 5, Lines: []string{"index CREATE INDEX i ON public.t USING btree (a) tablespace=0"}}}},
	"a table without a primary key": {sql: "CREATE TABLE t (a int, b text);", effects: madeTable, edits: []catalog.Edit{tableOf("public.t", columnLine("a", "integer"))}, want: "info AM651 1"},
	"one with a unique key": {sql: "CREATE TABLE t (a int NOT NULL UNIQUE);", effects: madeTable, want: "",
		edits: []catalog.Edit{tableOf("public.t", columnLine("a", "integer not null"), "index CREATE UNIQUE INDEX t_a_key ON public.t USING btree (a) tablespace=0")}},
	"one whose unique key bears nulls": {sql: "CREATE TABLE t (a int UNIQUE);", effects: madeTable, want: "info AM651 1",
		edits: []catalog.Edit{tableOf("public.t", columnLine("a", "integer"), "index CREATE UNIQUE INDEX t_a_key ON public.t USING btree (a) tablespace=0")}},
	"an unlogged one": {sql: "CREATE UNLOGGED TABLE t (a int);", effects: madeTable, want: "warning AM616 1",
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", Lines: []string{"relation r u owner=o acl= options= toast= rls=f,f identity=d method=heap tablespace=0 populated=t", columnLine("a", "integer")}}}},
	"an INVALID index": {sql: "SELECT f();", before: t1, want: "warning AM542 1",
		effects: []migration.Effects{{Indexes: []migration.IndexSeen{{Index: "public.i", Table: "public.t", Invalid: true}}}}},
	"a constraint that stays NOT VALID": {sql: "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;", before: t1, want: "info AM543 1",
		effects: []migration.Effects{{Constraints: []migration.ConstraintSeen{{Name: "c", Table: "public.t", Kind: "check", Definition: "CHECK ((a > 0)) NOT VALID"}}}},
		edits:   []catalog.Edit{{Kind: "table", Name: "public.t", At: 4, Lines: []string{"constraint c CHECK ((a > 0)) NOT VALID valid=f comment="}}}},
	"a cast that some values do not bear": {sql: "SELECT f();", effects: []migration.Effects{{WithRows: "22P02"}}, want: "warning AM544 1"},
	"values that are asked of the data":   {sql: "SELECT f();", effects: []migration.Effects{{WithRows: "23514"}}, want: "info AM544 1"},
	"a busy table": {sql: "ALTER TABLE t ADD c int;", before: t1, want: "info AM550 1", effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessExclusive))}},
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 5, Reads: 900, Writes: 20}}},
	"NULLs are allowed": {sql: "ALTER TABLE t ALTER a DROP NOT NULL;", before: t1, want: "info AM610 1",
		effects: []migration.Effects{{Columns: []migration.ColumnSeen{{Table: "public.t", Column: "a", Change: migration.Altered, Type: "integer", NullsAllowed: true}}}}},
	"another default": {sql: "ALTER TABLE t ALTER a SET DEFAULT 2;", before: t1, want: "info AM612 1",
		effects: []migration.Effects{{Columns: []migration.ColumnSeen{{Table: "public.t", Column: "a", Change: migration.Altered, Type: "integer", Default: "2", DefaultWas: new(string)}}}}},
	"a type is dropped that nothing uses": {sql: "DROP TYPE mood;", want: "info AM606 1", effects: []migration.Effects{{Objects: []migration.ObjectSeen{{Kind: "type", Name: "public.mood", Change: migration.Dropped, Existed: true}}}}},
	"an extension is dropped": {sql: "DROP EXTENSION x;", want: "warning AM625 1",
		effects: []migration.Effects{{Objects: []migration.ObjectSeen{{Kind: "extension", Name: "x", Change: migration.Dropped, Existed: true}}}}},
	"a sequence is dropped": {sql: "DROP SEQUENCE s;", want: "warning AM630 1",
		effects: []migration.Effects{{Objects: []migration.ObjectSeen{{Kind: "sequence", Name: "public.s", Change: migration.Dropped, Existed: true}}}}},
	"a trigger": {sql: "CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f();", before: t1, want: "info AM626 1",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.ShareRowExclusive))}}},
	"a database is dropped": {sql: "-- atlas:txmode none\n\nDROP DATABASE d;", want: "error AM631 1", effects: []migration.Effects{{Alone: true}}},
	"not enforced": {sql: "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED;", before: t1, effects: []migration.Effects{{}}, want: "warning AM633 1",
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 4, Lines: []string{"constraint c CHECK ((a > 0)) NOT ENFORCED valid=f comment="}}}},
	"a key that cascades, without an index": {sql: "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (b) REFERENCES u NOT VALID;", before: t1, effects: []migration.Effects{{}}, want: "info AM634 1; info AM635 1",
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 4, Lines: []string{"constraint k FOREIGN KEY (b) REFERENCES public.u(b) ON DELETE CASCADE valid=t comment="}}}},
	"one without an index on a large table": {sql: "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (b) REFERENCES u NOT VALID;", before: t1, effects: []migration.Effects{{}}, want: "warning AM635 1",
		edits: []catalog.Edit{{Kind: "table", Name: "public.t", At: 4, Lines: []string{"constraint k FOREIGN KEY (b) REFERENCES public.u(b) valid=t comment="}}},
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 1 << 20, Bytes: 1 << 30}}},
	"an unfilled table": {sql: "SELECT f();", before: t1, want: "warning AM501 1",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessExclusive)), Unfilled: []string{"public.t"},
			Constraints: []migration.ConstraintSeen{{Name: "c", Table: "public.t", Kind: "exclusion", Valid: true}}}}},
	"a dropped empty table": {sql: "DROP TABLE t;", before: t1, want: "warning DS102 1", facts: map[string]migration.RelationFacts{"public.t": {}},
		effects: []migration.Effects{{Objects: []migration.ObjectSeen{{Kind: "table", Name: "public.t", Change: migration.Dropped, Existed: true}}}}, edits: []catalog.Edit{{Kind: "table", Name: "public.t", Gone: true}}},
	"NOT NULL on 18": {sql: "ALTER TABLE t ALTER b SET NOT NULL;", before: t1, major: 18, want: "error PG303 1",
		effects: []migration.Effects{{Locks: locks(lock("public.t", migration.AccessExclusive)), Scans: scans("public.t"),
			Columns: []migration.ColumnSeen{{Table: "public.t", Column: "b", Change: migration.Altered, NotNull: true, NullsEnded: true}}}}},
}

// input is the case as the corridor would hand it in.
func (c handCase) input() lint.Input {
	stmts, _ := migration.Split(c.sql)
	for i := range c.effects {
		c.effects[i].Statement, c.effects[i].Line = i+1, 1
	}
	f := migration.File{Name: "2_change.sql", Version: "2", Text: c.sql, Stmts: stmts, TxMode: migration.TxFile}
	if strings.HasPrefix(c.sql, "-- atlas:txmode none") {
		f.TxMode = migration.TxNone
	}
	return lint.Input{Files: []migration.File{f}, Facts: c.facts, Holds: c.holds, Forecasts: c.forecasts, Time: c.time, StatementTimeout: c.timeout, Policy: c.policy, Major: c.major,
		Replay: &migration.Replay{Major: 17, Files: []migration.FileReplay{{Name: "1_before.sql", Catalogue: c.before}, {Name: "2_change.sql", Statements: c.effects, Catalogue: c.edits}}}}
}

func short(findings []migration.Finding) string {
	var said []string
	for _, f := range findings {
		said = append(said, fmt.Sprintf("%s %s %d", f.Severity, f.Code, f.Statement))
	}
	return strings.Join(said, "; ")
}

func TestCheck_judgesEffects(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			findings := lint.Check(c.input())
			if got := short(findings); got != c.want {
				t.Errorf("got %q, want %q\n%s", got, c.want, told(findings))
			}
			for _, f := range findings {
				if f.ID == "" || f.Summary == "" || f.File == "" || f.Fix == "" {
					t.Errorf("a finding without its ID, file, summary or fix: %+v", f)
				}
			}
		})
	}
}

// A code that nothing was ever seen to get is not one that anybody can trust.
func TestCodes_eachHasItsTest(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"AM502": true, "AM545": true} // TestCheck_quiets, TestFailed
	for _, c := range cases {
		for _, f := range lint.Check(c.input()) {
			seen[f.Code] = true
		}
	}
	for _, p := range pairs(t) {
		seen[p.code] = true
	}
	codes := make(map[string]bool)
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		code := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
		if codes[code] {
			t.Errorf("two names for the code %s", code)
		}
		codes[code] = true
		if spec.Comment == nil {
			t.Errorf("%s has no line that says what it means", code)
		}
		if !seen[code] {
			t.Errorf("no test gets the code %s", code)
		}
		return true
	})
}

func TestCheck_saysThatNothingIsKnown(t *testing.T) {
	in := cases["an index of unknown size"].input()
	in.Replay = nil
	if got := short(lint.Check(in)); got != "warning AM501 0" {
		t.Errorf("without a replay: %q", got)
	}
	in.Replay = &migration.Replay{Major: 17}
	if got := short(lint.Check(in)); got != "warning AM501 0" {
		t.Errorf("with one that lacks the file: %q", got)
	}
	if got := lint.Check(lint.Input{}); len(got) > 0 {
		t.Errorf("without files: %v", got)
	}
}

func TestCheck_quietsWithAReasonOnly(t *testing.T) {
	base := cases["an index of unknown size"]
	for name, c := range map[string]struct{ above, want string }{
		"with a reason":             {"-- atlas:nolint PG101 -- ten rows\n", ""},
		"in the header":             {"-- atlas:nolint PG101: ten rows\n\n", ""},
		"without one":               {"-- atlas:nolint PG101\n", "error PG101 1; warning AM502 1"},
		"without codes":             {"-- atlas:nolint\n", "error PG101 1; warning AM502 1"},
		"another code":              {"-- atlas:nolint PG102 -- ten rows\n", "error PG101 1"},
		"in lower case":             {"-- atlas:nolint pg101 -- ten rows\n", ""},
		"that quiets its own fault": {"-- atlas:nolint AM502\n", "error PG101 1; warning AM502 1"},
	} {
		t.Run(name, func(t *testing.T) {
			x := base
			x.sql = c.above + base.sql
			if got := short(lint.Check(x.input())); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRewrite_isReadAsItIsWritten(t *testing.T) {
	r := lint.Rewrite{Files: []lint.RewriteFile{{SQL: "SELECT 1;\n"}, {Alone: true, SQL: "VACUUM t;\nVACUUM u;\n"}}}
	got, ok := lint.ParseRewrite("Do it in two steps:\n" + r.String())
	if !ok || !slices.Equal(got.Files, r.Files) {
		t.Errorf("got %+v of\n%s", got, r)
	}
	if want := "-- file 1\nSELECT 1;\n-- file 2 (-- atlas:txmode none)\nVACUUM t;\nVACUUM u;"; r.String() != want {
		t.Errorf("written as\n%s\nwant\n%s", r, want)
	}
	if _, ok := lint.ParseRewrite("Wait for a quiet hour."); ok {
		t.Error("words alone are no rewrite")
	}
}

// One finding tells all that a person needs: what happens to whom, how much there
// is here, and what to write instead.
func TestCheck_tellsWhatToDoInstead(t *testing.T) {
	f := lint.Check(cases["an index on 100 MiB"].input())[0]
	for is, want := range map[string]string{
		f.ID:      "PG101@2_change.sql:1",
		f.Summary: "builds public.i on public.t while writes wait",
		f.Detail:  "Whoever writes to public.t waits until the transaction ends (SHARE). Here public.t has about 1,048,576 rows in 100.0 MiB.",
		f.Fix:     "Build it CONCURRENTLY, in a file of its own outside a transaction:\n-- file 1 (-- atlas:txmode none)\nCREATE INDEX CONCURRENTLY i ON public.t USING btree (b);",
	} {
		if is != want {
			t.Errorf("got  %s\nwant %s", is, want)
		}
	}
	eighteen := lint.Check(cases["NOT NULL on 18"].input())[0]
	if want := "ALTER TABLE public.t ADD CONSTRAINT t_b_not_null NOT NULL b NOT VALID;"; !strings.Contains(eighteen.Fix, want) {
		t.Errorf("the fix on 18 lacks %q:\n%s", want, eighteen.Fix)
	}
}

// Whatever effects come with whatever words, a judgement ends with findings, each
// at a place, and never twice the same code for one statement.
func TestCheck_bearsEffectsThatDoNotFitTheWords(t *testing.T) {
	for _, words := range cases {
		for _, seen := range cases {
			in := words.input()
			other := seen.input()
			stmts := slices.Concat(in.Files[0].Stmts, in.Files[0].Stmts)
			effects := slices.Concat(other.Replay.Files[1].Statements, other.Replay.Files[1].Statements)
			n := min(len(stmts), len(effects))
			in.Files[0].Stmts = stmts[:n]
			in.Replay.Files[1].Statements, in.Replay.Files[1].Catalogue = effects[:n], other.Replay.Files[1].Catalogue
			told := make(map[string]bool)
			for _, f := range lint.Check(in) {
				key := fmt.Sprint(f.Code, f.Statement)
				if f.Statement < 1 || f.Statement > n || told[key] {
					t.Errorf("%q with the effects of %q: %+v", words.sql, seen.sql, f)
				}
				told[key] = true
			}
		}
	}
}

// Only what is the reason is told of, and only what there is.
func TestCheck_tellsNoMore(t *testing.T) {
	before := []string{`CREATE TABLE users (id bigint PRIMARY KEY, age integer);
CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint);
CREATE INDEX posts_user_id_idx ON posts (user_id) WHERE user_id IS NOT NULL;
`}
	for sql, want := range map[string]string{
		"ALTER TABLE users ALTER COLUMN age TYPE bigint, ADD COLUMN tier smallint NOT NULL DEFAULT 0;\n": "PG301",
		"ALTER TABLE users ADD COLUMN n bigserial, ADD COLUMN tier smallint NOT NULL DEFAULT 0;\n":       "AM517",
		"TRUNCATE posts RESTART IDENTITY;\n": "AM602",
		"ALTER TABLE posts ADD CONSTRAINT posts_user_fk FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;\n": "AM543",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			var codes []string
			found := judge(t, before, []string{sql}).findings
			for _, f := range found {
				codes = append(codes, f.Code)
			}
			if got := strings.Join(codes, " "); got != want {
				t.Errorf("%s, want %s:\n%s", got, want, told(found))
			}
		})
	}
}
