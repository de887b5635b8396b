package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// privileges asks whether the role that files run as may create and alter what
// they name. What a file needs exactly only the server knows once it runs, so
// all but a role that may create nowhere is a warning.
func privileges(p migration.Probes) found {
	role := p.Facts.Target.Role
	switch {
	case p.Facts.RoleMissing:
		return skipped("not looked at, since role is broken")
	case p.Planner && p.Settings.Role == "":
		return skipped("not looked at: a planner runs no file. Ask the runner")
	}
	if creates := creators(p); len(creates) > 0 && !p.Live.Account.ActingCreates {
		return broken(fmt.Sprintf("%s, and %s may not create in the database %s", creates[0], role, p.Facts.Target.Database), "Let it create there.",
			fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;", migration.Identifier(p.Facts.Target.Database), migration.Identifier(role)))
	}
	can, cannot := creating(p)
	switch {
	case len(can) == 0 && len(cannot) == 0:
		return broken("there is no schema in the search_path in which a file could create anything", "Create one, or set a search_path for the login user.",
			fmt.Sprintf("CREATE SCHEMA public AUTHORIZATION %s;", migration.Identifier(role)))
	case len(can) == 0:
		return broken(fmt.Sprintf("%s may create nowhere that the files could want it to (%s)", role, few(cannot)), "Let it create in the schemas of the files.", grants(cannot, role)...)
	case len(cannot) > 0 || len(p.Live.Foreign) > 0:
		return limited(p, role, cannot)
	}
	return ok("%s may create in %s", role, few(can))
}

// limited says what the role may not do that a pending file could want.
func limited(p migration.Probes, role string, cannot []string) found {
	var said, fixes, sql []string
	if len(cannot) > 0 {
		said = append(said, fmt.Sprintf("may create nothing in %s", few(cannot)))
		fixes = append(fixes, "If a pending file creates something there, grant it.")
		sql = append(sql, grants(cannot, role)...)
	}
	if foreign := p.Live.Foreign; len(foreign) > 0 {
		said = append(said, "does not own "+few(each(foreign, func(o migration.Owned) string { return lower(o.Object) + " (of " + o.Owner + ")" }))+", which the pending files name")
		fixes = append(fixes, "Only its owner may alter a table or make an index on it: if a pending file does, give it over.")
		for _, o := range foreign {
			sql = append(sql, fmt.Sprintf("ALTER %s OWNER TO %s;", o.Object, migration.Identifier(role)))
		}
	}
	return warning(role+" "+strings.Join(said, ", and "), strings.Join(fixes, " "), sql...)
}

// creating parts the schemas that files may create in: the one where what has
// no schema lands, and those that pending files name. With nothing pending all
// there are count.
func creating(p migration.Probes) (can, cannot []string) {
	for _, s := range p.Live.Schemas {
		if s.Name != p.Live.Landing && !s.Named && len(p.Directory.Pending) > 0 {
			continue
		}
		if s.Create && s.Use {
			can = append(can, s.Name)
		} else if s.Name == p.Live.Landing || s.Named {
			cannot = append(cannot, s.Name)
		}
	}
	return can, cannot
}

func grants(schemas []string, role string) []string {
	return each(schemas, func(schema string) string {
		return fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s;", migration.Identifier(schema), migration.Identifier(role))
	})
}

// creators says which pending statements create in the database itself.
func creators(p migration.Probes) []string {
	var said []string
	for _, f := range p.Directory.Pending {
		for _, s := range f.Stmts {
			words := strings.Fields(strings.ToLower(s.Text))
			if len(words) > 2 && words[0] == "create" && slices.Contains([]string{"schema", "extension", "publication"}, words[1]) {
				said = append(said, fmt.Sprintf("%s:%d has CREATE %s", f.Name, s.Line, strings.ToUpper(words[1])))
			}
		}
	}
	return said
}

// lower is a kind and a name, as in TABLE public.t, in words.
func lower(object string) string {
	i := strings.LastIndex(object, " ")
	for _, kind := range []string{"MATERIALIZED VIEW ", "FOREIGN TABLE ", "TABLE ", "VIEW "} {
		if strings.HasPrefix(object, kind) {
			i = len(kind)
			break
		}
	}
	return strings.ToLower(object[:i]) + object[i:]
}
