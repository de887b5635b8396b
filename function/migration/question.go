package migration

// A Question asks, before a plan runs, which rows of a database in use will make
// a statement fail. What it asks only reads.
type Question struct {
	File      string
	Line      int
	Statement int
	// Code is the one of the finding that the answer becomes.
	Code string
	// Subject is what the rows fail, in words: "the check orders_total_check".
	Subject string
	// Table is the one whose rows are asked, by the name that it has now,
	// qualified, and quoted where need be; "" for a question about a domain.
	Table string
	// Domain is the one whose every column is asked, "" for none.
	Domain string
	// Rows is SQL from FROM on that yields the rows that fail, with the columns of
	// Table as they are called now. With Domain it is a condition over VALUE that
	// holds for the values that fail.
	Rows string
	// Any: every row fails, so that it is enough to know whether there is one.
	Any bool
	// Compares are columns of Table that Rows compares by "=", which is
	// PostgreSQL's own.
	Compares []string
	// After says, in words, that an earlier pending statement writes rows of the
	// table, so that what fails now may not fail then; "" where none does.
	After string
	// Cuts: the rows do not make the statement fail, they lose a part of a value.
	Cuts bool
	// Guess: the statement says with USING what becomes of a value, so that a row
	// may pass though it would not by itself.
	Guess bool
	// Fix is what to do about rows that fail.
	Fix string
	// Unasked says why nothing can be asked; "" where it can.
	Unasked string
}

// ID is the one that the finding has that the answer becomes, if it becomes one.
func (q Question) ID() string {
	return Finding{Code: q.Code, File: q.File, Line: q.Line}.Identified().ID
}

// Answered is what the data says to a question. To one about a domain there is
// an answer for each of its columns.
type Answered struct {
	Question
	// Column is the one that has the domain.
	Column string
	// Unchecked says why there is no answer; "" where there is one.
	Unchecked string
	// Empty: the table has no row, so far as is known.
	Empty bool
	// Fail is how many rows fail. AtLeast: it may be more, they could not be
	// counted to the end.
	Fail    int64
	AtLeast bool
	// Keys are the primary keys of the first few, "id = 17", where these are
	// numbers, UUIDs or short texts. There is no other value of a row in here.
	Keys []string
}
