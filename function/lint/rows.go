package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// rowsWritten tells of rows that are lost, and of whole tables written in one
// transaction.
func (s *statement) rowsWritten() {
	if emptied := unique(s.e.Truncates); len(emptied) > 0 {
		advice := "Delete the rows in batches by key, so that others can work, and keep a copy of them."
		if s.says("cascade") {
			advice += " Name each table: CASCADE takes those that refer to it."
		}
		s.tell(codeTruncate, s.lesser(migration.Error, emptied...), "empties "+list(emptied), sentences(s.sizes(emptied), s.waiting()), advice)
	}
	var wiped, whole []string
	every := false
	for _, r := range s.e.Rows {
		switch {
		case r.Delete == migration.AllRows && !r.Cascade && !s.hasWhere():
			wiped = append(wiped, r.Table)
		case s.inPieces() || s.oneRow(r.Table) || s.keyed(r.Table) && !s.openEnded() && !s.repeats(r.Table):
		case r.Update == migration.AllRows || r.Delete == migration.AllRows, (r.Update != "" || r.Delete != "") && (s.scans(r.Table) || s.joined(r.Table)) && !r.Cascade:
			whole = append(whole, r.Table)
			every = every || r.Update == migration.AllRows && !s.hasWhere()
		}
	}
	whole = slices.Concat(whole, s.searched(), s.repeated())
	if len(wiped) > 0 {
		s.tell(codeDeleteAll, s.lesser(migration.Error, wiped...), "deletes all rows of "+list(wiped), s.sizes(wiped), "Say with a WHERE which rows, delete them in batches by key, and keep a copy of them.")
		return
	}
	if whole = unique(whole); len(whole) == 0 || s.worksOn {
		return
	}
	severity := s.weigh(whole)
	if severity == migration.Error && !every {
		severity = migration.Warning
	}
	advice := "Write them in batches by key that each commit, in a file of its own outside a transaction (-- atlas:txmode none), with -- aurora:rerunnable above what commits by itself. Where a second run would change a row once more, have the batches mark which rows are done."
	b := s.inBatches(whole)
	if b == "" && len(whole) == 1 {
		b = s.batched(whole[0])
	}
	if b != "" {
		advice = fix("Write them in batches by key that each commit, in a file of its own outside a transaction:", alone(b))
	} else if slices.ContainsFunc(whole, s.repeats) {
		advice = "COMMIT each time round the loop, in a file of its own outside a transaction (-- atlas:txmode none): until then a batch is no batch."
	}
	s.tell(codeWholeTable, severity, fmt.Sprintf("scans all of %s and writes its rows in one transaction", list(whole)),
		sentences("Whoever writes to one of these rows waits until it ends; it writes as much WAL at once, and dead rows stay behind.", s.sizes(whole)),
		advice)
}

// searched are tables that an UPDATE or DELETE read from end to end for rows to
// write, whether or not there were any.
func (s *statement) searched() []string {
	calls := s.begins("call") || s.begins("select")
	if s.inPieces() || !s.queries() || !calls && !s.says("update") && !s.says("delete") && !s.says("merge") {
		return nil
	}
	var found []string
	considers := func(name string) bool {
		l, ok := s.lockOn(name)
		written := slices.ContainsFunc(s.e.Rows, func(w migration.RowsSeen) bool { return w.Table == name })
		return ok && l.Mode == migration.RowExclusive && !written && !s.keyed(name)
	}
	for _, r := range s.e.Scans {
		if considers(r.Relation) {
			found = append(found, r.Relation)
		}
	}
	for _, l := range s.e.Locks { // an index finds its rows, for all that another table has
		if isTable(l.Kind) && !l.Collateral && considers(l.Relation) && s.joined(l.Relation) {
			found = append(found, l.Relation)
		}
	}
	return found
}

// hasWhere says that a condition stands in the statement that is not always true.
func (s *statement) hasWhere() bool {
	for i, t := range s.tokens {
		if !t.Is("where") || i+1 >= len(s.tokens) {
			continue
		}
		next := s.tokens[i+1]
		always := next.Is("true") || i+3 < len(s.tokens) && next.Kind == migration.Number && s.tokens[i+2].Text == "=" && s.tokens[i+3].Text == next.Text
		if !always {
			return true
		}
	}
	return false
}

// inPieces says that it commits as it goes, each time round a loop: a DO block or
// a procedure that runs outside a transaction.
func (s *statement) inPieces() bool {
	if !s.apart() {
		return false
	}
	if s.begins("do") {
		return commitsInLoop(s.tokens)
	}
	if !s.begins("call") {
		return false
	}
	words := migration.Words(s.text())
	for _, name := range s.before.each("procedure") {
		bare, _, _ := strings.Cut(name, "(")
		if slices.Contains(words, last(bare)) && commitsInLoop(deepTokens("$$"+s.before.get("procedure", name)+"$$")) {
			return true
		}
	}
	return false
}

func commitsInLoop(tokens []migration.Token) bool {
	return slices.ContainsFunc(loops(tokens), func(l loop) bool { return l.commits })
}

// openEnded says that the condition on a key still leaves all rows.
func (s *statement) openEnded() bool {
	for _, r := range s.e.Rows {
		if (r.Update == migration.AllRows || r.Delete == migration.AllRows) && !s.oneRow(r.Table) {
			return !s.says("between") && !s.says("limit") && !s.says("in")
		}
	}
	return false
}

