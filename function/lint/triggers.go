package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A trigger, or a rule, is what a table does at a write besides or instead.
type trigger struct {
	name       string // quoted where need be
	definition string
	on         bool
}

// readTrigger reads CREATE TRIGGER or CREATE RULE with what is kept behind it.
func readTrigger(rest string) trigger {
	i := strings.LastIndex(rest, " enabled=")
	if i < 0 {
		i = len(rest)
	}
	g := trigger{definition: rest[:i], on: strings.HasPrefix(rest[i:], " enabled=O") || strings.HasPrefix(rest[i:], " enabled=A")}
	for _, word := range []string{" TRIGGER ", " RULE "} {
		if _, after, ok := strings.Cut(g.definition, word); ok {
			g.name, _ = firstName(after)
			break
		}
	}
	return g
}

func triggerNamed(all []trigger, name string) *trigger {
	if i := slices.IndexFunc(all, func(g trigger) bool { return g.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// triggers tells of triggers of a table in use that fire no more when the file ends,
// and of rules that put something else in the place of a write.
func (s *sheet) triggers(name string, was, is *table) {
	lost, off := make(map[int][]string), make(map[int][]string)
	for _, g := range was.triggers {
		if !g.on || s.ofParent(was, g) || s.newInRun(triggerKey(was.name, g.name)) {
			continue
		}
		switch now := triggerNamed(is.triggers, g.name); {
		case now == nil && !succeeded(was, is, g):
			at := s.aboutTrigger(g, name)
			lost[at] = append(lost[at], g.name)
		case now != nil && !now.on:
			at := s.aboutTrigger(g, name)
			off[at] = append(off[at], g.name)
		}
	}
	for at, names := range lost {
		severity := s.lesserOf(migration.Warning, name)
		if s.losesColumn(name) || s.outlived(was, names) { // it filled that one
			severity = migration.Info
		}
		s.find(at, codeTriggerGone, severity, fmt.Sprintf("drops the trigger %s of %s: what it did at each write is done no more", list(names), name),
			fmt.Sprintf("It takes ACCESS EXCLUSIVE on %s: whoever reads or writes it waits until that is given back.", name), "Let the code do first what it did, or put the trigger that takes its place there in the same file.")
	}
	for at, names := range off {
		s.find(at, codeTriggerGone, s.lesserOf(migration.Warning, name), fmt.Sprintf("leaves the trigger %s of %s switched off: what it did at each write is done no more", list(names), name),
			"Rows that are written meanwhile stay without it when it is switched on again.", fmt.Sprintf("Switch it on again in the same file: ALTER TABLE %s ENABLE TRIGGER %s;", name, names[0]))
	}
	s.rules(name, was, is)
}

// writesBroken tells of tables that can be written to no more: a trigger or a rule
// fails at every row, for everyone or for a role that lacks a privilege.
func (s *sheet) writesBroken() {
	breaks := make(map[int][]migration.BreakSeen)
	for _, e := range s.effects {
		for _, b := range e.Breaks {
			at := e.Statement
			for i, st := range s.file.Stmts[:e.Statement] {
				if slices.ContainsFunc(deepTokens(st.Text), func(x migration.Token) bool { return x.Name() && x.Text == last(b.Table) }) {
					at = i + 1
				}
			}
			breaks[at] = append(breaks[at], b)
		}
	}
	for at, all := range breaks {
		severity := migration.Info
		var details, fixes []string
		for _, b := range all {
			if s.lesserOf(migration.Error, b.Table) == migration.Error {
				severity = migration.Error
			}
			if b.Role == "" {
				details = append(details, "A trigger or a rule of the table uses what is not there, or not as it takes it for.")
				fixes = append(fixes, "Mend what the trigger runs first, in the same file or an earlier one.")
			} else {
				details = append(details, "What a trigger does it does as the role that writes, and no file grants that role what it takes.")
				fixes = append(fixes, "Grant the role that first; or have the function run as its owner, SECURITY DEFINER SET search_path = pg_catalog, pg_temp, with the names in it qualified.")
			}
		}
		s.find(at, codeWritesFail, severity, refusals(all), sentences(unique(details)...), sentences(unique(fixes)...))
	}
}

// writesDiscarded tells of tables at which a write does nothing any more, though it does
// not fail: a trigger returns NULL for the row.
func (s *sheet) writesDiscarded() {
	for _, e := range s.effects {
		for _, d := range e.Discards {
			at := e.Statement
			for i, st := range s.file.Stmts[:e.Statement] {
				if slices.ContainsFunc(deepTokens(st.Text), func(x migration.Token) bool { return x.Name() && x.Text == last(d.Table) }) {
					at = i + 1
				}
			}
			severity := s.lesserOf(migration.Warning, d.Table)
			if !s.none(d) {
				severity = migration.Info
			}
			s.find(at, codeWritesDiscarded, severity, fmt.Sprintf("every %s on %s that was tried does nothing from then on, and no error says so", d.Write, d.Table),
				"A trigger BEFORE it returns NULL for the row, and the code believes that it has written.", "Have the function RETURN NEW, for DELETE OLD; or let it run AFTER the write, where what it returns counts for nothing. Where nobody should write, raise an error, or take the privilege.")
		}
	}
}

// none says that a trigger of the table that discards such a write never returns a row:
// each RETURN is one of NULL, or of the row that such a write has none of.
func (s *sheet) none(d migration.DiscardSeen) bool {
	missing := map[string]string{"INSERT": "old", "DELETE": "new"}[d.Write]
	t := s.after.table(d.Table)
	return t != nil && slices.ContainsFunc(t.triggers, func(g trigger) bool {
		head, runs, _ := strings.Cut(g.definition, " EXECUTE FUNCTION ")
		_, body, there := strings.Cut(s.after.get("function", bareName(runs)+"()"), "\nbody ")
		if !there || !g.on || g.time() != "BEFORE" || !strings.Contains(head, d.Write) {
			return false
		}
		tokens := migration.Tokens(body)
		for i, x := range tokens[:max(0, len(tokens)-1)] {
			if next := tokens[i+1]; x.Is("return") && !next.Is("null") && (missing == "" || !next.Is(missing)) {
				return false
			}
		}
		return true
	})
}

// refusals says which writes fail and how, those together that fail alike.
func refusals(all []migration.BreakSeen) string {
	type failure struct{ table, says, code string }
	type refusal struct{ writes, roles []string }
	var order []failure
	found := make(map[failure]*refusal)
	for _, b := range all {
		f := failure{b.Table, b.Says, b.Code}
		if found[f] == nil {
			order, found[f] = append(order, f), &refusal{}
		}
		found[f].writes = append(found[f].writes, b.Write)
		if b.Role != "" {
			found[f].roles = append(found[f].roles, ident(b.Role))
		}
	}
	var said []string
	for _, f := range order {
		what := strings.Join(unique(found[f].writes), " and every ")
		if roles := unique(found[f].roles); len(roles) > 0 {
			what += " of " + list(roles)
		}
		said = append(said, fmt.Sprintf("every %s on %s fails from then on: %s (%s)", what, f.table, f.says, f.code))
	}
	return strings.Join(said, "; ")
}

// rules tells of rules DO INSTEAD that are new on a table in use.
func (s *sheet) rules(name string, was, is *table) {
	for _, r := range is.rules {
		_, what, instead := strings.Cut(r.definition, " DO INSTEAD ")
		if other := triggerNamed(was.rules, r.name); !instead || !r.on || other != nil && other.on && other.definition == r.definition {
			continue
		}
		_, event, _ := strings.Cut(r.definition, "ON ")
		event, _, _ = strings.Cut(event, " ")
		does, seen := "something else", "The code believes that its rows are written."
		if strings.HasPrefix(strings.TrimSpace(what), "NOTHING") {
			does, seen = "nothing, and no error says so", "The code believes that it has written."
		}
		s.find(s.aboutTrigger(r, name), codeInstead, s.lesserOf(migration.Warning, name), fmt.Sprintf("the rule %s has each %s on %s do %s", r.name, event, name, does),
			seen+" RETURNING fails (0A000), and COPY goes past the rule.", fmt.Sprintf("Where nobody should do it, refuse it: REVOKE %s ON %s FROM ...; or a trigger that raises an error.", event, name))
	}
}

// ofParent says that the trigger is that of the partitioned table, which tells of it
// by itself.
func (s *sheet) ofParent(t *table, g trigger) bool {
	return t.bound != "" && slices.ContainsFunc(t.parents, func(p string) bool {
		parent := s.before.table(p)
		return parent != nil && triggerNamed(parent.triggers, g.name) != nil
	})
}

// succeeded says that the table has a new trigger that fires at the same time, or
// one that runs the same function.
func succeeded(was, is *table, g trigger) bool {
	_, runs, _ := strings.Cut(g.definition, " EXECUTE ")
	return slices.ContainsFunc(is.triggers, func(o trigger) bool {
		_, also, _ := strings.Cut(o.definition, " EXECUTE ")
		return o.on && (also == runs || triggerNamed(was.triggers, o.name) == nil && o.time() == g.time())
	})
}

// time is BEFORE, AFTER or INSTEAD.
func (g trigger) time() string {
	_, after, _ := strings.Cut(g.definition, " TRIGGER ")
	_, after = firstName(after)
	when, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	return when
}

// aboutTrigger is the last statement that has to do with a trigger or a rule of
// that table.
func (s *sheet) aboutTrigger(g trigger, on string) int {
	at := 0
	for i, st := range s.file.Stmts {
		t := deepTokens(st.Text)
		named := slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && ident(x.Text) == g.name })
		if (says(t, "trigger") || says(t, "rule")) && (named || says(t, "trigger user") || says(t, "trigger all")) &&
			slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && x.Text == last(on) }) {
			at = i + 1
		}
	}
	if at == 0 {
		at = s.lastOn(on)
	}
	return at
}

