package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A retyping is a column that gets another type: what holds the values meanwhile
// and where they come from.
type retyping struct {
	migration.ColumnSeen
	name, next, old string // in quotes where need be
	typ             string
	base            string   // typ, or what lies below it where it is a domain
	value           string   // what next is set to; "" where nobody can tell
	checks          []string // what a domain asks of the values, as CHECKs of next
	was             *column
}

// retypings are those of one table; without those that cost nothing, unless all
// of them do.
func (s *statement) retypings(table string, changed []migration.ColumnSeen) []retyping {
	a, plain := s.alter()
	var all, costly []retyping
	for _, c := range changed {
		r := retyping{ColumnSeen: c, name: ident(c.Column), next: named(c.Column, "", "_new"), old: named(c.Column, "", "_old"), typ: c.Type, was: s.before.table(table).column(c.Column)}
		// Without USING the statement assigns, as an UPDATE does. A cast would cut
		// where it refuses.
		r.value = r.name
		converts := false
		for _, x := range a.actions {
			if !x.alters("type", c.Column) && !x.alters("set data type", c.Column) {
				continue
			}
			typ, using := x.typeAndUsing()
			if says(migration.Tokens(typ), "collate") {
				r.typ = typ
			}
			if using != "" {
				r.value, converts = using, true
			}
		}
		if !plain && (!s.begins("do") || s.says("using") || s.says("execute")) {
			r.value = "" // USING may stand where nobody sees it
		}
		if c.Generated != "" {
			r.value = c.Default // its expression
		}
		if r.base, r.checks = s.belowDomain(r); len(r.checks) > 0 {
			r.typ = r.base
		}
		all = append(all, r)
		if converts || !relabels(c.Was, c.Type) {
			costly = append(costly, r)
		}
	}
	if len(costly) > 0 {
		return costly
	}
	return all
}

// typeAndUsing are what stands behind TYPE, and behind USING, "" for none.
func (a action) typeAndUsing() (typ, using string) {
	start := a.tokens[0].Pos
	from, depth := -1, 0
	for i, t := range a.tokens {
		switch {
		case t.Kind == migration.Symbol && (t.Text == "(" || t.Text == "["):
			depth++
		case t.Kind == migration.Symbol && (t.Text == ")" || t.Text == "]"):
			depth--
		case from < 0 && i > 1 && t.Is("type"):
			from = t.Pos - start + len("type")
		case from >= 0 && depth == 0 && t.Is("using"):
			at := t.Pos - start
			return strings.TrimSpace(a.text[from:at]), strings.TrimSpace(a.text[at+len("using"):])
		}
	}
	if from < 0 {
		return "", ""
	}
	return strings.TrimSpace(a.text[from:]), ""
}

// relabels says that PostgreSQL neither reads nor writes a row to make the one
// type the other. Where it says no, it may be so all the same.
func relabels(was, is string) bool {
	from, to := readType(was), readType(is)
	characters := []string{"text", "character varying"}
	switch {
	case slices.Contains(characters, from.name) && slices.Contains(characters, to.name):
		return to.length < 0 || from.length >= 0 && to.length >= from.length
	case from.name == "numeric" && to.name == "numeric":
		return to.length < 0 || from.length >= 0 && to.length >= from.length && to.scale == from.scale
	}
	return false
}

// belowDomain is the type below the domain that a retyping is to, and what the domain
// asks, as CHECKs: with these PostgreSQL writes the table for a new column of it.
func (s *statement) belowDomain(r retyping) (typ string, checks []string) {
	typ = r.typ
	for range 32 { // a domain may be over another
		d := s.domain(typ)
		if d == "" {
			break
		}
		for line := range strings.SplitSeq(d, "\n") {
			word, rest, _ := strings.Cut(line, " ")
			switch below, over := strings.CutPrefix(rest, "over "); {
			case word == "domain" && over:
				below, _, _ = strings.Cut(below, " collation=")
				if typ, over = strings.CutSuffix(below, " not null"); over {
					checks = append(checks, "CHECK ("+r.next+" IS NOT NULL)")
				}
			case word == "constraint":
				if k := readConstraint(rest); strings.HasPrefix(k.definition, "CHECK") {
					checks = append(checks, valueAs(strings.TrimSuffix(k.definition, " NOT VALID"), r.next))
				}
			}
		}
	}
	return typ, checks
}

