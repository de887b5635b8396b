package lint

import (
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A loop of PL/pgSQL, from its LOOP to its END LOOP.
type loop struct {
	head, body []migration.Token
	commits    bool
}

// loops are those of a text that stand in no other.
func loops(tokens []migration.Token) (all []loop) {
	depth, from := 0, 0
	for i, t := range tokens {
		switch {
		case !t.Is("loop"):
		case i > 0 && tokens[i-1].Is("end"):
			if depth--; depth == 0 {
				body := tokens[from : i-1]
				all = append(all, loop{head(tokens[:from-1]), body, says(body, "commit")})
			}
			depth = max(depth, 0)
		default:
			if depth++; depth == 1 {
				from = i + 1
			}
		}
	}
	return all
}

// head is what stands at the end of tokens behind the last statement: that of a
// loop, FOR or WHILE with all that belongs to it.
func head(tokens []migration.Token) []migration.Token {
	for i, t := range slices.Backward(tokens) {
		if t.Text == ";" || t.Is("begin") || t.Is("then") || t.Is("else") || t.Is("loop") {
			return tokens[i+1:]
		}
	}
	return tokens
}

// ofRows says that the loop goes through the rows of a query: how often it runs
// is not known.
func (l loop) ofRows() bool {
	var text strings.Builder
	for _, t := range l.head {
		text.WriteString(t.Text)
	}
	return says(l.head, "for") && !strings.Contains(text.String(), "..") || says(l.head, "foreach")
}

// until says that the loop goes on until something is so: LOOP or WHILE.
func (l loop) until() bool { return !says(l.head, "for") && !says(l.head, "foreach") }

// ranges says that a write is bounded by more than one value: it is one batch.
func ranges(w []migration.Token) bool {
	where := slices.IndexFunc(w, func(t migration.Token) bool { return t.Is("where") })
	return where >= 0 && slices.ContainsFunc(w[where:], func(t migration.Token) bool {
		return t.Is("between") || t.Is("any") || t.Is("in") || t.Kind == migration.Symbol && (t.Text == "<" || t.Text == ">")
	})
}

// repeats says that the statement, a DO block, writes rows of the table again and
// again and does not commit in between: a batch of rows each time, until none is
// left.
func (s *statement) repeats(table string) bool {
	if !s.begins("do") {
		return false
	}
	for _, l := range loops(s.tokens) {
		if l.commits {
			continue
		}
		for _, w := range writes(l.body, table) {
			every := slices.ContainsFunc(s.e.Rows, func(r migration.RowsSeen) bool {
				return r.Table == table && (r.Update == migration.AllRows || r.Delete == migration.AllRows)
			})
			if says(w, "limit") || s.scans(table) || every && !l.ofRows() || l.until() && ranges(w) {
				return true
			}
		}
	}
	return false
}

// writes are the UPDATEs and DELETEs of a table among tokens.
func writes(tokens []migration.Token, table string) (all [][]migration.Token) {
	_, bare := migration.SplitQualified(table)
	for len(tokens) > 0 {
		end := slices.IndexFunc(tokens, func(t migration.Token) bool { return t.Text == ";" && t.Kind == migration.Symbol })
		if end < 0 {
			end = len(tokens)
		}
		one := tokens[:end]
		if at := slices.IndexFunc(one, func(t migration.Token) bool { return t.Is("update") || t.Is("delete") }); at >= 0 &&
			slices.ContainsFunc(one[at:], func(t migration.Token) bool { return t.Name() && t.Text == bare }) {
			all = append(all, one)
		}
		tokens = tokens[min(end+1, len(tokens)):]
	}
	return all
}

// repeated are the tables whose rows it writes so, whether or not there were any:
// a condition on what a backfill fills finds none on a dev database, and no lock
// tells of a loop that ended at once.
func (s *statement) repeated() []string {
	var found []string
	consider := func(name string) {
		if s.repeats(name) {
			found = append(found, name)
		}
	}
	for _, l := range s.e.Locks {
		if l.Mode.Strength() >= migration.RowExclusive.Strength() && isTable(l.Kind) {
			consider(l.Relation)
		}
	}
	for i, t := range s.tokens {
		if t.Is("update") || t.Is("from") && i > 0 && s.tokens[i-1].Is("delete") {
			for at := i + 1; at < min(i+5, len(s.tokens)); at++ {
				if s.tokens[at].Name() && s.relation(at) != "" {
					consider(s.relation(at))
					break
				}
			}
		}
	}
	return found
}
