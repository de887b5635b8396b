package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// runsAgain stands above what commits by itself: cut off half-way, it can only be
// run again from its beginning.
const runsAgain = "-- aurora:rerunnable\n"

// batches is a DO block that runs an UPDATE or DELETE on a table in batches, each
// committed by itself. change has no WHERE; condition, "" for none, says
// which rows still wait for it.
func (s *statement) batches(table, change, condition string) string {
	key := s.key(table)
	if key == nil {
		return ctidBatches(table, change, condition)
	}
	if condition != "" {
		condition = " AND (" + condition + ")"
	}
	k := key.name
	return fmt.Sprintf(runsAgain+`DO $$
DECLARE
  low %[2]s;
  high %[2]s;
BEGIN
  SELECT %[1]s INTO low FROM %[3]s ORDER BY %[1]s LIMIT 1;
  WHILE low IS NOT NULL LOOP
    SELECT %[1]s INTO high FROM (SELECT %[1]s FROM %[3]s WHERE %[1]s >= low ORDER BY %[1]s LIMIT 5000) AS batch ORDER BY %[1]s DESC LIMIT 1;
    %[4]s WHERE %[1]s BETWEEN low AND high%[5]s;
    COMMIT;
    SELECT %[1]s INTO low FROM %[3]s WHERE %[1]s > high ORDER BY %[1]s LIMIT 1;
  END LOOP;
END $$`, k, key.typ, table, change, condition)
}

// ctidBatches is for a table without a key of one column: it ends when no row
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

// key is the column of a primary key of one column; nil where there is none.
func (s *statement) key(table string) *column {
	t := s.before.table(table)
	if t == nil {
		return nil
	}
	for _, k := range t.constraints {
		if inside, ok := strings.CutPrefix(k.definition, "PRIMARY KEY ("); ok {
			name, rest := firstName(strings.Replace(inside, ")", " )", 1))
			if strings.TrimSpace(rest) == ")" {
				return t.column(name)
			}
		}
	}
	return nil
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
	if s.key(table) == nil && t[0].Is("update") {
		return "" // without a key it could not tell which rows are done
	}
	if t[0].Is("update") && buildsOn(migration.Tokens(change)) {
		return "" // run again after a cut, it would change some rows twice
	}
	if condition == "" && t[0].Is("delete") && s.key(table) == nil {
		condition = "true"
	}
	return s.batches(table, change, condition)
}

// buildsOn says that an UPDATE makes the new value of a column from an old one that
// it changes, as count = count + 1 does, or that this cannot be told.
func buildsOn(t []migration.Token) bool {
	var set, read []string
	depth, target := 0, false
	for i, x := range t {
		switch {
		case x.Kind == migration.Symbol && x.Text == "(":
			if target {
				return true // SET (a, b) = ...
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
	return slices.ContainsFunc(read, func(name string) bool { return slices.Contains(set, name) })
}