// valueAs is a CHECK of a domain with the name of a column for VALUE.
func valueAs(definition, name string) string {
	var b strings.Builder
	at := 0
	for _, t := range migration.Tokens(definition) {
		if t.Is("value") {
			b.WriteString(definition[at:t.Pos] + name)
			at = t.Pos + len("value")
		}
	}
	return b.String() + definition[at:]
}

// retypeAdvice is how columns get another type beside the running code. One that only
// becomes shorter keeps its type: a trigger that fills a shorter one would refuse what
// running code writes.
func (s *statement) retypeAdvice(table string, changed []migration.ColumnSeen) string {
	rs := s.retypings(table, changed)
	rest := s.without(func(x action) bool {
		return slices.ContainsFunc(rs, func(r retyping) bool {
			return x.alters("type", r.Column) || x.alters("set data type", r.Column) || x.alters("set default", r.Column) || x.alters("drop default", r.Column)
		})
	})
	if rest != "" {
		rest = "What else the statement does goes into one of its own: " + rest + ";"
	}
	var said []string
	var others []retyping
	for _, r := range rs {
		if r.shorter() {
			said = append(said, s.shortenAdvice(table, r))
		} else {
			others = append(others, r)
		}
	}
	if len(others) > 0 {
		said = append(said, s.expandAdvice(table, others))
	}
	return sentences(rest, strings.Join(said, "\n"))
}

// shorter says that a text becomes one of fewer characters, and nothing else.
func (r retyping) shorter() bool {
	from, to, using := readType(r.Was), readType(r.Type), migration.Tokens(r.value)
	if r.typ != r.Type || r.Generated != "" || len(using) == 0 || !from.text() || from.name == "character" || to.name != "character varying" || to.length < 0 || from.length >= 0 && from.length <= to.length {
		return false
	}
	return ident(using[0].Text) == r.name && (len(using) == 1 || using[1].Text == ":" && plainType(using[3:])) ||
		slices.ContainsFunc([]string{"left", "substr", "substring"}, using[0].Is)
}

func (s *statement) shortenAdvice(table string, r retyping) string {
	length := readType(r.Type).length
	short := r.value
	if !strings.Contains(short, "(") || strings.Contains(short, "::") {
		short = fmt.Sprintf("left(%s, %d)", r.name, length)
	}
	name := named(table, r.name, "_length")
	return fmt.Sprintf("Keep the type of %[2]s, and keep the length by a CHECK. Whichever keeps it, running code that writes more than %[3]d characters fails from then on (23514; 22001 with the type): let it write no more first.\n"+
		"1. ALTER TABLE %[1]s ADD CONSTRAINT %[4]s CHECK (char_length(%[2]s) <= %[3]d) NOT VALID;\n"+
		"2. Mend the longer ones in batches, after a look at them: UPDATE %[1]s SET %[2]s = %[5]s WHERE char_length(%[2]s) > %[3]d;\n"+
		"3. In a file of its own: ALTER TABLE %[1]s VALIDATE CONSTRAINT %[4]s;", table, r.name, length, name, short)
}

