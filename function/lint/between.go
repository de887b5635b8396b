package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// between tells of what is gone between two statements of a file outside a
// transaction and there again when it ends: each statement commits by itself, and
// what lies between two of them everybody meets, for as long as the second one waits
// or where it fails.
func (s *sheet) between() {
	if s.file.TxMode != migration.TxNone {
		return
	}
	for i, e := range s.effects {
		for _, name := range unique(tablesOf(e)) {
			was, is := s.before.table(name), s.after.table(name)
			if was == nil || is == nil {
				continue
			}
			s.policiesBetween(i, was, is)
			s.triggersBetween(i, was, is)
			s.constraintsBetween(i, was, is)
		}
	}
}

// tablesOf are the tables that a statement locks so that others wait: those that it
// can have taken something from.
func tablesOf(e migration.Effects) (names []string) {
	for _, l := range e.Locks {
		if isTable(l.Kind) && (l.Mode.StopsWrites() || l.Mode == migration.ShareUpdateExclusive) {
			names = append(names, l.Relation)
		}
	}
	for _, o := range e.Objects {
		if o.On != "" && o.Change == migration.Dropped { // DROP INDEX CONCURRENTLY has given its locks back
			names = append(names, o.On)
		}
	}
	return names
}

const inOneTransaction = "Put both into one file without -- atlas:txmode none: in one transaction nobody sees what lies between."

// does says that the statement makes or drops a trigger or a policy of a table.
func does(e migration.Effects, change migration.Change, kind, name, table string) bool {
	return slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
		return o.Change == change && o.Kind == kind && !o.Cascaded && o.Name == name+" on "+table
	})
}

// later is the first statement behind i, from 1, of which it is true; 0 for none.
func (s *sheet) later(i int, is func(migration.Effects) bool) int {
	for _, e := range s.effects[i+1:] {
		if is(e) {
			return e.Statement
		}
	}
	return 0
}

// policiesBetween looks at row level security that the statement i, from 0, takes
// away, in whole or in part, and a later one puts back.
func (s *sheet) policiesBetween(i int, was, is *table) {
	if !was.secured() || !is.secured() {
		return
	}
	name, e := was.name, s.effects[i]
	switched := func(e migration.Effects, tag string) bool {
		return slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == name && o.Tag == tag })
	}
	if switched(e, "DISABLE ROW LEVEL SECURITY") {
		if on := s.later(i, func(e migration.Effects) bool { return switched(e, "ENABLE ROW LEVEL SECURITY") }); on > 0 {
			s.find(e.Statement, codeRowSecurity, migration.Warning, fmt.Sprintf("switches row level security of %s off, and statement %d on again: in between everybody with a grant sees all rows", name, on),
				"Each of the two commits by itself.", inOneTransaction)
		}
		return
	}
	meanwhile := s.policiesAfter(i, was, is)
	var said []string
	for _, p := range was.policies {
		if !does(e, migration.Dropped, "policy", p.name, name) || slices.ContainsFunc(meanwhile.policies, p.same) {
			continue
		}
		on := s.later(i, func(e migration.Effects) bool {
			return slices.ContainsFunc(is.policies, func(o rowPolicy) bool {
				return (o.name == p.name || o.permissive == p.permissive) && does(e, migration.Created, "policy", o.name, name)
			})
		})
		switch {
		case on == 0: // told of as what the file leaves
		case !p.permissive:
			said = append(said, fmt.Sprintf("drops the restrictive policy %s of %s, and statement %d makes one again: in between rows are seen that it hid", p.name, name, on))
		default:
			if commands := p.lostTo(meanwhile, is); len(commands) > 0 {
				said = append(said, fmt.Sprintf("drops the policy %s of %s, and statement %d makes one again: in between no policy lets %s %s", p.name, name, on, rolesOf(p), strings.Join(commands, ", ")))
			}
		}
	}
	if len(said) > 0 {
		s.find(e.Statement, codeRowSecurity, migration.Warning, strings.Join(said, "; "), "SELECT, UPDATE and DELETE pass over rows that no policy shows with no error; INSERT fails (42501).",
			inOneTransaction+" Or ALTER POLICY, which is one statement.")
	}
}

// policiesAfter is the table with the policies that it has when the statement i has
// committed.
func (s *sheet) policiesAfter(i int, was, is *table) *table {
	meanwhile := *was
	meanwhile.policies = slices.Clone(was.policies)
	for _, e := range s.effects[:i+1] {
		meanwhile.policies = slices.DeleteFunc(meanwhile.policies, func(p rowPolicy) bool { return does(e, migration.Dropped, "policy", p.name, was.name) })
		for _, p := range is.policies {
			if does(e, migration.Created, "policy", p.name, was.name) {
				meanwhile.policies = append(meanwhile.policies, p)
			}
		}
	}
	return &meanwhile
}

