package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// A catalogue is what the database holds between two files.
type catalogue struct {
	objects map[string]string // kind, NUL, name: definition
	tables  map[string]*table // those that were asked for
	bare    map[string]string // tables by their names without a schema, once asked for
}

func newCatalogue(s catalog.Snapshot) *catalogue {
	c := &catalogue{objects: make(map[string]string, len(s)), tables: make(map[string]*table)}
	for _, o := range s {
		c.objects[o.Kind+"\x00"+o.Name] = o.Definition
	}
	return c
}

// after returns the catalogue that edits lead to; c stays what it is.
func (c *catalogue) after(edits []catalog.Edit) *catalogue {
	next := &catalogue{objects: maps.Clone(c.objects), tables: make(map[string]*table)}
	for _, e := range edits {
		key := e.Kind + "\x00" + e.Name
		if e.Gone {
			delete(next.objects, key)
			continue
		}
		var was catalog.Snapshot
		if definition, ok := next.objects[key]; ok {
			was = catalog.Snapshot{{Kind: e.Kind, Name: e.Name, Definition: definition}}
		}
		next.objects[key] = was.Apply([]catalog.Edit{e})[0].Definition
	}
	return next
}

// get returns the definition of an object, "" where there is none.
func (c *catalogue) get(kind, name string) string { return c.objects[kind+"\x00"+name] }

// has says that there is a relation of that name that can be read.
func (c *catalogue) has(name string) bool {
	for _, kind := range []string{"table", "view", "materialized view", "foreign table"} {
		if c.get(kind, name) != "" {
			return true
		}
	}
	return false
}