// mayFail is a note about values that cannot become ones of the new type, "" where all
// can.
func (s *statement) mayFail(table string, rs []retyping) string {
	var said []string
	for _, r := range rs {
		if len(r.checks) > 0 {
			said = append(said, fmt.Sprintf("Running code that writes what %s refuses fails from then on (23514).", list(r.checks)))
		}
		from, to := readType(r.Was), readType(r.base)
		n := narrowing{column: r.name, from: from, to: to, is: r.base, major: s.in.Major, explicit: r.value != r.name}
		fails, _, known := n.conditions()
		if s.isEnum(r.base) {
			known = false
			if s.in.Major >= 16 {
				fails = fmt.Sprintf("NOT pg_input_is_valid(%s::text, %s)", r.name, quoteLiteral(r.base))
			}
		}
		ones, array := strings.CutSuffix(r.Was, "[]")
		if others, too := strings.CutSuffix(r.base, "[]"); array && too {
			n.from, n.to, n.is = readType(ones), readType(others), others
			if fails, _, known = n.conditions(); fails != "" {
				fails, known = "", false // it is one of an element
			}
		}
		switch {
		case r.Generated != "" || known && fails == "" || from.time() && to.time():
		case fails != "" && r.casts():
			said = append(said, fmt.Sprintf("The trigger has running code fail at once that writes what is no %s (%s): look first whether there is any, SELECT %s FROM %s WHERE %s LIMIT 100; and mend it.",
				r.base, n.refusal(), r.name, table, strings.ReplaceAll(fails, "pg_catalog.", "")))
		case from.text() || fails != "" || r.casts():
			said = append(said, fmt.Sprintf("Where a value of %s cannot be made one of %s, the trigger has running code that writes it fail at once.", r.name, r.base))
		}
	}
	return sentences(said...)
}

// casts says that the new value is the old one, or a cast of it, perhaps by way of text.
func (r retyping) casts() bool {
	t := slices.DeleteFunc(migration.Tokens(r.value), func(x migration.Token) bool { return x.Text == "(" || x.Text == ")" })
	if len(t) == 0 || ident(t[0].Text) != r.name {
		return false
	}
	if t = t[1:]; len(t) > 3 && t[2].Is("text") && t[3].Text == ":" {
		t = t[3:]
	}
	return len(t) == 0 || len(t) > 2 && t[0].Text == ":" && plainType(t[2:])
}

// refusal is the SQLSTATE with which a value is refused.
func (n narrowing) refusal() string {
	switch {
	case n.to.text():
		return "22001"
	case n.to.time():
		return "22007"
	case !n.from.text() && (n.to.name == "numeric" || wholes[n.to.name].order > 0):
		return "22003"
	}
	return "22P02"
}

func (t sqlType) time() bool {
	return t.name == "date" || t.name == "interval" || strings.HasPrefix(t.name, "time")
}

// isEnum says that the type is an enum, or one that the file makes and gives another
// name later.
func (s *statement) isEnum(name string) bool {
	if s.before.get("enum", name) != "" || s.after.get("enum", name) != "" {
		return true
	}
	for i, e := range s.effects[:s.e.Statement-1] {
		if says(migration.Tokens(s.file.Stmts[i].Text), "as enum") && slices.ContainsFunc(e.Objects, func(o migration.ObjectSeen) bool { return o.Name == name && o.Change == migration.Created }) {
			return true
		}
	}
	return false
}

func (s *statement) expandAdvice(table string, rs []retyping) string {
	var add, set, lost, drop []string
	for _, r := range rs {
		value := r.value
		if value == "" {
			value = "..."
		}
		add = append(add, fmt.Sprintf("ADD COLUMN %s %s", r.next, r.typ))
		set = append(set, fmt.Sprintf("%s = %s", r.next, value))
		drop = append(drop, "DROP COLUMN "+r.old)
		if r.value == "" {
			lost = append(lost, r.next)
		}
	}
	unknown := ""
	if len(lost) > 0 {
		unknown = fmt.Sprintf(" What %s is set to must be what the statement makes of the old value.", list(lost))
	}
	steps := []string{
		fmt.Sprintf("ALTER TABLE %s %s; and a trigger that sets %s in each row that is written.%s", table, strings.Join(add, ", "), strings.Join(set, ", "), unknown),
		fmt.Sprintf("Fill the old rows in batches: UPDATE %s SET %s WHERE ...;", table, strings.Join(set, ", ")),
	}
	if c := s.carried(table, rs); c != "" {
		steps = append(steps, c)
	}
	steps = append(steps, "In one short transaction: "+strings.Join(s.swap(table, rs), "; ")+".",
		fmt.Sprintf("A release later: ALTER TABLE %s %s;", table, strings.Join(drop, ", ")))
	for i := range steps {
		steps[i] = fmt.Sprintf("%d. %s", i+1, steps[i])
	}
	return sentences(s.mayFail(table, rs), "Expand and contract, a release apart:\n"+strings.Join(steps, "\n"))
}

