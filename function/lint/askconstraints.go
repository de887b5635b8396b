package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// column asks about NOT NULL that comes to a column: of a new one whether there
// is any row, of another for its nulls.
func (a *asker) column(c migration.ColumnSeen) {
	switch {
	case c.Change == migration.Created && c.NotNull && c.Default == "" && c.Generated == "" && !c.Identity:
		if strings.Contains(c.Type, ".") && a.seen.WithRows != "23502" { // a domain can have a default of its own
			return
		}
		a.ask(c.Table, "new "+c.Column, migration.Question{Code: codeNoDefault, Any: true,
			Subject: fmt.Sprintf("the new column %s, which is NOT NULL and has no default", c.Column),
			Rows:    "FROM " + a.only(c.Table) + a.changes.now(c.Table),
			Fix:     "Give it a constant default, which writes nothing; or add it without NOT NULL, fill it in batches, and set NOT NULL when all running code sends a value."})
	case c.NullsEnded && !a.unproven(c.Table):
		a.notNull(c.Table, c.Column)
	}
}

// unproven says that the statement adds a NOT NULL constraint to the table that
// is NOT VALID.
func (a *asker) unproven(table string) bool {
	for _, c := range a.seen.Constraints {
		if c.Table == table && c.Kind == "not null" && !c.Valid {
			return true
		}
	}
	return false
}

func (a *asker) notNull(table, column string) {
	q := migration.Question{Code: codeNewNotNull, Subject: "NOT NULL of the column " + column}
	from, why := a.source(table, "", quoteColumn(column))
	if q.Unasked = why; why == "" {
		q.Rows = fmt.Sprintf("FROM %s WHERE %s IS NULL", from, quoteColumn(column))
	}
	a.ask(table, "null "+column, q)
}

// constraint asks about one that is added or validated. Those that an index
// enforces are asked about with the index.
func (a *asker) constraint(c migration.ConstraintSeen) {
	if !c.Valid && !c.Validated {
		return
	}
	switch {
	case c.Domain != "":
		a.domain(c)
	case c.Kind == "check":
		a.check(c)
	case c.Kind == "foreign key":
		a.foreignKey(c)
	case c.Kind == "not null" && c.Validated:
		if names := namesIn(migration.Tokens(strings.TrimPrefix(c.Definition, "NOT NULL "))); len(names) > 0 {
			a.notNull(c.Table, names[0])
		}
	case c.Kind == "exclusion":
		a.ask(c.Table, c.Definition, migration.Question{Code: codeNotAsked, Subject: "the exclusion constraint " + c.Name,
			Unasked: "which rows exclude each other is not asked"})
	}
}

func (a *asker) check(c migration.ConstraintSeen) {
	q := migration.Question{Code: codeRowsCheck, Subject: "the check " + c.Name}
	condition, _ := parenthesis(c.Definition)
	from, why := a.source(c.Table, "", condition)
	if q.Unasked = why; why == "" {
		q.Rows = fmt.Sprintf("FROM %s WHERE NOT %s", from, condition)
	}
	a.ask(c.Table, c.Definition, q)
}

// domain asks about a constraint of a domain: every column that has it.
func (a *asker) domain(c migration.ConstraintSeen) {
	if a.changes.created[c.Domain] != "" {
		return
	}
	q := migration.Question{Code: codeRowsDomain, Subject: fmt.Sprintf("the constraint %s of the domain %s", c.Name, c.Domain),
		File: a.file.Name, Line: a.stmt.Line, Statement: a.seen.Statement, Domain: a.changes.now(c.Domain), After: a.before(""),
		Fix: "Mend the values before, in batches, in every column that has the domain."}
	for _, table := range slices.Sorted(maps.Keys(a.changes.written)) {
		q.After = a.before(table)
	}
	switch c.Kind {
	case "check":
		condition, _ := parenthesis(c.Definition)
		q.Rows = "NOT " + condition
	case "not null":
		q.Rows = "VALUE IS NULL"
	default:
		return
	}
	a.asked = append(a.asked, asked{Question: q, table: c.Domain, same: c.Definition})
}

// foreignKey asks for the rows whose key is not there. With MATCH SIMPLE, which
// is the usual, a row with any null passes; with MATCH FULL all or none are null.
func (a *asker) foreignKey(c migration.ConstraintSeen) {
	q := migration.Question{Code: codeRowsReference, Subject: fmt.Sprintf("the foreign key %s to %s", c.Name, c.References)}
	own, others, full, ok := readForeignKey(c.Definition)
	if !ok {
		q.Unasked = "a foreign key of this form is not asked about"
		a.ask(c.Table, c.Definition, q)
		return
	}
	from, why := a.source(c.Table, "referring", columnList(own))
	to, whyTo := a.source(c.References, "referred", columnList(others))
	if q.Unasked = first(why, whyTo); q.Unasked == "" {
		var given, none, equal []string
		for i := range own {
			given = append(given, "referring."+quoteColumn(own[i])+" IS NOT NULL")
			none = append(none, "referring."+quoteColumn(own[i])+" IS NULL")
			equal = append(equal, fmt.Sprintf("referred.%s = referring.%s", quoteColumn(others[i]), quoteColumn(own[i])))
		}
		lost := fmt.Sprintf("NOT EXISTS (SELECT FROM %s WHERE %s)", to, strings.Join(equal, " AND "))
		q.Rows = fmt.Sprintf("FROM %s WHERE %s AND %s", from, strings.Join(given, " AND "), lost)
		if full && len(own) > 1 {
			q.Rows = fmt.Sprintf("FROM %s WHERE NOT (%s) AND (%s OR %s)", from, strings.Join(none, " AND "), strings.Join(none, " OR "), lost)
		}
		q.Compares = own
		if a.changes.written[c.References] != "" {
			q.After = a.before(c.References)
		}
	}
	a.ask(c.Table, c.Definition, q)
}

// index asks for rows that are the same to a new unique index.
func (a *asker) index(i migration.IndexSeen) {
	if !i.Unique || i.Rebuilt || i.Invalid {
		return
	}
	q := migration.Question{Code: codeDuplicates, Subject: "the unique index " + i.Index}
	_, what, found := strings.Cut(i.Definition, " USING ")
	u, ok := readUnique(what)
	switch {
	case !found || !ok:
		q.Unasked = "an index of this form is not asked about"
	default:
		// whole rows are called by the name of the table
		from, why := a.source(i.Table, ident(last(i.Table)), what)
		if q.Unasked = why; why == "" {
			q.Rows = u.rows(from, ident(last(i.Table)))
		}
	}
	a.ask(i.Table, what, q)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func columnList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteColumn(n)
	}
	return strings.Join(quoted, ", ")
}
