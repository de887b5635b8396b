package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// counted tells of sequences that give out values which rows have already: they
// are set back, or begin to count for a column with rows.
func (s *statement) counted() {
	var tables []string
	touched := s.sequencesOf(&tables)
	switch {
	case s.says("restart identity") && len(s.e.Truncates) > 0:
		if len(touched) > 0 {
			s.tell(codeSequence, s.lesser(migration.Warning, tables...), "restarts "+list(touched), "Values that it gave out before come again, and mean other rows: what kept them outside of these tables does not know.",
				"Leave RESTART IDENTITY away: it goes on counting where it is.")
		}
	case s.restarts() && len(touched) > 0:
		s.tell(codeSequence, s.lesser(migration.Warning, tables...), "restarts "+list(touched), "Values that it gave out before come again, and meet rows that have them (23505).",
			"Leave it where it is, or set it behind the largest value that is there: "+s.setBehind(touched))
	case s.setsTo(true) && len(touched) > 0 && !s.setLater():
		severity := migration.Info // far ahead of the rows, as people do it
		if s.says(", 1") || s.says(", 0") {
			severity = migration.Warning
		}
		s.tell(codeSequence, s.lesser(severity, tables...), "sets "+list(touched)+" to a value that is the same on every database", "Where rows have gone beyond it, values come again that they have (23505).",
			"Take the value from the rows: "+s.setBehind(touched))
	}
	s.beginsToCount()
	s.leavesBehind()
}

// behindRows sets a sequence behind the values of a column, and never back.
func behindRows(sequence, table, column string) string {
	return fmt.Sprintf("SELECT setval(%s, greatest((SELECT max(%s) FROM %s), (SELECT last_value FROM %s)))", literal(sequence), column, table, sequence)
}

// setBehind are the statements that set sequences behind the rows that count by them.
func (s *statement) setBehind(sequences []string) string {
	var sets []string
	for _, sequence := range sequences {
		table, column := s.countedBy(sequence)
		if column == "" {
			table, column = "...", "..."
		}
		sets = append(sets, behindRows(sequence, table, column)+";")
	}
	return strings.Join(sets, " ")
}

// countedBy is the column that takes its values from a sequence; "" where there is none.
func (s *statement) countedBy(sequence string) (table, column string) {
	for _, table := range s.before.each("table") {
		owned := strings.Contains(s.before.get("sequence", sequence), "\nowned by "+table+" ")
		for _, c := range s.before.table(table).columns {
			if strings.HasPrefix(c.fallback, "nextval(") && strings.TrimPrefix(sequenceOf(c.fallback), "public.") == strings.TrimPrefix(sequence, "public.") || owned && c.identity != "" {
				return table, c.name
			}
		}
	}
	return "", ""
}

// setFromRows says that a later statement of the transaction sets a sequence to a value
// that it takes from rows.
func (s *statement) setFromRows() bool {
	return !s.apart() && slices.ContainsFunc(s.file.Stmts[s.e.Statement:], func(stmt migration.Stmt) bool { return setsTo(deepTokens(stmt.Text), false) })
}

// withinReach is how far ahead of a sequence a value is that it will come to.
const withinReach = 1000

// leavesBehind tells of rows that were inserted with values of their own, which
// the sequence of the column has still to give out.
func (s *statement) leavesBehind() {
	for _, b := range s.e.Behind {
		if s.setLater() || s.after.table(b.Table) == nil || !s.unrepeated(migration.ColumnSeen{Table: b.Table, Column: b.Column}) {
			continue
		}
		severity := migration.Warning
		if b.Largest-b.Next >= withinReach { // far ahead, as people do it
			severity = migration.Info
		}
		set := behindRows(b.Sequence, b.Table, ident(b.Column))
		advice := fix("Leave the column to its sequence, or set that behind them in the same transaction:", one(s.text(), set))
		if s.apart() || s.begins("do") || s.begins("call") || s.begins("select") {
			advice = "Leave the column to its sequence, or set that behind them: " + set + ";"
		}
		s.tell(codeSequence, severity, fmt.Sprintf("inserts %s.%s up to %s, and leaves the sequence %s behind, at %s", b.Table, ident(b.Column), grouped(b.Largest), b.Sequence, grouped(b.Next)),
			"Inserts that leave the column to it fail when it comes there (23505).", advice)
		return
	}
}