// carried is what the new columns must be given before they take the names,
// because it would go with the old ones.
func (s *statement) carried(table string, rs []retyping) string {
	t := s.before.table(table)
	if t == nil {
		return ""
	}
	var have, build, proofs, said []string
	for _, k := range t.constraints {
		if primary(k) == "" && !strings.HasPrefix(k.definition, "NOT NULL ") && slices.ContainsFunc(rs, func(r retyping) bool { return mentions(k.definition, r.name) }) {
			have = append(have, k.name)
		}
	}
	for _, i := range t.indexes {
		_, after, _ := strings.Cut(i.definition, " INDEX ")
		name, _ := firstName(after)
		if t.constraint(name) == nil && slices.ContainsFunc(rs, func(r retyping) bool { return mentions(tail(i.definition), r.name) }) {
			build = append(build, name)
		}
	}
	for _, r := range rs {
		if r.was != nil && r.was.notNull {
			proofs = append(proofs, fmt.Sprintf("%s CHECK (%s IS NOT NULL)", proofName(table, r), r.next))
		}
		proofs = append(proofs, r.checks...)
	}
	for _, k := range t.constraints {
		if r := keyOf(k, rs); r != nil {
			said = append(said, fmt.Sprintf("a unique index %s, for the primary key", named(table, r.next, "_idx")))
		} else if inside := primary(k); inside != "" && slices.ContainsFunc(rs, func(r retyping) bool { return mentions(inside, r.name) }) {
			said = append(said, "a unique index for the primary key "+k.name)
		}
	}
	if len(build) > 0 {
		said = append(said, "indexes like "+list(build))
	}
	where := "CONCURRENTLY"
	if t.partitioned != "" {
		where = "CONCURRENTLY on each partition, and attached"
	}
	words := ""
	if len(said) > 0 {
		words = strings.Join(said, ", ") + ", built " + where
	}
	if proofs = append(proofs, prefixed("one like ", have)...); len(proofs) > 0 {
		if words != "" {
			words += "; "
		}
		words += "as constraints " + list(proofs) + ", added NOT VALID and validated in a file of its own, a unique one USING INDEX"
		if len(have) == 0 {
			words = strings.TrimSuffix(words, ", a unique one USING INDEX")
		}
	}
	if words == "" {
		return ""
	}
	return "Give the new columns what the old ones have: " + words + "."
}

// proofName is the name of the CHECK that has SET NOT NULL scan nothing.
func proofName(table string, r retyping) string { return named(table, r.next, "_not_null") }

func prefixed(prefix string, names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return []string{prefix + list(names)}
}

// swap are the statements by which the new columns take the names, and all that
// belongs to them. The old ones must not demand a value any more: nobody sends
// them one.
func (s *statement) swap(table string, rs []retyping) []string {
	steps := []string{"drop the trigger"}
	t := s.before.table(table)
	at := "ALTER TABLE " + table + " "
	for _, r := range rs {
		if r.Generated != "" {
			steps[0] = "leave the trigger, which takes the place of the expression"
		}
		steps = append(steps, at+"RENAME COLUMN "+r.name+" TO "+r.old, at+"RENAME COLUMN "+r.next+" TO "+r.name)
	}
	if t == nil {
		return steps
	}
	for _, k := range t.constraints {
		if strings.HasPrefix(k.definition, "CHECK ") && slices.ContainsFunc(rs, func(r retyping) bool { return mentions(k.definition, r.name) }) {
			steps = append(steps, at+"DROP CONSTRAINT "+k.name) // it is on the old one
		}
		if r := keyOf(k, rs); r != nil {
			steps = append(steps, fmt.Sprintf("%sDROP CONSTRAINT %s, ADD CONSTRAINT %s PRIMARY KEY USING INDEX %s", at, k.name, k.name, named(table, r.next, "_idx")))
		} else if inside := primary(k); inside != "" && slices.ContainsFunc(rs, func(r retyping) bool { return mentions(inside, r.name) }) {
			steps = append(steps, fmt.Sprintf("%sDROP CONSTRAINT %s, ADD CONSTRAINT %s PRIMARY KEY USING INDEX ...", at, k.name, k.name))
		}
	}
	for _, r := range rs {
		if r.was == nil {
			continue
		}
		if r.was.notNull {
			steps = append(steps, at+"ALTER COLUMN "+r.name+" SET NOT NULL", at+"DROP CONSTRAINT "+proofName(table, r))
		}
		steps = append(steps, s.handOver(table, r)...)
		if r.was.notNull {
			steps = append(steps, at+"ALTER COLUMN "+r.old+" DROP NOT NULL")
		}
	}
	return steps
}

