package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A built index is one that a file made, and that another may spare.
type builtIndex struct {
	table, name     string
	file            string
	line, statement int
}

// keepBuilt keeps the indexes that the file makes, to be looked at when the last file
// has run: one may be there only until it takes the place of another.
func (s *sheet) keepBuilt() {
	for i, e := range s.effects {
		for _, o := range e.Objects {
			if isIndex(o.Kind) && o.Change == migration.Created {
				s.built = append(s.built, builtIndex{o.On, o.Name, s.file.Name, s.file.Stmts[i].Line, i + 1})
			}
		}
	}
}

// spare tells of indexes that do nothing which another of their table does not do.
func (d *directory) spare() {
	type place struct {
		file            string
		line, statement int
	}
	var order []place
	pairs := make(map[place][]string)
	first := make(map[place]string)
	for _, b := range d.built {
		t, x := d.now.table(b.table), d.now.index(b.table, b.name)
		if t == nil || x == nil || t.bound != "" || x.invalid || t.constraint(last(b.name)) != nil {
			continue // a partition has what its parent has
		}
		i := slices.IndexFunc(t.indexes, func(o index) bool { return nameOf(o) != nameOf(*x) && !o.invalid && o.covers(*x) })
		if i < 0 {
			continue
		}
		at := place{b.file, b.line, b.statement}
		if pairs[at] == nil {
			order, first[at] = append(order, at), b.name
		}
		how := "is a leading part of"
		if len(indexKeys(t.indexes[i])) == len(indexKeys(*x)) {
			how = "is on the same columns as"
		}
		pairs[at] = append(pairs[at], fmt.Sprintf("%s %s %s of %s", b.name, how, nameOf(t.indexes[i]), b.table))
	}
	for _, at := range order {
		d.find(at.file, at.line, at.statement, codeSpareIndex, migration.Info, strings.Join(unique(pairs[at]), "; "), "What finds rows by the one finds them by the other; each of them costs at every write.",
			"Leave it away: DROP INDEX CONCURRENTLY "+first[at]+"; unless it is so much smaller that it pays.")
	}
}

// covers says that an index serves whatever another does: it begins with the same
// columns, by the same method, and has all rows. Not one that is unique, which is a
// rule, nor one that has columns besides.
func (i index) covers(other index) bool {
	if strings.HasPrefix(other.definition, "CREATE UNIQUE ") || method(i) != method(other) || method(i) == "" {
		return false
	}
	for _, x := range []index{i, other} {
		if _, _, partial := cutWhere(tail(x.definition)); partial {
			return false
		}
	}
	keys := indexKeys(other)
	return len(keys) > 0 && !strings.Contains(tail(other.definition), " INCLUDE (") && len(keys) <= len(indexKeys(i)) && slices.Equal(indexKeys(i)[:len(keys)], keys)
}

// method is how an index is kept: btree, hash, gin.
func method(i index) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(tail(i.definition), " USING "), " ")
	return word
}

// indexKeys are the columns and expressions of an index, with their operator classes
// and order.
func indexKeys(i index) (all []string) {
	inside, _ := parenthesis(tail(i.definition))
	if len(inside) < 2 {
		return nil
	}
	for _, key := range split(inside[1 : len(inside)-1]) {
		all = append(all, strings.TrimSpace(key))
	}
	return all
}

// keyless tells of new tables in whose rows nothing tells one from another, when the
// last file has run.
func (d *directory) keyless() {
	for _, c := range d.created {
		t := d.now.table(c.name)
		if t == nil || d.now.get("table", c.name) == "" || t.persistence != "p" || t.bound != "" || t.identified() || t.tellsApart() || len(d.now.publishedBy(c.name)) > 0 {
			continue
		}
		told := slices.ContainsFunc(d.findings[c.file], func(f migration.Finding) bool { return f.Code == codeKeyless && f.Statement == c.statement })
		if told {
			continue
		}
		d.find(c.file, c.line, c.statement, codeKeyless, migration.Info, c.name+" has no primary key", "UPDATE and DELETE of it cannot be replicated logically: a Blue/Green deployment refuses it, or breaks. Nor can a batch tell which rows are done.",
			fmt.Sprintf("Give it one: id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY; or, of columns that are there, ALTER TABLE %s ADD PRIMARY KEY (...);", c.name))
	}
}

// tellsApart says that the table has a unique index that could be its replica
// identity: over columns that are NOT NULL, of all rows, and checked at once.
func (t *table) tellsApart() bool {
	return slices.ContainsFunc(t.indexes, func(i index) bool {
		rule, ok := uniqueRule(i)
		return ok && !i.invalid && rule.where == "" && !strings.Contains(i.definition, " deferrable") && !slices.ContainsFunc(rule.keys, func(key string) bool {
			c := t.column(key)
			return c == nil || !c.notNull
		})
	})
}
