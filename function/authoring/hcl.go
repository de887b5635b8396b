package authoring

import (
	"errors"
	"fmt"
	"strings"

	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A description is a desired state of HCL: what Atlas reads of it, and where
// each thing stands.
type description struct {
	realm  *schema.Realm
	places map[string]hcl.Range // "schema.table", "schema.table|part"
}

// describe parses and evaluates HCL. Nothing is evaluated where there is a word
// that would be read over.
func describe(sources []source) (*description, []migration.Finding) {
	d := &description{realm: &schema.Realm{}, places: make(map[string]hcl.Range)}
	parser := hclparse.NewParser()
	var faults []migration.Finding
	for _, s := range sources {
		file, diags := parser.ParseHCL([]byte(s.text), s.path)
		if diags.HasErrors() {
			faults = append(faults, diagnosed(diags)...)
			continue
		}
		body := file.Body.(*hclsyntax.Body) // ParseHCL makes no other
		faults = append(faults, unknownWords(body, vocabulary, "")...)
		d.note(body)
	}
	if len(faults) > 0 {
		return d, faults
	}
	return d, d.evaluate(parser, sources[0].path)
}

// evaluate has Atlas's library read what was parsed. It panics on some of what
// people write (a primary key over a column that is not there).
func (d *description) evaluate(parser *hclparse.Parser, path string) (faults []migration.Finding) {
	const fix = "Mend it; the documentation of the language is at https://atlasgo.io/atlas-schema/hcl-schema."
	defer func() {
		if p := recover(); p != nil {
			faults = []migration.Finding{{Code: codeSyntax, Severity: migration.Error, File: path, Summary: "Atlas's library cannot read it and does not say why",
				Detail: fmt.Sprint(p), Fix: "Look for a primary key, an index or a foreign key over a column that the table does not have. " + fix}}
		}
	}()
	err := postgres.EvalHCL.Eval(parser, d.realm, nil)
	var diags hcl.Diagnostics
	switch {
	case err == nil:
		return nil
	case errors.As(err, &diags):
		return diagnosed(diags)
	}
	f := migration.Finding{Code: codeSyntax, Severity: migration.Error, File: path, Summary: err.Error(), Fix: fix}
	if at, ok := d.mentioned(err.Error()); ok {
		f.File, f.Line = at.Filename, at.Start.Line
	}
	return []migration.Finding{f}
}

// mentioned is where the table stands whose name an error of Atlas's quotes.
func (d *description) mentioned(text string) (hcl.Range, bool) {
	for key, at := range d.places {
		if _, name, _ := strings.Cut(key, "."); !strings.Contains(key, "|") && strings.Contains(text, `"`+name+`"`) {
			return at, true
		}
	}
	return hcl.Range{}, false
}

func diagnosed(diags hcl.Diagnostics) []migration.Finding {
	var faults []migration.Finding
	for _, diag := range diags {
		if diag.Severity != hcl.DiagError {
			continue
		}
		f := migration.Finding{Code: codeSyntax, Severity: migration.Error, Summary: diag.Summary, Detail: diag.Detail, Fix: "Mend the HCL."}
		if diag.Subject != nil {
			f.File, f.Line = diag.Subject.Filename, diag.Subject.Start.Line
		}
		faults = append(faults, f)
	}
	return faults
}

// note remembers where tables, enums and their parts stand.
func (d *description) note(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		if (b.Type != "table" && b.Type != "enum") || len(b.Labels) == 0 {
			continue
		}
		name := schemaOf(b) + "." + b.Labels[len(b.Labels)-1]
		d.places[name] = b.DefRange()
		for _, inner := range b.Body.Blocks {
			label := inner.Type
			if len(inner.Labels) > 0 {
				label = inner.Labels[0]
			}
			d.places[name+"|"+label] = inner.DefRange()
		}
	}
}

// schemaOf is the x of schema = schema.x, "" where it is said otherwise.
func schemaOf(b *hclsyntax.Block) string {
	a, ok := b.Body.Attributes["schema"]
	if !ok {
		return ""
	}
	t, diags := hcl.AbsTraversalForExpr(a.Expr)
	if diags.HasErrors() || len(t) < 2 {
		return ""
	}
	switch step := t[len(t)-1].(type) {
	case hcl.TraverseAttr:
		return step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			return step.Key.AsString()
		}
	}
	return ""
}
