package lint_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func init() { maps.Copy(cases, forecastCases) }

// foreseen are forecasts of the statements of a case, in their order.
func foreseen(likely ...time.Duration) map[lint.Place]migration.Forecast {
	all := map[lint.Place]migration.Forecast{}
	for i, d := range likely {
		all[lint.Place{File: "2_change.sql", Statement: i + 1}] = migration.Forecast{Low: d * 8 / 10, Likely: d, High: d * 12 / 10, Rows: 12_000_000, Unsure: "Not measured: WAL."}
	}
	return all
}

var (
	gigabytes   = map[string]migration.RelationFacts{"public.t": {Kind: "table", Rows: 12_000_000, Bytes: 3 << 30}}
	validates   = []migration.Effects{{Locks: locks(lock("public.t", migration.ShareUpdateExclusive)), Scans: scans("public.t")}}
	validate    = "ALTER TABLE t VALIDATE CONSTRAINT c;"
	outside     = "-- atlas:txmode none\n\n"
	validations = []migration.Effects{validates[0], validates[0]}
)

var forecastCases = map[string]handCase{
	"a short forecast of a large table": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, facts: gigabytes, forecasts: foreseen(50 * time.Millisecond), want: "info PG101 1"},
	"a forecast that may be too long":   {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, facts: gigabytes, forecasts: foreseen(900 * time.Millisecond), want: "error PG101 1"},
	"a long forecast of a small table": {sql: "CREATE INDEX i ON t (b);", before: t1, effects: indexEffects, forecasts: foreseen(2 * time.Second), want: "error PG101 1",
		facts: map[string]migration.RelationFacts{"public.t": {Rows: 10, Bytes: 8192}}},
	"a long statement that nobody waits for":  {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(40 * time.Second), want: "info AM580 1"},
	"a short statement that nobody waits for": {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(900 * time.Millisecond), want: ""},
	"a transaction that never ends":           {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(20 * time.Minute), time: 15 * time.Minute, want: "info AM580 1; error AM581 1"},
	"a transaction that may not end":          {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(14 * time.Minute), time: 15 * time.Minute, want: "info AM580 1; warning AM581 1"},
	"a transaction that ends":                 {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(12 * time.Minute), time: 15 * time.Minute, want: "info AM580 1"},
	"statements that do not fit together":     {sql: validate + validate, before: t1, effects: validations, facts: gigabytes, forecasts: foreseen(8*time.Minute, 9*time.Minute), time: 15 * time.Minute, want: "info AM580 1; info AM580 2; error AM581 2"},
	"the same outside a transaction": {sql: outside + validate + validate, before: t1, effects: []migration.Effects{validates[0], validates[0]}, facts: gigabytes,
		forecasts: foreseen(8*time.Minute, 9*time.Minute), time: 15 * time.Minute, want: "info AM580 1; info AM580 2; info AM582 2"},
	"one that never ends outside a transaction": {sql: outside + validate + validate, before: t1, effects: []migration.Effects{validates[0], validates[0]}, facts: gigabytes,
		forecasts: foreseen(8*time.Minute, 19*time.Minute), time: 15 * time.Minute, want: "info AM580 1; info AM580 2; error AM581 2"},
	"any time will do":                    {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(20 * time.Minute), want: "info AM580 1"},
	"a statement timeout":                 {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(20 * time.Second), timeout: 10 * time.Second, want: "error AM583 1"},
	"a statement timeout that may not do": {sql: validate, before: t1, effects: validates, facts: gigabytes, forecasts: foreseen(9 * time.Second), timeout: 10 * time.Second, want: "warning AM583 1"},
}

// A forecast is told in words that a person can act on.
func TestCheck_tellsForecasts(t *testing.T) {
	for name, c := range map[string]struct{ of, want string }{
		"lock":         {"a long forecast of a small table", "Here public.t has about 10 rows in 8 KiB; the forecast is about 2.0 s (1.6 s to 2.4 s) under SHARE for 12,000,000 rows. Not measured: WAL."},
		"none waits":   {"a long statement that nobody waits for", "takes about 40 s (32 s to 48 s)"},
		"never":        {"a transaction that never ends", "one transaction of 20 minutes: an invocation has 15 minutes, so that it can never finish here"},
		"one of these": {"one that never ends outside a transaction", "one statement of 19 minutes: an invocation has 15 minutes, so that it can never finish here"},
		"unfinished":   {"the same outside a transaction", "needs 17 minutes, and an invocation has 15 minutes: it will end `unfinished` once"},
		"cut off":      {"a statement timeout", "takes about 20 s (16 s to 24 s), and the statement timeout is 10 s"},
	} {
		found := said(lint.Check(cases[c.of].input()))
		if !strings.Contains(found, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, found)
		}
	}
	several := cases["the same outside a transaction"]
	several.sql, several.effects = outside+strings.Repeat(validate, 4), slices.Repeat(validates, 4)
	several.forecasts = foreseen(11*time.Minute, 10*time.Minute, 9*time.Minute, 10*time.Minute)
	if found := said(lint.Check(several.input())); !strings.Contains(found, "needs 40 minutes, and an invocation has 15 minutes: it will end `unfinished` twice") {
		t.Error(found)
	}
}

// Who gives up before a statement is over is named.
func TestCheck_tellsWhoGivesUp(t *testing.T) {
	in := cases["a long forecast of a small table"].input()
	for _, c := range []struct {
		timeout migration.Timeout
		want    string
	}{
		{migration.Timeout{Role: "app", Setting: "lock_timeout", After: 2 * time.Second}, "for sessions of the role app (lock_timeout 2.0 s)."},
		{migration.Timeout{Setting: "statement_timeout", After: time.Second}, "for sessions of any role (statement_timeout 1.0 s)."},
		{migration.Timeout{Role: "app", Setting: "lock_timeout", After: 3 * time.Second}, ""},
	} {
		in.Timeouts = []migration.Timeout{c.timeout}
		found := said(lint.Check(in))
		if tells := strings.Contains(found, "Waiting fails with an error sooner"); tells != (c.want != "") || !strings.Contains(found, c.want) {
			t.Errorf("%+v:\n%s", c.timeout, found)
		}
	}
	in.Forecasts = nil
	in.Timeouts = []migration.Timeout{{Role: "app", Setting: "lock_timeout", After: time.Second}}
	if found := said(lint.Check(in)); strings.Contains(found, "Waiting fails") {
		t.Errorf("without a forecast:\n%s", found)
	}
}

func said(findings []migration.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.Summary, f.Detail)
	}
	return strings.Join(lines, "\n")
}

// A finding that hangs on a forecast, was accepted, and is not found any more.
func TestForetold(t *testing.T) {
	in := cases["a transaction that never ends"].input()
	files := []migration.Pending{{File: in.Files[0]}}
	const id = "AM581@2_change.sql:1"
	files[0].Stmts[0].Line = 1
	if got := lint.Foretold(files, nil, []string{id, "PG101@2_change.sql:1"}); len(got) != 1 || got[0].ID != id || got[0].Severity != migration.Info {
		t.Errorf("%+v", got)
	}
	if got := lint.Foretold(files, lint.Check(in), []string{id}); len(got) != 0 {
		t.Errorf("it is found: %+v", got)
	}
	if got := lint.Foretold(files, nil, nil); len(got) != 0 {
		t.Errorf("nobody accepted it: %+v", got)
	}
}