// oneRow says that it is an UPDATE or DELETE of the table alone whose condition has
// a unique column equal a constant: all rows that there were are this one.
func (s *statement) oneRow(table string) bool {
	t := s.before.table(table)
	where := slices.IndexFunc(s.tokens, func(x migration.Token) bool { return x.Is("where") })
	if t == nil || where < 0 || says(s.tokens[where:], "or") || says(s.tokens[where:], "select") || says(s.tokens[where:], "not") || says(s.tokens[:where], "using") ||
		!s.begins("delete") && (!s.begins("update") || says(s.tokens[:where], "from")) {
		return false
	}
	constant := func(x migration.Token) bool {
		return x.Kind == migration.Number || x.Kind == migration.Literal || x.Is("true") || x.Is("false")
	}
	ends := func(rest []migration.Token) bool {
		return len(rest) == 0 || rest[0].Is("and") || rest[0].Kind == migration.Symbol && strings.Contains("();:", rest[0].Text)
	}
	return slices.ContainsFunc(t.indexes, func(i index) bool {
		rule, ok := uniqueRule(i)
		if !ok || len(rule.keys) != 1 || strings.Contains(i.definition, " WHERE ") {
			return false
		}
		c := t.column(rule.keys[0])
		for k := where + 1; k < len(s.tokens) && c != nil; k++ {
			x, next := s.tokens[k], s.tokens[k+1:]
			switch {
			case !x.Name() || ident(x.Text) != c.name:
			case c.typ == "boolean" && ends(next), len(next) > 1 && next[0].Text == "=" && constant(next[1]) && ends(next[2:]):
				return true
			}
		}
		return false
	})
}

// fillsWithNull is the one new column of a statement that failed because it got
// NULL: its default is NULL after all, or its domain allows none and has no default.
func (s *statement) fillsWithNull() (c migration.ColumnSeen, ok bool) {
	if s.e.WithRows != "23502" || !s.begins("alter") {
		return c, false
	}
	for _, x := range s.e.Columns {
		switch {
		case x.NullsEnded && x.Change != migration.Created:
			return c, false // it may have failed for that
		case x.Change != migration.Created || x.Generated != "" || x.Identity:
		case x.NotNull && x.Default != "", s.domainOf(x) != "" && x.Default == "":
			if ok && x.Table == c.Table {
				return c, false
			}
			if !ok {
				c, ok = x, true
			}
		}
	}
	return c, ok
}

// fails tells of statements that run on the empty tables of a laptop and fail on
// those in use.
func (s *statement) fails() {
	for _, c := range s.e.Columns {
		if c.Change != migration.Created || !c.NotNull || c.Default != "" || c.Generated != "" || c.Identity || s.before.table(c.Table) == nil && s.e.WithRows != "23502" {
			continue
		}
		if s.e.WithRows == "" && !s.scans(c.Table) {
			continue
		}
		if d := s.domainOf(c); d != "" && s.e.WithRows == "" {
			continue
		}
		name := ident(c.Column)
		s.tell(codeNoDefault, s.lesser(migration.Error, c.Table), fmt.Sprintf("adds %s to %s as NOT NULL without a default, which fails as soon as there is one row (23502)", name, c.Table), s.sizes([]string{c.Table}),
			fmt.Sprintf("Give it a constant default, which costs nothing: ALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT ...; or add it without NOT NULL, fill it in batches, and make it NOT NULL when all running code sends a value.", c.Table, name, c.Type))
		s.worksOn = true
		return
	}
	if c, ok := s.fillsWithNull(); ok {
		name := ident(c.Column)
		s.tell(codeNoDefault, s.lesser(migration.Error, c.Table), fmt.Sprintf("adds %s to %s, which may not be NULL and gets NULL in each row that is there: it fails as soon as there is one (23502)", name, c.Table), s.sizes([]string{c.Table}),
			"Give it a default that is not NULL; or add it without NOT NULL, by its plain type where it is of a domain, fill it in batches, and let the rule come when all running code sends a value.")
		s.worksOn = true
		return
	}
	switch code := s.e.WithRows; {
	case code == "", strings.HasPrefix(code, "2D"), strings.HasPrefix(code, "25"): // it commits as it goes, which could not be tried
	case strings.HasPrefix(code, "23"): // that depends on what is in the rows, which is asked of the database in use
		s.tell(codeFailsWithRows, migration.Info, "fails where rows do not meet it ("+code+")", "", "Ask the data first how many rows do not.")
	default:
		s.tell(codeFailsWithRows, s.lesser(migration.Warning, s.locked()...), "runs on empty tables and failed where they had rows ("+code+")", "", "Try it on a copy of the data.")
	}
}

// locked are the tables of before that it locked to write or to change them.
func (s *statement) locked() (tables []string) {
	for _, l := range s.e.Locks {
		if isTable(l.Kind) && l.Mode.Strength() >= migration.RowExclusive.Strength() {
			tables = append(tables, l.Relation)
		}
	}
	return tables
}

// lockedRows tells of SELECT ... FOR UPDATE and the like over all rows of a table: it
// locks them as an UPDATE of all would.
func (s *statement) lockedRows() {
	how := ""
	for _, words := range []string{"for update", "for no key update", "for share", "for key share"} {
		if s.says(words) {
			how = strings.ToUpper(words)
		}
	}
	if how == "" || s.worksOn || s.says("where") || s.says("limit") || s.says("join") {
		return
	}
	var tables []string
	for _, l := range s.e.Locks {
		if l.Mode == migration.RowShare && isTable(l.Kind) && s.before.has(l.Relation) {
			tables = append(tables, l.Relation)
		}
	}
	if len(tables) > 0 {
		s.tell(codeWholeTable, s.lesser(migration.Warning, tables...), fmt.Sprintf("SELECT ... %s locks all rows of %s until the transaction ends", how, list(unique(tables))),
			sentences("Whoever writes to one of these rows waits until it ends; each lock is written to the row's page.", s.sizes(tables)), "Lock the rows that are needed, by key, in short transactions.")
	}
}
