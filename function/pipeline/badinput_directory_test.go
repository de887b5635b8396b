package pipeline_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Two files to plan; the cases put one thing wrong into the second.
var twoFiles = []string{"001_a.sql", "CREATE TABLE a (id int);\n", "002_b.sql", "CREATE TABLE b (id int);\n"}

func badSums() []badInput {
	line := func(add func(sum string) string) func(fstest.MapFS) {
		return func(m fstest.MapFS) { m["atlas.sum"] = text(add(string(m["atlas.sum"].Data))) }
	}
	return []badInput{
		{name: "atlas.sum missing", files: twoFiles,
			alter: func(m fstest.MapFS) { delete(m, "atlas.sum") },
			says:  []string{"AM101", "atlas.sum is missing"}, next: "atlas migrate hash"},
		{name: "atlas.sum older than a new file", files: twoFiles,
			alter: func(m fstest.MapFS) { m["003_c.sql"] = text("CREATE TABLE c ();\n") },
			says:  []string{"AM104", "003_c.sql is not in atlas.sum"}, next: "atlas migrate hash"},
		{name: "atlas.sum older than an edit", files: twoFiles,
			alter: func(m fstest.MapFS) { m["001_a.sql"] = text("CREATE TABLE a (id bigint);\n") },
			says:  []string{"AM103", "001_a.sql was edited after atlas.sum was written"}, silent: []string{"002_b.sql was edited"}, next: "atlas migrate hash"},
		{name: "atlas.sum lists a file that is gone", files: twoFiles,
			alter: func(m fstest.MapFS) { delete(m, "002_b.sql") },
			says:  []string{"AM105", "atlas.sum:3", "lists 002_b.sql, and there is no such file"}, next: "Bring the file back"},
		{name: "atlas.sum with a line too many", files: twoFiles,
			alter: line(func(sum string) string { return sum + "003_c.sql h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" }),
			says:  []string{"AM105", "atlas.sum:4", "003_c.sql"}, next: "every one says how"},
		{name: "atlas.sum with a line twice", files: twoFiles,
			alter: line(func(sum string) string { return sum + strings.SplitAfter(sum, "\n")[2] }),
			says:  []string{"AM106", "lists 002_b.sql twice"}, next: "every one says how"},
		{name: "atlas.sum with the mark of a merge", files: twoFiles,
			alter: line(func(sum string) string { return strings.Replace(sum, "\n", "\n<<<<<<< HEAD\n", 1) }),
			says:  []string{"AM102", "line 2 of atlas.sum is not a name and a hash"}, next: "Take it out if a merge left it there"},
	}
}

// in is a case in which the second file of two has a text that cannot be run.
func in(name, sql string, next string, says ...string) badInput {
	return badInput{name: name, files: []string{"001_a.sql", twoFiles[1], "002_b.sql", sql}, says: append(says, "002_b.sql"), next: next}
}

