package migration

import "slices"

// OutsideKind tells statements that cannot share a transaction with its row in the
// history by how a later run can tell whether they took place.
type OutsideKind string

// The kinds. Repeatable ones may simply run again; Unknowable ones cannot be
// settled by looking, and only their author can say that they may be repeated.
const (
	CreateIndex     OutsideKind = "create index concurrently"
	DropIndex       OutsideKind = "drop index concurrently"
	Reindex         OutsideKind = "reindex concurrently"
	DetachPartition OutsideKind = "detach partition concurrently"
	CreateDatabase  OutsideKind = "create database"
	DropDatabase    OutsideKind = "drop database"
	Repeatable      OutsideKind = "repeatable"
	Unknowable      OutsideKind = "unknowable"
)

// Concurrently says that the statement is one of the family that any timeout
// would leave half done: INVALID indexes, a partition pending detach.
func (k OutsideKind) Concurrently() bool {
	return k == CreateIndex || k == DropIndex || k == Reindex || k == DetachPartition
}

// Outside is what a statement that runs outside a transaction does, as far as
// one needs to know it to look whether it is done.
type Outside struct {
	Kind OutsideKind
	// Name of the index, partition or database in question, and the schema
	// that qualifies it, "" for none.
	Schema, Name string
	// Of the table that the index is on, the partition is detached from or
	// whose indexes are rebuilt.
	TableSchema, Table string
}

// Outside reads what s does, given that PostgreSQL refused to run it inside a
// transaction.
func (s Stmt) Outside() Outside {
	t := Tokens(s.Text)
	words := &cursor{tokens: t}
	var o Outside
	switch {
	case words.take("create"):
		o = createOutside(words)
	case words.take("drop"):
		o = dropOutside(words)
	case words.take("reindex"):
		o = reindexOutside(words)
	case words.take("alter", "table"):
		o = detachOutside(words)
	case words.take("vacuum"), words.take("cluster"), words.take("analyze"), words.take("checkpoint"), words.take("alter", "system"):
		o.Kind = Repeatable
	}
	switch {
	case o.Kind != "": // looking tells more than its author's word, and the CONCURRENTLY family bears no timeouts
		return o
	case s.Rerunnable:
		return Outside{Kind: Repeatable}
	}
	return Outside{Kind: Unknowable}
}

func createOutside(w *cursor) (o Outside) {
	if w.take("database") {
		return Outside{Kind: CreateDatabase, Name: w.name()}
	}
	w.take("unique")
	if !w.take("index", "concurrently") {
		return o
	}
	w.take("if", "not", "exists")
	o.Schema, o.Name = w.qualified()
	if o.Name == "" || !w.take("on") {
		return Outside{}
	}
	w.take("only")
	o.Kind = CreateIndex
	o.TableSchema, o.Table = w.qualified()
	return o
}

func dropOutside(w *cursor) (o Outside) {
	if w.take("database") {
		w.take("if", "exists")
		return Outside{Kind: DropDatabase, Name: w.name()}
	}
	if !w.take("index", "concurrently") {
		return o
	}
	w.take("if", "exists")
	o.Kind = DropIndex
	o.Schema, o.Name = w.qualified()
	return o
}

// reindexOutside names what is rebuilt where that is one index or one table;
// of a schema or a database both names stay empty.
func reindexOutside(w *cursor) (o Outside) {
	o.Kind = Repeatable
	if !w.contains("concurrently") {
		return o
	}
	o.Kind = Reindex
	if w.symbol("(") {
		for w.at < len(w.tokens) && !w.symbol(")") {
			w.at++
		}
	}
	switch {
	case w.take("index"):
		w.take("concurrently")
		o.Schema, o.Name = w.qualified()
	case w.take("table"):
		w.take("concurrently")
		o.TableSchema, o.Table = w.qualified()
	}
	return o
}

func detachOutside(w *cursor) (o Outside) {
	w.take("if", "exists")
	w.take("only")
	o.TableSchema, o.Table = w.qualified()
	if !w.take("detach", "partition") {
		return Outside{}
	}
	o.Kind = DetachPartition
	o.Schema, o.Name = w.qualified()
	return o
}

// SetsSession says that the statement changes nothing but the session that
// runs it, so that whoever goes on behind it in another session has to run it
// again: SET, RESET and SELECT set_config(...), but not what lasts for one
// transaction only.
func (s Stmt) SetsSession() bool {
	w := &cursor{tokens: firstTokens(s.Text, 5)}
	switch {
	case w.take("set"):
		return !w.take("local") && !w.take("constraints") && !w.take("transaction")
	case w.take("reset"):
		return true
	case w.take("select"):
		schema, name := w.qualified()
		return name == "set_config" && (schema == "" || schema == "pg_catalog") && w.symbol("(")
	}
	return false
}

// A cursor walks over tokens.
type cursor struct {
	tokens []Token
	at     int
}

// take moves past the key words if they come next, all of them.
func (c *cursor) take(words ...string) bool {
	if c.at+len(words) > len(c.tokens) {
		return false
	}
	for i, w := range words {
		if !c.tokens[c.at+i].Is(w) {
			return false
		}
	}
	c.at += len(words)
	return true
}

func (c *cursor) symbol(s string) bool {
	if c.at < len(c.tokens) && c.tokens[c.at].Kind == Symbol && c.tokens[c.at].Text == s {
		c.at++
		return true
	}
	return false
}

func (c *cursor) name() string {
	if c.at < len(c.tokens) && c.tokens[c.at].Name() {
		c.at++
		return c.tokens[c.at-1].Text
	}
	return ""
}

// qualified reads a name and its schema; a database in front of both can only
// be the one that we are in.
func (c *cursor) qualified() (schema, name string) {
	name = c.name()
	for c.symbol(".") {
		schema, name = name, c.name()
	}
	return schema, name
}

func (c *cursor) contains(word string) bool {
	return slices.ContainsFunc(c.tokens[c.at:], func(t Token) bool { return t.Is(word) })
}
