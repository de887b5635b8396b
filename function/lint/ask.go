package lint

import (
	"fmt"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Ask says what the data has to be asked before the files run: which rows of
// tables that are there now would make a statement fail, or would lose a part of
// a value. Statements that ran already are not asked about, nor tables that the
// files make themselves; what cannot be known before they run says why. Without
// a replay there is nothing to ask.
func Ask(files []migration.Pending, replay *migration.Replay) []migration.Question {
	if replay == nil || len(files) == 0 {
		return nil
	}
	a := newAsker(replay, files[0])
	for _, f := range files {
		seen, ok := replay.Find(f.Name)
		if !ok {
			a.unknown = f.Name
			continue
		}
		for i, e := range seen.Statements {
			if i < f.Applied() || i >= len(f.Stmts) {
				continue
			}
			a.statement(f, f.Stmts[i], e)
		}
		a.next(seen)
	}
	return a.questions
}

// An asker walks over the statements and keeps what they change of what is
// there now, so that a question is put to the database as it is before them.
type asker struct {
	questions []migration.Question
	major     int
	catalogue *catalogue // as the file finds it
	changes   changes
	unknown   string // where something ran of which nothing is known

	// of the statement in hand
	file  migration.Pending
	stmt  migration.Stmt
	seen  migration.Effects
	asked []asked
}

// asked is a question with what tells whether it is asked of the parent too.
type asked struct {
	migration.Question
	table string // as the effects call it
	same  string // the same for a table and its partitions
}

func newAsker(replay *migration.Replay, first migration.Pending) *asker {
	a := &asker{major: replay.Major, catalogue: newCatalogue(nil), changes: newChanges()}
	version := ""
	for _, f := range replay.Files {
		if f.Name == first.Name {
			break
		}
		version, _, _ = strings.Cut(strings.TrimSuffix(f.Name, ".sql"), "_")
	}
	if version != "" {
		a.catalogue = newCatalogue(replay.Fold(version, migration.ReplayRole))
	}
	return a
}

// statement asks what has to be asked about one statement, and then keeps what
// it changes.
func (a *asker) statement(f migration.Pending, stmt migration.Stmt, e migration.Effects) {
	a.file, a.stmt, a.seen, a.asked = f, stmt, e, nil
	if e.Unobserved != "" {
		a.unknown = a.place()
		return
	}
	for _, c := range e.Columns {
		a.retyped(c)
	}
	a.changes.columns(e, a.place())
	for _, c := range e.Columns {
		a.column(c)
	}
	for _, c := range e.Constraints {
		a.constraint(c)
	}
	for _, i := range e.Indexes {
		a.index(i)
	}
	for _, q := range a.asked {
		if !a.ofParent(q) {
			a.questions = append(a.questions, q.Question)
		}
	}
	a.changes.rest(e, a.place())
}

// ofParent says that a parent of the table is asked the same, and with it all
// partitions.
func (a *asker) ofParent(q asked) bool {
	for table := q.table; ; {
		t := a.catalogue.table(table)
		if t == nil || len(t.parents) == 0 {
			return false
		}
		table = t.parents[0]
		for _, other := range a.asked {
			if other.table == table && other.same == q.same {
				return true
			}
		}
	}
}

// next is called behind a file: from then on relations have the names that it
// gave them.
func (a *asker) next(seen migration.FileReplay) {
	a.catalogue = a.catalogue.after(seen.Catalogue)
	a.changes.rename(seen)
}

func (a *asker) place() string { return fmt.Sprintf("%s:%d", a.file.Name, a.stmt.Line) }

// ask adds a question about a table, filled in with what it does not say itself.
func (a *asker) ask(table, same string, q migration.Question) {
	if a.changes.created[table] != "" {
		return // it has the rows that the files put into it
	}
	q.File, q.Line, q.Statement = a.file.Name, a.stmt.Line, a.seen.Statement
	q.Table = a.changes.now(table)
	if q.After == "" {
		q.After = a.before(table)
	}
	if q.Fix == "" && q.Unasked == "" {
		q.Fix = fmt.Sprintf("SELECT * %s; shows them. Mend them before, in batches, or in a pending file that comes before this one.", q.Rows)
	}
	a.asked = append(a.asked, asked{q, table, same})
}

// before says what may change rows of a table before the statement in hand.
func (a *asker) before(table string) string {
	switch place := a.changes.written[table]; {
	case place != "":
		return place + " writes rows of " + table + " first"
	case a.unknown != "":
		return "what " + a.unknown + " does first is not known"
	}
	return ""
}

// source is what stands behind FROM for the table as the statement finds it,
// under its name of now or another that is given; words are those of the columns
// that are read of it. why says why there is none.
func (a *asker) source(table, alias, words string) (from, why string) {
	if place := a.changes.created[table]; place != "" {
		return "", table + " is made by " + place
	}
	added, why := a.changes.derived(table, migration.Words(words))
	if why != "" {
		return "", why
	}
	if alias == "" && (added != "" || a.changes.now(table) != table) {
		alias = ident(last(table))
	}
	from = a.only(table) + a.changes.now(table)
	if added != "" {
		from = fmt.Sprintf("(SELECT *%s FROM %s)", added, from)
	}
	if alias != "" {
		from += " AS " + alias
	}
	return from, ""
}

// only is ONLY for a table whose children a constraint of it does not concern.
func (a *asker) only(table string) string {
	if t := a.catalogue.table(table); t != nil && t.partitioned == "" && len(t.children) > 0 {
		return "ONLY "
	}
	return ""
}

// dynamic says that what the statement does does not stand in it.
func (a *asker) dynamic() bool { return migration.Dynamic([]migration.Stmt{a.stmt}) }
