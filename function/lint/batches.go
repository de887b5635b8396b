package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// runsAgain stands above what commits by itself: cut off half-way, it can only be
// run again from its beginning.
const runsAgain = "-- aurora:rerunnable\n"

// batches are DO blocks that run an UPDATE or DELETE on a table in batches, each
// committed by itself: one block for the table and one for each that inherits from it,
// whose rows no key of the parent finds. change has no WHERE; condition, "" for none,
// says which rows still wait for it. "" where it cannot be told how.
func (s *statement) batches(table, change, condition string) string {
	heirs := s.before.heirs(table)
	if len(heirs) == 0 {
		return s.batchesOf(table, table, change, condition)
	}
	var blocks []string
	for _, each := range append([]string{table}, heirs...) {
		only := "ONLY " + each
		change, ok := retarget(change, only)
		block := s.batchesOf(each, only, change, condition)
		if !ok || block == "" {
			return ""
		}
		blocks = append(blocks, block)
	}
	return strings.Join(blocks, ";\n")
}

// retarget has an UPDATE or DELETE write to another relation; false where it cannot be
// told which it writes to.
func retarget(change, to string) (string, bool) {
	t := migration.Tokens(change)
	at := 1
	for at < len(t) && (t[at].Is("from") || t[at].Is("only")) {
		at++
	}
	end := at + 1
	for end+1 < len(t) && t[end].Text == "." {
		end += 2
	}
	if end < len(t) && t[end].Text == "*" {
		end++
	}
	if end > len(t) || !t[at].Name() {
		return "", false
	}
	start := at
	if t[at-1].Is("only") {
		start--
	}
	rest := ""
	if end < len(t) {
		rest = " " + change[t[end].Pos:]
	}
	return change[:t[start].Pos] + to + rest, true
}

// batchesOf is the DO block for the rows of one table, which from names.
func (s *statement) batchesOf(table, from, change, condition string) string {
	key := s.key(table)
	if len(key) == 0 {
		return ctidBatches(from, change, condition)
	}
	if condition != "" {
		condition = " AND (" + condition + ")"
	}
	var names, down, lows, highs, declare []string
	for i, c := range key {
		number := ""
		if len(key) > 1 {
			number = fmt.Sprintf("_%d", i+1)
		}
		names, down = append(names, c.name), append(down, c.name+" DESC")
		lows, highs = append(lows, "low"+number), append(highs, "high"+number)
		declare = append(declare, fmt.Sprintf("  low%[1]s %[2]s;\n  high%[1]s %[2]s;", number, c.typ))
	}
	all := strings.Join(names, ", ")
	row, low, high := all, lows[0], highs[0]
	within := fmt.Sprintf("%s BETWEEN %s AND %s", row, low, high)
	if len(key) > 1 {
		row, low, high = "("+all+")", "("+strings.Join(lows, ", ")+")", "("+strings.Join(highs, ", ")+")"
		within = fmt.Sprintf("%[1]s >= %[2]s AND %[1]s <= %[3]s", row, low, high)
	}
	return fmt.Sprintf(runsAgain+`DO $$
DECLARE
%[1]s
BEGIN
  SELECT %[2]s INTO %[3]s FROM %[4]s ORDER BY %[2]s LIMIT 1;
  WHILE %[5]s IS NOT NULL LOOP
    SELECT %[2]s INTO %[6]s FROM (SELECT %[2]s FROM %[4]s WHERE %[7]s >= %[8]s ORDER BY %[2]s LIMIT 5000) AS batch ORDER BY %[9]s LIMIT 1;
    %[10]s WHERE %[11]s%[12]s;
    COMMIT;
    SELECT %[2]s INTO %[3]s FROM %[4]s WHERE %[7]s > %[13]s ORDER BY %[2]s LIMIT 1;
  END LOOP;
END $$`, strings.Join(declare, "\n"), all, strings.Join(lows, ", "), from, lows[0], strings.Join(highs, ", "), row, low, strings.Join(down, ", "), change, within, condition, high)
}

// ctidBatches is for a table without a key: it ends when no row
// meets the condition. A ctid names a row of one partition and others in the rest,
// and one that was chosen may have been written since: the condition is asked of
// each again.
func ctidBatches(table, change, condition string) string {
	if condition == "" {
		return ""
	}
	return fmt.Sprintf(runsAgain+`DO $$
BEGIN
  LOOP
    %[2]s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %[1]s WHERE %[3]s LIMIT 5000)) AND (%[3]s);
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END $$`, table, change, condition)
}

