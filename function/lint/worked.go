package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// worked tells of work under a lock that no other rule has told of: mostly one
// that an earlier statement of the transaction took.
func (s *statement) worked() {
	s.unfilled()
	if s.worksOn || s.begins("refresh") {
		return
	}
	relations := s.labour()
	if len(relations) == 0 {
		return
	}
	earlier := s.earlier()
	switch {
	case len(earlier) > 0 && s.validatesOwn() != "":
		s.work(codeValidateSameTx, relations,
			fmt.Sprintf("validates %s in the transaction that added it, which scans all of %s under the lock of ADD CONSTRAINT", s.validatesOwn(), list(relations)),
			fix("Commit in between: validate it in a file of its own.", one(s.text())))
	case len(earlier) > 0:
		first := earlier[0]
		words := fix("Commit in between: do this in a file of its own.", one(s.text()))
		b := s.inBatches(relations)
		switch {
		case b != "":
			words = fix("Commit in between, and write the rows in batches that each commit:", alone(b))
		case s.begins("update") || s.begins("delete"):
			words = "Commit in between, and write the rows in batches by key that each commit, in a file of its own outside a transaction (-- atlas:txmode none)."
		case s.says("attach partition"):
			words = "Prove first, by a CHECK that says the same as the bounds, added NOT VALID and validated in files before this one, that all of its rows belong there: ATTACH PARTITION then scans nothing."
		case s.begins("create materialized view"):
			words = "Build it under another name in a file before, and swap the names in one short transaction."
		}
		s.work(codeWorkUnderLock, relations,
			fmt.Sprintf("scans or writes %s while the transaction holds the lock that statement %d took on %s", list(relations), first.statement, first.Relation), words)
	case len(s.own()) > 0:
		s.work(codeWork, relations, fmt.Sprintf("scans or writes %s while others wait for the lock on %s that it holds", list(relations), list(lockedNames(s.own()))),
			"Part what takes the lock from what reads or writes the rows, and run each in a file of its own.")
	}
}

func lockedNames(locks []migration.LockSeen) []string {
	var names []string
	for _, l := range locks {
		names = append(names, l.Relation)
	}
	return unique(names)
}

// labour are the relations that it scans, rewrites, builds an
// index on or changes many rows of; not those that it empties, which is told of as
// that.
func (s *statement) labour() []string {
	names := slices.Clone(s.e.Rewrites)
	for _, r := range s.e.Scans {
		if !s.keyed(r.Relation) {
			names = append(names, r.Relation)
		}
	}
	for _, i := range s.e.Indexes {
		if !s.before.partitioned(i.Table) && !i.Rebuilt {
			names = append(names, i.Table)
		}
	}
	for _, r := range s.e.Rows {
		if (r.Update != "" || r.Delete != "") && !s.keyed(r.Table) {
			names = append(names, r.Table)
		}
	}
	return unique(slices.DeleteFunc(names, func(name string) bool { return name == s.partition || slices.Contains(s.e.Truncates, name) }))
}

// keyed says that a query, as opposed to a command that has to read it all,
// finds its rows of the table by an index: it names the first column of one in its
// condition. On a dev database with few rows a scan is the way there too.
func (s *statement) keyed(table string) bool {
	if !s.queries() {
		return false
	}
	t := s.before.table(table)
	if t == nil {
		return false
	}
	return s.narrowed(t, s.relationNames(), nil)
}

// narrowed says that a column which an index of the table begins with is compared
// with something that is no column of another table of before, or with one of a
// table that is narrowed so itself: joined to all rows of another, an index leaves
// as many as that has.
func (s *statement) narrowed(t *table, names map[string]string, seen []string) bool {
	where := slices.IndexFunc(s.tokens, func(x migration.Token) bool { return x.Is("where") || x.Is("on") || x.Is("using") })
	if where < 0 || slices.Contains(seen, t.name) {
		return false
	}
	seen = append(seen, t.name)
	for _, i := range t.indexes {
		name := firstColumn(i.definition)
		if name == "" || strings.Contains(i.definition, " WHERE ") {
			continue
		}
		for _, c := range compared(s.tokens[where:], name) {
			if of, known := names[c.of]; c.of != "" && known && of != t.name {
				continue // a column of another table has the name
			}
			if loosened(t, s.tokens[where:], c.at) {
				continue
			}
			if of := s.selectedFrom(s.tokens[where:], c.at); of != nil && !s.narrowed(of, names, seen) {
				continue
			}
			with, known := names[c.with]
			if c.with == "" || !known || with == t.name {
				return true
			}
			if other := s.before.table(with); other == nil || s.narrowed(other, names, seen) {
				return true
			}
		}
	}
	return false
}

