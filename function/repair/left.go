package repair

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// A Difference is an object in which two snapshots differ.
type Difference struct {
	Kind, Name string
	Gone       bool     // the first has it, the second not
	Come       bool     // the second has it, the first not
	Minus      []string // facts that only the first knows; none where Come
	Plus       []string // facts that only the second knows; none where Gone
}

// Left compares what is with what should be, every kind of object, in order of
// kind and name. With silent, only what HCL can say counts: schemas, enums,
// and tables with what Atlas knows of them.
//
// The order of facts does not count: PostgreSQL puts a new column behind the
// others, wherever the desired state has it.
func Left(is, want catalog.Snapshot, silent bool) []Difference {
	type key struct{ kind, name string }
	before := make(map[key]catalog.Object, len(is))
	for _, o := range is {
		before[key{o.Kind, o.Name}] = o
	}
	var left []Difference
	for _, o := range want {
		if o.Kind == "identity" && !silent {
			continue // the sequence tells more
		}
		k := key{o.Kind, o.Name}
		old, known := before[k]
		delete(before, k)
		if silent && !sayable(o) {
			continue
		}
		d := Difference{Kind: o.Kind, Name: o.Name, Come: !known}
		if known && old.Definition == o.Definition {
			continue
		}
		d.Minus, d.Plus = lines(old.Definition, o.Definition, silent)
		if o.Kind == "enum" && known && len(d.Minus)+len(d.Plus) == 0 {
			d.Minus, d.Plus = order(old.Definition, o.Definition)
		}
		if d.Come || len(d.Minus)+len(d.Plus) > 0 {
			left = append(left, d)
		}
	}
	for _, o := range before {
		if !silent && o.Kind != "identity" || silent && sayable(o) {
			minus, _ := lines(o.Definition, "", silent)
			left = append(left, Difference{Kind: o.Kind, Name: o.Name, Gone: true, Minus: minus})
		}
	}
	slices.SortFunc(left, func(a, b Difference) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return left
}

// order tells of the values of an enum, whose order counts.
func order(is, want string) (minus, plus []string) {
	a, b := labels(is), labels(want)
	if a == b {
		return nil, nil
	}
	return []string{"labels " + a}, []string{"labels " + b}
}

func labels(definition string) string {
	var all []string
	for l := range strings.SplitSeq(definition, "\n") {
		if label, ok := strings.CutPrefix(l, "label "); ok {
			all = append(all, label)
		}
	}
	return strings.Join(all, ", ")
}

// sayable says whether HCL can speak of an object. Of a table that belongs to
// another, as a partition or by inheritance, it cannot.
func sayable(o catalog.Object) bool {
	return slices.Contains([]string{"enum", "schema", "identity"}, o.Kind) || o.Kind == "table" &&
		!slices.ContainsFunc(strings.Split(o.Definition, "\n"), func(l string) bool { return strings.HasPrefix(l, "inherits ") })
}

// lines are the facts that only one of two definitions knows.
func lines(is, want string, silent bool) (minus, plus []string) {
	a, b := facts(is, silent), facts(want, silent)
	for _, l := range a {
		if !slices.Contains(b, l) {
			minus = append(minus, l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			plus = append(plus, l)
		}
	}
	return minus, plus
}

var (
	// What HCL cannot say of a column, a constraint or an index.
	columnRest     = regexp.MustCompile(` collation=.*? storage=.*? statistics=.*? acl=.*? options=.*? default=`)
	constraintRest = regexp.MustCompile(`( DEFERRABLE)?( INITIALLY DEFERRED)?( NOT VALID)?( NOT ENFORCED)? valid=[tf]? comment=.*$`)
	indexRest      = regexp.MustCompile(` WITH \([^)]*\)| COLLATE (?:"(?:[^"]|"")*"|[\w.])+| invalid| replica identity| clustered| deferrable`)
	// PostgreSQL 18 keeps NOT NULL as a constraint too, under a name of its own
	// making; the column says it already.
	notNull = regexp.MustCompile(`^constraint (?:"(?:[^"]|"")*"|\S+) NOT NULL `)

	// The number of a column says when it came, and the columns before it that
	// went count too.
	ownedBy = regexp.MustCompile(`^(owned by .*) \d+$`)

	exclusion = regexp.MustCompile(`(?m)^constraint ("(?:[^"]|"")*"|\S+) EXCLUDE `)
)

// facts are the lines of a definition that count. A child tells of its parent
// itself.
func facts(definition string, silent bool) (kept []string) {
	var unsaid []string // beginnings of the lines of indexes that HCL cannot say
	if silent {
		for _, m := range exclusion.FindAllStringSubmatch(definition, -1) {
			unsaid = append(unsaid, "index CREATE INDEX "+m[1]+" ON ")
		}
	}
	for l := range strings.SplitSeq(definition, "\n") {
		if l == "" || strings.HasPrefix(l, "child ") || notNull.MatchString(l) || slices.ContainsFunc(unsaid, func(begin string) bool { return strings.HasPrefix(l, begin) }) {
			continue
		}
		if silent {
			if l = said(l); l == "" {
				continue
			}
		}
		kept = append(kept, ownedBy.ReplaceAllString(l, "$1"))
	}
	return kept
}

// said is what HCL can say of a fact, "" where that is nothing.
func said(fact string) string {
	word, _, _ := strings.Cut(fact, " ")
	switch word {
	case "comment", "label":
		return fact
	case "partition":
		if strings.HasPrefix(fact, "partition by ") {
			return fact
		}
	case "identity":
		return fact
	case "column":
		return columnRest.ReplaceAllString(fact, " default=")
	case "constraint":
		if !strings.Contains(fact, " EXCLUDE ") {
			return constraintRest.ReplaceAllString(fact, "")
		}
	case "index":
		return indexRest.ReplaceAllString(fact, "")
	}
	return ""
}
