package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// acl items in {owner=arwdDxt/owner,=r/owner}
var everybody = regexp.MustCompile(`[{,"]=[a-zA-Z*]+/`)

// privileges tells of objects that everybody gets a privilege on.
func (s *sheet) privileges() {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		if e.Gone || !slices.Contains([]string{"table", "view", "materialized view", "sequence", "schema"}, e.Kind) {
			continue
		}
		if wide(s.after.get(e.Kind, e.Name)) && !wide(s.before.get(e.Kind, e.Name)) {
			at := s.lastOn(e.Name)
			for i, st := range s.file.Stmts {
				if says(deepTokens(st.Text), "grant") && says(deepTokens(st.Text), "to public") {
					at = i + 1
				}
			}
			s.find(at, codePublic, migration.Warning, fmt.Sprintf("gives everybody a privilege on the %s %s", e.Kind, e.Name), "PUBLIC is every role, also those that come later.", "Grant it to the role that needs it.")
		}
	}
}

// laterForEverybody tells of default privileges that give everybody what is made later.
func (s *sheet) laterForEverybody() {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		kind := e.Name[len(e.Name)-1:]
		what, ok := map[string]string{"r": "table and view", "S": "sequence", "n": "schema", "f": "function", "T": "type"}[kind]
		if e.Kind != "default privileges" || !ok || !s.after.later(e.Name) || s.before.later(e.Name) {
			continue
		}
		at := 1
		for i, st := range s.file.Stmts {
			if t := deepTokens(st.Text); says(t, "default privileges") && says(t, "to public") {
				at = i + 1
			}
		}
		s.find(at, codePublic, migration.Warning, fmt.Sprintf("gives everybody a privilege on each %s that is made later", what), "PUBLIC is every role, also those that come later; and nobody sees it in the file that makes one.", "Grant it to the role that needs it.")
	}
}

// later says that everybody gets a privilege by default privileges of that name.
// Without any it is EXECUTE of functions and USAGE of types, and those of a schema
// come on top.
func (c *catalogue) later(name string) bool {
	d := c.get("default privileges", name)
	if everybody.MatchString(d) {
		return true
	}
	ofSchema := !strings.Contains(name, "  ")
	return (strings.HasSuffix(name, " f") || strings.HasSuffix(name, " T")) && (d == "" || ofSchema)
}

func wide(definition string) bool {
	for line := range strings.SplitSeq(definition, "\n") {
		if _, acl, ok := strings.Cut(line, "acl="); ok {
			acl, _, _ = strings.Cut(acl, " ")
			return everybody.MatchString(acl)
		}
	}
	return false
}

// functions tells of those that run as their owner and find whatever the caller
// puts in their way.
func (s *sheet) functions() {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		if e.Gone || e.Kind != "function" && e.Kind != "procedure" {
			continue
		}
		is := definer(s.after.get(e.Kind, e.Name))
		if is && !definer(s.before.get(e.Kind, e.Name)) {
			s.find(s.lastOn(e.Name), codeDefiner, migration.Warning, fmt.Sprintf("the %s %s is SECURITY DEFINER and sets no search_path", e.Kind, e.Name), "Whoever may create objects in a schema of the caller's search_path can have its owner run them.", "Add SET search_path = '' to it, and qualify the names in its body.")
		}
	}
}

// definer says that a function runs as its owner without a search_path of its own.
func definer(definition string) bool {
	first, _, _ := strings.Cut(definition, "\n")
	_, after, ok := strings.Cut(first, " definer=")
	return ok && strings.HasPrefix(after, "t") && !strings.Contains(after, "search_path=")
}

// end tells of what only shows after the last file.
func (d *directory) end() {
	d.ungranted()
	d.unusableSchemas()
	d.uncounted()
	d.forgotten()
	d.gaps()
	for _, f := range d.findings {
		slices.SortStableFunc(f, func(a, b migration.Finding) int { return a.Statement - b.Statement })
	}
}

func (d *directory) find(file string, line, statement int, code string, severity migration.Severity, summary, detail, fix string) {
	d.findings[file] = append(d.findings[file], migration.Finding{Code: code, Severity: severity, File: file, Line: line, Statement: statement, Summary: summary, Detail: detail, Fix: fix})
}