// restarts says that the words set a sequence back.
func (s *statement) restarts() bool {
	if s.setLater() {
		return false
	}
	a, ok := s.alter()
	return s.says("alter sequence") && s.says("restart") || s.says("restart identity") ||
		ok && slices.ContainsFunc(a.actions, func(x action) bool { return len(x.tokens) > 2 && x.tokens[0].Is("alter") && says(x.tokens, "restart") })
}

// sequencesOf are the sequences of before that the statement has a lock on; tables
// gets those whose columns they belong to.
func (s *statement) sequencesOf(tables *[]string) (names []string) {
	consider := func(l migration.LockSeen) {
		if l.Kind != "sequence" || s.before.get("sequence", l.Relation) == "" || s.newInRun(objectKey("sequence", l.Relation)) {
			return
		}
		names = append(names, l.Relation)
		for line := range strings.SplitSeq(s.before.get("sequence", l.Relation), "\n") {
			if owner, ok := strings.CutPrefix(line, "owned by "); ok {
				*tables = append(*tables, owner[:strings.LastIndexByte(owner, ' ')])
			}
		}
	}
	for _, l := range s.e.Locks {
		consider(l)
	}
	if len(names) == 0 { // an earlier statement has the lock
		for _, h := range s.held {
			if strings.Contains(s.text(), last(h.Relation)) {
				consider(h.LockSeen)
			}
		}
	}
	return unique(names)
}

// setLater says that a statement behind it in the file sets a sequence to a value
// that it takes from somewhere.
func (s *statement) setLater() bool {
	return slices.ContainsFunc(s.file.Stmts[s.e.Statement:], func(stmt migration.Stmt) bool { return setsTo(deepTokens(stmt.Text), false) })
}

func (s *statement) setsTo(constant bool) bool { return setsTo(s.tokens, constant) }

// setsTo says that the words call setval with a number for a value, or with
// anything else.
func setsTo(t []migration.Token, constant bool) bool {
	for i := range t {
		if !t[i].Is("setval") || i+1 >= len(t) || t[i+1].Text != "(" {
			continue
		}
		depth, begin := 0, -1
		for k := i + 1; k < len(t) && (depth > 0 || k == i+1); k++ {
			if t[k].Kind != migration.Symbol {
				continue
			}
			switch t[k].Text {
			case "(":
				depth++
			case ")":
				depth--
			}
			ends := t[k].Text == "," && depth == 1 || depth == 0
			if ends && begin < 0 {
				begin = k + 1
			} else if ends {
				if is := k == begin+1 && t[begin].Kind == migration.Number; is == constant {
					return true
				}
				break
			}
		}
	}
	return false
}

// beginsToCount tells of columns whose rows have values, and that get values from
// a new sequence from now on.
func (s *statement) beginsToCount() {
	for _, c := range s.e.Columns {
		was, is := s.before.table(c.Table).column(c.Column), s.after.table(c.Table).column(c.Column)
		if was == nil || is == nil || c.Change != migration.Altered || was.identity != "" || s.newSequence(was.fallback) != "" || !s.unrepeated(c) {
			continue
		}
		sequence := ""
		switch {
		case c.Identity && is.identity != "":
			sequence = s.made()
		case strings.HasPrefix(c.Default, "nextval(") && c.DefaultWas != nil:
			sequence = s.newSequence(c.Default)
		}
		if sequence == "" || !strings.Contains(s.after.get("sequence", sequence), " start=1 ") || slices.ContainsFunc(s.file.Stmts, func(stmt migration.Stmt) bool { return setsTo(deepTokens(stmt.Text), false) }) {
			continue
		}
		set := fmt.Sprintf("SELECT setval(%s, (SELECT max(%s) FROM %s))", literal(sequence), ident(c.Column), c.Table)
		advice := "Set it behind the largest value, in the same transaction: " + set + ";"
		if s.begins("alter") && !s.apart() {
			advice = fix("Set it behind the largest value, in the same transaction:", one(s.text(), set))
		}
		s.tell(codeSequence, s.lesser(migration.Warning, c.Table), fmt.Sprintf("the sequence %s starts at 1 for %s.%s, whatever its rows have", sequence, c.Table, ident(c.Column)),
			"Inserts that leave the column to it fail where a row has the value already (23505).", advice)
		return
	}
}

