package migration_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func TestExcerpt(t *testing.T) {
	const text = "-- ação\nSELECT 1;\nSELECT 'é' ||\n\t\tnada, 'x';\nALTER ROLE app PASSWORD 'hunter2' nonsense;\nSELECT 9"
	stmts, err := migration.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	f := migration.File{Name: "1.sql", Text: text, Stmts: stmts}
	for _, c := range []struct {
		name                string
		statement, position int
		want                string
	}{
		{"the whole statement", 1, 0, "3:0 "},
		{"below zero", 1, -3, "3:0 "},
		{"its first character", 1, 1, "3:1 SELECT 'é' ||\n^"},
		{"behind a character of two bytes", 1, 12, "3:12 SELECT 'é' ||\n           ^"},
		{"on its second line, behind tabs", 1, 17, "4:3 \t\tnada, 'x';\n\t\t^"},
		{"the first character of a file's last line", 3, 1, "6:1 SELECT 9\n^"},
		{"behind the last character, as for an end of input", 3, 9, "6:9 SELECT 9\n        ^"},
		{"far beyond the end", 3, 1000, "6:9 SELECT 9\n        ^"},
		{"a line with a secret", 2, 35, "5:35 ALTER ROLE app PASSWORD '***' nonsense;"},
	} {
		line, column, excerpt := f.Excerpt(c.statement, c.position)
		if got := fmt.Sprintf("%d:%d %s", line, column, excerpt); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
	}
}

// A secret that goes over several lines is masked on each of them, although a
// single line of it does not look like one.
func TestExcerpt_secretOverSeveralLines(t *testing.T) {
	text := "ALTER ROLE app PASSWORD\n  'hunter2' nonsense;\nALTER ROLE app PASSWORD 'hun\nter2' nonsense;"
	stmts, err := migration.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	f := migration.File{Text: text, Stmts: stmts}
	for i, s := range stmts {
		for position := range utf8.RuneCountInString(s.Text) {
			if _, _, excerpt := f.Excerpt(i, position+1); strings.Contains(excerpt, "hun") || strings.Contains(excerpt, "ter2") {
				t.Fatalf("statement %d, position %d: %q", i+1, position+1, excerpt)
			}
		}
	}
}

// Wherever in a line of megabytes PostgreSQL points, the excerpt is short and
// the caret stands below the character that is meant.
func TestExcerpt_longLines(t *testing.T) {
	r := dice(t)
	var b strings.Builder
	b.WriteString("SELECT '")
	for b.Len() < 1<<20 {
		b.WriteString([]string{"a", "é", "漢", "\t", "🙂"}[r.IntN(5)])
	}
	b.WriteString("';")
	text := b.String()
	f := migration.File{Text: "SELECT 1;\n" + text + "\nSELECT 2;", Stmts: []migration.Stmt{{Text: "SELECT 1;", Line: 1}, {Text: text, Pos: 10, Line: 2}}}
	runes := []rune(text)
	positions := []int{1, 2, 60, 61, 62, 119, 120, 121, len(runes) - 120, len(runes) - 60, len(runes) - 1, len(runes), len(runes) + 1}
	for range 8 {
		positions = append(positions, 1+r.IntN(len(runes)))
	}
	for _, p := range positions {
		line, column, excerpt := f.Excerpt(1, p)
		shown, lead, two := strings.Cut(excerpt, "\n")
		at := utf8.RuneCountInString(lead) - 1
		if line != 2 || column != p || !two || utf8.RuneCountInString(shown) > 120 || at > utf8.RuneCountInString(shown) || !strings.HasSuffix(lead, "^") {
			t.Fatalf("position %d: line %d, column %d, %d characters, caret at %d", p, line, column, utf8.RuneCountInString(shown), at)
		}
		if before, behind := min(p-1, 59), min(len(runes)-p, 59); at < before || utf8.RuneCountInString(shown)-1-at < behind {
			t.Fatalf("position %d: %d characters before it and %d behind are shown", p, at, utf8.RuneCountInString(shown)-1-at)
		}
		if p <= len(runes) && []rune(shown)[at] != runes[p-1] {
			t.Fatalf("position %d: the caret is below %q, not %q", p, []rune(shown)[at], runes[p-1])
		}
	}
	secret := "ALTER ROLE a PASSWORD 'hunter2', b '" + strings.Repeat("x", 2<<20) + "';"
	f = migration.File{Text: secret, Stmts: []migration.Stmt{{Text: secret, Line: 1}}}
	if _, _, excerpt := f.Excerpt(0, 1<<20); strings.Contains(excerpt, "hunter2") || utf8.RuneCountInString(excerpt) > 250 {
		t.Errorf("an excerpt of %d characters", utf8.RuneCountInString(excerpt))
	}
}