// each yields the names of the objects of a kind, sorted.
func (c *catalogue) each(kind string) []string {
	var names []string
	for key := range c.objects {
		if name, ok := strings.CutPrefix(key, kind+"\x00"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// called is the table of that name in some schema, in public where there is one;
// "" for none.
func (c *catalogue) called(bare string) string {
	if c.bare == nil {
		c.bare = make(map[string]string)
		for _, name := range c.each("table") {
			if _, there := c.bare[last(name)]; !there || schema(name) == "public" {
				c.bare[last(name)] = name
			}
		}
	}
	return c.bare[bare]
}

// A table is what the definition of a table says.
type table struct {
	name            string
	persistence     string // p, u, t
	partitioned     string // "RANGE (at)"; "" for a table that is not
	bound           string // "FOR VALUES ..."; "" for one that is no partition
	parents         []string
	children        []string
	columns         []column
	constraints     []constraint
	indexes         []index
	facts           string // the first line
	policies        []rowPolicy
	triggersOff     bool // of foreign keys
	publications    []published
	triggers, rules []trigger
}

type column struct {
	name     string // quoted where need be
	typ      string
	notNull  bool
	fallback string // default or expression, "" for none
	identity string // a, d or ""
	stored   bool
	acl      string // {role=r/owner}, "" for none
}

type constraint struct {
	name       string
	definition string
	valid      bool
}

type index struct {
	definition string
	invalid    bool
	identity   bool
}

// table returns what is known of a table; nil where there is none.
func (c *catalogue) table(name string) *table {
	if t, ok := c.tables[name]; ok {
		return t
	}
	var t *table
	for _, kind := range []string{"table", "materialized view", "foreign table"} {
		if d := c.get(kind, name); d != "" {
			t = readTable(name, d)
			break
		}
	}
	c.tables[name] = t
	return t
}

func readTable(name, definition string) *table {
	t := &table{name: name}
	inRule, inPolicy := "", ""
	for line := range strings.SplitSeq(definition, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "relation":
			if t.facts == "" {
				t.facts = line
				if f := strings.Fields(rest); len(f) > 1 {
					t.persistence = f[1]
				}
			}
		case "partition":
			if by, ok := strings.CutPrefix(rest, "by "); ok {
				t.partitioned = by
			} else if of, ok := strings.CutPrefix(rest, "of "); ok {
				t.bound = of
			}
		case "inherits":
			t.parents = append(t.parents, strings.TrimSuffix(rest, " detach pending"))
		case "child":
			t.children = append(t.children, rest)
		case "column":
			t.columns = append(t.columns, readColumn(rest))
		case "constraint":
			t.constraints = append(t.constraints, readConstraint(rest))
		case "index":
			definition, marks, _ := strings.Cut(rest, " tablespace=")
			i := index{definition: definition, identity: strings.Contains(definition, " replica identity")}
			i.definition, i.invalid = cutSuffix(definition, " invalid")
			_ = marks
			t.indexes = append(t.indexes, i)
		case "rule":
			inRule = rest
			t.rules = append(t.rules, readTrigger(rest))
		case "": // PostgreSQL writes a rule, or a query in a policy, on several lines
			switch {
			case inRule != "":
				inRule += " " + strings.TrimSpace(line)
				t.rules[len(t.rules)-1] = readTrigger(inRule)
			case inPolicy != "":
				inPolicy += " " + strings.TrimSpace(line)
				t.policies[len(t.policies)-1] = readPolicy(inPolicy)
			}
		case "policy":
			inPolicy = rest
			t.policies = append(t.policies, readPolicy(rest))
		case "publication":
			t.publications = append(t.publications, readPublished(rest))
		case "trigger":
			if strings.HasPrefix(rest, "CREATE ") {
				t.triggers = append(t.triggers, readTrigger(rest))
			}
			t.triggersOff = t.triggersOff || strings.HasPrefix(rest, "of constraint ") && strings.HasSuffix(rest, "enabled=D")
		}
	}
	return t
}

func cutSuffix(s, suffix string) (string, bool) {
	before, _, found := strings.Cut(s, suffix)
	return before, found
}

func readColumn(rest string) column {
	name, rest := firstName(rest)
	typ, facts, _ := strings.Cut(strings.TrimPrefix(rest, " "), " collation=")
	c := column{name: name}
	c.typ, c.notNull = strings.CutSuffix(typ, " not null")
	if _, acl, ok := strings.Cut(facts, " acl="); ok {
		c.acl, _, _ = strings.Cut(acl, " options=")
	}
	if _, after, ok := strings.Cut(facts, " default="); ok {
		if i := strings.LastIndex(after, " comment="); i >= 0 {
			after = after[:i]
		}
		switch {
		case after == "identity a", after == "identity d":
			c.identity = after[len("identity "):]
		case strings.HasPrefix(after, "s("):
			c.stored, c.fallback = true, after[1:]
		default:
			c.fallback = after
		}
	}
	return c
}

func readConstraint(rest string) constraint {
	name, rest := firstName(rest)
	i := strings.LastIndex(rest, " valid=")
	if i < 0 {
		return constraint{name: name, definition: strings.TrimSpace(rest), valid: true}
	}
	return constraint{name: name, definition: strings.TrimSpace(rest[:i]), valid: strings.HasPrefix(rest[i:], " valid=t")}
}

// firstName cuts the first name off, which may be quoted.
func firstName(s string) (name, rest string) {
	if !strings.HasPrefix(s, `"`) {
		name, rest, _ = strings.Cut(s, " ")
		return name, " " + rest
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return s[:i+1], s[i+1:]
	}
	return s, ""
}

// column returns a column by name; nil where there is none.
func (t *table) column(name string) *column {
	if t == nil {
		return nil
	}
	for i, c := range t.columns {
		if c.name == name || c.name == ident(name) {
			return &t.columns[i]
		}
	}
	return nil
}

// constraint returns a constraint by name; nil where there is none.
func (t *table) constraint(name string) *constraint {
	if t == nil {
		return nil
	}
	for i, c := range t.constraints {
		if c.name == name || c.name == ident(name) {
			return &t.constraints[i]
		}
	}
	return nil
}

// fact returns the value of a fact=value of the first line.
func (t *table) fact(name string) string {
	if t == nil {
		return ""
	}
	_, after, _ := strings.Cut(t.facts, " "+name+"=")
	value, _, _ := strings.Cut(after, " ")
	return value
}

// leaves are the partitions of a table that have rows of their own, sorted.
func (c *catalogue) leaves(name string) []string {
	var found []string
	t := c.table(name)
	if t == nil {
		return nil
	}
	for _, child := range t.children {
		if k := c.table(child); k != nil && k.partitioned != "" {
			found = append(found, c.leaves(child)...)
			continue
		}
		found = append(found, child)
	}
	return found
}

// heirs are the tables that inherit from a table which is not partitioned, and from
// these.
func (c *catalogue) heirs(name string) []string {
	t := c.table(name)
	if t == nil || t.partitioned != "" {
		return nil
	}
	var found []string
	for _, child := range t.children {
		for _, each := range append([]string{child}, c.heirs(child)...) {
			if !slices.Contains(found, each) {
				found = append(found, each)
			}
		}
	}
	return found
}

// root is the topmost parent of a partition, or the table itself.
func (c *catalogue) root(name string) string {
	for range 32 {
		t := c.table(name)
		if t == nil || t.bound == "" || len(t.parents) == 0 {
			break
		}
		name = t.parents[0]
	}
	return name
}

// partitioned says that a table is the root of partitions.
func (c *catalogue) partitioned(name string) bool {
	t := c.table(name)
	return t != nil && t.partitioned != ""
}
