package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// viewsShow looks at the views that the file makes or changes.
func (s *sheet) viewsShow() {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		if e.Kind == "view" && !e.Gone {
			s.viewRows(e.Name)
		}
	}
}

// viewRows tells of a view that shows all rows of a table whose policies show its
// readers some: it reads with the rights of its owner, who owns the table too and
// whom policies hold only by FORCE.
func (s *sheet) viewRows(name string) {
	was, old := s.before.shows(name), s.before.get("view", name)
	switch {
	case old != "" && viewOption(readTable(name, old), "security_invoker"):
		return // told of as lost, where it is
	case old == "": // another name makes it no other view
		was = s.before.shows(s.origin(name))
	}
	var all []string
	for _, table := range s.after.shows(name) {
		if !slices.Contains(was, table) && !slices.Contains(was, s.origin(table)) {
			all = append(all, table)
		}
	}
	if len(all) == 0 {
		return
	}
	at, made := s.grantedAt(grantingKinds[0], name)
	if !made {
		at = s.lastOn(name)
	}
	s.find(at, codeViewOption, migration.Warning, fmt.Sprintf("the view %s reads %s with the rights of its owner, whom row level security does not hold", name, list(all)),
		fmt.Sprintf("%s may read the view, and sees all rows by it, whatever the policies say.", list(s.after.readers(name))),
		fmt.Sprintf("Have it read with the rights of who asks: ALTER VIEW %s SET (security_invoker = true); who reads it needs a grant on the table then, and a policy. Or FORCE ROW LEVEL SECURITY on the table.", name))
}

// shows are the tables with row level security that a view itself reads past it, for
// others than its owner; none for one that nobody else may read.
func (c *catalogue) shows(name string) (tables []string) {
	definition := c.get("view", name)
	if definition == "" || len(c.readers(name)) == 0 {
		return nil
	}
	view := readTable(name, definition)
	if viewOption(view, "security_invoker") {
		return nil
	}
	for _, of := range read(definition) {
		if t := c.table(of); t != nil && t.secured() && !t.forced() && t.fact("owner") == view.fact("owner") {
			tables = append(tables, of)
		}
	}
	return unique(tables)
}

// readers are the roles beside the owner that may read a view, or some columns of it.
func (c *catalogue) readers(name string) (roles []string) {
	g := c.granting(grantingKinds[0], name)
	if g == nil {
		return nil
	}
	for _, role := range g.roles() {
		if !g.all.may(role, 'r') && !slices.ContainsFunc(keys(g.columns), func(column string) bool { return g.columns[column].may(role, 'r') }) {
			continue
		}
		if role == "" {
			role = "everybody"
		}
		roles = append(roles, role)
	}
	return roles
}

// read are the relations that stand behind FROM and JOIN in the query of a view, as
// PostgreSQL writes it: each with its schema.
func read(definition string) (names []string) {
	_, query, _ := strings.Cut("\n"+definition, "\nas ")
	query, _, _ = strings.Cut(query, "\ncolumn ")
	t := migration.Tokens(query)
	for i := 1; i+2 < len(t); i++ {
		before := t[i-1]
		from := before.Is("from") || before.Is("join") || before.Is("only") || before.Kind == migration.Symbol && (before.Text == "," || before.Text == "(")
		if from && t[i].Name() && isDot(t[i+1]) && t[i+2].Name() {
			names = append(names, ident(t[i].Text)+"."+ident(t[i+2].Text))
		}
	}
	return unique(names)
}
