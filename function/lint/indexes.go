package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// built tells of indexes that are built while others wait. What a rewrite, another
// type or an attached partition builds is told of there.
func (s *statement) built() {
	kinds := make(map[string][]migration.IndexSeen)
	for _, i := range s.e.Indexes {
		root := s.before.root(i.Table)
		if s.rewrites(i.Table) || slices.ContainsFunc(s.e.Columns, retypes(root)) || i.Table == s.partition || !s.blocked(i.Table) {
			continue
		}
		if i.Rebuilt && slices.Contains(s.e.Truncates, i.Table) {
			continue // there is nothing to build
		}
		code := codeCreateIndex
		switch {
		case i.Rebuilt && !s.replaces(i) && !s.makesIndex(i):
			code = codeReindex
		case i.Primary:
			code = codePrimaryKey
		case i.Constraint != "" && s.excludes(i):
			code = codeExclusion
		case i.Constraint != "":
			code = codeUnique
		}
		kinds[code] = append(kinds[code], i)
	}
	for _, code := range []string{codePrimaryKey, codeUnique, codeExclusion, codeReindex, codeCreateIndex} {
		leaves := slices.DeleteFunc(slices.Clone(kinds[code]), func(i migration.IndexSeen) bool { return s.before.partitioned(i.Table) })
		if len(leaves) > 0 {
			s.builds(code, kinds[code], leaves)
		}
	}
}

// replaces says that the index only has the name of one that was there: the
// statement drops a constraint and adds another of that name.
func (s *statement) replaces(i migration.IndexSeen) bool {
	return i.Constraint != "" && slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool {
		return k.Table == i.Table && k.Name == i.Constraint && !k.Validated
	})
}

// makesIndex says that the statement makes the index: one that was dropped had the name.
func (s *statement) makesIndex(i migration.IndexSeen) bool {
	return i.Constraint == "" && slices.ContainsFunc(s.e.Objects, func(o migration.ObjectSeen) bool {
		return isIndex(o.Kind) && o.Change == migration.Created && o.Name == i.Index
	})
}

// droppedEarlier is what an earlier statement of the file drops, an index or a
// constraint, and the index takes the place of: what has its name, or the primary key of
// its table. The statement is 0 where there is none.
func (s *statement) droppedEarlier(i migration.IndexSeen) (name string, statement int) {
	for _, e := range s.effects[:s.e.Statement-1] {
		for _, o := range e.Objects {
			if o.Change != migration.Dropped || !o.Existed || o.On != i.Table {
				continue
			}
			k := s.before.table(i.Table).constraint(o.Name)
			switch {
			case strings.HasSuffix(o.Kind, " constraint") && k != nil && (o.Name == i.Constraint || i.Primary && primary(*k) != ""):
				return k.name, e.Statement
			case isIndex(o.Kind) && o.Name == i.Index && k == nil && i.Constraint == "":
				return o.Name, e.Statement
			}
		}
	}
	return "", 0
}

// alike says that each row which is there has the same in the columns of a unique index:
// the file made them, and NULL is a value like others, or they have a default.
func (s *statement) alike(i migration.IndexSeen) bool {
	rule, ok := uniqueRule(index{definition: i.Definition})
	if !ok || rule.where != "" {
		return false
	}
	return !slices.ContainsFunc(rule.keys, func(key string) bool {
		return !slices.ContainsFunc(s.effects[:s.e.Statement], func(e migration.Effects) bool {
			return slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool {
				bare := c.Default == "" && c.Generated == "" && !c.Identity && s.domainDefault(c) == ""
				return c.Table == i.Table && ident(c.Column) == key && c.Change == migration.Created &&
					(bare && rule.nullsSame || c.Default != "" && c.Generated == "" && !strings.Contains(c.Default, "("))
			})
		})
	})
}

// renamedTo is a definition of an index, with CONCURRENTLY, under another name.
func renamedTo(i migration.IndexSeen, name string) string {
	return strings.Replace(concurrentIndex(i.Definition), " "+ident(last(i.Index))+" ", " "+name+" ", 1)
}

// collates says that it gives a column another collation and no other type.
func (s *statement) collates() bool {
	a, _ := s.alter()
	return slices.ContainsFunc(a.actions, func(x action) bool {
		if len(x.tokens) == 0 || !x.tokens[0].Is("alter") {
			return false
		}
		typ, _ := x.typeAndUsing()
		return says(migration.Tokens(typ), "collate")
	})
}

func (s *statement) excludes(i migration.IndexSeen) bool {
	return slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool {
		return k.Table == i.Table && k.Name == i.Constraint && k.Kind == "exclusion"
	})
}

