package migration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	long := strings.Repeat("a", 62)
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"none":                            {"1 + 2; 1a;", nil},
		"folded, and as written":          {"SELECT Ab", []string{"Ab", "SELECT", "ab", "select"}},
		"sorted, each once":               {"b a b", []string{"a", "b"}},
		"qualified":                       {"s.t", []string{"s", "t"}},
		"letters beyond ASCII not folded": {"AÇÃO", []string{"AÇÃO", "aÇÃo"}},
		"digits and dollars within":       {"a1$2_x", []string{"a1", "a1$2_x"}},
		"quoted":                          {`"Us""er s"`, []string{"Us", "Us\"er s", "er", "er s", "s", "us"}},
		"quoted and split over lines":     {"\"a\nb\"", []string{"a", "a\nb", "b"}},
		"in a body of dollars":            {"$fn$users$fn$", []string{"$fn$users$fn$", "fn", "users"}},
		"in a string":                     {`'x "Y" z'`, []string{"Y", "x", "y", "z"}},
		"behind an escape":                {`E'\nusers'`, []string{"E", "e", "nusers", "users"}},
		"in a comment":                    {"-- t\n/* u */", []string{"t", "u"}},
		"Unicode escapes":                 {`U&"d\0061t\+000061\\"`, []string{"U", "d", `d\0061t\+000061\\`, `data\`, "u"}},
		"no escape after all":             {"U&\"\\00\x11\x11\"", []string{"U", "\\00\x11\x11", "u"}},
		"as long as a name can be":        {long + "bc " + long + "é", []string{long, long + "b"}},
		"a quote that never ends":         {`"a b`, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Words(tc.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Wherever a name stands, it is found.
func TestWords_everywhere(t *testing.T) {
	for _, text := range []string{
		`ALTER TABLE "My Table" ADD x int`, `DO $$BEGIN EXECUTE 'DROP TABLE "My Table"'; END$$`, `-- 5" wide: "My Table"`,
		`SELECT '"', "My Table"`, `COMMENT ON TABLE a IS 'it''s "My Table"'`, `SELECT """", "My Table"`,
	} {
		found := false
		for _, w := range Words(text) {
			found = found || w == "My Table"
		}
		if !found {
			t.Errorf("not found in %s", text)
		}
	}
}

func TestDynamic(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                  false,
		"CREATE TABLE t (a int); SELECT 1;": false,
		"SELECT 1; DO $$ BEGIN END $$;":     true,
		"-- run\nCALL p();":                 true,
		"EXECUTE p;":                        true,
		"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'x'; END$$;":               true,
		"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $execute$BEGIN END$execute$;":              true,
		"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN execute function || x; END$$;":     true,
		"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE procedure USING x; END$$;": true,
		"CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW EXECUTE /* the */ FUNCTION f();":               false,
		"CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW execute procedure \"F\"();":                    false,
		"GRANT EXECUTE ON FUNCTION f() TO r; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA s FROM r;":        false,
		"SELECT executed, execute_at FROM t;":                                                            false,
	} {
		stmts, err := Split(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Dynamic(stmts); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestTokens(t *testing.T) {
	got := Tokens(`CREATE  UNIQUE INDEX concurrently -- c
		"I""x" ON s.T (a$b, lower(E'x\'')) /* d */ WHERE n >= $1 AND U&"\0061" <> $$;$$ LIMIT 1.5`)
	var lines []string
	kinds := map[Kind]string{Word: "word", QuotedIdent: "quoted", Literal: "literal", Symbol: "symbol", Number: "number", Param: "param"}
	for _, tok := range got {
		lines = append(lines, kinds[tok.Kind]+" "+tok.Text)
	}
	want := []string{"word create", "word unique", "word index", "word concurrently", `quoted I"x`, "word on", "word s", "symbol .", "word t", "symbol (", "word a$b", "symbol ,",
		"word lower", "symbol (", `literal E'x\''`, "symbol )", "symbol )", "word where", "word n", "symbol >", "symbol =", "param $1", "word and", "quoted a", "symbol <", "symbol >",
		"literal $$;$$", "word limit", "number 1.5"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if pos := got[3].Pos; pos != len("CREATE  UNIQUE INDEX ") {
		t.Errorf("CONCURRENTLY stands at %d", pos)
	}
	if len(Tokens("-- nothing")) != 0 || len(Tokens("")) != 0 {
		t.Error("tokens in nothing")
	}
}

func TestKeyword(t *testing.T) {
	for text, want := range map[string]string{"VACUUM t": "vacuum", "/* a */ Drop": "drop", `"do" x`: "", "(SELECT 1)": "", "": ""} {
		if got := (Stmt{Text: text}).Keyword(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
