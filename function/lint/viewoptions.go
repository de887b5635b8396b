package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// viewOptions tells of what a view that stands under its name kept and keeps no
// more: CREATE OR REPLACE VIEW forgets what is not said again.
func (s *sheet) viewOptions(kind, name string) {
	was, is := s.before.get(kind, name), s.after.get(kind, name)
	if was == "" || is == "" {
		return
	}
	old, now := readTable(name, was), readTable(name, is)
	at, _ := s.grantedAt(grantingKinds[0], name)
	lost := func(option string) bool { return viewOption(old, option) && !viewOption(now, option) }
	switch {
	case lost("security_invoker"):
		s.find(at, codeViewOption, migration.Warning, "the view "+name+" is security_invoker no more: it reads with the rights of its owner", "Whoever may read it sees rows that row level security kept from them, and tables that they are granted nothing on.",
			"Say it again: CREATE OR REPLACE VIEW "+name+" WITH (security_invoker = true) AS ...;")
	case viewOption(now, "security_invoker") && !viewOption(old, "security_invoker"):
		s.asksItsReaders(at, name)
	case lost("security_barrier"):
		s.find(at, codeViewOption, migration.Warning, "the view "+name+" is security_barrier no more", "A function in a condition may see rows that the view leaves out.",
			"Say it again: CREATE OR REPLACE VIEW "+name+" WITH (security_barrier = true) AS ...;")
	case lost("check_option"):
		s.find(at, codeViewOption, migration.Warning, "the view "+name+" has no CHECK OPTION any more", "Rows that it does not show can be written through it.", "Say it again behind the query: WITH CHECK OPTION.")
	}
	if g := s.before.granting(grantingKinds[0], name); kind == "view" && writable(was) && !writable(is) {
		severity := migration.Info // who writes through it is not known
		if viewOption(old, "check_option") || strings.Contains(was, "\ntrigger ") || strings.Contains(was, " DO INSTEAD ") || g.written() {
			severity = migration.Warning
		}
		s.find(at, codeDropCode, severity, fmt.Sprintf("the view %s could be written through, and can no more", name), "INSERT, UPDATE and DELETE of running code through it fail (55000).",
			"Give it a trigger INSTEAD OF, or make the new one under another name.")
	}
}

// asksItsReaders tells of a view that reads from now on with the rights of who asks, who
// may not read what it reads.
func (s *sheet) asksItsReaders(at int, name string) {
	var lacks, again []string
	for _, of := range unique(read(s.after.get("view", name))) {
		g := s.after.granting(grantingKinds[0], of)
		if g == nil {
			continue
		}
		var roles []string
		for _, role := range s.after.readers(name) {
			who := role
			if role == "everybody" {
				who = ""
			}
			if who != g.owner && !g.all.may(who, 'r') && !slices.ContainsFunc(keys(g.columns), func(c string) bool { return g.columns[c].may(who, 'r') }) {
				roles = append(roles, role)
			}
		}
		if len(roles) > 0 {
			lacks = append(lacks, fmt.Sprintf("%s may not read %s", list(roles), of))
			again = append(again, fmt.Sprintf("GRANT SELECT ON %s TO %s;", of, strings.ReplaceAll(strings.Join(roles, ", "), "everybody", "PUBLIC")))
		}
	}
	if len(lacks) > 0 {
		s.find(at, codeViewOption, migration.Warning, "the view "+name+" reads with the rights of who asks, and "+strings.Join(lacks, "; "), "Their queries of it fail from then on (42501), unless they are members of a role that may.",
			"Grant that first: "+few(again))
	}
}

// viewOption says that an option of a view is there and not switched off.
func viewOption(t *table, name string) bool {
	for option := range strings.SplitSeq(strings.Trim(t.fact("options"), "{}"), ",") {
		if key, value, _ := strings.Cut(option, "="); key == name {
			return value != "false" && value != "off" && value != "0" && value != "no"
		}
	}
	return false
}

// written says that a role beside the owner may write.
func (g *granting) written() bool {
	for _, role := range g.roles() {
		if strings.ContainsAny(g.all[role], "awd") {
			return true
		}
	}
	return false
}