// builds tells of indexes of one sort; leaves are those that have rows.
func (s *statement) builds(code string, all, leaves []migration.IndexSeen) {
	var tables, names []string
	for _, i := range leaves {
		tables = append(tables, i.Table)
	}
	tables = unique(tables)
	tops := s.tops(all)
	for _, i := range tops {
		names = append(names, i.Index)
	}
	on := list(s.roots(tables))
	tree := s.before.partitioned(s.before.root(leaves[0].Table)) && len(all) > len(leaves)
	old, at := s.droppedEarlier(leaves[0])
	if at > 0 && (tree || len(leaves) > 1) {
		at = 0 // what stands there is told of without
	}
	switch same := slices.IndexFunc(leaves, s.alike); {
	case same >= 0 && code != codeReindex && code != codeExclusion:
		s.work(code, tables, fmt.Sprintf("builds %s on %s while others wait, which fails where there are two rows (23505)", list(names), on),
			"Each row that is there has the same in the new column, NULL or its default. Add the column alone, without a default; fill it in batches, each row with a value of its own; and build the index then, CONCURRENTLY, in a file of its own outside a transaction. Or leave NULLS NOT DISTINCT out, so that any number of rows may have none.")
		return
	}
	switch code {
	case codeExclusion:
		s.work(code, tables, fmt.Sprintf("builds the exclusion constraint %s on %s under ACCESS EXCLUSIVE", list(names), on),
			"It cannot be added NOT VALID nor built CONCURRENTLY: make a new table with it, copy the rows in batches, and swap the names in one short transaction, or do it in a window when nobody works.")
	case codeReindex:
		if s.collates() {
			s.work(codeIndexRebuilt, tables, fmt.Sprintf("rebuilds %s on %s under ACCESS EXCLUSIVE, to change the collation of a column", list(names), on),
				"Say COLLATE in the queries that need it, with an index over the column with that COLLATE, built CONCURRENTLY. Or build the indexes on a new column of that collation, CONCURRENTLY, fill it in batches, and swap the names in one short transaction.")
			return
		}
		if !s.says("reindex") {
			s.work(codeWork, tables, fmt.Sprintf("rebuilds %s on %s while others wait", list(names), on), "Find out what the statement changes of them, and do it on a new index that is built CONCURRENTLY.")
			return
		}
		s.work(code, tables, fmt.Sprintf("REINDEX rebuilds %s on %s while writes wait, and reads that would use it", list(names), on), fix("Build it beside the old one:", s.reindex(tables, leaves)))
	case codeCreateIndex:
		if at > 0 {
			next := named(last(leaves[0].Index), "", "_new")
			s.work(code, tables, fmt.Sprintf("builds %s on %s while writes wait", list(names), on),
				fix(fmt.Sprintf("Leave statement %d out: build it CONCURRENTLY under another name, drop the old one then, CONCURRENTLY too, and give the new one its name:", at),
					alone(renamedTo(leaves[0], next)), alone("DROP INDEX CONCURRENTLY "+old), one(fmt.Sprintf("ALTER INDEX %s RENAME TO %s", beside(old, next), ident(last(old))))))
			return
		}
		s.work(code, tables, fmt.Sprintf("builds %s on %s while writes wait", list(names), on), fix(s.indexAdvice(tree), s.concurrently(all, leaves, tree)...))
	default:
		what := map[string]string{codePrimaryKey: "primary key", codeUnique: "unique constraint"}[code]
		words := "Build the index first, CONCURRENTLY, and then make it the constraint, which takes no time:"
		if tree {
			words = "Build the index of each partition first, CONCURRENTLY, make it a constraint there, and then add the one of the parent, which builds nothing:"
		}
		if s.dropsConstraints() {
			words = "Build the index first, CONCURRENTLY, and then make it the constraint in the statement that drops the old one, which takes no time:"
		}
		if at > 0 {
			words = fmt.Sprintf("Leave statement %d out: build the index first, CONCURRENTLY and under another name, and then make it the constraint in the statement that drops the old one, which takes no time:", at)
		}
		s.work(code, tables, fmt.Sprintf("builds the %s %s on %s under ACCESS EXCLUSIVE", what, list(names), on), fix(words, s.usingIndex(code, tops, leaves, tree)...))
	}
}

func (s *statement) dropsConstraints() bool {
	a, _ := s.alter()
	return slices.ContainsFunc(a.actions, action.dropsConstraint)
}

// tops are the indexes that are no part of an index of a parent in the list.
func (s *statement) tops(all []migration.IndexSeen) []migration.IndexSeen {
	var found []migration.IndexSeen
	for _, i := range all {
		t := s.before.table(i.Table)
		if t == nil || !slices.ContainsFunc(all, func(o migration.IndexSeen) bool { return slices.Contains(t.parents, o.Table) }) {
			found = append(found, i)
		}
	}
	return found
}

func (s *statement) indexAdvice(tree bool) string {
	if tree {
		return "CONCURRENTLY is refused on a partitioned table (0A000): make the index of the parent without its partitions, build theirs CONCURRENTLY, and attach them:"
	}
	if s.says("if not exists") {
		return "Build it CONCURRENTLY, in a file of its own outside a transaction; without IF NOT EXISTS, which passes over the INVALID index that a failed build leaves:"
	}
	return "Build it CONCURRENTLY, in a file of its own outside a transaction:"
}

// concurrentIndex is a definition with CONCURRENTLY in it.
func concurrentIndex(definition string) string {
	return strings.Replace(definition, " INDEX ", " INDEX CONCURRENTLY ", 1)
}

