package authoring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

// left tells what of the difference a state still has to the desired one.
func (w *walk) left(is *state) {
	for _, d := range differences(is, w.should, w.want) {
		w.findings = append(w.findings, w.want.told(d))
	}
}

// differences leaves out the schemas that the desired state does not speak of.
func differences(is, should *state, want *desired) []repair.Difference {
	schemas := want.spokenOf(should)
	return repair.Left(repair.In(is.snapshot, schemas), repair.In(should.snapshot, schemas), want.isHCL)
}

// spokenOf are the schemas that a desired state describes.
func (d *desired) spokenOf(should *state) (names []string) {
	if !d.isHCL {
		return repair.Schemas(should.snapshot)
	}
	for _, s := range d.hcl.realm.Schemas {
		names = append(names, s.Name)
	}
	return names
}

// ignored are the other schemas, where there is something in them.
func ignored(is, should *state, want *desired) (names []string) {
	spoken := want.spokenOf(should)
	for _, name := range repair.Schemas(is.snapshot) {
		inIt := func(o catalog.Object) bool { return o.Kind != "schema" && repair.SchemaOf(o.Name) == name }
		if !slices.Contains(spoken, name) && (name != "public" || slices.ContainsFunc(is.snapshot, inIt)) {
			names = append(names, name)
		}
	}
	return names
}

// told names a difference that nobody plans yet, with the statement to write.
func (d *desired) told(diff repair.Difference) migration.Finding {
	f := migration.Finding{Code: repair.NotCompared, Severity: migration.Warning, Detail: detail(diff)}
	switch {
	case diff.Come:
		f.Summary = fmt.Sprintf("the %s %s is missing in the directory: objects of its kind are not compared yet", diff.Kind, diff.Name)
	case diff.Gone:
		f.Summary = fmt.Sprintf("the %s %s is in the directory and not in the desired state: objects of its kind are not compared yet", diff.Kind, diff.Name)
	default:
		f.Summary = fmt.Sprintf("the %s %s differs in what is not compared yet", diff.Kind, diff.Name)
	}
	if diff.Kind == "enum" || d.isHCL {
		f.Code = repair.NotReached
		f.Summary = strings.TrimSuffix(f.Summary, ": objects of its kind are not compared yet")
		f.Summary = strings.Replace(f.Summary, "differs in what is not compared yet", "is not what it should be", 1)
	}
	stmt, at, line := d.statement(diff)
	f.File, f.Line = at, line
	if line == 0 {
		f.File, f.Line = d.place(repair.SchemaOf(diff.Name)+"."+repair.NameOf(diff.Name), "")
	}
	f.Fix = "Write by hand: " + stmt
	if stmt == "" {
		f.Fix = "Write by hand what makes the difference."
	}
	return f
}

func detail(d repair.Difference) string {
	if d.Come || d.Gone {
		return ""
	}
	var said []string
	for _, l := range d.Minus {
		said = append(said, "is:        "+l)
	}
	for _, l := range d.Plus {
		said = append(said, "should be: "+l)
	}
	return strings.Join(said, "\n")
}

// statement is what a person would write: of an object that should go, its
// DROP; else what the desired state says of it.
func (d *desired) statement(diff repair.Difference) (stmt, file string, line int) {
	if diff.Gone {
		return fmt.Sprintf("DROP %s %s;", strings.ToUpper(dropped(diff.Kind)), diff.Name), "", 0
	}
	var found []string
	for _, s := range d.sources {
		if d.isHCL {
			break
		}
		stmts, _ := migration.Split(s.text)
		for _, st := range stmts {
			if !speaks(st, diff) {
				continue
			}
			if line == 0 {
				file, line = s.path, st.Line
			}
			found = append(found, migration.Mask(st.Text))
		}
	}
	if len(found) > 0 {
		return strings.Join(found, "\n"), file, line
	}
	return ofFacts(diff), "", 0
}

// ofFacts is the statement that the facts of a difference themselves tell.
func ofFacts(diff repair.Difference) string {
	for _, l := range diff.Minus {
		if name, ok := named(l); ok {
			return fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s;", diff.Name, name)
		}
		if parent, ok := strings.CutPrefix(l, "inherits "); ok {
			return fmt.Sprintf("ALTER TABLE %s NO INHERIT %s;", diff.Name, parent)
		}
	}
	for _, l := range diff.Plus {
		if parent, ok := strings.CutPrefix(l, "inherits "); ok {
			return fmt.Sprintf("ALTER TABLE %s INHERIT %s;", diff.Name, parent)
		}
	}
	return ""
}

// dropped is what DROP calls a kind.
func dropped(kind string) string {
	switch kind {
	case "enum", "composite type", "range":
		return "type"
	}
	return kind
}

// named is the name of a constraint that a fact tells of.
func named(fact string) (string, bool) {
	rest, ok := strings.CutPrefix(fact, "constraint ")
	if !ok {
		return "", false
	}
	name, _, ok := strings.Cut(rest, " ")
	return name, ok
}

// speaks says whether a statement is about an object: its name is among its
// words, and it is not the one that creates it where only a part is missing.
func speaks(st migration.Stmt, diff repair.Difference) bool {
	text := strings.ToLower(st.Text)
	if diff.Kind == "default privileges" { // these have no name
		return strings.HasPrefix(text, "alter default privileges")
	}
	if !slices.Contains(migration.Words(st.Text), repair.NameOf(diff.Name)) {
		return false
	}
	if diff.Kind == "table" || diff.Kind == "enum" {
		return diff.Come || !strings.HasPrefix(text, "create table") && !strings.HasPrefix(text, "create type")
	}
	return strings.Contains(text, keyword(diff.Kind))
}

// keyword is the word of a statement about an object of a kind.
func keyword(kind string) string {
	switch kind {
	case "materialized view":
		return "view"
	case "composite type", "range":
		return "type"
	}
	return kind
}
