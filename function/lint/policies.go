package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A rowPolicy is a policy of row level security.
type rowPolicy struct {
	name         string
	command      string // r, a, w, d, or * for all
	permissive   bool
	roles        []string // "" for PUBLIC
	using, check string
}

// readPolicy reads what stands behind the word policy.
func readPolicy(rest string) rowPolicy {
	name, rest := firstName(rest)
	p := rowPolicy{name: name}
	facts, conditions, _ := strings.Cut(rest, " to=")
	if f := strings.Fields(facts); len(f) > 1 {
		p.command, p.permissive = f[0], f[1] == "t"
	}
	roles, conditions, _ := strings.Cut(conditions, " using=")
	for role := range strings.SplitSeq(strings.Trim(roles, "{}"), ",") {
		if role == "-" {
			role = ""
		}
		p.roles = append(p.roles, role)
	}
	if i := strings.LastIndex(conditions, " comment="); i >= 0 {
		conditions = conditions[:i]
	}
	p.using, p.check, _ = strings.Cut(conditions, " check=")
	return p
}

// of says that the policy is about what a role does by a command.
func (p rowPolicy) of(role, command string) bool {
	return (p.command == "*" || p.command == command) && (slices.Contains(p.roles, "") || slices.Contains(p.roles, role))
}

func (p rowPolicy) same(o rowPolicy) bool {
	return p.command == o.command && p.permissive == o.permissive && slices.Equal(p.roles, o.roles) && p.using == o.using && p.check == o.check
}

// all says that the policy lets every row through.
func (p rowPolicy) all() bool {
	return p.permissive && (p.using == "true" || p.using == "" && p.check == "true")
}

// condition is what a row has to meet by a command.
func (p rowPolicy) condition(command string) string {
	if command == "a" && p.check != "" {
		return p.check
	}
	return p.using
}

// never says that a condition, as PostgreSQL writes it, is met by no row.
func never(condition string) bool {
	c := strings.TrimSpace(condition)
	for {
		inside, behind := parenthesis(c)
		if !strings.HasPrefix(c, "(") || behind != "" {
			break
		}
		c = strings.TrimSpace(inside[1 : len(inside)-1])
	}
	if terms := terms(c, "or"); len(terms) > 1 {
		return !slices.ContainsFunc(terms, func(t string) bool { return !never(t) })
	}
	if terms := terms(c, "and"); len(terms) > 1 {
		return slices.ContainsFunc(terms, never)
	}
	t := migration.Tokens(c)
	switch {
	case len(t) == 0:
		return false
	case t[0].Is("false") && len(t) == 1, t[0].Is("null") && (len(t) == 1 || t[1].Text == ":"), c == "NOT true":
		return true
	}
	left, right, equal := strings.Cut(c, " = ")
	return equal && whole(left) && whole(right) && strings.TrimSpace(left) != strings.TrimSpace(right)
}

// whole says that an expression is a plain whole number.
func whole(text string) bool {
	t := migration.Tokens(text)
	return len(t) == 1 && t[0].Kind == migration.Number
}

// terms are the parts of a condition between a word that stands in no parentheses.
func terms(c, word string) (parts []string) {
	depth, begin := 0, 0
	for _, t := range migration.Tokens(c) {
		switch {
		case t.Kind == migration.Symbol && t.Text == "(":
			depth++
		case t.Kind == migration.Symbol && t.Text == ")":
			depth--
		case depth == 0 && t.Is(word):
			parts = append(parts, c[begin:t.Pos])
			begin = t.Pos + len(word)
		}
	}
	return append(parts, c[begin:])
}

// secured says that row level security of a table is on; forced, for its owner too.
func (t *table) secured() bool { return strings.HasPrefix(t.fact("rls"), "t") }

func (t *table) forced() bool { return t.secured() && strings.HasSuffix(t.fact("rls"), ",t") }

// reaches says that some policy lets a role get at rows of the table by a command.
func (t *table) reaches(role, command string) bool {
	return !t.secured() || slices.ContainsFunc(t.policies, func(p rowPolicy) bool { return p.permissive && p.of(role, command) && !never(p.condition(command)) })
}