// unrepeated says that a unique index is on the column.
func (s *statement) unrepeated(c migration.ColumnSeen) bool {
	return slices.ContainsFunc(s.after.table(c.Table).indexes, func(i index) bool {
		rule, ok := uniqueRule(i)
		return ok && slices.ContainsFunc(rule.keys, func(k string) bool { return ident(k) == ident(c.Column) })
	})
}

// made is the sequence that the statement makes, "" for none.
func (s *statement) made() string {
	for _, o := range s.e.Objects {
		if o.Kind == "sequence" && o.Change == migration.Created {
			return o.Name
		}
	}
	return ""
}

// newSequence is the sequence of a default nextval(...) where the file made it, ""
// otherwise.
func (s *statement) newSequence(value string) string {
	if !strings.HasPrefix(value, "nextval(") {
		return ""
	}
	name := sequenceOf(value)
	for _, e := range s.effects {
		for _, o := range e.Objects {
			if o.Kind == "sequence" && o.Change == migration.Created && (o.Name == name || o.Name == "public."+name) {
				return o.Name
			}
		}
	}
	return ""
}

// bounded tells of sequences that end sooner than they did, or begin again at
// their end.
func (s *sheet) bounded() {
	for _, name := range s.before.each("sequence") {
		was, is := sequenceFacts(s.before.get("sequence", name)), sequenceFacts(s.after.get("sequence", name))
		if was == nil || is == nil {
			continue
		}
		at := 1
		for _, e := range s.effects {
			if slices.ContainsFunc(e.Locks, func(l migration.LockSeen) bool { return l.Relation == name && blocks(l) }) {
				at = e.Statement
			}
		}
		to, ends := is["max"], number(is["max"]) < number(was["max"])
		if strings.HasPrefix(is["by"], "-") {
			to, ends = is["min"], number(is["min"]) > number(was["min"])
		}
		switch {
		case strings.HasPrefix(is["by"], "-") != strings.HasPrefix(was["by"], "-") && s.counts(name):
			s.find(at, codeSequence, migration.Warning, fmt.Sprintf("has %s count the other way, by %s", name, is["by"]), "Values that it gave out before come again, and meet rows that have them (23505).",
				"Leave the direction as it is.")
		case is["cycle"] == "t" && was["cycle"] == "f" && s.counts(name):
			s.find(at, codeSequence, migration.Warning, fmt.Sprintf("has %s begin again after %s", name, to), "Values that it gave out before come again, and meet rows that have them (23505).",
				"Leave it NO CYCLE, and give it and its column bigint, which does not end.")
		case ends:
			s.find(at, codeSequence, migration.Warning, fmt.Sprintf("has %s end at %s, sooner than before", name, to), "From there on nextval fails (2200H), and with it every insert that counts by it; where it has gone beyond, the statement fails (22023).",
				"Leave it as large as the type of its column allows.")
		}
	}
}

// counts says that a column takes its values from the sequence.
func (s *sheet) counts(sequence string) bool {
	if strings.Contains(s.after.get("sequence", sequence), "\nowned by ") {
		return true
	}
	return slices.ContainsFunc(s.after.each("table"), func(name string) bool {
		return strings.Contains(s.after.get("table", name), "default=nextval("+literal(sequence)+"::regclass)")
	})
}

// sequenceFacts are start, by, max, min, cache and cycle of a sequence; nil where
// there is none.
func sequenceFacts(definition string) map[string]string {
	for line := range strings.SplitSeq(definition, "\n") {
		if rest, ok := strings.CutPrefix(line, "sequence "); ok {
			facts := make(map[string]string)
			for _, word := range strings.Fields(rest) {
				name, value, _ := strings.Cut(word, "=")
				facts[name] = value
			}
			return facts
		}
	}
	return nil
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // PostgreSQL wrote it
	return n
}