func badFiles() []badInput {
	large := "CREATE TABLE b (v text DEFAULT '" + strings.Repeat(strings.Repeat("x", 1023)+"\n", 20<<10) + "');\n" // not in one line: Atlas's expressions take long for that
	return []badInput{
		in("CRLF", "CREATE TABLE b (\r\n  id int\r\n);\r\n", "Save it with LF", "AM120", "002_b.sql:1", "CRLF"),
		in("byte order mark", "\ufeffCREATE TABLE b ();\n", "without BOM", "AM121", "byte order mark"),
		in("not UTF-8", "CREATE TABLE b ();\nCOMMENT ON TABLE b IS 'caf\xe9';\n", "Save the file as UTF-8", "AM122", "002_b.sql:2", "byte 0xe9 is not UTF-8"),
		in("UTF-16", "\xff\xfeC\x00R\x00", "", "AM123", "NUL byte"),
		in("nothing in it", "", "Write one, or remove the file", "AM124", "no statement in the file"),
		in("nothing but a comment", "-- later\n", "Write one, or remove the file", "AM124"),
		in("a statement of 20 MB", large, "Cut it into several statements", "AM125", "002_b.sql:1", "16 MiB is the limit"),
		in("a quote that does not end", "CREATE TABLE b ();\nCOMMENT ON TABLE b IS 'x;\n", "", "AM126", "002_b.sql:2"),
		in("psql: include", "CREATE TABLE b ();\n\\i other.sql\n", "take it out", "AM130", "002_b.sql:2", `psql meta-command \i`),
		in("psql: connect", "\\connect prod\nCREATE TABLE b ();\n", "take it out", "AM130", `psql meta-command \connect`),
		in("COPY FROM stdin", "CREATE TABLE b (v text);\nCOPY b (v) FROM stdin;\n"+rowValue+"\n\\.\n", "INSERT statements", "AM131", "002_b.sql:2", "COPY ... FROM STDIN"),
		in("BEGIN", "BEGIN;\nCREATE TABLE b ();\n", "", "AM132", "002_b.sql:1", "BEGIN in a migration", "one transaction already"),
		in("START TRANSACTION", "START TRANSACTION;\nCREATE TABLE b ();\n", "one transaction already", "AM132", "START TRANSACTION in a migration"),
		in("COMMIT", "CREATE TABLE b ();\nCOMMIT;\n", "one transaction already", "AM132", "002_b.sql:2", "COMMIT in a migration"),
		in("END", "CREATE TABLE b ();\nEND;\n", "one transaction already", "AM132", "END in a migration"),
		in("ROLLBACK", "CREATE TABLE b ();\nrollback;\n", "one transaction already", "AM132", "ROLLBACK in a migration"),
		in("BEGIN outside a transaction", outside+"BEGIN;\nCREATE TABLE b ();\n", "commits by itself", "AM132", "002_b.sql:3"),
		in("SET TRANSACTION", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE b ();\n", "LOCK TABLE it", "AM132", "002_b.sql:1", "SET TRANSACTION in a migration", "READ COMMITTED and READ WRITE"),
		in("SET TRANSACTION outside a transaction", outside+"SET TRANSACTION READ ONLY;\nCREATE TABLE b ();\n", "commits by itself", "AM132", "002_b.sql:3"),
		in("DISCARD ALL", "DISCARD ALL;\n", "the session is the migrator's", "AM133"),
		in("CONCURRENTLY in a transaction", "CREATE INDEX CONCURRENTLY a_id ON a (id);\n", "-- atlas:txmode none", "AM134", "cannot run in a transaction"),
		{name: "two files of one version", files: append(twoFiles, "002_c.sql", "CREATE TABLE c ();\n"),
			says: []string{"AM110", `version "002" is taken by 002_b.sql too`, "002_c.sql"}, next: "another version"},
		{name: "versions of unequal length", files: []string{"002_b.sql", "SELECT 1;\n", "0025_late.sql", "SELECT 1;\n"},
			says: []string{"AM111", "it runs after 0025_late.sql"}, next: "the same number of digits"},
		{name: "a name without a version", files: []string{"_b.sql", "SELECT 1;\n"}, says: []string{"AM112", "the name has no version"}, next: "017_create_users.sql"},
	}
}

func badDirectives() []badInput {
	body := "CREATE TABLE b (id int);\n"
	return []badInput{
		in("atlas:txtar", "-- atlas:txtar\n\n-- checks.sql --\nSELECT 1;\n-- migration.sql --\n"+body, "plain SQL", "AM140", "002_b.sql:1", "atlas:txtar would be ignored"),
		in("atlas:assert", "-- atlas:assert DS103\n"+body, "plain SQL", "AM140", "atlas:assert would be ignored"),
		in("atlas:import", "-- atlas:import other.sql\n\n"+body, "plain SQL", "AM140", "atlas:import would be ignored"),
		in("txmode without an empty line", "-- atlas:txmode none\n"+body, "empty line below", "AM141", "002_b.sql:1", "atlas:txmode would be ignored here"),
		in("txmode below a statement", body+"-- atlas:txmode none\n\n", "very top of the file", "AM141", "002_b.sql:2"),
		in("txmode all", "-- atlas:txmode all\n\n"+body, "-- atlas:txmode none", "AM143", `"all"`),
		in("txmode twice", "-- atlas:txmode none\n-- atlas:txmode file\n\n"+body, "Leave one", "AM143", "2 times"),
		in("a directive with a typo", "-- atlas:txmod none\n\n"+body, "Did you mean atlas:txmode?", "AM142", "unknown directive atlas:txmod"),
		in("a directive in upper case", "-- Atlas:txmode none\n\n"+body, "lower case", "AM145", "would be ignored"),
		in("a delimiter that is not first", "-- about b\n-- atlas:delimiter \\n\\n\n\n"+body, "very first line", "AM141", "atlas:delimiter"),
		in("atlas:sum ignore", "-- atlas:sum ignore\n\n"+body, "", "AM144"),
		in("aurora:rerunnable above nothing", body+"-- aurora:rerunnable\n", "directly above the statement", "AM141"),
	}
}

// Four files that ran, to be tampered with afterwards.
var fourFiles = []string{
	"010_a.sql", "CREATE TABLE a (id int);\n", "020_b.sql", "CREATE TABLE b (id int);\n",
	"030_c.sql", "CREATE TABLE c (id int);\n", "040_d.sql", "CREATE TABLE d (id int);\n",
}

// then is fourFiles with a fifth behind them and the pairs of name and text in
// the place of what they had; a name without a text is left out.
func then(pairs ...string) []string {
	files := append(fourFiles[:len(fourFiles):len(fourFiles)], "050_e.sql", "CREATE TABLE e (id int);\n")
	for i := 0; i < len(pairs); i += 2 {
		var kept []string
		for j := 0; j < len(files); j += 2 {
			if files[j] != pairs[i] {
				kept = append(kept, files[j], files[j+1])
			}
		}
		files = kept
		if pairs[i+1] != "" {
			files = append(files, pairs[i], pairs[i+1])
		}
	}
	return files
}

func badHistories() []badInput {
	edited := "CREATE TABLE b (id bigint);\n"
	return []badInput{
		{name: "an applied file edited", ran: fourFiles, files: then("020_b.sql", edited),
			says: []string{"AM201", "020_b.sql has been edited since it was applied"}, silent: []string{"030_c.sql has", "040_d.sql has", "010_a.sql has"},
			next: "Restore the file as it was applied", check: oneFinding},
		{name: "an applied file renamed", ran: fourFiles, files: then("020_b.sql", "", "020_other.sql", fourFiles[3]),
			says: []string{"AM203", "020_other.sql was applied under the name 020_b.sql"}, next: "Name it 020_b.sql again", check: oneFinding},
		{name: "an applied file given another version", ran: fourFiles, files: then("020_b.sql", "", "060_b.sql", fourFiles[3]),
			says: []string{"AM202", "version 020 (b) was applied", "060_b.sql has its name under another version"}, next: "old version 020 back", check: oneFinding},
		{name: "an applied file removed", ran: fourFiles, files: then("020_b.sql", ""),
			says: []string{"AM202", "version 020 (b) was applied", "not in the directory any more"}, next: "Bring the file back", check: oneFinding},
		{name: "the last applied file removed", ran: fourFiles, files: then("040_d.sql", "", "050_e.sql", ""),
			says: []string{"AM202", "version 040 (d)"}, next: "Bring the file back", check: oneFinding},
		{name: "a file out of order", ran: fourFiles, files: then("025_late.sql", "CREATE TABLE late ();\n"),
			says: []string{"AM204", "025_late.sql is out of order", "version 040 was applied"}, next: "a version above 040", check: oneFinding},
		{name: "to a version that is not there", files: twoFiles, request: planTo("017"),
			says: []string{"AM206", `there is no version "017"`}, next: "Versions are 001, 002."},
		{name: "baseline of an unknown version", before: "CREATE TABLE old ()", files: twoFiles, request: baselineOf("0015"),
			says: []string{"AM206", `there is no version "0015"`}, next: "Versions are 001, 002."},
		{name: "baseline above all files", before: "CREATE TABLE old ()", files: twoFiles, request: baselineOf("099"),
			says: []string{"AM206", `there is no version "099"`}, next: "Versions are 001, 002."},
		{name: "baseline of an unknown version onto a history", ran: twoFiles, files: twoFiles, request: baselineOf("000"),
			says: []string{"AM206", `there is no version "000"`}, next: "Versions are 001, 002."},
	}
}

func oneFinding(s *scene, r result) {
	if len(r.Findings) != 1 {
		s.Errorf("%d findings, want the one: %s", len(r.Findings), fmt.Sprint(r.Findings))
	}
	for _, f := range r.Findings {
		if f.Severity != migration.Error || f.Fix == "" {
			s.Errorf("finding %+v", f)
		}
	}
}