func (t *table) policy(name string) *rowPolicy {
	if i := slices.IndexFunc(t.policies, func(p rowPolicy) bool { return p.name == name }); i >= 0 {
		return &t.policies[i]
	}
	return nil
}

// secured are the commands that policies are for.
var secured = []struct {
	letter rune
	word   string
}{{'r', "SELECT"}, {'a', "INSERT"}, {'w', "UPDATE"}, {'d', "DELETE"}}

// security looks at row level security of a table in use.
func (s *sheet) security(at int, name string, was, is *table) {
	switch {
	case is.secured() && len(is.policies) == 0 && (!was.secured() || len(was.policies) > 0):
		s.find(at, codeRowSecurity, migration.Warning, "row level security of "+name+" is on without a policy: all roles but the owner see no rows", "", "Create the policies first, in the same file or an earlier one.")
	case was.secured() && !is.secured():
		s.find(at, codeRowSecurity, s.lesserOf(migration.Warning, name), "switches row level security of "+name+" off: everybody with a grant sees all rows", "", "Change the policies instead, or take the grants first.")
	case !is.secured():
	default:
		s.policies(at, name, was, is)
		s.asksSetting(at, name, was, is)
	}
}

var setting = regexp.MustCompile(`current_setting\(\s*'([^']+\.[^']+)'(::text)?\s*\)`)

// asksSetting tells of policies that ask for a setting of the session which has to be
// there.
func (s *sheet) asksSetting(at int, name string, was, is *table) {
	var asked, policies []string
	for _, p := range is.policies {
		for _, m := range setting.FindAllStringSubmatch(s.saysInAll(p), -1) {
			if !was.secured() || !slices.ContainsFunc(was.policies, func(o rowPolicy) bool { return strings.Contains(s.saysInAll(o), m[0]) }) {
				asked, policies = append(asked, m[1]), append(policies, p.name)
			}
		}
	}
	if len(asked) > 0 {
		s.find(at, codePolicySetting, s.lesserOf(migration.Warning, name), fmt.Sprintf("the policy %s of %s asks for the setting %s, which a session need not have", list(unique(policies)), name, list(unique(asked))),
			"Every query and every write of a session that has not set it fails (42704), for all whom policies hold.",
			fmt.Sprintf("Ask with missing_ok, which gives NULL and so no rows: current_setting('%s', true). And let all running code set it before.", asked[0]))
	}
}

// saysInAll is what a policy says, and what the functions do that it calls.
func (s *sheet) saysInAll(p rowPolicy) string {
	said := p.using + " " + p.check
	for _, name := range s.after.each("function") {
		if strings.Contains(said, bareName(name)+"(") {
			_, body, _ := strings.Cut(s.after.get("function", name), "\nbody ")
			said += " " + body
		}
	}
	return said
}