// joined says that an UPDATE or DELETE finds its rows of the table by an index, but
// for all rows of another.
func (s *statement) joined(table string) bool {
	t := s.before.table(table)
	where := slices.IndexFunc(s.tokens, func(x migration.Token) bool { return x.Is("where") })
	if t == nil || where < 0 || !s.begins("update") && !s.begins("delete") || s.keyed(table) {
		return false
	}
	names := s.relationNames()
	return slices.ContainsFunc(t.indexes, func(i index) bool {
		name := firstColumn(i.definition)
		return name != "" && slices.ContainsFunc(compared(s.tokens[where:], name), func(c comparison) bool {
			return names[c.of] == table && c.with != "" && names[c.with] != "" || s.selectedFrom(s.tokens[where:], c.at) != nil
		})
	})
}

// relationNames are the names under which a query speaks of tables of before: their
// own and their aliases.
func (s *statement) relationNames() map[string]string {
	names := make(map[string]string)
	for i, x := range s.tokens {
		if !x.Name() {
			continue
		}
		name := s.relation(i)
		if name == "" {
			continue
		}
		names[x.Text] = name
		if i+1 >= len(s.tokens) || !slices.ContainsFunc(s.tokens[max(0, i-4):i], func(p migration.Token) bool {
			return p.Is("update") || p.Is("from") || p.Is("using") || p.Is("join") || p.Is("into") || p.Text == ","
		}) {
			continue
		}
		next := s.tokens[i+1:]
		if next[0].Is("as") {
			next = next[1:]
		}
		if len(next) > 0 && next[0].Name() && (next[0].Kind == migration.QuotedIdent || !slices.Contains(reserved, next[0].Text) && !next[0].Is("set")) {
			names[next[0].Text] = name
		}
	}
	return names
}

// relation is the table of before that the token at i names, "" for none.
func (s *statement) relation(i int) string {
	x := s.tokens[i].Text
	if i > 1 && s.tokens[i-1].Text == "." {
		if name := ident(s.tokens[i-2].Text) + "." + ident(x); s.before.table(name) != nil {
			return name
		}
		return ""
	}
	if i+1 < len(s.tokens) && s.tokens[i+1].Text == "." {
		return ""
	}
	return s.before.called(x)
}

// loosened says that what is compared at a place of a condition need not hold: it stands
// behind a NOT, or beside an OR whose other arms name no column that an index begins with.
func loosened(of *table, t []migration.Token, at int) bool {
	for at > 0 {
		left, right := bounds(t, at)
		if first := firstOfPart(t, at); first > 0 && t[first-1].Is("not") {
			return true
		}
		for _, arm := range arms(t[left:right]) {
			if len(arm) < right-left && !slices.ContainsFunc(of.indexes, func(i index) bool {
				name := firstColumn(i.definition)
				return name != "" && len(compared(arm, name)) > 0
			}) {
				return true
			}
		}
		if left == 0 || t[left-1].Text != "(" {
			return false
		}
		if right+1 < len(t) && t[right+1].Is("is") {
			return true
		}
		at = left - 1
	}
	return false
}

// firstOfPart is where the name begins that ends at a place: a qualifier comes before it.
func firstOfPart(t []migration.Token, at int) int {
	if at > 1 && t[at-1].Text == "." {
		return at - 2
	}
	return at
}

// bounds are those of the condition around a place, up to its parentheses or clauses.
func bounds(t []migration.Token, at int) (left, right int) {
	clause := func(x migration.Token) bool {
		return slices.ContainsFunc([]string{"where", "on", "using", "having", "when", "then", "set", "returning", "order", "limit", "group", "end", "loop"}, x.Is) || x.Text == ";"
	}
	depth := 0
	for left = at; left > 0; left-- {
		x := t[left-1]
		switch {
		case x.Text == ")":
			depth++
		case x.Text == "(":
			depth--
		}
		if depth < 0 || depth == 0 && clause(x) {
			break
		}
	}
	depth = 0
	for right = at; right < len(t); right++ {
		x := t[right]
		switch {
		case x.Text == "(":
			depth++
		case x.Text == ")":
			depth--
		}
		if depth < 0 || depth == 0 && clause(x) {
			break
		}
	}
	return left, right
}

// arms are the parts of a condition between its ORs; one where it has none.
func arms(t []migration.Token) (all [][]migration.Token) {
	depth, begin := 0, 0
	for i, x := range t {
		switch {
		case x.Text == "(":
			depth++
		case x.Text == ")":
			depth--
		case depth == 0 && x.Is("or"):
			all = append(all, t[begin:i])
			begin = i + 1
		}
	}
	return append(all, t[begin:])
}