// lostTo are the commands by which a role of the policy gets at rows when the file
// ends, and does not meanwhile.
func (p rowPolicy) lostTo(meanwhile, is *table) (commands []string) {
	for _, c := range secured {
		letter := string(c.letter)
		if slices.ContainsFunc(p.roles, func(role string) bool {
			return p.of(role, letter) && is.reaches(role, letter) && !meanwhile.reaches(role, letter)
		}) {
			commands = append(commands, c.word)
		}
	}
	return commands
}

// rolesOf are the roles that a policy is for, as a sentence has them.
func rolesOf(p rowPolicy) string {
	if slices.Contains(p.roles, "") {
		return "anybody but the owner"
	}
	return list(p.roles)
}

// triggersBetween looks at triggers that the statement i, from 0, drops or switches
// off, and a later one puts back.
func (s *sheet) triggersBetween(i int, was, is *table) {
	name, e := was.name, s.effects[i]
	words, off := deepTokens(s.file.Stmts[i].Text), []string(nil)
	on := 0
	for _, g := range was.triggers {
		if !g.on || s.ofParent(was, g) {
			continue
		}
		now := triggerNamed(is.triggers, g.name)
		switch {
		case does(e, migration.Dropped, "trigger", g.name, name):
			s.triggerAway(i, was, is, g)
		case now != nil && now.on && switches(words, "disable", g.name) && !switches(words, "enable", g.name):
			if at := s.switchedOn(i, name, g.name); at > 0 {
				off, on = append(off, g.name), at
			}
		}
	}
	if len(off) > 0 {
		s.find(e.Statement, codeTriggerGone, s.lesserOf(migration.Warning, name), fmt.Sprintf("switches the trigger %s of %s off, and statement %d on again: in between it is off for all sessions", list(off), name, on),
			"Each of the two commits by itself, and rows that others write meanwhile stay without what it does.", inOneTransaction+" There the lock keeps other writers off until it is on again.")
	}
}

// triggerAway looks at a trigger that the statement i drops: it tells where the one
// that takes its place comes by a later one.
func (s *sheet) triggerAway(i int, was, is *table, g trigger) {
	meanwhile := *is
	meanwhile.triggers = slices.DeleteFunc(slices.Clone(is.triggers), func(o trigger) bool {
		return s.later(i, func(e migration.Effects) bool { return does(e, migration.Created, "trigger", o.name, was.name) }) > 0
	})
	if triggerNamed(is.triggers, g.name) == nil && !succeeded(was, is, g) || succeeded(was, &meanwhile, g) {
		return // it is gone for good, or another is there already
	}
	on := s.later(i, func(e migration.Effects) bool {
		return slices.ContainsFunc(is.triggers, func(o trigger) bool { return does(e, migration.Created, "trigger", o.name, was.name) })
	})
	if on == 0 {
		return
	}
	s.find(s.effects[i].Statement, codeTriggerGone, s.lesserOf(migration.Warning, was.name), fmt.Sprintf("drops the trigger %s of %s, and statement %d makes one again: in between no write meets it", g.name, was.name, on),
		"Each of the two commits by itself, and rows that others write meanwhile stay without what it does.", inOneTransaction+" Or CREATE OR REPLACE TRIGGER, which is one statement.")
}

// switches says that the words switch a trigger on or off, by its name or with all
// others.
func switches(t []migration.Token, how, name string) bool {
	for i, x := range t {
		if !x.Is("trigger") || i+1 >= len(t) || i == 0 {
			continue
		}
		before := t[i-1]
		if how == "enable" && (before.Is("always") || before.Is("replica")) && i > 1 {
			before = t[i-2]
		}
		if before.Is(how) && (ident(t[i+1].Text) == name || t[i+1].Is("all") || t[i+1].Is("user")) {
			return true
		}
	}
	return false
}

// switchedOn is the first statement behind i that switches a trigger of the table
// on; 0 for none.
func (s *sheet) switchedOn(i int, table, name string) int {
	return s.later(i, func(e migration.Effects) bool {
		return slices.Contains(tablesOf(e), table) && switches(deepTokens(s.file.Stmts[e.Statement-1].Text), "enable", name)
	})
}

