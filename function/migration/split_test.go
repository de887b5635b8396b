package migration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"github.com/google/go-cmp/cmp"
)

// What the parser that TestSplit_cutsAsPostgreSQLDoes asks has no opinion on.
func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing":                                {"", nil},
		"only comments":                          {"-- a;\n/* b; */\n", nil},
		"only semicolons":                        {";;\n;", nil},
		"leading comments left out":              {"-- a\n\n/* b */ SELECT 1;", []string{"3: SELECT 1;"}},
		"trailing comment left out":              {"SELECT 1; -- it's one\n", []string{"1: SELECT 1;"}},
		"without semicolon up to the end":        {"SELECT 1 -- one\n", []string{"1: SELECT 1 -- one"}},
		"a comment within belongs to it":         {"SELECT /* a;b */ 1;\nSELECT 2;", []string{"1: SELECT /* a;b */ 1;", "2: SELECT 2;"}},
		"a string goes on behind a comment":      {"SELECT E'a' -- c\n -- d\n 'it\\'s; b';SELECT 2;", []string{"1: SELECT E'a' -- c\n -- d\n 'it\\'s; b';", "3: SELECT 2;"}},
		"a number, then a dollar quote":          {"SELECT 1$$;$$;", []string{"1: SELECT 1$$;$$;"}},
		"no body outside of a routine":           {"SELECT begin atomic; SELECT 2;", []string{"1: SELECT begin atomic;", "1: SELECT 2;"}},
		"one parenthesis too many":               {"SELECT 1); SELECT 2;", []string{"1: SELECT 1);", "1: SELECT 2;"}},
		"delimiter":                              {"-- atlas:delimiter \\n\\n\nSELECT 1\nFROM t\n\nSELECT 2;", []string{"2: SELECT 1\nFROM t", "5: SELECT 2;"}},
		"delimiter that begins a comment":        {"-- atlas:delimiter -- end\nSELECT 1\n-- end\nSELECT 2\n-- end\n", []string{"2: SELECT 1", "4: SELECT 2"}},
		"delimiter in quotes and parentheses":    {"-- atlas:delimiter //\nSELECT '//', $$//$$, (2//1) /* // */\n//\nSELECT 2", []string{"2: SELECT '//', $$//$$, (2//1) /* // */", "4: SELECT 2"}},
		"a semicolon cuts a piece":               {"-- atlas:delimiter //\nSELECT 1; SELECT 2//SELECT 3", []string{"2: SELECT 1;", "2: SELECT 2", "2: SELECT 3"}},
		"delimiter below the first line is none": {"\n-- atlas:delimiter //\nSELECT 1; SELECT 2", []string{"3: SELECT 1;", "3: SELECT 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			stmts, err := Split(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range stmts {
				got = append(got, fmt.Sprintf("%d: %s", s.Line, s.Text))
				if tc.text[s.Pos:s.Pos+len(s.Text)] != s.Text {
					t.Errorf("%q does not stand at byte %d", s.Text, s.Pos)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSplit_error(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"string":         {"SELECT 1;\nSELECT 'a;\nSELECT 2;", "line 2: quoted string never ends"},
		"escaped quote":  {`SELECT E'a\';`, "line 1: quoted string never ends"},
		"name":           {"SELECT 1;\n\nSELECT \"a;", "line 3: quoted name never ends"},
		"dollar quote":   {"DO $body$ BEGIN END $$;", "line 1: quoted string $body$ never ends"},
		"comment":        {"SELECT 1;\n/* /* */ SELECT 2;", "line 2: comment /* never ends"},
		"parenthesis":    {"SELECT 1;\nSELECT (1,\n(2);\nSELECT 3;", "line 2: parenthesis that is never closed"},
		"body":           {"CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC SELECT 1;\n", "line 2: BEGIN ATOMIC without its END"},
		"meta-command":   {"SELECT 1;\n\\set ON_ERROR_STOP on\nSELECT 'it';", `line 2: psql meta-command \set`},
		"one in a line":  {"SELECT 1 \\gexec\n;", `line 1: psql meta-command \gexec`},
		"rows of a COPY": {"SELECT 1;\nCOPY t FROM stdin;\nit's\t1\n\\.\nSELECT 2;", "line 2: rows for COPY ... FROM STDIN"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Split(tc.text)
			var split *SplitError
			if !errors.As(err, &split) || err.Error() != tc.want {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if split.Fix == "" {
				t.Error("it says nothing of what to do")
			}
		})
	}
}

func TestSplit_goesOnAfterAnError(t *testing.T) {
	stmts, err := Split("SELECT 1;\n\\d t\nCOPY t FROM stdin;\nit's\n\\.\nSELECT 2;")
	if err == nil || len(stmts) != 3 || stmts[2].Line != 6 || stmts[2].Text != "SELECT 2;" {
		t.Errorf("got %+v, %v", stmts, err)
	}
}

func TestSplit_rerunnable(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []bool
	}{
		"directly above":        {"SELECT 1;\n-- aurora:rerunnable\nCALL p();", []bool{false, true}},
		"among other comments":  {"-- aurora:rerunnable\n-- it counts\nCALL p();\nCALL q();", []bool{true, false}},
		"with a reason":         {"-- aurora:rerunnable, it looks before it leaps\nCALL p();", []bool{true}},
		"an empty line between": {"-- aurora:rerunnable\n\nCALL p();", []bool{false}},
		"behind the one before": {"SELECT 1; -- aurora:rerunnable\nCALL p();", []bool{false, false}},
		"within":                {"CALL\n-- aurora:rerunnable\np();", []bool{false}},
		"above nothing":         {"-- aurora:rerunnable\n;CALL p();", []bool{false}},
		"another directive":     {"-- aurora:rerunable\nCALL p();", []bool{false}},
		"in upper case":         {"-- Aurora:rerunnable\nCALL p();", []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			stmts, err := Split(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []bool
			for _, s := range stmts {
				got = append(got, s.Rerunnable)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// ordinary is a file as people and Atlas write them, without what Atlas misreads.
const ordinary = `-- atlas:txmode none

-- Create "users" table
CREATE TABLE "users" (
    id bigint GENERATED ALWAYS AS IDENTITY, -- the key
    name text NOT NULL DEFAULT 'it''s; me'
);
/* and an index */
CREATE INDEX CONCURRENTLY "i;1" ON "users" (lower(name));

CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $fn$
BEGIN
  PERFORM 1; -- done
  RETURN NEW;
END
$fn$;
CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT a; SELECT a + 1;
END;
INSERT INTO users (name) VALUES ('ação'), (E'a\tb')  ;
SELECT 1
`

func TestSplit_cutsAsAtlasDoesWhereAtlasIsRight(t *testing.T) {
	for _, text := range []string{ordinary, "-- atlas:delimiter \\n\\n\nSELECT 1\n\nSELECT 2\n\n", "SELECT 1;\n\n\n-- end\n"} {
		want, err := migrate.NewLocalFile("1.sql", []byte(text)).StmtDecls()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Split(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d statements, Atlas has %d", len(got), len(want))
		}
		for i := range want {
			if got[i].Text != want[i].Text {
				t.Errorf("statement %d is %q, to Atlas %q", i+1, got[i].Text, want[i].Text)
			}
		}
	}
}

// The hashes are those that Atlas's executor left for a file whose third statement fails.
func TestStatementHashes(t *testing.T) {
	stmts, err := Split("CREATE TABLE a (x int);\n-- two\nCREATE TABLE b (x int);")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"h1:fQdBjdboFXjpIml4y6ezw1bvzJH9fJ4GzxuPHMTOXzU=", "h1:SRZ0yQrt00Wc6SCA3mnec7cfqUTfsqF9nXXOgV2/JwQ="}
	if diff := cmp.Diff(want, StatementHashes(stmts)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := StatementHashes(nil); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}

func BenchmarkSplit(b *testing.B) {
	for name, text := range map[string]string{
		"rows":    "INSERT INTO t VALUES " + strings.Repeat("(1, 'some text', now()),\n", 600_000) + "(0);",
		"literal": "SELECT '" + strings.Repeat("it''s some text\n", 900_000) + "';",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Split(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
