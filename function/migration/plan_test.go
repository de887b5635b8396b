package migration_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// An altered plan is not the one that was approved: a digest is void once a
// file is edited, a row came, a setting or the target is another.
func TestSeal_tellsWhatDiffers(t *testing.T) {
	f := folder{"1_a.sql": "SELECT 1;\n", "2_b.sql": "SELECT 2;\nSELECT 3;\n", "3_c.sql": "SELECT 4;\n"}
	row := migration.Revision{Version: "1", Description: "a", Type: migration.Executed, Applied: 1, Total: 1, Hash: f.dir(t).Files[0].Hash}
	live := catalog.Snapshot{{Kind: "table", Name: "t"}}
	target := migration.Target{Cluster: "c", Database: "d", Role: "r", User: "u", Host: "h", Engine: "e"}
	seal := func(f folder, to string, h migration.History, live catalog.Snapshot, target migration.Target, s migration.Settings) migration.Plan {
		draft, findings := migration.NewDraft(f.dir(t), h, to, migration.Digest{})
		if len(findings) > 0 {
			t.Fatal(codes(findings))
		}
		return draft.Seal(live, target, s.Defaults())
	}
	digest := seal(f, "", migration.History{row}, live, target, migration.Settings{}).Digest
	with := func(change func(f folder, h *migration.Revision, live *catalog.Object, target *migration.Target, s *migration.Settings)) migration.Plan {
		f, row, object, target, settings := maps.Clone(f), row, live[0], target, migration.Settings{}
		change(f, &row, &object, &target, &settings)
		return seal(f, "", migration.History{row}, catalog.Snapshot{object}, target, settings)
	}
	type (
		fo = folder
		re = *migration.Revision
		ob = *catalog.Object
		ta = *migration.Target
		se = *migration.Settings
	)
	for name, c := range map[string]struct {
		plan migration.Plan
		want string
	}{
		"nothing":       {with(func(fo, re, ob, ta, se) {}), "[]"},
		"user and host": {with(func(_ fo, _ re, _ ob, t ta, _ se) { t.User, t.Host = "x", "y" }), "[]"},
		"time and operator": {with(func(_ fo, r re, _ ob, _ ta, _ se) {
			r.ExecutedAt, r.OperatorVersion, r.ExecutionTime = time.Now(), "x", 9
		}), "[]"},
		"the default by name":    {with(func(_ fo, _ re, _ ob, _ ta, s se) { s.LockTimeout = 2 * time.Second }), "[]"},
		"a byte of a file":       {with(func(f fo, _ re, _ ob, _ ta, _ se) { f["3_c.sql"] += "\n" }), "[files]"},
		"its first byte":         {with(func(f fo, _ re, _ ob, _ ta, _ se) { f["3_c.sql"] = "s" + f["3_c.sql"][1:] }), "[files]"},
		"the name of a file":     {with(func(f fo, _ re, _ ob, _ ta, _ se) { f["3_d.sql"] = f["3_c.sql"]; delete(f, "3_c.sql") }), "[files]"},
		"a file more":            {with(func(f fo, _ re, _ ob, _ ta, _ se) { f["4_d.sql"] = "SELECT 1;" }), "[files]"},
		"a file less":            {with(func(f fo, _ re, _ ob, _ ta, _ se) { delete(f, "3_c.sql") }), "[files]"},
		"the transaction mode":   {with(func(f fo, _ re, _ ob, _ ta, _ se) { f["3_c.sql"] = "-- atlas:txmode none\n\n" + f["3_c.sql"] }), "[files]"},
		"up to a version":        {seal(f, "2", migration.History{row}, live, target, migration.Settings{}), "[files]"},
		"up to the last version": {seal(f, "3", migration.History{row}, live, target, migration.Settings{}), "[]"},
		"the type of a row":      {with(func(_ fo, r re, _ ob, _ ta, _ se) { r.Type = migration.Resolved }), "[history]"},
		"the hash of a row":      {with(func(_ fo, r re, _ ob, _ ta, _ se) { r.Hash = "" }), "[history]"},
		"counts of a row":        {with(func(_ fo, r re, _ ob, _ ta, _ se) { r.Applied, r.Total = 2, 2 }), "[history]"},
		"no row":                 {seal(f, "", nil, live, target, migration.Settings{}), "[files history]"},
		"a definition":           {with(func(_ fo, _ re, o ob, _ ta, _ se) { o.Definition = "x" }), "[schema]"},
		"the name of an object":  {with(func(_ fo, _ re, o ob, _ ta, _ se) { o.Name = "x" }), "[schema]"},
		"the engine":             {with(func(_ fo, _ re, _ ob, t ta, _ se) { t.Engine = "x" }), "[engine]"},
		"the cluster":            {with(func(_ fo, _ re, _ ob, t ta, _ se) { t.Cluster = "x" }), "[target]"},
		"the database":           {with(func(_ fo, _ re, _ ob, t ta, _ se) { t.Database = "x" }), "[target]"},
		"the role":               {with(func(_ fo, _ re, _ ob, t ta, _ se) { t.Role = "x" }), "[target]"},
		"two names shifted":      {with(func(_ fo, _ re, _ ob, t ta, _ se) { t.Cluster, t.Database = "c1", "" }), "[target]"},
		"lock_timeout":           {with(func(_ fo, _ re, _ ob, _ ta, s se) { s.LockTimeout = time.Second }), "[settings]"},
		"the lock budget":        {with(func(_ fo, _ re, _ ob, _ ta, s se) { s.LockBudget = time.Minute }), "[settings]"},
		"statement_timeout":      {with(func(_ fo, _ re, _ ob, _ ta, s se) { s.StatementTimeout = time.Minute }), "[settings]"},
		"the history's schema":   {with(func(_ fo, _ re, _ ob, _ ta, s se) { s.HistorySchema = "x" }), "[settings]"},
		"the policy":             {with(func(_ fo, _ re, _ ob, _ ta, s se) { s.Approval = migration.NoApproval }), "[settings]"},
	} {
		if got := fmt.Sprint(digest.Differing(c.plan.Parts)); got != c.want || digest.Names(c.plan.Parts) != (c.want == "[]") {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestDraft_Touches(t *testing.T) {
	dir := folder{"1_a.sql": "ALTER TABLE a ADD b int;\n", "2_b.sql": "CREATE VIEW v AS SELECT * FROM \"C d\";\n"}.dir(t)
	draft, _ := migration.NewDraft(dir, nil, "1", migration.Digest{})
	words, everything := draft.Touches(nil)
	if everything || !slices.Contains(words, "a") || slices.Contains(words, "v") {
		t.Errorf("up to 1: %v, %v", words, everything)
	}
	draft, _ = migration.NewDraft(dir, nil, "", migration.Digest{})
	if words, everything = draft.Touches(nil); everything || !slices.Contains(words, "a") || !slices.Contains(words, "C d") {
		t.Errorf("all: %v, %v", words, everything)
	}
	dir = folder{"1_a.sql": "SELECT 1;\n", "2_b.sql": "DO $$ BEGIN END $$;\n"}.dir(t)
	draft, _ = migration.NewDraft(dir, nil, "", migration.Digest{})
	if _, everything = draft.Touches(nil); !everything {
		t.Error("DO touches everything")
	}
}

// A baseline has a digest of its own kind: no plan of files has it, and it
// changes with every row that would be written or go.
func TestAdoption_Seal(t *testing.T) {
	dir := folder{"1_a.sql": "SELECT 1;\n", "2_b.sql": "SELECT 2;\n"}.dir(t)
	target, settings := migration.Target{Database: "d"}, migration.Settings{}.Defaults()
	seal := func(h migration.History, version string) migration.Plan {
		adoption, findings := migration.Adopt(dir, h, version)
		if len(findings) > 0 {
			t.Fatal(codes(findings))
		}
		return adoption.Seal(target, settings)
	}
	half := migration.History{{Version: "1", Type: migration.Executed, Applied: 1, Total: 2, Hash: "h"}}
	draft, _ := migration.NewDraft(dir, nil, "", migration.Digest{})
	seen := map[string]string{draft.Seal(nil, target, settings).Digest.String(): "a plan"}
	for name, p := range map[string]migration.Plan{"empty, to 1": seal(nil, "1"), "empty, to 2": seal(nil, "2"), "half, to 1": seal(half, "1"), "half, to 2": seal(half, "2")} {
		if other, ok := seen[p.Digest.String()]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[p.Digest.String()] = name
	}
	if a, b := seal(half, "2"), seal(half, "2"); a.Digest != b.Digest || len(a.Files) > 0 || a.Schema == "" {
		t.Errorf("two of one state: %v, %v", a, b)
	}
}