// concurrently are the files that build indexes without stopping anybody.
func (s *statement) concurrently(all, leaves []migration.IndexSeen, tree bool) []RewriteFile {
	var parents, build, attach []string
	for _, i := range leaves {
		build = append(build, concurrentIndex(i.Definition))
	}
	if tree {
		for _, i := range all {
			if s.before.partitioned(i.Table) {
				definition := i.Definition
				if !strings.Contains(definition, " ON ONLY ") {
					definition = strings.Replace(definition, " ON ", " ON ONLY ", 1)
				}
				parents = append(parents, definition)
			}
			if p, ok := s.parentIndex(i, all); ok {
				attach = append(attach, fmt.Sprintf("ALTER INDEX %s ATTACH PARTITION %s", p, i.Index))
			}
		}
	}
	slices.Reverse(attach) // the lowest first: a parent is valid when all below it are
	return []RewriteFile{one(parents...), alone(build...), one(attach...)}
}

func (s *statement) parentIndex(i migration.IndexSeen, all []migration.IndexSeen) (string, bool) {
	t := s.before.table(i.Table)
	if t == nil {
		return "", false
	}
	for _, o := range all {
		if slices.Contains(t.parents, o.Table) && tail(o.Definition) == tail(i.Definition) {
			return o.Index, true
		}
	}
	return "", false
}

// tail is what an index is on: "USING btree (a)".
func tail(definition string) string {
	if at := strings.Index(definition, " USING "); at >= 0 {
		return definition[at:]
	}
	return definition
}

// reindex is the file that rebuilds indexes, or all of a table: that of its TOAST table
// has no name that one would write.
func (s *statement) reindex(tables []string, indexes []migration.IndexSeen) RewriteFile {
	if roots := s.roots(tables); s.says("table") && len(roots) == 1 {
		return alone("REINDEX TABLE CONCURRENTLY " + roots[0])
	}
	var lines []string
	for _, i := range indexes {
		lines = append(lines, "REINDEX INDEX CONCURRENTLY "+i.Index)
	}
	return alone(lines...)
}

// usingIndex are the files that make constraints of indexes that were built
// CONCURRENTLY.
func (s *statement) usingIndex(code string, tops, leaves []migration.IndexSeen, tree bool) []RewriteFile {
	kind, word := "UNIQUE", "unique"
	if code == codePrimaryKey {
		kind, word = "PRIMARY KEY", "primary"
	}
	var ks []migration.ConstraintSeen
	var build, finish, nullable []string
	for _, k := range s.e.Constraints {
		if slices.ContainsFunc(tops, func(i migration.IndexSeen) bool { return i.Constraint == k.Name && i.Table == k.Table }) {
			ks = append(ks, k)
		}
	}
	if len(ks) == 0 {
		return nil
	}
	first, ok := s.beyond(word, ks)
	if !ok {
		return nil
	}
	// A key that is dropped stays until the new one takes its place, in one
	// statement: there is no moment without.
	drops := action.dropsConstraint
	if old, at := s.droppedEarlier(leaves[0]); at > 0 && !tree && len(leaves) == 1 && !s.dropsConstraints() {
		i := leaves[0]
		next := named(last(i.Index), "", "_new")
		build = append(build, renamedTo(i, next))
		finish = append(finish, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s, ADD CONSTRAINT %s %s USING INDEX %s%s", i.Table, old, ident(i.Constraint), kind, next, deferred(ks[0].Definition)))
	} else if s.dropsConstraints() {
		if tree || len(leaves) != 1 {
			return nil
		}
		stays := s.without(func(x action) bool { return drops(x) || x.addsConstraint(word) })
		dropped := s.without(func(x action) bool { return !drops(x) })
		if len(first) != 1 {
			return nil
		}
		first = []string{stays}
		i := leaves[0]
		next := named(last(i.Index), "", "_new")
		build = append(build, renamedTo(i, next))
		finish = append(finish, fmt.Sprintf("%s, ADD CONSTRAINT %s %s USING INDEX %s%s", dropped, ident(i.Constraint), kind, next, deferred(ks[0].Definition)))
	} else {
		for _, i := range leaves {
			build = append(build, concurrentIndex(i.Definition))
			finish = append(finish, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s%s", i.Table, ident(i.Constraint), kind, ident(last(i.Index)), deferred(ks[0].Definition)))
		}
	}
	if tree {
		for _, k := range ks {
			finish = append(finish, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", k.Table, ident(k.Name), k.Definition))
		}
	}
	for _, c := range s.e.Columns {
		if c.NullsEnded && c.Table == ks[0].Table && c.Change != migration.Created {
			nullable = append(nullable, c.Column)
		}
	}
	files := []RewriteFile{one(first...), alone(build...)}
	if len(nullable) > 0 {
		files = append(files, s.notNull(ks[0].Table, nullable)...)
	}
	return append(files, one(finish...))
}

// deferred is what a definition says of being deferrable.
func deferred(definition string) string {
	if at := strings.Index(definition, " DEFERRABLE"); at >= 0 {
		return definition[at:]
	}
	return ""
}
