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
