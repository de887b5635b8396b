package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// rewritten tells of tables whose file is written anew, by reason.
func (s *statement) rewritten() {
	var rest []string
	for _, name := range s.roots(s.e.Rewrites) {
		if !s.newColumns(name) && !slices.ContainsFunc(s.e.Columns, retypes(name)) {
			rest = append(rest, name)
		}
	}
	if len(rest) == 0 {
		return
	}
	tables := list(rest)
	switch {
	case s.begins("refresh"):
		return
	case s.says("vacuum"), s.says("cluster") && !s.begins("alter"):
		s.work(codeVacuumFull, rest, fmt.Sprintf("writes %s and its indexes anew under ACCESS EXCLUSIVE", tables),
			"VACUUM without FULL lets the room be used again and stops nobody. To give it back, pg_repack does the same work beside the running database.")
	case s.says("set logged"), s.says("set unlogged"):
		s.work(codeLogged, rest, fmt.Sprintf("SET LOGGED or UNLOGGED writes %s and its indexes anew under ACCESS EXCLUSIVE", tables),
			"Create a new table of that kind, copy the rows in batches, and swap the names in one short transaction.")
	case s.says("tablespace"):
		s.work(codeTablespace, rest, fmt.Sprintf("SET TABLESPACE copies %s under ACCESS EXCLUSIVE", tables),
			"Leave it where it is: Aurora has one storage volume. Elsewhere pg_repack moves a table beside the running database.")
	case s.says("access method"):
		s.work(codeAccessMethod, rest, fmt.Sprintf("SET ACCESS METHOD writes %s anew under ACCESS EXCLUSIVE", tables),
			"Create a new table USING the other access method, copy the rows in batches, and swap the names in one short transaction.")
	default:
		s.work(codeWork, rest, fmt.Sprintf("writes %s and its indexes anew while others wait", tables),
			"Make a new table or a new column beside it, fill it in batches, and swap the names in one short transaction.")
	}
}

// roots are the relations, partitions replaced by the table that they belong to
// where that is what the statement is about.
func (s *statement) roots(names []string) []string {
	var found []string
	for _, name := range names {
		if root := s.before.root(name); root != name && (s.touchesColumns(root) || s.locks(root)) {
			name = root
		}
		found = append(found, name)
	}
	return unique(found)
}

func (s *statement) touchesColumns(name string) bool {
	return slices.ContainsFunc(s.e.Columns, func(c migration.ColumnSeen) bool { return c.Table == name })
}

func (s *statement) locks(name string) bool {
	return slices.ContainsFunc(s.e.Locks, func(l migration.LockSeen) bool { return l.Relation == name && blocks(l) })
}

// newColumns tells of new columns of a table that is written anew; false where
// it has none.
func (s *statement) newColumns(table string) bool {
	kinds := map[string][]migration.ColumnSeen{}
	found := false
	for _, c := range s.e.Columns {
		if c.Table != table || c.Change != migration.Created {
			continue
		}
		code := ""
		switch {
		case c.Generated == "stored":
			code = codeGenerated
		case c.Identity || strings.HasPrefix(c.Default, "nextval("):
			code = codeSerial
		case s.domainOf(c) != "":
			code = codeDomainColumn
		case c.Default != "":
			code = codeVolatileDefault
		default:
			continue
		}
		kinds[code] = append(kinds[code], c)
		found = true
	}
	// a constant beside a default that has the table written is not the reason
	if volatile := kinds[codeVolatileDefault]; len(volatile) > 1 {
		moving := slices.DeleteFunc(slices.Clone(volatile), func(c migration.ColumnSeen) bool { return !strings.Contains(c.Default, "(") })
		if len(moving) > 0 {
			kinds[codeVolatileDefault] = moving
		}
	}
	for code, columns := range kinds {
		s.newColumn(code, table, columns)
	}
	return found
}