// handOver are the statements that give the new column what fills the old one.
func (s *statement) handOver(table string, r retyping) []string {
	alterName, alterOld := fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s ", table, r.name), fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s ", table, r.old)
	switch {
	case r.was.identity != "":
		always := "BY DEFAULT"
		if r.was.identity == "a" {
			always = "ALWAYS"
		}
		of := func(name string) string {
			return fmt.Sprintf("pg_get_serial_sequence(%s, %s)", literal(table), literal(strings.ReplaceAll(strings.Trim(name, `"`), `""`, `"`)))
		}
		return []string{
			alterName + "ADD GENERATED " + always + " AS IDENTITY",
			fmt.Sprintf("SELECT setval(%s, nextval(%s), false)", of(r.name), of(r.old)),
			alterOld + "DROP IDENTITY",
		}
	case r.Generated != "" || r.was.fallback == "":
		return nil
	case strings.HasPrefix(r.was.fallback, "nextval("):
		sequence := sequenceOf(r.was.fallback)
		steps := []string{alterName + "SET DEFAULT " + r.was.fallback}
		if s.ownedBy(sequence, table, r.name) {
			if slices.Contains([]string{"bigint", "integer", "smallint"}, r.Type) {
				steps = append(steps, "ALTER SEQUENCE "+sequence+" AS "+r.Type)
			}
			steps = append(steps, fmt.Sprintf("ALTER SEQUENCE %s OWNED BY %s.%s", sequence, table, r.name))
		}
		return append(steps, alterOld+"DROP DEFAULT")
	}
	fallback := r.was.fallback
	if r.Default != "" {
		fallback = r.Default // what the statement makes of it
	}
	// The name of the type in a literal of it may be another by then, or another's.
	if t := migration.Tokens(fallback); len(t) > 2 && t[0].Kind == migration.Literal && slices.Contains([]string{t[0].Text + "::" + r.Was, t[0].Text + "::" + r.Type}, fallback) {
		fallback = t[0].Text
	}
	return []string{alterName + "SET DEFAULT " + fallback, alterOld + "DROP DEFAULT"}
}

// primary is what stands within PRIMARY KEY (...), "" for another constraint.
func primary(k constraint) string {
	inside, ok := strings.CutPrefix(k.definition, "PRIMARY KEY (")
	if !ok {
		return ""
	}
	inside, _, _ = strings.Cut(inside, ")")
	return inside
}

// keyOf is the column that a primary key of one column is on; nil where it is
// none of these.
func keyOf(k constraint, rs []retyping) *retyping {
	for i, r := range rs {
		if primary(k) == r.name {
			return &rs[i]
		}
	}
	return nil
}

// mentions says that a name stands in a definition.
func mentions(definition, name string) bool {
	return slices.ContainsFunc(migration.Tokens(definition), func(t migration.Token) bool { return t.Name() && ident(t.Text) == ident(name) })
}

// ownedBy says that a sequence goes with a column: its table owns it, and no other
// column of that counts with it.
func (s *sheet) ownedBy(sequence, table, name string) bool {
	owned := false
	for _, candidate := range []string{sequence, "public." + sequence} {
		owned = owned || strings.Contains(s.before.get("sequence", candidate), "owned by "+table+" ")
	}
	t := s.before.table(table)
	return owned && t != nil && !slices.ContainsFunc(t.columns, func(c column) bool {
		return c.name != name && strings.HasPrefix(c.fallback, "nextval(") && sequenceOf(c.fallback) == sequence
	})
}