// policies tells of rows that roles see no more, and of rows that they see now.
func (s *sheet) policies(at int, name string, was, is *table) {
	var fewer, more []string
	askers := s.askers(name, was)
	if len(askers) == 0 && !was.secured() { // who may do what is not known
		var commands []string
		for _, c := range secured {
			if !slices.ContainsFunc(is.policies, func(p rowPolicy) bool { return p.permissive && (p.command == "*" || p.command == string(c.letter)) }) {
				commands = append(commands, c.word)
			}
		}
		if len(commands) > 0 {
			fewer = append(fewer, "no policy lets anybody "+strings.Join(commands, ", ")+" any more")
		}
	}
	for _, role := range askers {
		var commands []string
		for _, c := range secured {
			if s.asks(name, role, c.letter) && was.reaches(role, string(c.letter)) && !is.reaches(role, string(c.letter)) {
				commands = append(commands, c.word)
			}
		}
		if len(commands) > 0 {
			who := role
			if role == "" {
				who = "everybody but the owner"
			}
			fewer = append(fewer, fmt.Sprintf("no policy lets %s %s any more", who, strings.Join(commands, ", ")))
		}
	}
	if was.secured() {
		for _, p := range is.policies {
			old := was.policy(p.name)
			switch {
			case slices.ContainsFunc(was.policies, p.same):
			case !p.permissive && never(p.using):
				fewer = append(fewer, fmt.Sprintf("the restrictive policy %s hides all rows", p.name))
			case !p.permissive && old == nil && !slices.ContainsFunc(is.policies, func(o rowPolicy) bool { return o.permissive && (o.using != p.using || o.check != p.check) }):
				// it shows what the others show
			case !p.permissive && old == nil:
				fewer = append(fewer, fmt.Sprintf("the restrictive policy %s hides rows that the others show", p.name))
			case p.all() && was.keepsFrom(p):
				more = append(more, fmt.Sprintf("the policy %s shows all rows to whom the others showed some", p.name))
			case old != nil && old.permissive && p.permissive && strings.HasPrefix(p.using, "("+old.using+" AND "):
				fewer = append(fewer, fmt.Sprintf("the policy %s shows fewer rows than before", p.name))
			}
		}
		for _, p := range was.policies {
			if !p.permissive && is.policy(p.name) == nil && !slices.ContainsFunc(is.policies, p.same) {
				more = append(more, fmt.Sprintf("rows that the restrictive policy %s hid are shown", p.name))
			}
		}
	}
	if is.forced() && !was.forced() {
		fewer = append(fewer, "FORCE holds its owner to the policies too")
	}
	if len(more) > 0 {
		s.find(at, codeRowSecurity, migration.Warning, name+": "+strings.Join(slices.Concat(more, fewer), "; "), "Permissive policies are joined by OR: one that is always true leaves nothing of the others.",
			"Say in the policy which rows, or let it be for the one role that may see all: CREATE POLICY ... TO ...;")
		return
	}
	if len(fewer) > 0 {
		s.find(at, codeRowSecurity, migration.Warning, name+": "+strings.Join(fewer, "; "), "SELECT, UPDATE and DELETE pass over such rows with no error; INSERT fails (42501).",
			"Create in the same file the policies by which running code goes on; and try its queries as its role, not as the owner, whom policies hold only by FORCE.")
		return
	}
	if open := func(p rowPolicy) bool { return p.all() && slices.Contains(p.roles, "") }; !was.secured() && !slices.ContainsFunc(is.policies, open) {
		s.find(at, codeRowSecurity, migration.Info, name+" shows roles the rows that its policies let through, and no others", "SELECT, UPDATE and DELETE pass over the others with no error; INSERT fails (42501).",
			"Try the queries of running code as its role, not as the owner, whom policies hold only by FORCE.")
	}
}

// askers are the roles that are granted something on a table, its owner left out;
// where nobody is, and there are policies already, everybody.
func (s *sheet) askers(name string, was *table) []string {
	var roles []string
	if g := s.after.granting(grantingKinds[0], name); g != nil {
		roles = g.roles()
	}
	if len(roles) == 0 && was.secured() {
		return []string{""}
	}
	return roles
}

func (s *sheet) asks(name, role string, letter rune) bool {
	g := s.after.granting(grantingKinds[0], name)
	if g == nil || len(g.roles()) == 0 {
		return true
	}
	return g.all.may(role, letter) || slices.ContainsFunc(keys(g.columns), func(c string) bool { return g.columns[c].may(role, letter) })
}

// keepsFrom says that a policy of the table shows those whom the new one is for some
// rows only. One for a single role, where the others are for everybody, is what an
// administrator gets.
func (t *table) keepsFrom(p rowPolicy) bool {
	return slices.ContainsFunc(t.policies, func(o rowPolicy) bool {
		return o.permissive && !o.all() && (o.command == "*" || p.command == "*" || o.command == p.command) &&
			(slices.Contains(p.roles, "") || slices.ContainsFunc(o.roles, func(role string) bool { return slices.Contains(p.roles, role) }))
	})
}