// selectedFrom is the table of before that a column is compared with all of by IN; nil
// for anything else, and where a LIMIT stands in it.
func (s *statement) selectedFrom(t []migration.Token, at int) *table {
	if at+3 >= len(t) || !t[at+1].Is("in") || t[at+2].Text != "(" || !t[at+3].Is("select") {
		return nil
	}
	_, right := bounds(t, at+3)
	for right < len(t) && t[right].Text != ")" { // a clause of it ends there
		_, right = bounds(t, right+1)
	}
	inside := t[at+3 : right]
	if says(inside, "limit") || says(inside, "fetch") {
		return nil
	}
	from := slices.IndexFunc(inside, func(x migration.Token) bool { return x.Is("from") })
	if from < 0 || from+1 >= len(inside) {
		return nil
	}
	name := inside[from+1].Text
	if from+3 < len(inside) && inside[from+2].Text == "." {
		return s.before.table(ident(name) + "." + ident(inside[from+3].Text))
	}
	return s.before.table(s.before.called(name))
}

// A comparison is one of a column, which stands at a place, by the names before their
// dots: "" for none.
type comparison struct {
	of, with string
	at       int
}

// compared are the comparisons of a column by which an index helps.
func compared(t []migration.Token, name string) (all []comparison) {
	qualifier := func(i int) string { // of the name at i
		if i > 1 && t[i-1].Text == "." {
			return t[i-2].Text
		}
		return ""
	}
	for i, x := range t {
		if !x.Name() || ident(x.Text) != name || i+1 >= len(t) && i < 2 {
			continue
		}
		c, before := comparison{of: qualifier(i), at: i}, i-1
		if c.of != "" {
			before = i - 3
		}
		if i+1 < len(t) {
			next := t[i+1]
			if next.Is("in") || next.Is("between") || next.Kind == migration.Symbol && strings.Contains("=<>", next.Text) && !(next.Text == "<" && i+2 < len(t) && t[i+2].Text == ">") {
				if next.Text == "=" && i+3 < len(t) && t[i+2].Name() && t[i+3].Text == "." {
					c.with = t[i+2].Text
				}
				all = append(all, c)
				continue
			}
		}
		if before >= 0 && t[before].Text == "=" {
			if before > 2 && t[before-2].Text == "." && t[before-1].Name() {
				c.with = t[before-3].Text
			}
			all = append(all, c)
		}
	}
	return all
}

// firstColumn is the first column of an index, "" for an expression.
func firstColumn(definition string) string {
	_, after, ok := strings.Cut(definition, " USING ")
	if !ok {
		return ""
	}
	_, inside, ok := strings.Cut(after, "(")
	if !ok || strings.HasPrefix(inside, "(") {
		return ""
	}
	end := strings.IndexAny(inside, ",) ")
	if strings.HasPrefix(inside, `"`) {
		name, _ := firstName(inside)
		return name
	}
	if end < 0 || strings.Contains(inside[:end], "(") {
		return ""
	}
	return inside[:end]
}

// queries says that it is a query or writes rows, by itself or in a DO block.
func (s *statement) queries() bool {
	for _, w := range []string{"select", "insert", "update", "delete", "with", "merge", "do", "call"} {
		if s.begins(w) {
			return true
		}
	}
	return false
}

// validatesOwn is the constraint that it validates and the same transaction
// added; "" for none.
func (s *statement) validatesOwn() string {
	for _, k := range s.e.Constraints {
		if !k.Validated {
			continue
		}
		for _, e := range s.effects[:s.e.Statement-1] {
			if slices.ContainsFunc(e.Constraints, func(o migration.ConstraintSeen) bool {
				return o.Name == k.Name && o.Table == k.Table && !o.Validated
			}) {
				return ident(k.Name)
			}
		}
	}
	return ""
}

// inBatches is the statement in batches where it writes one of the relations.
func (s *statement) inBatches(relations []string) string {
	for _, r := range s.e.Rows {
		if slices.Contains(relations, r.Table) && !r.Cascade && (r.Update != "" || r.Delete != "") {
			return s.batched(r.Table)
		}
	}
	return ""
}