// outlived says that the triggers kept a column in step that the files which are judged
// rename or drop: it is what they were for.
func (s *sheet) outlived(t *table, names []string) bool {
	changed := make(map[string]bool)
	for _, f := range s.in.Files {
		seen, _ := s.in.Replay.Find(f.Name)
		for _, e := range seen.Statements {
			for _, c := range e.Columns {
				if c.Table == t.name && (c.Change == migration.Dropped || c.Change == migration.Renamed) {
					changed[c.Column] = true
				}
			}
		}
	}
	for _, name := range names {
		_, runs, _ := strings.Cut(triggerNamed(t.triggers, name).definition, " EXECUTE FUNCTION ")
		_, body, _ := strings.Cut(s.before.get("function", runs), "\nbody ")
		if !slices.ContainsFunc(migration.Tokens(body), func(x migration.Token) bool { return x.Name() && changed[x.Text] }) {
			return false
		}
	}
	return true
}

// losesColumn says that the file drops a column of the table.
func (s *sheet) losesColumn(name string) bool {
	return slices.ContainsFunc(s.effects, func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool { return c.Table == name && c.Change == migration.Dropped })
	})
}

// lesserOf is lesser, for a file.
func (s *sheet) lesserOf(severity migration.Severity, names ...string) migration.Severity {
	return (&statement{sheet: s}).lesser(severity, names...)
}

// replicates says that the statement has the session write as a subscriber does,
// whom no trigger holds up.
func (s *statement) replicates() bool {
	for i := range s.tokens {
		if value, _, ok := s.setTo("session_replication_role", i); ok && strings.EqualFold(value, "replica") {
			return true
		}
	}
	return false
}