// key are the columns of the primary key or, where there is none, of a unique index
// over NOT NULL columns and all rows; nil where there is neither.
func (s *statement) key(table string) []*column {
	t := s.before.table(table)
	if t == nil {
		return nil
	}
	var best []*column
	for _, i := range t.indexes {
		rule, ok := uniqueRule(i)
		if !ok || i.invalid || rule.where != "" {
			continue
		}
		var columns []*column
		for _, k := range rule.keys {
			if c := t.column(k); c != nil && c.notNull {
				columns = append(columns, c)
			}
		}
		isPrimary := slices.ContainsFunc(t.constraints, func(k constraint) bool { return primary(k) == strings.Join(rule.keys, ", ") })
		if len(columns) == len(rule.keys) && (isPrimary || best == nil || len(columns) < len(best)) {
			best = columns
		}
		if isPrimary {
			break
		}
	}
	return best
}

// batched is the statement, an UPDATE or DELETE, cut into batches; "" where it
// cannot be told how: it has a FROM, a RETURNING, or a WITH.
func (s *statement) batched(table string) string {
	text := s.text()
	t := migration.Tokens(text)
	if len(t) == 0 || !t[0].Is("update") && !t[0].Is("delete") {
		return ""
	}
	depth, where := 0, -1
	for i, x := range t {
		switch {
		case x.Kind == migration.Symbol && x.Text == "(":
			depth++
		case x.Kind == migration.Symbol && x.Text == ")":
			depth--
		case depth > 0:
		case x.Is("where") && where < 0:
			where = i
		case x.Is("returning"), x.Is("using"), x.Is("from") && !(t[0].Is("delete") && i == 1), x.Is("current"):
			return ""
		}
	}
	change, condition := text, ""
	if where >= 0 {
		change, condition = strings.TrimSpace(text[:t[where].Pos]), strings.TrimSpace(text[t[where].Pos+len("where"):])
	}
	if t[0].Is("update") {
		if slices.ContainsFunc(append(s.before.heirs(table), table), func(name string) bool { return s.key(name) == nil }) {
			return "" // without a key it could not tell which rows are done
		}
		set, ok := assigned(migration.Tokens(change))
		if !ok {
			return "" // run again after a cut, it would change some rows twice
		}
		undone := func(name string) string { return name + " IS NULL" }
		switch news := len(set) > 0 && !slices.ContainsFunc(set, func(name string) bool { return !s.emptySoFar(table, name) }); {
		case news && condition == "":
			condition = each(set, undone)
		case news:
			condition = "(" + condition + ") AND " + each(set, undone)
		case anew.MatchString(change) && !slices.ContainsFunc(set, func(name string) bool { return says(migration.Tokens(condition), name+" is null") }):
			return "" // as would values that are others each time
		}
	}
	if condition == "" && t[0].Is("delete") && s.key(table) == nil {
		condition = "true"
	}
	return s.batches(table, change, condition)
}

// anew is what gives another value each time.
var anew = regexp.MustCompile(`(?i)\b(nextval|uuidv7|uuid_generate_v\d\w*)\(|` + moving.String())

func each(names []string, condition func(string) string) string {
	var all []string
	for _, name := range names {
		all = append(all, condition(name))
	}
	return strings.Join(all, " AND ")
}

// emptySoFar says that the file, or an earlier one of the run, made the column without
// a default: what is in it by now, running code wrote, or a batch.
func (s *statement) emptySoFar(table, name string) bool {
	if c := s.before.table(table).column(name); c != nil {
		return s.newInRun(columnKey(table, name)) && c.fallback == "" && c.identity == "" && !c.notNull
	}
	return slices.ContainsFunc(s.effects[:s.e.Statement-1], func(e migration.Effects) bool {
		return slices.ContainsFunc(e.Columns, func(c migration.ColumnSeen) bool {
			return c.Table == table && ident(c.Column) == name && c.Change == migration.Created && c.Default == "" && c.Generated == "" && !c.Identity && !c.NotNull
		})
	})
}

// assigned are the columns that an UPDATE gives values; false where it makes the new
// value of one from an old one that it changes, as count = count + 1 does, or where
// this cannot be told.
func assigned(t []migration.Token) (set []string, ok bool) {
	var read []string
	depth, target := 0, false
	for i, x := range t {
		switch {
		case x.Kind == migration.Symbol && x.Text == "(":
			if target {
				return nil, false // SET (a, b) = ...
			}
			depth++
		case x.Kind == migration.Symbol && x.Text == ")":
			depth--
		case depth == 0 && (x.Is("set") && len(set) == 0 || len(set) > 0 && x.Kind == migration.Symbol && x.Text == ","):
			target = true
		case target && x.Name():
			set, target = append(set, ident(x.Text)), false
		case len(set) > 0 && x.Name() && !(i+1 < len(t) && t[i+1].Text == "("):
			read = append(read, ident(x.Text))
		}
	}
	return set, !slices.ContainsFunc(read, func(name string) bool { return slices.Contains(set, name) })
}