// ungranted tells of new tables that lack a role which most of their neighbours
// have granted something.
func (d *directory) ungranted() {
	if len(d.created) == 0 {
		return
	}
	mine := make(map[string]bool)
	for _, c := range d.created {
		mine[c.name] = true
	}
	neighbours := make(map[string]int)         // by schema
	granted := make(map[string]map[string]int) // by schema and role
	for _, name := range d.now.each("table") {
		t := d.now.table(name)
		if mine[name] || t.bound != "" {
			continue
		}
		neighbours[schema(name)]++
		for _, role := range grantees(t) {
			if granted[schema(name)] == nil {
				granted[schema(name)] = make(map[string]int)
			}
			granted[schema(name)][role]++
		}
	}
	for _, c := range d.created {
		t := d.now.table(c.name)
		if t == nil || t.bound != "" {
			continue
		}
		has := grantees(t)
		var missing []string
		for role, n := range granted[schema(c.name)] {
			if 2*n > neighbours[schema(c.name)] && !slices.Contains(has, role) {
				missing = append(missing, role)
			}
		}
		if missing = unique(missing); len(missing) > 0 {
			severity := migration.Warning
			if len(has) > 0 { // who wrote it thought of grants
				severity = migration.Info
			}
			d.find(c.file, c.line, c.statement, codeNoGrant, severity, fmt.Sprintf("%s has no grant for %s, unlike the other tables of its schema", c.name, list(missing)), "Its queries fail (42501).",
				fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s; or, for all that come, ALTER DEFAULT PRIVILEGES.", c.name, strings.Join(missing, ", ")))
		}
	}
}

// unusableSchemas tells of schemas of the run whose tables are granted to roles, and which
// nobody but their owner may use. Where somebody may, the roles may be members of that.
func (d *directory) unusableSchemas() {
	told := make(map[string]bool)
	for _, c := range d.created {
		name, t := schema(c.name), d.now.table(c.name)
		g := d.now.granting(grantingKinds[1], name)
		if t == nil || g == nil || told[name] || d.start.get("schema", name) != "" || slices.ContainsFunc(g.roles(), func(role string) bool { return g.all.may(role, 'U') }) {
			continue
		}
		roles := slices.DeleteFunc(grantees(t), func(role string) bool { return role == g.owner })
		if len(roles) == 0 {
			continue
		}
		told[name] = true
		d.find(c.file, c.line, c.statement, codeNoGrant, migration.Warning, fmt.Sprintf("%s is granted to %s, and the schema %s is not", c.name, list(roles), name), "Without USAGE of its schema nothing in it is found: each query fails (42501).",
			fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;", name, strings.Join(roles, ", ")))
	}
}

// grantees are the roles that a table grants something, its owner left out.
func grantees(t *table) []string {
	acl := strings.Trim(t.fact("acl"), "{}")
	owner := t.fact("owner")
	var roles []string
	for item := range strings.SplitSeq(acl, ",") {
		if role, _, ok := strings.Cut(item, "="); ok && role != "" && role != owner {
			roles = append(roles, role)
		}
	}
	return roles
}

// forgotten tells of constraints that stay NOT VALID.
func (d *directory) forgotten() {
	for _, u := range d.unproven {
		if k := d.now.table(u.table).constraint(u.name); k != nil && !k.valid && !strings.Contains(k.definition, " NOT ENFORCED") {
			d.find(u.file, u.line, u.statement, codeNotValid, migration.Info, fmt.Sprintf("%s of %s is NOT VALID when the last file has run", ident(u.name), u.table), "The planner and SET NOT NULL cannot use it, and old rows may break it.",
				fix("Validate it in a later file:", one(fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", u.table, ident(u.name)))))
		}
	}
}

// gaps tells of indexes that are dropped before the one that replaces them is
// there.
func (d *directory) gaps() {
	for _, g := range d.dropped {
		if g.on == "" {
			continue
		}
		later := ""
		past := false
		for _, f := range d.in.Files {
			past = past || f.Name == g.file
			seen, ok := d.in.Replay.Find(f.Name)
			if !past || !ok {
				continue
			}
			for _, e := range seen.Statements {
				if f.Name == g.file && e.Statement <= g.statement {
					continue
				}
				for _, i := range e.Indexes {
					if i.Table == g.table && !i.Rebuilt && firstOf(&index{definition: i.Definition}) == g.on {
						later = i.Index
					}
				}
			}
		}
		if later != "" {
			d.find(g.file, g.line, g.statement, codeIndexGap, migration.Warning, fmt.Sprintf("drops %s before %s is built, which takes its place", g.index, newer(g.index, later)), "Queries in between scan the whole table.",
				"Build the new index first, CONCURRENTLY and under another name, then drop the old one and rename the new.")
		}
	}
}

// newer names the index that takes the place of another, which may have its name.
func newer(was, is string) string {
	if was == is {
		return "the new one"
	}
	return is
}
