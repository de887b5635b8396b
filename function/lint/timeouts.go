package lint

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// patience is the longest lock_timeout that nothing is said of: whoever waits for
// a lock has all others wait behind it as long.
const patience = 10 * time.Second

// A lockWait is what a statement makes of lock_timeout.
type lockWait struct {
	value string // as written; "" where it goes back to the default
	loose bool   // longer than patience, or without an end
}

// timeout tells of a lock_timeout that is taken away, or made long, before a lock
// that everybody waits behind.
func (s *statement) timeout() {
	set, ok := s.lockTimeout()
	if !ok || !set.loose {
		return
	}
	from := s.e.Statement // those behind it
	if s.begins("do") {
		from--
	}
	for i, e := range s.effects[from:] {
		if i > 0 || from == s.e.Statement {
			if other, ok := s.behind(from + i).lockTimeout(); ok && !other.loose {
				return
			}
		}
		for _, l := range e.Locks {
			if isTable(l.Kind) && blocks(l) {
				s.tell(codeLockTimeout, s.lesser(migration.Warning, l.Relation), set.said(e.Statement, l.Relation),
					"While it waits behind one old transaction, everybody else waits behind it.", "Take it out: the migrator sets a short lock_timeout and tries again.")
				return
			}
		}
	}
}

// behind is the statement at an index of the file, to be read.
func (s *statement) behind(i int) *statement {
	return &statement{sheet: s.sheet, stmt: s.file.Stmts[i], e: s.effects[i], tokens: deepTokens(s.file.Stmts[i].Text)}
}

func (w lockWait) said(statement int, relation string) string {
	does, long := "makes lock_timeout as long as "+w.value, "up to that long"
	switch wait, read := milliseconds(w.value); {
	case w.value == "":
		does, long = "sets lock_timeout back to the server's own, which is none unless somebody gave it one", "for as long as it takes"
	case read && wait == 0:
		does, long = "takes away the lock_timeout", "for as long as it takes"
	}
	return fmt.Sprintf("%s, and statement %d then waits for a lock on %s %s", does, statement, relation, long)
}

// lockTimeout is what holds of lock_timeout after the statement; ok is false for one
// that leaves it as it is.
func (s *statement) lockTimeout() (w lockWait, ok bool) {
	value, ok := s.sets("lock_timeout")
	wait, known := milliseconds(value)
	return lockWait{value: value, loose: value == "" || known && (wait == 0 || wait > patience)}, ok
}

// sets is the value that a setting has after the statement, "" for its default; ok is
// false for a statement that leaves it as it is. SET LOCAL outside a transaction does
// nothing.
func (s *statement) sets(setting string) (value string, ok bool) {
	if !s.begins("set") && !s.begins("reset") && !s.begins("do") && !s.begins("select") && !s.begins("discard all") {
		return "", false
	}
	if s.begins("reset all") || s.begins("discard all") {
		return "", true
	}
	for i := range s.tokens {
		if v, local, found := s.setTo(setting, i); found && (!local || !s.apart() || s.begins("do")) {
			value, ok = v, true
		}
	}
	return value, ok
}

// setTo reads the value that a setting is given by the token at i, its name in SET, RESET
// or set_config; "" where it goes back to its default. A value that is no constant is
// not read.
func (s *statement) setTo(setting string, i int) (value string, local, found bool) {
	at := func(i int) migration.Token {
		if i < 0 || i >= len(s.tokens) {
			return migration.Token{}
		}
		return s.tokens[i]
	}
	switch t := at(i); {
	case t.Kind == migration.Literal && strings.EqualFold(t.Text, "'"+setting+"'") && at(i-2).Name() && at(i-2).Text == "set_config":
		if v := at(i + 2); v.Kind == migration.Literal {
			return strings.Trim(v.Text, "'"), at(i + 4).Is("true"), true
		}
	case !t.Name() || t.Text != setting:
	case at(i - 1).Is("reset"):
		return "", false, true
	case at(i - 1).Is("set"), at(i-2).Is("set") && (at(i-1).Is("local") || at(i-1).Is("session")):
		switch v := at(i + 2); {
		case v.Is("default"):
			return "", at(i - 1).Is("local"), true
		case v.Kind == migration.Literal || v.Kind == migration.Number || v.Name():
			return strings.Trim(v.Text, "'"), at(i - 1).Is("local"), true
		}
	}
	return "", false, false
}

// milliseconds reads a duration as PostgreSQL does where a bare number counts
// milliseconds; ok is false for what it does not know.
func milliseconds(value string) (wait time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	digits := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz ")
	n, err := strconv.ParseFloat(digits, 64)
	unit, known := map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[strings.TrimSpace(value[len(digits):])]
	if err != nil || !known || n < 0 || n > 1<<31 {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// cutShort tells of a timeout that ends a build which goes on beside others, and
// leaves what it was building behind.
func (s *statement) cutShort() {
	if !s.apart() || s.begins("do") { // what a block sets is mostly SET LOCAL, and ends with it
		return
	}
	for _, setting := range []string{"statement_timeout", "lock_timeout", "transaction_timeout"} {
		value, ok := s.sets(setting)
		if wait, known := milliseconds(value); !ok || value == "" || known && wait == 0 {
			continue
		}
		for i := s.e.Statement; i < len(s.file.Stmts); i++ {
			later := s.behind(i)
			if _, again := later.sets(setting); again {
				break
			}
			if later.begins("create") && later.says("index concurrently") || later.begins("reindex") && later.says("concurrently") {
				s.tell(codeIndexInvalid, migration.Warning, fmt.Sprintf("sets %s, and statement %d builds an index CONCURRENTLY: where it takes longer, it is cut off and leaves an INVALID index", setting, i+1),
					"It waits for all transactions that are older, and reads the table twice. An INVALID index costs at each write and helps no query.", "Take it out, or set it to 0 before the build: the migrator sets the timeouts that fit.")
				return
			}
		}
	}
}
