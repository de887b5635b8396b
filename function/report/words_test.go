package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:           "under 1 ms",
		0:                      "under 1 ms",
		999 * time.Microsecond: "under 1 ms",
		12 * time.Millisecond:  "12 ms",
		999*time.Millisecond + 600*time.Microsecond: "1 s",
		3400 * time.Millisecond:                     "3.4 s",
		30 * time.Second:                            "30 s",
		59*time.Second + 960*time.Millisecond:       "1 min 0 s",
		125 * time.Second:                           "2 min 5 s",
		59*time.Minute + 59600*time.Millisecond:     "1 h 0 min",
		26*time.Hour + 3*time.Minute:                "26 h 3 min",
	} {
		if got := took(d); got != want {
			t.Errorf("took(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		target *migration.Target
		want   string
	}{
		{nil, "the database"},
		{&migration.Target{}, "the database"},
		{&migration.Target{Database: "app", Cluster: "7412345678901234567", Role: "r", User: "u"}, "app on cluster 7412345678901234567, as role r"},
		{&migration.Target{Database: "app", Cluster: "cluster-X", Engine: "PostgreSQL 17.10", User: "u"}, "app on cluster-X (PostgreSQL 17.10), as role u"},
		{&migration.Target{Database: "app", Cluster: "127.0.0.1:5432", Host: "127.0.0.1:5432"}, "app at 127.0.0.1:5432"},
		{&migration.Target{Database: "app", Host: "127.0.0.1:5432"}, "app at 127.0.0.1:5432"},
	} {
		if got := place(c.target) + asWhom(c.target); got != c.want {
			t.Errorf("%+v is %q, want %q", c.target, got, c.want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 漢 🙂":   "plain é 漢 🙂",
		"a\tb":          "a    b",
		"\x1b[2J":       `\x1b[2J`,
		"\u009b1m":      `\x9b1m`,
		"a\u202eb":      `a\u202eb`,
		"no\u00a0break": `no\xa0break`,
		"\xffa":         `\xffa`,
		"\U000e0041":    `\U000e0041`,
		"a\nb\r":        `a\x0ab\x0d`,
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, in       string
		first, further int
		want           []string
	}{
		{"short", "a  b", 10, 10, []string{"a  b"}},
		{"at spaces", "aaa bbb ccc", 7, 3, []string{"aaa bbb", "ccc"}},
		{"a long word alone", "a bbbbbbbbbb c", 5, 5, []string{"a", "bbbbbbbbbb", "c"}},
		{"a long word first", "bbbbbbbbbb c", 5, 5, []string{"bbbbbbbbbb", "c"}},
		{"characters, not bytes", "éééé éééé", 9, 9, []string{"éééé éééé"}},
		{"spaces at the beginning", "  aaa bbb", 5, 5, []string{"  aaa", "bbb"}},
		{"SQLSTATE keeps its number", "aaa (SQLSTATE 42601)", 15, 20, []string{"aaa", "(SQLSTATE 42601)"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.in, c.first, c.further)); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", c.name, diff)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		name, sql   string
		first, last int
		want        []string
	}{
		{"all", "a\nb\nc\nd", 2, 1, []string{"a", "b", "c", "d"}},
		{"cut", "a\nb\nc\nd\ne", 2, 1, []string{"a", "b", "... (2 lines left out)", "e"}},
		{"no end", "a\nb\nc\nd\ne", 2, 0, []string{"a", "b", "... (3 lines left out)"}},
		{"ends of lines", "a \t\r\nb", 2, 0, []string{"a", "b"}},
		{"one long line", strings.Repeat("a", 250) + strings.Repeat("b", 250), 2, 0, []string{strings.Repeat("a", 200) + " ... " + strings.Repeat("b", 100)}},
	} {
		if diff := cmp.Diff(c.want, excerpt(c.sql, c.first, c.last)); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", c.name, diff)
		}
	}
}

func TestClip(t *testing.T) {
	if got := clip("short", 5); got != "short" {
		t.Errorf("got %q", got)
	}
	if got, want := clip(strings.Repeat("é", 100), 40), strings.Repeat("é", 15)+" ... (160 bytes left out) ... "+strings.Repeat("é", 5); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
