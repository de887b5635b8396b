package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// required tells of columns that the run made in a table of before, NOT NULL and
// without a value of their own when the file ends, though they were not when it began:
// whoever does not know them cannot insert any more.
func (s *sheet) required(name string, was, is *table) {
	if s.madeAt(name) > 0 || s.newInRun(objectKey("table", name)) || fillsRows(s.after.get("table", name)) {
		return
	}
	filled := fillsRows(s.before.get("table", name))
	for _, c := range is.columns {
		before := was.column(c.name)
		if !s.demands(is, c) || before != nil && (!filled && s.demands(was, *before) || !s.newInRun(columnKey(name, c.name))) {
			continue
		}
		at, told := 0, false
		for _, e := range s.effects {
			for _, x := range e.Columns {
				if x.Table != name || ident(x.Column) != c.name && ident(x.To) != c.name {
					continue
				}
				at, told = e.Statement, told || x.Change == migration.Renamed || e.WithRows != ""
			}
			if before != nil && slices.ContainsFunc(e.Constraints, func(k migration.ConstraintSeen) bool {
				return k.Table == name && !k.Validated && asksFor(k.Definition, c)
			}) {
				at, told = e.Statement, told || e.WithRows != ""
			}
		}
		if at == 0 || told || slices.ContainsFunc(s.findings, func(f migration.Finding) bool { return f.Code == codeNoDefault }) {
			continue
		}
		severity := migration.Warning
		if f, ok := s.in.Facts[name]; ok && f.Empty() {
			severity = migration.Info
		}
		s.find(at, codeDefaultDropped, severity, fmt.Sprintf("leaves the new column %s.%s without a default, and it may not be NULL", name, c.name), "Running code that inserts rows does not know it, and fails ("+c.refusal()+").",
			fmt.Sprintf("Keep a default until all running code sends a value: ALTER TABLE %s ALTER COLUMN %s SET DEFAULT ...; and drop it a release later. Where none fits, have a trigger BEFORE INSERT fill it.", name, c.name))
	}
}

// demands says that an INSERT has to give the column a value.
func (s *sheet) demands(t *table, c column) bool {
	return (c.notNull || t.asks(c)) && c.fallback == "" && c.identity == "" && !s.domainFills(c.typ)
}

// refusal is the SQLSTATE of an INSERT without a value for the column.
func (c column) refusal() string {
	if c.notNull {
		return "23502"
	}
	return "23514"
}

// leftOut tells of columns that an INSERT could leave out and that it cannot any more,
// since columns of the file changed names: one has the name of another that had a value
// by itself, or the other, which no running code knows, is there under a new name.
func (s *sheet) leftOut(name string, was, is *table) {
	if s.madeAt(name) > 0 || fillsRows(s.after.get("table", name)) {
		return
	}
	for _, e := range s.effects {
		for _, x := range e.Columns {
			c := is.column(x.To)
			if x.Table != name || x.Change != migration.Renamed || c == nil || !s.demands(is, *c) {
				continue
			}
			old, takes := was.column(c.name), is.column(x.Column)
			switch {
			case old != nil && (old.fallback != "" || old.identity != "" || !old.notNull && !was.asks(*old)):
				s.find(e.Statement, codeDefaultDropped, s.lesserOf(migration.Warning, name), fmt.Sprintf("%s.%s is another column from then on, has no default, and may not be NULL", name, c.name),
					"Running code that inserts rows and leaves it out, as it could before, fails (23502).", fmt.Sprintf("Give it in the same file what the other had: ALTER TABLE %s ALTER COLUMN %s SET DEFAULT ...; and let its sequence belong to it.", name, c.name))
			case old == nil && takes != nil:
				s.find(e.Statement, codeDefaultDropped, s.lesserOf(migration.Warning, name), fmt.Sprintf("%s.%s has a name that no running code knows, no default, and may not be NULL", name, c.name),
					"Running code that inserts rows writes to the column that has its old name, leaves it out, and fails (23502).", fmt.Sprintf("Let it be NULL in the same file: ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;", name, c.name))
			}
		}
	}
}

// asks says that a CHECK, validated or not, asks for a value of the column.
func (t *table) asks(c column) bool {
	return slices.ContainsFunc(t.constraints, func(k constraint) bool { return asksFor(k.definition, c) })
}

// asksFor says that a constraint of that definition asks for a value of the column.
func asksFor(definition string, c column) bool {
	return strings.HasPrefix(definition, "CHECK (("+c.name+" IS NOT NULL))")
}

// fillsRows says that a trigger may give a row values before it is inserted.
func fillsRows(definition string) bool {
	for line := range strings.SplitSeq(definition, "\n") {
		if strings.HasPrefix(line, "trigger CREATE TRIGGER") && strings.Contains(line, " BEFORE INSERT") {
			return true
		}
	}
	return false
}

// domainFills says that a type is a domain with a default.
func (s *sheet) domainFills(typ string) bool {
	first, _, _ := strings.Cut(s.after.get("domain", typ), "\n")
	_, value, _ := strings.Cut(first, " default=")
	return value != ""
}
