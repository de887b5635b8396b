package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// maintained tells of REINDEX, VACUUM FULL and CLUSTER that name no table: which
// ones they work on, the catalogue tells, not the locks, of which they take one
// after the other and keep none.
func (s *statement) maintained() {
	options, rest := s.maintenance()
	switch {
	case s.begins("reindex") && len(rest) > 0 && (rest[0].Is("schema") || rest[0].Is("database") || rest[0].Is("system")):
		if on(options, "concurrently") || len(rest) > 1 && rest[1].Is("concurrently") {
			return
		}
		var indexes []string
		inside := ""
		if rest[0].Is("schema") && len(rest) > 1 {
			inside = ident(rest[1].Text)
		}
		tables := s.tablesWith(inside, func(i index) bool { return true })
		for _, i := range s.e.Indexes {
			indexes = append(indexes, i.Index)
			tables = append(tables, i.Table)
		}
		if tables = unique(tables); len(tables) == 0 {
			return
		}
		what := strings.ToUpper(rest[0].Text)
		if inside != "" {
			what += " " + inside
		}
		if len(indexes) == 0 {
			indexes = []string{"every index"}
		}
		advice := "Build them beside the old ones, which takes the room of both for a while:"
		files := []RewriteFile{alone(fmt.Sprintf("REINDEX SCHEMA CONCURRENTLY %s", inside))}
		if inside == "" {
			advice, files = "Build them beside the old ones, schema by schema: REINDEX SCHEMA CONCURRENTLY ...;", nil
		}
		s.work(codeReindex, tables, fmt.Sprintf("REINDEX %s rebuilds %s on %s, table by table, while writes wait, and reads that would use it", what, list(unique(indexes)), list(tables)), fix(advice, files...))
	case s.begins("vacuum") && on(options, "full") && len(rest) == 0:
		tables := slices.Concat(s.before.each("table"), s.before.each("materialized view"))
		s.wholeDatabase("VACUUM FULL", slices.DeleteFunc(tables, s.before.partitioned), "VACUUM without FULL lets the room be used again and stops nobody. To give back that of one table, pg_repack does the same work beside the running database.")
	case s.begins("cluster") && len(rest) == 0:
		s.wholeDatabase("CLUSTER", s.tablesWith("", func(i index) bool { return strings.Contains(i.definition, " clustered") }), "Leave it out: rows come out of order again anyhow. For one table, pg_repack does the same work beside the running database.")
	}
}

func (s *statement) wholeDatabase(command string, tables []string, advice string) {
	if len(tables) > 0 {
		s.work(codeVacuumFull, tables, fmt.Sprintf("%s without a name rewrites %s and their indexes, table by table under ACCESS EXCLUSIVE", command, list(unique(tables))), advice)
	}
}

// maintenance parts the options, in parentheses or as bare words, from what the
// command is about.
func (s *statement) maintenance() (options, rest []migration.Token) {
	t := migration.Tokens(s.text())
	if len(t) == 0 {
		return nil, nil
	}
	t = t[1:]
	if len(t) > 0 && t[0].Kind == migration.Symbol && t[0].Text == "(" {
		end := slices.IndexFunc(t, func(x migration.Token) bool { return x.Kind == migration.Symbol && x.Text == ")" })
		if end < 0 {
			return nil, nil
		}
		return t[1:end], t[end+1:]
	}
	n := 0
	for n < len(t) && (t[n].Is("full") || t[n].Is("freeze") || t[n].Is("verbose") || t[n].Is("analyze")) {
		n++
	}
	return t[:n], t[n:]
}

// on says that an option is there and not switched off.
func on(options []migration.Token, name string) bool {
	for i, t := range options {
		if t.Is(name) {
			return i+1 >= len(options) || !slices.ContainsFunc([]string{"false", "off", "0"}, func(off string) bool { return strings.EqualFold(options[i+1].Text, off) })
		}
	}
	return false
}

// tablesWith are the tables of a schema, "" for all, with such an index.
func (s *statement) tablesWith(inside string, such func(index) bool) (names []string) {
	for _, name := range slices.Concat(s.before.each("table"), s.before.each("materialized view")) {
		t := s.before.table(name)
		if (inside == "" || schema(name) == inside) && t.partitioned == "" && slices.ContainsFunc(t.indexes, such) {
			names = append(names, name)
		}
	}
	return names
}
