package authoring

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// unknownWords finds what Atlas would read over in a body of HCL without a word:
// a column with a misspelt null is a nullable column.
func unknownWords(body *hclsyntax.Body, known *word, where string) []migration.Finding {
	var faults []migration.Finding
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		if !slices.Contains(known.attributes, name) {
			faults = append(faults, unknownWord(body.Attributes[name].NameRange, "attribute "+name, name, where, known))
		}
	}
	for _, b := range body.Blocks {
		inner, ok := known.blocks[b.Type]
		switch {
		case !ok:
			faults = append(faults, unknownWord(b.TypeRange, "block "+b.Type, b.Type, where, known))
		case inner == nil:
		case len(b.Labels) > inner.labels:
			faults = append(faults, migration.Finding{Code: codeUnknownWord, Severity: migration.Error, File: b.LabelRanges[inner.labels].Filename, Line: b.LabelRanges[inner.labels].Start.Line,
				Summary: fmt.Sprintf("the name %q of this %s would be ignored", b.Labels[inner.labels], b.Type),
				Fix:     fmt.Sprintf("Take it out: a %s has %s here.", b.Type, names(inner.labels))})
		default:
			faults = append(faults, unknownWords(b.Body, inner, b.Type)...)
		}
	}
	slices.SortStableFunc(faults, func(a, b migration.Finding) int { return a.Line - b.Line })
	return faults
}

func names(n int) string {
	return []string{"no name", "one name", "at most two names"}[n]
}

func unknownWord(at hcl.Range, what, name, where string, known *word) migration.Finding {
	f := migration.Finding{Code: codeUnknownWord, Severity: migration.Error, File: at.Filename, Line: at.Start.Line,
		Summary: fmt.Sprintf("unknown %s%s: it would be ignored", what, in(where))}
	candidates := slices.Concat(known.attributes, slices.Collect(maps.Keys(known.blocks)))
	slices.Sort(candidates)
	candidates = slices.Compact(candidates) // a column has an attribute as and a block as
	if sql, ok := refused[name]; ok {
		f.Code = codeUnsayable
		f.Summary = fmt.Sprintf("%s%s cannot be read from HCL here: it would be ignored", what, in(where))
		f.Fix = fmt.Sprintf("Take it out, and write it by hand in a file of aurora-migrate new (%s ...); or keep the whole desired state as SQL.", sql)
		return f
	}
	if name == "collate" || name == "collation" {
		f.Fix = "Take it out, and write it by hand in a file of aurora-migrate new (ALTER TABLE ... ALTER COLUMN ... TYPE ... COLLATE ...); or keep the whole desired state as SQL."
		return f
	}
	f.Fix = fmt.Sprintf("Known here: %s.", strings.Join(candidates, ", "))
	if near := nearest(name, candidates); near != "" {
		f.Fix = fmt.Sprintf("Did you mean %s? %s", near, f.Fix)
	}
	return f
}

func in(where string) string {
	if where == "" {
		return ""
	}
	return " in a " + where
}

// nearest is the nearest candidate, "" where none is near.
func nearest(name string, candidates []string) string {
	best, distance := "", 1+max(2, len(name)/3)
	for _, c := range candidates {
		if d := levenshtein.Distance(strings.ToLower(name), c, nil); d < distance {
			best, distance = c, d
		}
	}
	return best
}
