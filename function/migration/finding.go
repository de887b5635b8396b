package migration

import "strconv"

// Severity says what a finding does to a plan.
type Severity string

// An error blocks, a warning and an info are shown and never block.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// CodeNotAsTold is the code of findings that the database is, after an apply, not
// what the migrations say.
const CodeNotAsTold = "AM330"

// A Finding is a judgement on something that a person wrote or that a database
// holds: where it is, what is wrong with it, and what to do about it.
//
// Codes of Atlas (DS102, PG303) keep Atlas's meaning. Codes that begin with AM
// are our own: AM1xx speak of the directory, AM2xx of the history beside the
// directory, AM3xx of the database that a plan would run against.
type Finding struct {
	ID        string   `json:"id"`
	Code      string   `json:"code"`
	Severity  Severity `json:"severity"`
	File      string   `json:"file,omitempty"`
	Line      int      `json:"line,omitempty"`      // from 1; 0 where the file as a whole is meant
	Statement int      `json:"statement,omitempty"` // from 1; 0 where no statement is meant
	Summary   string   `json:"summary"`
	Detail    string   `json:"detail,omitempty"`
	Fix       string   `json:"fix,omitempty"`
}

// Identified returns f with its ID filled in: the code and the place, as in
// PG303@20261101_users.sql:2. An approval accepts a finding by this ID.
func (f Finding) Identified() Finding {
	f.ID = f.Code
	if f.File != "" {
		f.ID += "@" + f.File
		if f.Line > 0 {
			f.ID += ":" + strconv.Itoa(f.Line)
		}
	}
	return f
}

// Place is where the finding points, as file:line, as far as it is known.
func (f Finding) Place() string {
	if f.File == "" || f.Line == 0 {
		return f.File
	}
	return f.File + ":" + strconv.Itoa(f.Line)
}