// lockedByHand tells of LOCK TABLE.
func (s *statement) lockedByHand() {
	if !s.says("lock table") && !s.begins("lock") {
		return
	}
	locks := s.own()
	if len(locks) == 0 {
		return
	}
	l := locks[0]
	severity := s.lesser(migration.Warning, l.Relation)
	if s.apart() {
		s.tell(codeLockTable, severity, fmt.Sprintf("LOCK TABLE gives %s on %s back at once: the statement commits by itself", l.Mode, l.Relation), "What follows runs without it.",
			"Let what needs it run in one transaction: in a file of its own, without -- atlas:txmode none.")
		return
	}
	if s.takenAnyway(l) {
		severity = migration.Info
	}
	s.tell(codeLockTable, severity, fmt.Sprintf("LOCK TABLE holds %s on %s until the end of the transaction", l.Mode, l.Relation), s.waiting(),
		"Take it out: each statement takes the lock that it needs. Where two tables must stand still together, keep the transaction to a few short statements.")
}

// takenAnyway says that several later statements of the transaction change the relation,
// as where columns are swapped: they are to happen together and lock it themselves, and
// work that is done in between is told of there.
func (s *statement) takenAnyway(l migration.LockSeen) bool {
	n := 0
	for _, e := range s.effects[s.e.Statement:] {
		if redefines(e, l.Relation) {
			n++
		}
	}
	return n > 1
}

// redefines says that a statement changed the definition of a relation.
func redefines(e migration.Effects, relation string) bool {
	return slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool { return c.Table == relation }) ||
		slices.ContainsFunc(e.Constraints, func(k migration.ConstraintSeen) bool { return k.Table == relation }) ||
		slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool {
			return o.On == relation || o.Name == relation || strings.HasSuffix(o.Name, " on "+relation)
		})
}

// manyLocks tells of tables that one transaction locks one after the other, and
// of statements that lock very many at once.
func (s *statement) manyLocks() {
	relations := make(map[string]bool)
	for _, l := range s.e.Locks {
		relations[l.Relation] = true
	}
	if len(relations) >= s.in.Policy.ManyLocks {
		s.tell(codeManyLocks, migration.Warning, fmt.Sprintf("locks %d relations at once", len(relations)),
			"Room for locks is shared by all sessions (max_locks_per_transaction); where it ends, others fail with 53200.", "Do it partition by partition, each in a transaction of its own.")
	}
	if s.apart() {
		return
	}
	var before []held
	for _, h := range s.earlier() {
		if h.altered && h.Mode == migration.AccessExclusive && isTable(h.Kind) && s.stays(h.Relation) || s.refersEarlier(h) {
			before = append(before, h)
		}
	}
	for _, l := range s.own() {
		if !isTable(l.Kind) || !s.stays(l.Relation) || !s.takes(l) {
			continue
		}
		other := slices.IndexFunc(before, func(h held) bool { return s.before.root(h.Relation) != s.before.root(l.Relation) })
		if other < 0 || slices.ContainsFunc(s.held, func(h held) bool { return h.Relation == l.Relation && blocks(h.LockSeen) }) {
			continue
		}
		h := before[other]
		if s.newOnly([]string{l.Relation}) || s.newOnly([]string{h.Relation}) {
			continue // nobody waits for it, or holds it
		}
		s.tell(codeManyTables, s.lesser(migration.Warning, l.Relation, h.Relation),
			fmt.Sprintf("waits for the lock on %s while the transaction holds the one on %s that statement %d took", l.Relation, h.Relation, h.statement),
			"Whoever uses the first table waits for as long as it takes to get the second; whoever takes them the other way round ends in a deadlock.",
			fix("One table for each transaction: do this in a file of its own.", one(s.text())))
		return
	}
}

// takes says that the lock is one that counts: ACCESS EXCLUSIVE on what the
// statement names, or that on the table which a second foreign key refers to.
func (s *statement) takes(l migration.LockSeen) bool {
	if l.Mode == migration.AccessExclusive && !l.Collateral {
		return true
	}
	return slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool {
		return k.Kind == "foreign key" && !k.Validated && k.References == l.Relation
	})
}

// refersEarlier says that the lock is on a table which a foreign key of an
// earlier statement refers to.
func (s *statement) refersEarlier(h held) bool {
	if h.statement < 1 || h.statement > len(s.effects) {
		return false
	}
	adds := slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool { return k.Kind == "foreign key" && !k.Validated })
	return adds && slices.ContainsFunc(s.effects[h.statement-1].Constraints, func(k migration.ConstraintSeen) bool {
		return k.Kind == "foreign key" && !k.Validated && k.References == h.Relation
	})
}

func isTable(kind string) bool {
	return kind == "table" || kind == "partitioned table" || kind == "foreign table"
}

// stays says that the file neither drops nor renames the relation.
func (s *statement) stays(name string) bool { return s.after.has(name) }