// constraintsBetween looks at constraints and unique indexes that the statement i,
// from 0, drops, and whose rule holds again by a later one.
func (s *sheet) constraintsBetween(i int, was, is *table) {
	name, e := was.name, s.effects[i]
	said := make(map[string][]string)
	for _, k := range was.constraints {
		if kindOf(k.definition) == "NOT" || is.bound != "" || !slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
			return strings.HasSuffix(o.Kind, " constraint") && o.Change == migration.Dropped && !o.Cascaded && o.On == name && ident(o.Name) == k.name
		}) {
			continue
		}
		code := codeDropConstraint
		if kindOf(k.definition) == "FOREIGN" {
			code = codeDropForeignKey
		}
		if again := s.missing(i, was, is, func(st *statement) bool { return st.needless(was, &k) }); again > 0 {
			said[code] = append(said[code], fmt.Sprintf("drops the constraint %s of %s, and statement %d puts one in its place", k.name, name, again))
		}
	}
	for _, o := range e.Objects {
		x := s.before.index(name, o.Name)
		if !isIndex(o.Kind) || o.Change != migration.Dropped || o.On != name || o.Cascaded || x == nil || x.invalid || was.constraint(last(o.Name)) != nil {
			continue
		}
		rule, ok := uniqueRule(*x)
		if !ok {
			continue
		}
		if again := s.missing(i, was, is, func(st *statement) bool {
			return slices.ContainsFunc(st.after.table(name).indexes, func(x index) bool { return !x.invalid && implies(x, rule) })
		}); again > 0 {
			said[codeDropConstraint] = append(said[codeDropConstraint], fmt.Sprintf("drops the unique index %s of %s, and statement %d builds one in its place", o.Name, name, again))
		}
	}
	for code, names := range said {
		s.find(e.Statement, code, s.lesserOf(migration.Warning, name), strings.Join(names, "; ")+": in between nothing refuses rows that break it", "Each of the two commits by itself. A row that gets in meanwhile has the later one fail, or its VALIDATE.",
			"Put the one that takes its place there first, under another name, and drop this one then; or drop and add them in one ALTER TABLE, with NOT VALID for a CHECK or a foreign key.")
	}
}

// missing is the statement, from 1, by which what the statement i took holds again;
// 0 where it holds all the while, or does not when the file ends.
func (s *sheet) missing(i int, was, is *table, holds func(*statement) bool) int {
	at := func(n int) bool {
		meanwhile := *s
		meanwhile.findings = nil
		meanwhile.after = &catalogue{objects: s.after.objects, tables: maps.Clone(s.after.tables)}
		meanwhile.after.tables[was.name] = s.keptAfter(n, was, is)
		return holds(&statement{sheet: &meanwhile, stmt: s.file.Stmts[i], e: s.effects[i]})
	}
	if at(i) || !holds(&statement{sheet: s, stmt: s.file.Stmts[i], e: s.effects[i]}) {
		return 0
	}
	for n := i + 1; n < len(s.effects); n++ {
		if at(n) {
			return s.effects[n].Statement
		}
	}
	return 0
}

// keptAfter is the table with the constraints and indexes that it has when the
// statement n, from 0, has committed.
func (s *sheet) keptAfter(n int, was, is *table) *table {
	meanwhile := *is
	meanwhile.constraints = slices.DeleteFunc(slices.Clone(is.constraints), func(k constraint) bool {
		return s.later(n, func(e migration.Effects) bool {
			return slices.ContainsFunc(e.Constraints, func(c migration.ConstraintSeen) bool {
				return c.Table == was.name && ident(c.Name) == k.name && !c.Validated
			})
		}) > 0
	})
	gone := func(effects []migration.Effects, kind func(string) bool, name string) bool {
		return slices.ContainsFunc(effects, func(e migration.Effects) bool {
			return slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
				return kind(o.Kind) && o.Change == migration.Dropped && o.On == was.name && (ident(o.Name) == name || isIndex(o.Kind) && ident(last(o.Name)) == name)
			})
		})
	}
	built := func(effects []migration.Effects, x index) bool { // another name may have become its own since
		return slices.ContainsFunc(effects, func(e migration.Effects) bool {
			return slices.ContainsFunc(e.Indexes, func(b migration.IndexSeen) bool {
				return b.Table == was.name && !b.Rebuilt && (ident(last(b.Index)) == nameOf(x) || strings.HasPrefix(tail(x.definition), tail(b.Definition)))
			})
		})
	}
	meanwhile.indexes = slices.DeleteFunc(slices.Clone(is.indexes), func(x index) bool {
		there := s.before.index(was.name, beside(was.name, nameOf(x))) != nil && !gone(s.effects[:n+1], isIndex, nameOf(x))
		return !there && !built(s.effects[:n+1], x) && built(s.effects[n+1:], x)
	})
	ofConstraint := func(kind string) bool { return strings.HasSuffix(kind, " constraint") }
	for _, k := range was.constraints {
		if gone(s.effects[n+1:], ofConstraint, k.name) && !gone(s.effects[:n+1], ofConstraint, k.name) {
			meanwhile.constraints = append(meanwhile.constraints, k)
		}
	}
	for _, x := range was.indexes {
		if gone(s.effects[n+1:], isIndex, nameOf(x)) && !gone(s.effects[:n+1], isIndex, nameOf(x)) {
			meanwhile.indexes = append(meanwhile.indexes, x)
		}
	}
	return &meanwhile
}

// nameOf is the name of an index, quoted where need be.
func nameOf(x index) string {
	_, after, _ := strings.Cut(x.definition, "INDEX ")
	name, _ := firstName(after)
	return name
}
