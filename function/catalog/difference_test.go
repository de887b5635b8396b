package catalog

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func table(lines ...string) Snapshot {
	return Snapshot{{"table", "public.t", strings.Join(lines, "\n")}}
}

const relation = "relation r p owner=app acl=%s options= toast= rls=f,f identity=d method=heap tablespace=0 populated=t"

func owned(acl string) string { return strings.Replace(relation, "%s", acl, 1) }

const columnA = "column a integer collation= storage=p statistics= acl= options= default= comment="

// What differs is told in words that need no knowledge of how it was read.
func TestDifferences_inWords(t *testing.T) {
	for name, c := range map[string]struct {
		should, is Snapshot
		how        How
		want       []string
	}{
		"a type":            {table(columnA), table(strings.Replace(columnA, "integer", "text", 1)), Differs, []string{"column a is text, and the migrations say integer"}},
		"a type and NULL":   {table(columnA), table(strings.Replace(columnA, "integer", "text not null", 1)), Differs, []string{"column a is text, and the migrations say integer", "column a is NOT NULL, and the migrations let it be null"}},
		"a quoted name":     {table(strings.Replace(columnA, "a", `"a b"`, 1)), table(), Differs, []string{`column "a b" (integer) is not there, and the migrations make it`}},
		"a tricky default":  {table(strings.Replace(columnA, "default=", "default=' comment=x'::text", 1)), table(columnA), Differs, []string{"the default of column a is none, and the migrations say ' comment=x'::text"}},
		"a comment":         {table(columnA), table(columnA + "hidden words"), Differs, []string{"column a has another comment than the migrations give it"}},
		"a detach":          {table("inherits public.p"), table("inherits public.p detach pending"), Differs, []string{"it is half detached from public.p (detach pending)"}},
		"an index":          {table("index CREATE INDEX i ON public.t USING btree (a) tablespace=0 statistics= comment="), table("index CREATE INDEX i ON public.t USING btree (a) invalid tablespace=0 statistics= comment="), Differs, []string{"index i is INVALID: it is never used, and still written to"}},
		"a valid one":       {table("index CREATE INDEX i ON public.t USING btree (a) invalid tablespace=0 statistics= comment="), table("index CREATE INDEX i ON public.t USING btree (a) tablespace=0 statistics= comment="), Differs, []string{"index i is nothing of the kind, and the migrations say invalid"}},
		"an owner":          {table(owned("")), table(strings.Replace(owned(""), "owner=app", "owner=bob", 1)), Differs, []string{"its owner is bob, and the migrations say app"}},
		"no grants":         {table(owned("")), table(owned("{app=arwdDxt/app}")), "", nil},
		"grants":            {table(owned("")), table(owned(`{app=arwdDxt/app,"\"a b\"=r*w/app",=r/app}`)), Granted, []string{"SELECT is granted to PUBLIC, and not by the migrations", `SELECT, UPDATE is granted to "a b", and not by the migrations`}},
		"grants taken":      {table(owned("{app=arwdDxt/app,bob=rw/app}")), table(owned("{app=arwdDxt/app,bob=r/app}")), Differs, []string{"UPDATE is not granted to bob, and the migrations grant it"}},
		"the order":         {table("column a integer", "column b integer"), table("column b integer", "column a integer"), Differs, []string{"its columns stand in another order than the migrations make them"}},
		"twice":             {table("inherits a", "x"), table("inherits a", "x", "x"), Differs, []string{"its text is not the one that the migrations give it"}},
		"a bound":           {table("partition of FOR VALUES IN (1)"), table("partition of FOR VALUES IN (2)"), Differs, []string{"it is partition of FOR VALUES IN (2), and the migrations say partition of FOR VALUES IN (1)"}},
		"another statistic": {table(columnA), table(strings.Replace(columnA, "statistics=", "statistics=100", 1)), Differs, []string{"the statistics of column a is 100, and the migrations say none"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Whole(c.should).Differences(c.is)
			if c.how == "" {
				if len(got) > 0 {
					t.Errorf("got %+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].How != c.how {
				t.Fatalf("got %+v", got)
			}
			if diff := cmp.Diff(c.want, slices.Concat(got[0].Said, got[0].Lost, got[0].Beyond)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever differs is told, each object once and in order, and nothing where
// nothing does; while something is under way, both sides of it are right.
func TestDifferences_tellAllAndNothingElse(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 7))
		before, after, is := anySnapshot(r), anySnapshot(r), anySnapshot(r)
		var got []string
		for _, d := range Whole(before).Differences(is) {
			got = append(got, d.Kind+" "+d.Name)
			if d.How == "" || d.How == Differs && len(d.Said) == 0 {
				t.Fatalf("seed %d: says nothing of %+v", seed, d)
			}
		}
		var want []string
		for _, e := range Edits(before, is) {
			want = append(want, e.Kind+" "+e.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		between := Standard{Before: before, After: after}
		if d := append(between.Differences(before), between.Differences(after)...); len(d) > 0 {
			t.Fatalf("seed %d: of the sides themselves: %+v", seed, d)
		}
	}
}

// Half-way, a part may be as on either side, and what is on neither is told.
func TestDifferences_halfWay(t *testing.T) {
	s := Standard{Before: table("column a integer", "column b integer"), After: table("column a bigint", "column b integer", "column c integer")}
	for _, c := range []struct {
		is   Snapshot
		want string
	}{
		{table("column a bigint", "column b integer"), ""},
		{table("column a integer", "column b integer", "column c integer"), ""},
		{table("column a integer", "column c integer"), "column b (integer) is not there, and the migrations make it"},
		{table("column a integer", "column b integer", "column d integer"), "column d (integer) is there, and no migration makes it"},
		{Snapshot{}, "missing"},
	} {
		var got []string
		for _, d := range s.Differences(c.is) {
			got = append(got, strings.Join(append(d.Said, map[How]string{Missing: "missing"}[d.How]), ""))
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%q: got %q, want %q", c.is, got, c.want)
		}
	}
	s.Passing = func(name string) bool { return name == "d" }
	if d := s.Differences(table("column a integer", "column b integer", "column d integer")); len(d) > 0 {
		t.Errorf("what may come and go: %+v", d)
	}
	s.Unknown = func(name string) bool { return name == "t" }
	if d := s.Differences(Snapshot{}); len(d) > 0 {
		t.Errorf("what is not known: %+v", d)
	}
}

func TestLast(t *testing.T) {
	for name, want := range map[string]string{
		"public.t": "t", `public."T.x"`: "T.x", `"a""b"."c""d"`: `c"d`, "app.f(integer, public.t)": "f", "t": "t", "": "", `app."f(x)"(integer)`: "f(x)",
	} {
		if got := Last(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
