package migration

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// A Plan is a draft sealed against a live database: a value, named by its
// digest. Two plans with one digest do the same to the same database.
type Plan struct {
	Draft
	Digest  Digest
	Parts   Parts
	Touched []catalog.Mark
	Schema  string // the schema part in full, as it goes into the rows that the plan writes
}

// Seal turns a draft into a plan. live is what the draft touches, as the
// database has it now.
//
// A plan that has begun has changed what it touches, so live cannot show what
// was approved; the rows that it wrote say what the schema was when its digest
// was first verified, under the lock, and that is what is sealed then; another
// one where something has strayed since.
func (d Draft) Seal(live catalog.Snapshot, target Target, settings Settings) Plan {
	schema := live.Fingerprint()
	if len(d.Own) > 0 {
		s, _ := d.Own[0].Stamp()
		schema = s.Schema
	}
	if len(d.Strayed) > 0 {
		var f fields
		f.add(schema)
		f.add(d.Strayed...)
		schema = f.sum()
	}
	parts := Parts{
		FilesPart:    d.filesPart(),
		HistoryPart:  d.History.part(),
		SchemaPart:   schema,
		EnginePart:   target.enginePart(),
		TargetPart:   target.part(),
		SettingsPart: settings.part(),
	}
	return Plan{Draft: d, Digest: parts.Digest(), Parts: parts, Touched: live.Marks(), Schema: schema}
}

func (d Draft) filesPart() string {
	var f fields
	f.add("apply")
	for _, p := range d.Files {
		f.add(p.Name, string(p.TxMode), p.Text)
	}
	return f.sum()
}

func (h History) part() string {
	var f fields
	for _, r := range h {
		f.add(r.Version, itoa(int(r.Type)), itoa(r.Applied), itoa(r.Total), r.Hash)
	}
	return f.sum()
}

// Touches is what a draft names, and what the replay saw it lock or change, if
// there is one: the words that could be names of objects, and whether names may be
// built at run time, so that words do not tell.
func (d Draft) Touches(r *Replay) (words []string, everything bool) {
	var text []string
	for _, p := range d.Files {
		text = append(text, p.Text)
		everything = everything || Dynamic(p.Stmts)
	}
	words = Words(strings.Join(text, "\n"))
	for _, p := range d.Files {
		seen, _ := r.Find(p.Name)
		words = append(words, seen.touches()...)
	}
	slices.Sort(words)
	return slices.Compact(words), everything
}

// touches are the names of the relations that a file was seen to lock or change,
// without their schemas. What PostgreSQL has of its own is not among them.
func (f FileReplay) touches() (names []string) {
	add := func(qualified string) {
		if name := catalog.Last(qualified); name != "" && !strings.HasPrefix(qualified, "pg_catalog.") {
			names = append(names, name)
		}
	}
	for _, e := range f.Statements {
		for _, l := range e.Locks {
			add(l.Relation)
		}
		for _, s := range slices.Concat(e.Rewrites, e.Truncates) {
			add(s)
		}
		for _, i := range e.Indexes {
			add(i.Table)
		}
		for _, c := range e.Constraints {
			add(c.Table)
			add(c.References)
		}
		for _, c := range e.Columns {
			add(c.Table)
		}
		for _, r := range e.Rows {
			add(r.Table)
		}
		for _, o := range e.Objects {
			if o.Existed {
				add(o.On)
			}
		}
	}
	return names
}

// Seal of a baseline: the rows that it would write stand for its files.
func (b Adoption) Seal(target Target, settings Settings) Plan {
	var f fields
	f.add("baseline", b.Version)
	for _, r := range b.Write {
		f.add("write", r.Version, r.Description, itoa(int(r.Type)), itoa(r.Applied), itoa(r.Total), r.Hash)
	}
	for _, v := range b.Delete {
		f.add("delete", v)
	}
	parts := Parts{
		FilesPart:    f.sum(),
		HistoryPart:  b.History.part(),
		SchemaPart:   catalog.Snapshot{}.Fingerprint(),
		EnginePart:   target.enginePart(),
		TargetPart:   target.part(),
		SettingsPart: settings.part(),
	}
	return Plan{Draft: Draft{History: b.History, To: b.Version}, Digest: parts.Digest(), Parts: parts, Schema: parts[SchemaPart]}
}
