package migration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"ariga.io/atlas/sql/migrate"
	"github.com/google/go-cmp/cmp"
)

// dirOf is a directory of the files with an atlas.sum that fits.
func dirOf(t testing.TB, files map[string]string) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	sum, err := HashDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	dir["atlas.sum"] = &fstest.MapFile{Data: sum}
	return dir
}

func TestReadDir(t *testing.T) {
	files := dirOf(t, map[string]string{
		"1_users.sql":     "CREATE TABLE users (id int);\n",
		"2_index.sql":     "-- atlas:txmode none\n\n-- aurora:rerunnable\nVACUUM users;",
		"3.sql":           "-- atlas:checkpoint\n\nSELECT 1;SELECT 2;",
		"README.md":       "not a migration",
		"embed.go":        "package migrations",
		"old/0_users.sql": "DROP TABLE users;",
		"4_d.sql/1.sql":   "DROP TABLE users;",
	})
	dir, faults, err := ReadDir(files)
	if err != nil || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	var local []migrate.File
	for _, f := range dir.Files {
		local = append(local, migrate.NewLocalFile(f.Name, []byte(f.Text)))
	}
	hashes, err := migrate.NewHashFile(local)
	if err != nil {
		t.Fatal(err)
	}
	want := &Dir{Sum: "h1:" + hashes.Sum(), Files: []File{
		{Name: "1_users.sql", Version: "1", Description: "users", TxMode: TxFile, Stmts: []Stmt{{Text: "CREATE TABLE users (id int);", Line: 1}}},
		{Name: "2_index.sql", Version: "2", Description: "index", TxMode: TxNone, Stmts: []Stmt{{Text: "VACUUM users;", Pos: 43, Line: 4, Rerunnable: true}}},
		{Name: "3.sql", Version: "3", TxMode: TxFile, Checkpoint: true, Stmts: []Stmt{{Text: "SELECT 1;", Pos: 21, Line: 3}, {Text: "SELECT 2;", Pos: 30, Line: 3}}},
	}}
	for i := range want.Files {
		want.Files[i].Text = string(files[want.Files[i].Name].Data)
		want.Files[i].Hash = hashes[i].H
	}
	if diff := cmp.Diff(want, dir); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadDir_ofThisRepository(t *testing.T) {
	dir, faults, err := ReadDir(os.DirFS("../../migrations"))
	if err != nil || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	if len(dir.Files) == 0 || dir.Files[0].Version != "017" || len(dir.Files[0].Stmts) != 20 {
		t.Errorf("read %+v", dir.Files)
	}
}

func TestReadDir_empty(t *testing.T) {
	for name, fsys := range map[string]fs.FS{"without atlas.sum": fstest.MapFS{}, "with it": dirOf(t, nil)} {
		dir, faults, err := ReadDir(fsys)
		if err != nil || len(faults) > 0 || len(dir.Files) > 0 {
			t.Errorf("%s: %+v %+v %v", name, dir, faults, err)
		}
	}
}

// unreadable is a directory whose files cannot be opened.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == "." {
		return u.MapFS.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func (u unreadable) ReadFile(name string) ([]byte, error) {
	_, err := u.Open(name)
	return nil, err
}

func TestReadDir_error(t *testing.T) {
	files := unreadable{dirOf(t, map[string]string{"1_a.sql": "SELECT 1;"})}
	_, _, err := ReadDir(files)
	if !errors.Is(err, fs.ErrPermission) || err.Error() != "read directory: open 1_a.sql: permission denied" {
		t.Errorf("got %v", err)
	}
	if _, err := HashDir(files); err == nil || err.Error() != "hash directory: open 1_a.sql: permission denied" {
		t.Errorf("HashDir: %v", err)
	}
}

// show is a finding as one line: code, place, statement, words.
func show(f Finding) string {
	return fmt.Sprintf("%s %s #%d %s", f.Code, f.Place(), f.Statement, f.Summary)
}

func shown(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	_, faults, err := ReadDir(fsys)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range faults {
		if f.Severity != Error || f.Fix == "" || f.ID == "" {
			t.Errorf("no error, nothing to do or no id: %+v", f)
		}
		lines = append(lines, show(f))
	}
	return lines
}

// Each fault of a file alone, beside a file without fault.
func TestReadDir_faultsOfAFile(t *testing.T) {
	large := "SELECT '" + strings.Repeat("x", 20<<20) + "';"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"CRLF":                        {"-- atlas:txmode none\r\n\r\nVACUUM t;\r\n", []string{"AM120 2_x.sql:1 #0 line ends of Windows (CRLF), from here on 3"}},
		"CRLF further down":           {"SELECT 1;\nSELECT '\r\n';", []string{"AM120 2_x.sql:2 #0 line ends of Windows (CRLF), from here on 1"}},
		"BOM":                         {"\ufeffSELECT 1;", []string{"AM121 2_x.sql:1 #0 the file begins with a byte order mark"}},
		"not UTF-8":                   {"SELECT 1;\nSELECT 'a\ufffd\xe7\xe3o';", []string{"AM122 2_x.sql:2 #0 byte 0xe7 is not UTF-8"}},
		"NUL":                         {"SELECT 1;\n\nSELECT '\x00';", []string{"AM123 2_x.sql:3 #0 a NUL byte, which no text of PostgreSQL can hold"}},
		"empty":                       {"", []string{"AM124 2_x.sql #0 no statement in the file"}},
		"only comments":               {"-- to do;\n/* ; */\n;", []string{"AM124 2_x.sql #0 no statement in the file"}},
		"only a delimiter":            {"-- atlas:delimiter //", []string{"AM124 2_x.sql #0 no statement in the file"}},
		"20 MB":                       {"SELECT 1;\n" + large, []string{"AM125 2_x.sql:2 #2 a statement of 20.0 MiB, and 16 MiB is the limit"}},
		"string without end":          {"SELECT 1;\nSELECT 2,\n'a;", []string{"AM126 2_x.sql:3 #2 quoted string never ends"}},
		"comment without end":         {"SELECT 1;\n/* a;", []string{"AM126 2_x.sql:2 #0 comment /* never ends"}},
		"dollar quote without end":    {"DO $a$ BEGIN END $b$;", []string{"AM126 2_x.sql:1 #1 quoted string $a$ never ends"}},
		"meta-commands":               {"\\set x 1\nSELECT 1;\n\\connect db\nSELECT 2 \\gexec\n", []string{`AM130 2_x.sql:1 #0 psql meta-command \set`, `AM130 2_x.sql:3 #0 psql meta-command \connect`, `AM130 2_x.sql:4 #2 psql meta-command \gexec`}},
		"COPY FROM stdin":             {"COPY t (a) FROM stdin WITH (FORMAT csv);", []string{"AM131 2_x.sql:1 #1 COPY ... FROM STDIN in a migration"}},
		"COPY with rows":              {"SELECT 1;\nCOPY t FROM STDIN;\nit's\t1\n\\.\nSELECT 2;", []string{"AM131 2_x.sql:2 #2 COPY ... FROM STDIN in a migration"}},
		"COPY TO stdout":              {"COPY (SELECT a FROM stdin) TO STDOUT;", []string{"AM131 2_x.sql:1 #1 COPY ... TO STDOUT in a migration"}},
		"COPY of a file":              {"COPY t FROM '/tmp/x';COPY (SELECT a FROM stdin) TO '/tmp/y';", nil},
		"BEGIN and COMMIT":            {"BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;", []string{"AM132 2_x.sql:1 #1 BEGIN in a migration", "AM132 2_x.sql:3 #3 COMMIT in a migration"}},
		"START TRANSACTION":           {"start /**/ transaction read only;", []string{"AM132 2_x.sql:1 #1 START TRANSACTION in a migration"}},
		"END":                         {"SELECT 1; end;", []string{"AM132 2_x.sql:1 #2 END in a migration"}},
		"ROLLBACK and ABORT":          {"ROLLBACK WORK;\nABORT;", []string{"AM132 2_x.sql:1 #1 ROLLBACK in a migration", "AM132 2_x.sql:2 #2 ABORT in a migration"}},
		"ROLLBACK TO":                 {"SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a;", nil},
		"two-phase commit":            {"PREPARE TRANSACTION 'a';\nCOMMIT PREPARED 'a';\nROLLBACK PREPARED 'a';", []string{"AM132 2_x.sql:1 #1 PREPARE TRANSACTION in a migration", "AM132 2_x.sql:2 #2 COMMIT PREPARED in a migration", "AM132 2_x.sql:3 #3 ROLLBACK PREPARED in a migration"}},
		"BEGIN outside a transaction": {"-- atlas:txmode none\n\nBEGIN;", []string{"AM132 2_x.sql:3 #1 BEGIN in a migration"}},
		"DISCARD ALL":                 {"DISCARD ALL;", []string{"AM133 2_x.sql:1 #1 DISCARD ALL in a migration"}},
		"DISCARD of what is not ours": {"DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP;", nil},
		"RESET ALL":                   {"RESET search_path;\nRESET ALL;", []string{"AM133 2_x.sql:2 #2 RESET ALL in a migration"}},
		"another transaction": {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nset local transaction read write, isolation level repeatable read;\nSET TRANSACTION READ ONLY;\nSET SESSION TRANSACTION NOT DEFERRABLE;\nSET TRANSACTION SNAPSHOT '00000003-1';",
			[]string{"AM132 2_x.sql:1 #1 SET TRANSACTION in a migration", "AM132 2_x.sql:2 #2 SET TRANSACTION in a migration", "AM132 2_x.sql:3 #3 SET TRANSACTION in a migration",
				"AM132 2_x.sql:4 #4 SET TRANSACTION in a migration", "AM132 2_x.sql:5 #5 SET TRANSACTION in a migration"}},
		"another transaction, by its settings": {"SET transaction_isolation = 'serializable';\nSET LOCAL \"transaction_read_only\" TO on;\nSET transaction_deferrable = off;\nSET transaction_isolation",
			[]string{"AM132 2_x.sql:1 #1 SET transaction_isolation in a migration", "AM132 2_x.sql:2 #2 SET transaction_read_only in a migration",
				"AM132 2_x.sql:3 #3 SET transaction_deferrable in a migration", "AM132 2_x.sql:4 #4 SET transaction_isolation in a migration"}},
		"another transaction, outside": {"-- atlas:txmode none\n\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;", []string{"AM132 2_x.sql:3 #1 SET TRANSACTION in a migration"}},
		"the transaction as it is": {"SET TRANSACTION ISOLATION LEVEL READ COMMITTED;SET LOCAL TRANSACTION READ WRITE, ISOLATION LEVEL READ COMMITTED;SET transaction_isolation TO 'Read Committed';SET transaction_read_only = off;" +
			"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;SET default_transaction_read_only = on;SET CONSTRAINTS ALL DEFERRED;SELECT 'SET TRANSACTION READ ONLY';", nil},
		"unlock":                {"SELECT pg_catalog.PG_advisory_unlock_all();\nDO $$ BEGIN PERFORM pg_advisory_unlock_all(); END $$;", []string{"AM133 2_x.sql:1 #1 pg_advisory_unlock_all in a migration", "AM133 2_x.sql:2 #2 pg_advisory_unlock_all in a migration"}},
		"unlock in a name only": {"SELECT 'pg_advisory_unlock_all'; CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$SELECT pg_advisory_unlock_all()$$;", nil},
		"CONCURRENTLY": {"CREATE INDEX CONCURRENTLY i ON t (a);\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);\nDROP INDEX CONCURRENTLY i;\nREINDEX (VERBOSE) INDEX CONCURRENTLY i;\nREINDEX (concurrently true) TABLE t;\nALTER TABLE IF EXISTS ONLY a.t DETACH PARTITION b.p CONCURRENTLY;",
			[]string{"AM134 2_x.sql:1 #1 CREATE INDEX CONCURRENTLY cannot run in a transaction (SQLSTATE 25001)", "AM134 2_x.sql:2 #2 CREATE INDEX CONCURRENTLY cannot run in a transaction (SQLSTATE 25001)",
				"AM134 2_x.sql:3 #3 DROP INDEX CONCURRENTLY cannot run in a transaction (SQLSTATE 25001)", "AM134 2_x.sql:4 #4 REINDEX CONCURRENTLY cannot run in a transaction (SQLSTATE 25001)",
				"AM134 2_x.sql:5 #5 REINDEX CONCURRENTLY cannot run in a transaction (SQLSTATE 25001)", "AM134 2_x.sql:6 #6 DETACH PARTITION CONCURRENTLY cannot run in a transaction (SQLSTATE 25001)"}},
		"VACUUM and the like": {"VACUUM (ANALYZE) t;\nCREATE DATABASE d;\nDROP DATABASE d;\nALTER SYSTEM SET a = 1;\nREINDEX DATABASE d;\nCLUSTER;",
			[]string{"AM134 2_x.sql:1 #1 VACUUM cannot run in a transaction (SQLSTATE 25001)", "AM134 2_x.sql:2 #2 CREATE DATABASE cannot run in a transaction (SQLSTATE 25001)",
				"AM134 2_x.sql:3 #3 DROP DATABASE cannot run in a transaction (SQLSTATE 25001)", "AM134 2_x.sql:4 #4 ALTER SYSTEM cannot run in a transaction (SQLSTATE 25001)",
				"AM134 2_x.sql:5 #5 REINDEX DATABASE cannot run in a transaction (SQLSTATE 25001)", "AM134 2_x.sql:6 #6 CLUSTER cannot run in a transaction (SQLSTATE 25001)"}},
		"in a transaction they may":      {"CREATE INDEX concurrent ON t (a);REFRESH MATERIALIZED VIEW CONCURRENTLY v;REINDEX TABLE t;CLUSTER t USING i;ALTER TABLE t DETACH PARTITION p;ALTER TABLE t DETACH PARTITION concurrently;ALTER DATABASE d SET a = 1;", nil},
		"outside of one they may":        {"-- atlas:txmode none\n\nVACUUM t; CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX CONCURRENTLY i;", nil},
		"index without a name":           {"-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON t (a);\nCREATE INDEX CONCURRENTLY ON t (a);", []string{"AM135 2_x.sql:4 #2 CREATE INDEX CONCURRENTLY without a name"}},
		"txtar":                          {"-- atlas:txtar\n\n-- checks.sql --\nSELECT 1;\n-- migration.sql --\nDROP TABLE t;", []string{"AM140 2_x.sql:1 #0 atlas:txtar would be ignored and the SQL below it run"}},
		"assert":                         {"SELECT 1;\n-- atlas:assert DS102\nSELECT 2;", []string{"AM140 2_x.sql:2 #0 atlas:assert would be ignored and the SQL below it run"}},
		"import":                         {"-- atlas:import other.sql\n\nSELECT 1;", []string{"AM140 2_x.sql:1 #0 atlas:import would be ignored and the SQL below it run"}},
		"no empty line below":            {"-- atlas:txmode none\nSELECT 1;", []string{"AM141 2_x.sql:1 #0 atlas:txmode would be ignored here"}},
		"not at the top":                 {"SELECT 1;\n\n-- atlas:txmode none\n\nSELECT 1;", []string{"AM141 2_x.sql:3 #0 atlas:txmode would be ignored here"}},
		"an empty line above":            {"\n-- atlas:checkpoint\n\nSELECT 1;", []string{"AM141 2_x.sql:2 #0 atlas:checkpoint would be ignored here"}},
		"in a block comment":             {"/* atlas:txmode none */\n\nSELECT 1;", []string{"AM141 2_x.sql:1 #0 atlas:txmode would be ignored here"}},
		"behind a tab":                   {"--\tatlas:txmode none\n\nSELECT 1;", []string{"AM141 2_x.sql:1 #0 atlas:txmode would be ignored here"}},
		"delimiter in the second line":   {"-- a\n-- atlas:delimiter //\n\nSELECT 1;", []string{"AM141 2_x.sql:2 #0 atlas:delimiter would be ignored here"}},
		"delimiter without a space":      {"--atlas:delimiter //\n\nSELECT 1;", []string{"AM141 2_x.sql:1 #0 atlas:delimiter would be ignored here"}},
		"sum in the second line":         {"-- a\n-- atlas:sum ignore\n\nSELECT 1;", []string{"AM141 2_x.sql:2 #0 atlas:sum would be ignored here"}},
		"unknown, with a nearest":        {"-- atlas:txmod none\n\nSELECT 1;", []string{"AM142 2_x.sql:1 #0 unknown directive atlas:txmod"}},
		"unknown of ours":                {"-- aurora:rerunable\nSELECT 1;", []string{"AM142 2_x.sql:1 #0 unknown directive aurora:rerunable"}},
		"another value":                  {"-- why\n-- atlas:txmode all\n\nSELECT 1;", []string{`AM143 2_x.sql:2 #0 atlas:txmode is "all" and can only be none or file`}},
		"no value":                       {"-- atlas:txmode\n\nSELECT 1;", []string{`AM143 2_x.sql:1 #0 atlas:txmode is "" and can only be none or file`}},
		"twice":                          {"-- atlas:txmode none\n-- atlas:txmode file\n\nSELECT 1;", []string{"AM143 2_x.sql:1 #0 atlas:txmode stands here 2 times"}},
		"sum ignore":                     {"-- atlas:sum ignore\n\nSELECT 1;", []string{"AM144 2_x.sql:1 #0 atlas:sum ignore leaves the file without an entry in atlas.sum"}},
		"upper case":                     {"-- ATLAS:txmode none\n\nSELECT 1;", []string{"AM145 2_x.sql:1 #0 directive atlas:txmode is not written as it must be and would be ignored"}},
		"space behind the colon":         {"-- atlas: txmode none\n\nSELECT 1;", []string{"AM145 2_x.sql:1 #0 directive atlas:txmode is not written as it must be and would be ignored"}},
		"rerunnable above an empty line": {"SELECT 1;\n-- aurora:rerunnable\n\nSELECT 2;", []string{"AM141 2_x.sql:2 #0 aurora:rerunnable belongs to no statement"}},
		"rerunnable beside a statement":  {"SELECT 1; -- aurora:rerunnable\nSELECT 2;", []string{"AM141 2_x.sql:1 #0 aurora:rerunnable belongs to no statement"}},
		"rerunnable above nothing":       {"SELECT 1;\n-- aurora:rerunnable\n", []string{"AM141 2_x.sql:2 #0 aurora:rerunnable belongs to no statement"}},
		"directives as they should be":   {"-- atlas:txmode none\n-- atlas:nolint DS102\n\n-- Atlas: see the docs, atlas:txmode\n-- atlas:nolint\n-- aurora:rerunnable\nSELECT '-- atlas:bogus';", nil},
		"several":                        {"\ufeffBEGIN;\nSELECT 'é\xff';\n\\q\nCOMMIT;", []string{"AM121 2_x.sql:1 #0 the file begins with a byte order mark", "AM132 2_x.sql:1 #1 BEGIN in a migration", "AM122 2_x.sql:2 #0 byte 0xff is not UTF-8", `AM130 2_x.sql:3 #0 psql meta-command \q`, "AM132 2_x.sql:4 #3 COMMIT in a migration"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := shown(t, dirOf(t, map[string]string{"1_a.sql": "SELECT 1;", "2_x.sql": tc.text}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadDir_faultsOfNames(t *testing.T) {
	for name, tc := range map[string]struct {
		files []string
		want  []string
	}{
		"one version twice":        {[]string{"1_a.sql", "1_b.sql"}, []string{`AM110 1_b.sql #0 version "1" is taken by 1_a.sql too`}},
		"order":                    {[]string{"10_a.sql", "1_b.sql"}, []string{`AM111 1_b.sql #0 it runs after 10_a.sql, yet version "1" comes before "10"`}},
		"no version":               {[]string{"_a.sql", "init.sql"}, []string{"AM112 _a.sql #0 the name has no version"}},
		"upper case":               {[]string{"1_a.sql", "2_b.SQL", "3_c.Sql"}, []string{"AM112 2_b.SQL #0 the name does not end with .sql in lower case, so that nobody would run the file", "AM112 3_c.Sql #0 the name does not end with .sql in lower case, so that nobody would run the file"}},
		"versions of other shapes": {[]string{"017.sql", "20261101120000_a.sql", "V3_b.sql"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for _, f := range tc.files {
				files[f] = "SELECT 1;"
			}
			if diff := cmp.Diff(tc.want, shown(t, dirOf(t, files))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What to write instead is what the user sees next; these name it.
func TestReadDir_fix(t *testing.T) {
	for text, want := range map[string]string{
		"-- atlas:txmod none\n\nSELECT 1;":                  "Did you mean atlas:txmode?",
		"-- atlas:frobnicate\n\nSELECT 1;":                  "It would be ignored: take it out. Known are atlas:txmode, atlas:checkpoint, atlas:delimiter, atlas:sum, atlas:nolint.",
		"-- aurora:rerunable\nSELECT 1;":                    "Did you mean aurora:rerunnable?",
		"-- atlas:txmode none\nSELECT 1;":                   "Write it at the very top of the file as -- atlas:txmode none, with an empty line below: the file then runs as it says.",
		"COMMIT;":                                           fixTxFile,
		"-- atlas:txmode none\n\nCOMMIT;":                   fixTxNone,
		"SET TRANSACTION READ ONLY":                         fixModes,
		"-- atlas:txmode none\n\nSET TRANSACTION READ ONLY": fixNoModes,
		"CREATE INDEX CONCURRENTLY i ON t(a)":               fixOutside,
	} {
		_, faults, err := ReadDir(dirOf(t, map[string]string{"1_a.sql": text}))
		if err != nil || len(faults) != 1 || faults[0].Fix != want {
			t.Errorf("%q: got %+v, %v", text, faults, err)
		}
	}
}

func BenchmarkReadDir(b *testing.B) {
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("%04d_t.sql", i)] = fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'x');\nCREATE INDEX ON t%d (name);\n", i, i)
	}
	dir := dirOf(b, files)
	for b.Loop() {
		if _, faults, err := ReadDir(dir); err != nil || len(faults) > 0 {
			b.Fatal(faults, err)
		}
	}
}
