package migration

import (
	"strings"
	"testing"
)

// pieces are what SQL is made of where it is hard to cut. Put together at
// random, they are SQL often enough for the parser to have a say.
var pieces = []string{
	"SELECT 1", ";", " ", "\n", "\r", "--c;'\n", "-- c", "/* ; ' */", "/* /* ; */ */", "'a;b'", "'it''s'", `E'\';'`, "E'x'\n'\\';'",
	"$$;$$", "$a$ $b$;$a$", "a$b$c", `"a;b"`, `"a"";"`, `U&"\0061;"`, "(", ")", ",", "+", "::text", "AS end", " end", " END;", "CASE WHEN true THEN 1 ELSE 2 END",
	"BEGIN ATOMIC ", "BEGIN;", "begin", " atomic", "CREATE FUNCTION f() RETURNS int ", "CREATE OR REPLACE PROCEDURE p() ", "RETURN 1",
	"CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", "CREATE RULE r AS ON INSERT TO t DO ALSO (", "DO $x$ BEGIN; END $x$", "SELECT ", " FROM t", "é", "\u00a0",
	"1.5e-3", "$1", "N'x;'", "U&'x;' UESCAPE '!'", "INSERT INTO t VALUES (1)", "LANGUAGE sql ", "AS 'x;'", "CREATE TABLE t (a int)", "DEFAULT ';'", "x", "-", "/", "*", "|",
}

// FuzzSplitPieces is FuzzSplit over texts put together from pieces of SQL.
func FuzzSplitPieces(f *testing.F) {
	wakeOracle(f)
	index := func(parts ...string) []byte {
		var b []byte
		for _, p := range parts {
			for i, known := range pieces {
				if p == known {
					b = append(b, byte(i))
				}
			}
		}
		return b
	}
	f.Add(index("SELECT 1", ";", "SELECT ", "'a;b'", ";", "--c;'\n", "SELECT 1"))
	f.Add(index("CREATE FUNCTION f() RETURNS int ", "BEGIN ATOMIC ", "SELECT 1", ";", " END;", "SELECT 1"))
	f.Add(index("CREATE OR REPLACE PROCEDURE p() ", "begin", "/* ; ' */", " atomic", "\n", "SELECT ", "CASE WHEN true THEN 1 ELSE 2 END", "AS end", ";", "SELECT 1", " end", ";", " END;", "SELECT 1"))
	f.Add(index("CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", ";", "DO $x$ BEGIN; END $x$"))
	f.Add(index("SELECT ", "E'x'\n'\\';'", ",", "a$b$c", " FROM t", ";", "SELECT ", "$a$ $b$;$a$"))
	f.Add(index("CREATE FUNCTION f() RETURNS int ", "BEGIN ATOMIC ", "CREATE FUNCTION f() RETURNS int ", "BEGIN ATOMIC ", "SELECT 1", ";", " END;", " END;"))
	f.Add(index("CREATE FUNCTION f() RETURNS int ", "LANGUAGE sql ", "AS 'x;'", ";", "BEGIN;", "SELECT 1", " END;"))
	f.Fuzz(func(t *testing.T, choice []byte) {
		var b strings.Builder
		for _, c := range choice[:min(len(choice), 40)] {
			b.WriteString(pieces[int(c)%len(pieces)])
		}
		compareWithOracle(t, b.String())
	})
}
