package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// privilegeNames are the privileges that daily work takes, by their letters in
// an ACL. What else is granted, TRUNCATE or CREATE, is taken away to harden.
var privilegeNames = map[rune]string{'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", 'U': "USAGE", 'X': "EXECUTE"}

// grants are the letters of what each role may do, by its name as PostgreSQL
// writes it; "" is PUBLIC.
type grants map[string]string

// readACL reads {owner=arwd/owner,role=r/owner,=X/owner}. An empty one, which has
// never been granted anything, is nil.
func readACL(acl string) grants {
	acl = strings.TrimSuffix(strings.TrimPrefix(acl, "{"), "}")
	if acl == "" {
		return nil
	}
	g := make(grants)
	quoted, begin := false, 0
	item := func(text string) {
		text = strings.ReplaceAll(strings.Trim(text, `"`), `\"`, `"`)
		role, what, ok := strings.Cut(text, "=")
		letters, _, _ := strings.Cut(what, "/")
		if ok {
			g[role] += strings.ReplaceAll(letters, "*", "")
		}
	}
	for i := 0; i < len(acl); i++ {
		switch {
		case acl[i] == '\\':
			i++
		case acl[i] == '"':
			quoted = !quoted
		case acl[i] == ',' && !quoted:
			item(acl[begin:i])
			begin = i + 1
		}
	}
	item(acl[begin:])
	return g
}

// may says that a role has a privilege, by itself or as everybody.
func (g grants) may(role string, letter rune) bool {
	return strings.ContainsRune(g[role], letter) || strings.ContainsRune(g[""], letter)
}

// A granting is what an object grants.
type granting struct {
	kind, owner string
	all         grants
	columns     map[string]grants
}

// kinds of objects that grant something to those who use them, each a set of
// names of its own.
var grantingKinds = [][]string{{"table", "view", "materialized view", "foreign table", "sequence"}, {"schema"}, {"function", "procedure", "aggregate"}, {"default privileges"}}

// granting reads what an object of one of the kinds and that name grants; nil
// where there is none.
func (c *catalogue) granting(kinds []string, name string) *granting {
	for _, kind := range kinds {
		d := c.get(kind, name)
		if d == "" {
			continue
		}
		g := &granting{kind: kind}
		switch kind {
		case "default privileges":
			g.owner, _, _ = strings.Cut(name, " ")
			g.all = readACL(d)
		case "schema":
			line, _, _ := strings.Cut(d, "\n")
			owner, acl, _ := strings.Cut(strings.TrimPrefix(line, "owner="), " acl=")
			g.owner, g.all = owner, readACL(acl)
		case "function", "procedure", "aggregate":
			head, _, _ := strings.Cut(d, "\nbody ")
			at := strings.LastIndex(head, " owner=")
			owner, acl, _ := strings.Cut(strings.TrimPrefix(head[max(at, 0):], " owner="), " acl=")
			acl, _, _ = strings.Cut(acl, " comment=")
			if g.owner, g.all = owner, readACL(acl); g.all == nil {
				g.all = grants{"": "X"}
			}
		default:
			t := readTable(name, d)
			if t.bound != "" { // queries go by its parent
				return nil
			}
			g.owner, g.all = t.fact("owner"), readACL(t.fact("acl"))
			g.columns = make(map[string]grants, len(t.columns))
			for _, column := range t.columns {
				g.columns[column.name] = readACL(column.acl)
			}
		}
		return g
	}
	return nil
}

// lost are the privileges that a role had and has no more, as GRANT writes them.
func (g *granting) lost(is *granting, role string) (names []string) {
	for _, letter := range "rawdUX" {
		switch {
		case letter == 'U' && g.kind == "sequence" && is.all.may(role, 'w'), is.all.may(role, letter):
		case g.all.may(role, letter):
			if role != "" && strings.ContainsRune(g.all[""], letter) && !strings.ContainsRune(g.all[role], letter) {
				continue // PUBLIC lost it
			}
			if len(is.columns) > 0 && !slices.ContainsFunc(keys(is.columns), func(c string) bool { return !is.columns[c].may(role, letter) }) {
				continue
			}
			names = append(names, privilegeNames[letter])
		default:
			var columns []string
			for _, c := range keys(g.columns) {
				if now, there := is.columns[c]; there && g.columns[c].may(role, letter) && !now.may(role, letter) {
					columns = append(columns, c)
				}
			}
			if len(columns) > 0 {
				names = append(names, fmt.Sprintf("%s (%s)", privilegeNames[letter], strings.Join(columns, ", ")))
			}
		}
	}
	return names
}

func keys[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// roles that are granted something, PUBLIC last.
func (g *granting) roles() []string {
	found := keys(g.all)
	for _, c := range g.columns {
		found = append(found, keys(c)...)
	}
	found = unique(found)
	if len(found) > 0 && found[0] == "" {
		found = append(found[1:], "")
	}
	return slices.DeleteFunc(found, func(role string) bool { return role == g.owner })
}

// ungrants tells of privileges that roles had before the file and have no more
// behind it: taken away, or not given to what stands anew under the name.
func (s *sheet) ungrants() {
	type said struct{ what, again []string }
	taken, anew, later := make(map[int]*said), make(map[int]*said), make(map[int]*said)
	add := func(to map[int]*said, at int, what, again string) {
		if to[at] == nil {
			to[at] = &said{}
		}
		to[at].what, to[at].again = append(to[at].what, what), append(to[at].again, again)
	}
	for _, object := range s.changedGrants() {
		was, is := s.before.granting(object.kinds, object.name), s.after.granting(object.kinds, object.name)
		if was != nil && is == nil && was.kind == "default privileges" {
			is = &granting{kind: was.kind, owner: was.owner}
		}
		if was == nil || is == nil || s.newInRun(objectKey(is.kind, object.name)) {
			continue
		}
		for _, role := range was.roles() {
			names := was.lost(is, role)
			if role == is.owner || len(names) == 0 || role == "" && s.narrowedTo(was, is) {
				continue
			}
			who := role
			if role == "" {
				who = "PUBLIC"
			}
			privileges := strings.Join(names, ", ")
			at, made := s.grantedAt(object.kinds, object.name)
			switch {
			case is.kind == "default privileges":
				add(later, at, fmt.Sprintf("%s of %s", privileges, who), "")
			case made:
				add(anew, at, fmt.Sprintf("%s of %s on %s", privileges, who, object.name), fmt.Sprintf("GRANT %s ON %s TO %s;", privileges, onWhat(is.kind, object.name), who))
			default:
				add(taken, at, fmt.Sprintf("%s on %s from %s", privileges, object.name, who), fmt.Sprintf("GRANT %s ON %s TO %s;", privileges, onWhat(is.kind, object.name), who))
			}
		}
	}
	for at, x := range anew {
		s.find(at, codeGrantLost, migration.Warning, "stands anew without what the one of before granted: "+list(x.what), "What is made has no grants but those that are given to it: running code of that role fails (42501).",
			"Grant it again in the same file: "+few(x.again))
	}
	for at, x := range taken {
		s.find(at, codeGrantLost, migration.Warning, "takes "+list(x.what), "Running code of that role fails from then on (42501).",
			"See first, in the code and in pg_stat_statements by user, that no role needs it any more. Where only some of it shall go, give the rest back in the same file: "+few(x.again))
	}
	for at, x := range later {
		s.find(at, codeGrantLost, migration.Warning, "what is made later comes without "+list(x.what), "Nothing fails today: queries of the next new table do (42501).",
			"Leave the default privileges as they are, or see that each file that makes something grants it too.")
	}
}

// few are the first of many statements.
func few(statements []string) string {
	if len(statements) > 4 {
		statements = append(slices.Clone(statements[:3]), "and so on.")
	}
	return strings.Join(statements, " ")
}

// regranted are the statements that grant on what has the name of a relation from
// then on what the relation grants; "" where that is nothing.
func (s *sheet) regranted(name string) string {
	was := s.before.granting(grantingKinds[0], name)
	if was == nil {
		return ""
	}
	said := ""
	for _, role := range was.roles() {
		if names := was.lost(&granting{kind: was.kind}, role); len(names) > 0 {
			if role == "" {
				role = "PUBLIC"
			}
			said += fmt.Sprintf(" GRANT %s ON %s TO %s;", strings.Join(names, ", "), name, role)
		}
	}
	return said
}

func onWhat(kind, name string) string {
	switch kind {
	case "sequence", "schema", "function", "procedure":
		return strings.ToUpper(kind) + " " + name
	case "aggregate":
		return "FUNCTION " + name
	}
	return name
}

// A grantor is the name of what may grant something else than before.
type grantor struct {
	kinds []string
	name  string
}

// changedGrants are the objects that the file changes, each once.
func (s *sheet) changedGrants() (all []grantor) {
	seen, _ := s.in.Replay.Find(s.file.Name)
	for _, e := range seen.Catalogue {
		at := slices.IndexFunc(grantingKinds, func(kinds []string) bool { return slices.Contains(kinds, e.Kind) })
		if at >= 0 && !slices.ContainsFunc(all, func(g grantor) bool { return g.name == e.Name && slices.Contains(g.kinds, e.Kind) }) {
			all = append(all, grantor{grantingKinds[at], e.Name})
		}
	}
	return all
}

// narrowedTo says that roles got by name what everybody had.
func (s *sheet) narrowedTo(was, is *granting) bool {
	return slices.ContainsFunc(is.roles(), func(role string) bool { return role != "" && is.all[role] != "" && was.all[role] == "" })
}

// grantedAt is the statement, from 1, after which an object grants no more what it
// did; made says that it has been made anew.
func (s *sheet) grantedAt(kinds []string, name string) (at int, made bool) {
	revokes := 0
	for i, e := range s.effects {
		for _, o := range e.Objects {
			switch {
			case !slices.Contains(kinds, o.Kind) && !(isTable(o.Kind) && slices.Contains(kinds, "table")):
			case o.Name == name && o.Change == migration.Created, o.To == name:
				at, made = i+1, true
			}
		}
		t := deepTokens(s.file.Stmts[i].Text)
		if says(t, "revoke") || says(t, "drop owned") || says(t, "owner to") || says(t, "reassign owned") {
			if revokes == 0 || slices.ContainsFunc(t, func(x migration.Token) bool { return x.Name() && x.Text == last(bareName(name)) }) {
				revokes = i + 1
			}
		}
	}
	switch {
	case made:
		return at, true
	case revokes > 0:
		return revokes, false
	}
	return s.lastOn(name), false
}

// owners tells of what another role owns from then on.
func (s *sheet) owners() {
	moved := make(map[int][]string)
	to := make(map[int]string)
	for _, object := range s.changedGrants() {
		was, is := s.before.granting(object.kinds, object.name), s.after.granting(object.kinds, object.name)
		if was == nil || is == nil || was.owner == is.owner || is.owner == "" || was.owner == "" || is.kind == "default privileges" {
			continue
		}
		at, made := s.grantedAt(object.kinds, object.name)
		if made {
			continue
		}
		moved[at] = append(moved[at], object.name)
		to[at] = is.owner
	}
	for at, names := range moved {
		s.find(at, codeOwner, migration.Warning, fmt.Sprintf("makes %s the owner of %s", to[at], list(names)),
			"Only an owner alters and drops a thing, and an owner goes past row level security: later files fail where the role that runs them is no member of it (42501), and code that worked as the old owner keeps what it is granted and no more.",
			fmt.Sprintf("Have the role that runs migrations be a member of it first: GRANT %s TO ...; and grant the role that worked as the owner what it needs.", to[at]))
	}
}

// forEverybody tells of functions that stand anew, and that everybody may call again.
func (s *sheet) forEverybody() {
	for _, object := range s.changedGrants() {
		was, is := s.before.granting(object.kinds, object.name), s.after.granting(object.kinds, object.name)
		if was == nil || is == nil || !isCode(is.kind) || is.columns != nil || was.all.may("", 'X') || !is.all.may("", 'X') {
			continue
		}
		at, made := s.grantedAt(object.kinds, object.name)
		why, fix := "PUBLIC is every role, also those that come later.", "Grant it to the role that needs it."
		if made {
			why = "What is dropped and made anew begins with EXECUTE for PUBLIC: that it was taken away is forgotten."
			fix = fmt.Sprintf("CREATE OR REPLACE keeps what is granted. Or in the same file: REVOKE ALL ON %s FROM PUBLIC; and grant it to the roles that call it.", onWhat(is.kind, object.name))
		}
		s.find(at, codePublic, migration.Warning, fmt.Sprintf("lets everybody execute the %s %s, which not everybody might", is.kind, object.name), why, fix)
	}
}

// sequencesOfInserts notes columns that are filled by a sequence, where a role may
// insert into the table and not use the sequence.
func (s *sheet) sequencesOfInserts() {
	for _, name := range s.tablesToldOrGranted() {
		for _, x := range s.after.unusable(name) {
			if !slices.Contains(s.before.unusable(name), x) {
				s.unusable = append(s.unusable, locked{x, s.file.Name, s.file.Stmts[s.lastOn(name)-1].Line, s.lastOn(name)})
			}
		}
	}
}

// tablesToldOrGranted are the tables of which a column may count by a sequence that
// the file changes, or that it changes itself.
func (s *sheet) tablesToldOrGranted() []string {
	seen, _ := s.in.Replay.Find(s.file.Name)
	if slices.ContainsFunc(seen.Catalogue, func(e catalog.Edit) bool { return e.Kind == "sequence" && !e.Gone }) {
		return s.after.each("table")
	}
	return s.tablesTold()
}

// An insert that fails, for want of the privilege to take a value.
type insert struct{ table, column, sequence, role string }

// locked is one, and the statement after which it fails.
type locked struct {
	insert
	file            string
	line, statement int
}

// unusable are the inserts into a table that fail so.
func (c *catalogue) unusable(name string) (found []insert) {
	g := c.granting([]string{"table"}, name)
	if g == nil {
		return nil
	}
	for _, column := range c.table(name).columns {
		if column.identity != "" || !strings.HasPrefix(column.fallback, "nextval(") {
			continue
		}
		sequence := sequenceOf(column.fallback)
		of := c.granting([]string{"sequence"}, sequence)
		if of == nil {
			sequence = "public." + sequence
			of = c.granting([]string{"sequence"}, sequence)
		}
		if of == nil {
			continue
		}
		for _, role := range g.roles() {
			inserts := g.all.may(role, 'a') || slices.ContainsFunc(keys(g.columns), func(k string) bool { return g.columns[k].may(role, 'a') })
			if role != "" && role != of.owner && inserts && !of.all.may(role, 'U') && !of.all.may(role, 'w') {
				found = append(found, insert{name, column.name, sequence, role})
			}
		}
	}
	return found
}

// uncounted tells of them, where no later file gives the privilege.
func (d *directory) uncounted() {
	var told []locked
	for _, x := range d.unusable {
		at := slices.IndexFunc(told, func(o locked) bool { return o.file == x.file && o.statement == x.statement })
		if !slices.Contains(d.now.unusable(x.table), x.insert) || at >= 0 {
			continue
		}
		told = append(told, x)
		var roles []string
		for _, o := range d.unusable {
			if o.file == x.file && o.statement == x.statement && o.sequence == x.sequence {
				roles = append(roles, o.role)
			}
		}
		roles = unique(roles)
		d.find(x.file, x.line, x.statement, codeNoGrant, migration.Warning, fmt.Sprintf("%s may insert into %s, and not take the value of %s from %s", list(roles), x.table, x.column, x.sequence),
			"Inserts that leave the column to its default fail (42501).", fmt.Sprintf("GRANT USAGE ON SEQUENCE %s TO %s; an identity column needs no such grant.", x.sequence, strings.Join(roles, ", ")))
	}
}
