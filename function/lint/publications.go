package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// publications tells of published tables whose rows cannot be found, and of what is
// published no more.
func (s *sheet) publications() {
	s.unpublished()
	names := s.tablesTold()
	for _, p := range s.after.each("publication") {
		if s.after.get("publication", p) != s.before.get("publication", p) {
			names = s.after.each("table")
			break
		}
	}
	s.unanswerable(names)
	var failing []string
	at, severity := 0, migration.Warning
	for _, name := range names {
		was, is := s.before.table(name), s.after.table(name)
		if is == nil || is.identified() || len(s.before.publishedBy(name)) > 0 && !was.identified() {
			continue
		}
		by := s.after.publishedBy(name)
		switch {
		case len(by) == 0:
		case was != nil && was.identified() && len(s.before.publishedBy(name)) > 0:
			s.find(s.lastOn(name), codeIdentityLost, migration.Error, name+" is published and has no replica identity any more: UPDATE and DELETE fail (55000)", "", "Name another first: ALTER TABLE "+name+" REPLICA IDENTITY USING INDEX ...;")
		default:
			failing = append(failing, name)
			if was != nil {
				severity = migration.Error
			}
			if at = max(at, s.lastOn(name)); slices.ContainsFunc(by, func(p string) bool { return !slices.Contains(s.before.publishedBy(name), p) }) {
				at = max(at, s.publishes(by))
			}
		}
	}
	if len(failing) > 0 {
		s.find(at, codeIdentityLost, severity, list(failing)+" is published and has no replica identity: UPDATE and DELETE fail (55000)", "They fail here, with a subscriber or without one; INSERT works.",
			fmt.Sprintf("Give it a primary key first, or name a unique index over NOT NULL columns: ALTER TABLE %[1]s REPLICA IDENTITY USING INDEX ...; Or give it a publication of its own, for new rows alone, and leave it out of the others: CREATE PUBLICATION ... FOR TABLE %[1]s WITH (publish = 'insert'); of a publication with other tables that would hold for all of them.", failing[0]))
	}
}

// publishedBy are the publications that tell of UPDATE or DELETE of a table, or of
// the partitioned table that it belongs to.
func (c *catalogue) publishedBy(name string) (by []string) {
	var all []string
	for _, p := range c.each("publication") {
		if d := c.get("publication", p); strings.Contains(d, "update=t") || strings.Contains(d, "delete=t") {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	t := c.table(name)
	if t == nil || t.persistence != "p" || t.partitioned != "" && len(t.children) > 0 { // the partitions have the rows
		return nil
	}
	root := c.table(c.root(name))
	for _, p := range all {
		if strings.Contains(c.get("publication", p), "all=t") || t.publishedIn(p) != nil || root.publishedIn(p) != nil {
			by = append(by, p)
		}
	}
	return by
}

// A published is what a publication tells of a table.
type published struct {
	by      string
	columns []string // none: all
	where   string
}

// readPublished reads what stands behind the word publication.
func readPublished(rest string) published {
	by, rest := firstName(rest)
	p := published{by: by}
	columns, where, _ := strings.Cut(strings.TrimPrefix(rest, " columns="), " where=")
	if columns != "" {
		p.columns = names(columns)
	}
	p.where = where
	return p
}

// names are those of a list, as PostgreSQL writes them.
func names(list string) (all []string) {
	for _, part := range split(list) {
		all = append(all, strings.TrimSpace(part))
	}
	return all
}

// publishedIn is what a publication that names the table tells of it; nil where none
// does.
func (t *table) publishedIn(by string) *published {
	if t == nil {
		return nil
	}
	if i := slices.IndexFunc(t.publications, func(p published) bool { return p.by == by }); i >= 0 {
		return &t.publications[i]
	}
	return nil
}

// identity are the columns by which a subscriber finds a row, all of them for FULL.
func (t *table) identity() (columns []string) {
	switch t.fact("identity") {
	case "f":
		for _, c := range t.columns {
			columns = append(columns, c.name)
		}
	case "d":
		for _, k := range t.constraints {
			if inside, ok := strings.CutPrefix(k.definition, "PRIMARY KEY "); ok {
				inside, _ = parenthesis(inside)
				columns = names(strings.Trim(inside, "()"))
			}
		}
	case "i":
		for _, i := range t.indexes {
			if rule, ok := uniqueRule(i); ok && i.identity {
				columns = rule.keys
			}
		}
	}
	return columns
}

// uncovered says what a publication that tells of UPDATE or DELETE of the table asks
// for and its replica identity does not have, or the other way round; each refuses
// these.
func (c *catalogue) uncovered(name string) (said []string) {
	t := c.table(name)
	if t == nil || !t.identified() {
		return nil
	}
	identity := t.identity()
	for _, by := range c.publishedBy(name) {
		p := t.publishedIn(by)
		if root := c.table(c.root(name)); p == nil && strings.Contains(c.get("publication", by), "root=t") {
			p = root.publishedIn(by)
		}
		if p == nil {
			continue
		}
		var asked, missing []string
		for _, x := range migration.Tokens(p.where) {
			if column := t.column(x.Text); x.Name() && column != nil && !slices.Contains(identity, column.name) {
				asked = append(asked, column.name)
			}
		}
		for _, column := range identity {
			if len(p.columns) > 0 && !slices.Contains(p.columns, column) {
				missing = append(missing, column)
			}
		}
		if asked = unique(asked); len(asked) > 0 {
			said = append(said, fmt.Sprintf("the publication %s filters the rows of %s by %s, which its replica identity does not have", by, name, list(asked)))
		}
		if len(missing) > 0 {
			said = append(said, fmt.Sprintf("the publication %s leaves out %s of %s, which its replica identity has", by, list(missing), name))
		}
	}
	return said
}

// unanswerable tells of tables whose UPDATE and DELETE fail since what a publication
// tells of them does not fit their replica identity.
func (s *sheet) unanswerable(names []string) {
	for _, name := range names {
		before := s.before.uncovered(name)
		said := slices.DeleteFunc(s.after.uncovered(name), func(x string) bool { return slices.Contains(before, x) })
		if len(said) == 0 {
			continue
		}
		at := s.lastOn(name)
		for _, by := range s.after.publishedBy(name) {
			if s.after.get("publication", by) != s.before.get("publication", by) || !slices.Equal(s.before.publishedBy(name), s.after.publishedBy(name)) || strings.Contains(said[0], "publication "+by+" ") {
				at = max(at, s.publishes([]string{by}))
			}
		}
		severity := migration.Warning
		if s.before.table(name) != nil {
			severity = s.lesserOf(migration.Error, name)
		}
		s.find(at, codeIdentityLost, severity, strings.Join(said, "; ")+": UPDATE and DELETE fail (42P10)", "They fail here, with a subscriber or without one; INSERT works.",
			fmt.Sprintf("Filter by columns of the replica identity alone, and list all of these; or have a unique index over all of them be it: ALTER TABLE %s REPLICA IDENTITY USING INDEX ...; Or publish no more than new rows: WITH (publish = 'insert').", name))
	}
}

// identified says that a subscriber can find the rows of the table.
func (t *table) identified() bool {
	switch t.fact("identity") {
	case "f":
		return true
	case "d":
		return slices.ContainsFunc(t.constraints, func(k constraint) bool {
			return strings.HasPrefix(k.definition, "PRIMARY KEY") && !strings.Contains(k.definition, " DEFERRABLE")
		})
	case "i":
		return slices.ContainsFunc(t.indexes, func(i index) bool { return i.identity })
	}
	return false
}

// publishes is the last statement that has to do with one of the publications; one
// that has to do with another, where none names them; 0 where none does.
func (s *sheet) publishes(names []string) (at int) {
	other := 0
	for i, st := range s.file.Stmts {
		t := deepTokens(st.Text)
		if !says(t, "publication") {
			continue
		}
		other = i + 1
		if slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && slices.Contains(names, ident(x.Text)) }) {
			at = i + 1
		}
	}
	if at == 0 {
		at = other
	}
	return at
}

