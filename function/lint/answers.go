package lint

import (
	"fmt"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Codes of what the data says. MF are Atlas's: its linter says of them that they
// may fail, here it is known.
const (
	codeDuplicates    = "MF101" // rows are the same to a new unique index
	codeNewNotNull    = "MF104" // rows are null in a column that becomes NOT NULL
	codeNotAsked      = "AM560" // whether rows fail was not checked
	codeRowsCheck     = "AM561" // rows fail a CHECK
	codeRowsReference = "AM562" // rows refer to what is not there
	codeRowsNarrow    = "AM563" // values do not fit into the new type
	codeRowsDomain    = "AM564" // values fail a constraint of a domain
	codeRowsCut       = "AM565" // values lose a part in the new type
)

// Answers judges what the data said. Rows that will fail are an error, and so
// are values that lose a part; what could not be checked is a warning, unless the
// table is empty, and an info where it cannot be known before the files run.
// What was checked and is right is not told.
func Answers(answers []migration.Answered) []migration.Finding {
	var findings []migration.Finding
	for _, a := range answers {
		switch {
		case a.Unchecked != "" && !a.Empty:
			findings = append(findings, notChecked(a))
		case a.Unchecked == "" && a.Fail > 0:
			findings = append(findings, rowsFail(a))
		}
	}
	return findings
}

func notChecked(a migration.Answered) migration.Finding {
	f := migration.Finding{Code: codeNotAsked, Severity: migration.Warning, File: a.File, Line: a.Line, Statement: a.Statement,
		Summary: fmt.Sprintf("it was not checked whether rows of %s fail %s: %s", first(a.Table, a.Domain), a.Subject, a.Unchecked)}
	if a.Unasked != "" {
		f.Severity = migration.Info
	} else if a.Rows != "" && a.Domain == "" {
		f.Fix = fmt.Sprintf("Look yourself: SELECT count(*) %s;", a.Rows)
	}
	return f.Identified()
}

func rowsFail(a migration.Answered) migration.Finding {
	f := migration.Finding{Code: a.Code, Severity: migration.Error, File: a.File, Line: a.Line, Statement: a.Statement, Fix: a.Fix}
	where := a.Table
	if a.Column != "" {
		where += ", column " + a.Column + ","
	}
	switch {
	case a.Any:
		f.Summary = fmt.Sprintf("%s has rows, and each fails %s", where, a.Subject)
	case a.Cuts:
		f.Summary = fmt.Sprintf("%s of %s %s to %s", counted(a), where, verb(a, "loses a part", "lose a part"), a.Subject)
	default:
		f.Summary = fmt.Sprintf("%s of %s %s %s", counted(a), where, verb(a, "fails", "fail"), a.Subject)
	}
	switch {
	case a.After != "":
		f.Severity = migration.Warning
		f.Summary += " as they are now; " + a.After
	case a.Guess:
		f.Severity = migration.Warning
		f.Summary += ", unless USING makes something else of them"
	}
	if len(a.Keys) > 0 {
		f.Detail = "The primary keys of these rows"
		if a.AtLeast || a.Fail > int64(len(a.Keys)) {
			f.Detail = "Primary keys of some"
		}
		f.Detail += ": " + strings.Join(a.Keys, "; ")
	}
	return f.Identified()
}

func counted(a migration.Answered) string {
	switch {
	case a.AtLeast:
		return fmt.Sprintf("at least %d rows", a.Fail)
	case a.Fail == 1:
		return "1 row"
	}
	return fmt.Sprintf("%d rows", a.Fail)
}

func verb(a migration.Answered, one, many string) string {
	if a.Fail == 1 && !a.AtLeast {
		return one
	}
	return many
}
