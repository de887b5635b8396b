package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// droppedUniqueness tells of unique indexes that are dropped by name and that no
// constraint stands on: they keep a rule all the same.
func (s *statement) droppedUniqueness() {
	var lost, tables, views []string
	for _, o := range s.e.Objects {
		if !isIndex(o.Kind) || o.Change != migration.Dropped || !o.Existed || o.Cascaded || s.before.table(o.On).constraint(last(o.Name)) != nil {
			continue
		}
		was, is := s.before.index(o.On, o.Name), s.after.table(o.On)
		if was == nil || was.invalid || is == nil {
			continue
		}
		rule, ok := uniqueRule(*was)
		if !ok || slices.ContainsFunc(is.indexes, func(i index) bool { return !i.invalid && implies(i, rule) }) {
			continue
		}
		if s.before.get("materialized view", o.On) != "" {
			if letsRefresh(*was) && !slices.ContainsFunc(is.indexes, letsRefresh) {
				views = append(views, o.On)
			}
			continue
		}
		lost = append(lost, fmt.Sprintf("(%s) of %s, which %s kept", strings.Join(rule.keys, ", "), o.On, o.Name))
		tables = append(tables, o.On)
	}
	if len(views) > 0 {
		s.tell(codeDropConstraint, s.lesser(migration.Warning, views...), fmt.Sprintf("drops the last unique index of %s that REFRESH MATERIALIZED VIEW CONCURRENTLY can go by", list(views)),
			"It fails from then on (55000).", "Build the one that takes its place first, CONCURRENTLY and under another name, over columns and for all rows, and drop this one then.")
	}
	if len(lost) > 0 {
		s.tell(codeDropConstraint, s.lesser(migration.Warning, tables...), "drops the uniqueness of "+list(lost),
			"Rows with a value that is there already are no longer refused, and ON CONFLICT on these columns fails (42P10).",
			"Make sure that no code relies on it; or build the unique index that takes its place first, CONCURRENTLY and under another name, and drop this one then.")
	}
}

// duplicates tells of a unique index over rows that are there, where the data are not
// asked whether they meet it.
func (s *statement) duplicates() {
	if s.in.Facts != nil {
		return
	}
	for _, i := range s.e.Indexes {
		t := s.before.table(i.Table)
		rule, ok := uniqueRule(index{definition: i.Definition})
		if !ok || !i.Unique || i.Rebuilt || t == nil || s.newOnly([]string{i.Table}) || slices.Contains(s.e.Truncates, i.Table) ||
			slices.ContainsFunc(t.indexes, func(o index) bool { return !o.invalid && implies(o, rule) }) {
			continue
		}
		detail := ""
		if s.says("concurrently") {
			detail = "What failed leaves an INVALID index behind."
		}
		s.tell(codeFailsWithRows, migration.Info, fmt.Sprintf("fails where %s has duplicates of (%s) (23505)", i.Table, strings.Join(rule.keys, ", ")), detail, "Ask the data first how many there are.")
		return
	}
}

// uniquenessLeft tells of what stands under the name of another relation and lacks a
// unique index that this had.
func (s *sheet) uniquenessLeft(name string) {
	was, is := s.before.table(name), s.after.table(name)
	at := s.takesName(name)
	if was == nil || is == nil || at == 0 {
		return
	}
	lacks := func(i index) bool {
		rule, ok := uniqueRule(i)
		return ok && !i.invalid && !slices.ContainsFunc(is.indexes, func(o index) bool { return !o.invalid && implies(o, rule) })
	}
	var lost []string
	for _, i := range was.indexes {
		if lacks(i) {
			rule, _ := uniqueRule(i)
			lost = append(lost, "("+strings.Join(rule.keys, ", ")+")")
		}
	}
	if len(lost) == 0 {
		return
	}
	detail := "Rows with a value that is there already are no longer refused, and ON CONFLICT on these columns fails (42P10)."
	severity := s.lesserOf(migration.Warning, name)
	if is.partitioned != "" { // each of its keys has the columns that it is partitioned by
		severity = migration.Info
	}
	if s.after.get("materialized view", name) != "" {
		detail = "REFRESH MATERIALIZED VIEW CONCURRENTLY fails without a unique index (55000)."
		if slices.ContainsFunc(is.indexes, usable) {
			return
		}
	}
	s.find(at, codeDropConstraint, severity, fmt.Sprintf("what has the name %s from then on has no unique index on %s", name, list(lost)), detail, "Build it before the names are changed.")
}

// usable says that REFRESH ... CONCURRENTLY can go by an index.
func usable(i index) bool {
	rule, ok := uniqueRule(i)
	return ok && !i.invalid && rule.where == "" && !slices.ContainsFunc(rule.keys, func(k string) bool { return strings.Contains(k, "(") })
}

// takesName is the last statement that gives the name to another relation than the one
// that had it, 0 for none.
func (s *sheet) takesName(name string) (at int) {
	for _, e := range s.effects {
		if slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
			return isRelation(o.Kind) && (o.To == name || o.Name == name && o.Change == migration.Created)
		}) {
			at = e.Statement
		}
	}
	return at
}

// uniqueRule is what a unique index keeps; false for one that is not unique.
func uniqueRule(i index) (uniqueKey, bool) {
	if !strings.HasPrefix(i.definition, "CREATE UNIQUE INDEX ") {
		return uniqueKey{}, false
	}
	definition, _ := cutSuffix(i.definition, " clustered")
	definition, _ = cutSuffix(definition, " deferrable")
	definition, _ = cutSuffix(definition, " replica identity")
	return readUnique(strings.TrimPrefix(tail(definition), " USING "))
}

// implies says that what the index keeps is the rule, or more.
func implies(i index, rule uniqueKey) bool {
	other, ok := uniqueRule(i)
	if !ok || other.where != "" && strings.TrimSpace(other.where) != strings.TrimSpace(rule.where) || rule.nullsSame && !other.nullsSame {
		return false
	}
	return !slices.ContainsFunc(other.keys, func(k string) bool { return !slices.Contains(rule.keys, k) })
}