// unpublished tells of what subscribers get no more.
func (s *sheet) unpublished() {
	for _, p := range s.before.each("publication") {
		if s.newInRun(objectKey("publication", p)) {
			continue
		}
		was, is := s.before.get("publication", p), s.after.get("publication", p)
		if is == "" {
			s.find(max(1, s.publishes([]string{p})), codeUnpublished, migration.Warning, "the publication "+p+" is there no more", "Its subscribers fail at the next change that they ask for, and their slots keep the WAL meanwhile.",
				"Drop the subscriptions first, and see in pg_replication_slots that no slot asks for it.")
			continue
		}
		var lost []string
		for _, action := range []string{"insert", "update", "delete", "truncate"} {
			if strings.Contains(was, action+"=t") && !strings.Contains(is, action+"=t") {
				lost = append(lost, strings.ToUpper(action))
			}
		}
		if len(lost) > 0 {
			s.find(max(1, s.publishes([]string{p})), codeUnpublished, migration.Warning, fmt.Sprintf("the publication %s tells of no %s any more", p, list(lost)), "What subscribers hold falls behind, and no error says so.", "See that no subscriber needs them.")
		}
	}
	s.tablesUnpublished()
}

// tablesUnpublished tells of tables that a publication, which stays, has no more.
func (s *sheet) tablesUnpublished() {
	lost := make(map[string][]string)
	for _, name := range s.tablesTold() {
		was, is := s.before.table(name), s.after.table(name)
		if was == nil || is == nil {
			continue
		}
		for _, p := range was.publications {
			if s.newInRun(objectKey("publication", p.by)) || s.newInRun(objectKey("table", name)) {
				continue
			}
			if d := s.after.get("publication", p.by); d != "" && !strings.Contains(d, "all=t") && is.publishedIn(p.by) == nil {
				lost[p.by] = append(lost[p.by], name)
			}
		}
	}
	for _, p := range s.after.each("publication") {
		if names := lost[p]; len(names) > 0 {
			s.find(max(1, s.publishes([]string{p})), codeUnpublished, migration.Warning, fmt.Sprintf("takes %s out of the publication %s", list(names), p),
				"Subscribers get no changes of it any more: what they hold falls behind, and no error says so. Put back later, it lacks what was written meanwhile.",
				"See that no subscriber reads it. To add tables, ALTER PUBLICATION "+p+" ADD TABLE leaves the others in it; SET TABLE does not.")
		}
	}
}