func (s *statement) newColumn(code, table string, columns []migration.ColumnSeen) {
	var names []string
	for _, c := range columns {
		names = append(names, ident(c.Column))
	}
	words := fmt.Sprintf("writes %s and its indexes anew under ACCESS EXCLUSIVE, to fill the new column %s", table, list(names))
	switch code {
	case codeGenerated:
		advice := "Add a plain column, have a trigger fill it for new rows, fill the old ones in batches, and read it like the generated one."
		if s.in.Major >= 18 {
			advice = "Make it VIRTUAL, which writes nothing; or " + strings.ToLower(advice[:1]) + advice[1:]
		}
		s.work(code, []string{table}, words, advice)
	case codeDomainColumn:
		s.work(code, []string{table}, words+" of the domain "+s.domainOf(columns[0]),
			fmt.Sprintf("Give it the type below the domain and a CHECK of its own, NOT VALID first and then validated: "+
				"ALTER TABLE %s ADD COLUMN %s ... , ADD CONSTRAINT ... CHECK (...) NOT VALID; and ALTER TABLE %s VALIDATE CONSTRAINT ...; in the next file.", table, names[0], table))
	default:
		s.work(code, []string{table}, words, fix("Add the column bare, give new rows the default, and fill the old ones in batches:", s.filled(table, columns)...))
	}
}

// domainOf is the domain with a constraint or a default that a column has for a
// type, "" for none.
func (s *statement) domainOf(c migration.ColumnSeen) string {
	for _, name := range []string{c.Type, strings.TrimPrefix(c.Type, "public.")} {
		d := s.after.get("domain", name)
		if d == "" {
			d = s.before.get("domain", name)
		}
		if strings.Contains(d, "\nconstraint ") || strings.Contains(d, " not null collation=") {
			return name
		}
	}
	return ""
}

// filled are the files that add columns without writing the table in one go.
func (s *statement) filled(table string, columns []migration.ColumnSeen) []RewriteFile {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Column
	}
	first := []string{s.without(func(a action) bool { return a.addsColumn(names...) })}
	var sets, missing, required, finish, sequences []string
	for i, c := range columns {
		name := ident(c.Column)
		value := c.Default
		if c.Identity {
			value = s.identityFill(table, c, &first, &finish)
		} else if strings.HasPrefix(value, "nextval(") {
			sequence := sequenceOf(value)
			first = append(first, fmt.Sprintf("CREATE SEQUENCE %s AS %s", sequence, c.Type))
			sequences = append(sequences, fmt.Sprintf("ALTER SEQUENCE %s OWNED BY %s.%s", sequence, table, name))
		}
		first = append(first, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", table, name, c.Type), fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", table, name, value))
		sets = append(sets, fmt.Sprintf("%s = %s", name, value))
		missing = append(missing, name+" IS NULL")
		if c.NotNull {
			required = append(required, names[i])
		}
	}
	files := []RewriteFile{one(append(first, sequences...)...), alone(s.batches(table, "UPDATE "+table+" SET "+strings.Join(sets, ", "), strings.Join(missing, " AND ")))}
	if len(required) > 0 {
		files = append(files, s.notNull(table, required)...)
	}
	if len(finish) > 0 {
		files = append(files, one(finish...))
	}
	return files
}

// identityFill has a sequence count for an identity column until all rows have a
// value, and returns the default to do so by.
func (s *statement) identityFill(table string, c migration.ColumnSeen, first, finish *[]string) string {
	name := ident(c.Column)
	counter := beside(table, strings.Trim(named(table, c.Column, "_fill"), `"`))
	*first = append(*first, "CREATE SEQUENCE "+counter)
	always := "BY DEFAULT"
	if t := s.after.table(table); t != nil {
		if col := t.column(c.Column); col != nil && col.identity == "a" {
			always = "ALWAYS"
		}
	}
	*finish = append(*finish,
		fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", table, name),
		fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s ADD GENERATED %s AS IDENTITY", table, name, always),
		fmt.Sprintf("SELECT setval(pg_get_serial_sequence(%s, %s), nextval(%s), false)", literal(table), literal(strings.Trim(name, `"`)), literal(counter)),
		"DROP SEQUENCE "+counter)
	return fmt.Sprintf("nextval(%s)", literal(counter))
}

// sequenceOf is the sequence in nextval('public.t_id_seq'::regclass).
func sequenceOf(value string) string {
	_, after, _ := strings.Cut(value, "'")
	name, _, _ := strings.Cut(after, "'")
	return name
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
