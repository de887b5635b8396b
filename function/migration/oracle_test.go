package migration

import (
	"fmt"
	"strings"
	"testing"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	oracle "github.com/wasilibs/go-pgquery"
)

// seeds are texts that scanners of SQL are known to cut in the wrong place.
var seeds = []string{
	"SELECT 1; SELECT 2",
	"SELECT 1;\n\n-- why\nSELECT 2;\n-- what's left\n",
	"  ; ;; SELECT 1 ;;",
	"SELECT 'it''s; one';SELECT ';';",
	`SELECT E'it\'s; one'; SELECT e'\\'; SELECT 2;`,
	"SELECT E'a'\n  'it\\'s; b'; SELECT 2;",
	`SELECT 'back\'; SELECT 2;`,
	`SELECT U&'d\0061t;' UESCAPE '!', N'n;', B'01', X'1F', U&"d\0061t;"; SELECT 2;`,
	`CREATE TABLE "a;b""c" (x int); SELECT 1;`,
	"/* a /* b; */ c; */ SELECT 1; /**/ SELECT /*/**/;*/ 2;",
	"SELECT 1 -- ; '\n; SELECT 2;",
	"SELECT 1 --\r; SELECT 2;",
	"SELECT 1 +-- ;\n2; SELECT 3*/* ; */4;",
	"DO $$ BEGIN; END $$; SELECT 1;",
	"SELECT $a$ $b$ ; $a $a$; SELECT $_1é$;$é$;$_1é$;",
	"SELECT a$b$c, 1 FROM d$x; SELECT 2; SELECT x$x$;",
	"PREPARE p AS SELECT $1; EXECUTE p($$;$$);",
	"SELECT 'a'\n \r\n'b;'; SELECT 2;",
	"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)); SELECT 1;",
	"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 ELSE 3 END; END; SELECT 4;",
	"create or replace procedure p(begin int) begin /* x */ atomic insert into t values (1); end ; SELECT 4;",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT t.end FROM t; SELECT 1 end; END; SELECT 2;",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC END; SELECT 2;",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT begin atomic FROM t; END; SELECT 2;",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; END; SELECT 2; END; SELECT 3;",
	"CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql AS 'x'; SELECT 2;",
	"CREATE FUNCTION begin() RETURNS int RETURN 1; SELECT 2;",
	"CREATE FUNCTION f() RETURNS begin LANGUAGE sql AS 'x;'; SELECT 2;",
	"BEGIN; SELECT 1; END; SELECT begin FROM t; COMMIT;",
	"SELECT begin atomic FROM t; SELECT 2; END;",
	"SELECT 'ação; não' AS \"coração;\", 'x\u00a0;' ; SELECT ação\u00a0 FROM t;",
	"SELECT 1.5e-3, .5, 1e10, 0x1F, 1_000; SELECT 1;",
	"SELECT a[1:2], '{;}'::text[]; SELECT 1;",
	"COMMENT ON TABLE t IS 'it''s; here';\nGRANT EXECUTE ON FUNCTION f() TO r;",
	"CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION f('a;b');SELECT 1;",
}

// cuts returns where PostgreSQL's own parser sees each statement begin and end,
// semicolon included; an error if the text is no SQL.
func cuts(text string) ([]string, error) {
	tree, err := oracle.Parse(text)
	if err != nil {
		return nil, err
	}
	tokens, err := oracle.Scan(text)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, s := range tree.Stmts {
		start := firstToken(tokens, int(s.StmtLocation))
		end := len(text)
		if s.StmtLen > 0 {
			end = int(s.StmtLocation + s.StmtLen)
		}
		if end < len(text) {
			end++ // the semicolon
		}
		found = append(found, fmt.Sprintf("%d: %s", start, strings.TrimRight(text[start:end], " \t\n\v\f\r")))
	}
	return found, nil
}

// firstToken returns where the first token stands, from at on, that is no comment.
func firstToken(tokens *pgquery.ScanResult, at int) int {
	for _, t := range tokens.Tokens {
		comment := t.Token == pgquery.Token_SQL_COMMENT || t.Token == pgquery.Token_C_COMMENT
		if int(t.Start) >= at && !comment {
			return int(t.Start)
		}
	}
	return at
}

func TestSplit_cutsAsPostgreSQLDoes(t *testing.T) {
	for _, text := range seeds {
		if _, err := oracle.Parse(text); err != nil {
			t.Errorf("the seed %q is not SQL: %v", text, err)
			continue
		}
		compareWithOracle(t, text)
	}
}

// wakeOracle has the parser compile itself, which takes longer on a busy machine
// than the fuzzer waits for one input.
func wakeOracle(f *testing.F) {
	f.Helper()
	if _, err := cuts("SELECT 1"); err != nil {
		f.Fatal(err)
	}
}

// FuzzSplit: statements and what lies between them are the text, between them
// is nothing that the server would run, and wherever PostgreSQL can parse the
// text the cuts are its own.
func FuzzSplit(f *testing.F) {
	wakeOracle(f)
	for _, s := range seeds {
		f.Add(s)
	}
	for _, s := range []string{"SELECT 'a", "/* /* */", "$a$ $b$", "SELECT (1; SELECT 2;", `\d t`, "-- atlas:delimiter \\n\\n\nSELECT 1\n\nSELECT 2",
		"COPY t FROM stdin;\na\tb\n\\.\nSELECT 1;", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;", "SELECT 1;-- aurora:rerunnable\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := scan(text)
		at := 0
		for i, stmt := range s.stmts {
			if stmt.Pos < at || text[stmt.Pos:stmt.Pos+len(stmt.Text)] != stmt.Text {
				t.Fatalf("statement %d is not where it says: %+v", i+1, stmt)
			}
			if line := 1 + strings.Count(text[:stmt.Pos], "\n"); stmt.Line != line {
				t.Fatalf("statement %d says line %d and stands in line %d", i+1, stmt.Line, line)
			}
			if len(Tokens(stmt.Text)) == 0 {
				t.Fatalf("statement %d is empty: %q", i+1, stmt.Text)
			}
			if len(s.errs) == 0 {
				onlySemicolons(t, text, text[at:stmt.Pos])
			}
			at = stmt.Pos + len(stmt.Text)
		}
		if len(s.errs) == 0 {
			onlySemicolons(t, text, text[at:])
		}
		compareWithOracle(t, text)
	})
}

func onlySemicolons(t *testing.T, text, between string) {
	t.Helper()
	if mark, _ := delimiter(text); mark != "" {
		return
	}
	for _, tok := range Tokens(between) {
		if tok.Text != ";" {
			t.Fatalf("%q stands between two statements of %q", tok.Text, text)
		}
	}
}

func compareWithOracle(t *testing.T, text string) {
	t.Helper()
	if mark, _ := delimiter(text); mark != "" || strings.IndexByte(text, 0) >= 0 {
		return
	}
	want, err := cuts(text)
	if err != nil {
		return
	}
	s := scan(text)
	for _, e := range s.errs {
		t.Errorf("%q: PostgreSQL parses it, Split says %v", text, e)
	}
	var got []string
	for _, stmt := range s.stmts {
		got = append(got, fmt.Sprintf("%d: %s", stmt.Pos, stmt.Text))
	}
	if strings.Join(got, "\x00") != strings.Join(want, "\x00") {
		t.Errorf("%q is cut into\n%q\nand PostgreSQL cuts it into\n%q", text, got, want)
	}
}
