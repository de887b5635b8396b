package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestWords(t *testing.T) {
	const file = `ALTER TABLE app.users ADD COLUMN x int; DO $$ BEGIN RAISE EXCEPTION 'no % of %, 100%%', a, b; RAISE '%', c; RAISE 'it''s over'; END $$;`
	for name, c := range map[string]struct {
		pg            pgconn.PgError
		message, hint string
	}{
		"names of the catalogue":               {pgconn.PgError{Code: "42701", Message: `column "x" of relation "t" already exists`}, `column "x" of relation "t" already exists`, ""},
		"a name of the file":                   {pgconn.PgError{Code: "42P01", Message: `relation "app.users" does not exist`}, `relation "app.users" does not exist`, ""},
		"a name of the file, otherwise folded": {pgconn.PgError{Code: "42P01", Message: `relation "Users" does not exist`}, `relation "Users" does not exist`, ""},
		"a name that PostgreSQL points at": {pgconn.PgError{Code: "42703", Position: 3, Message: `column "nme" does not exist`, Hint: `Perhaps you meant "u.name".`},
			`column "nme" does not exist`, `Perhaps you meant "u.name".`},
		"a name of a row":            {pgconn.PgError{Code: "42P01", Message: `relation "anna" does not exist`, Hint: `"anna"?`}, `relation "(value withheld)" does not exist`, `"(value withheld)"?`},
		"a file named by a row":      {pgconn.PgError{Code: "58P01", Message: `could not open file "anna" for reading: No such file or directory`}, `could not open file "(value withheld)" for reading: No such file or directory`, ""},
		"a value with a quote":       {pgconn.PgError{Code: "42601", Message: `syntax error in tsquery: "x" anna "x"`}, `syntax error in tsquery: "(value withheld)"`, ""},
		"a value with an odd quote":  {pgconn.PgError{Code: "42704", Message: `role "x" anna" does not exist`}, `role "(value withheld)" does not exist`, ""},
		"a name within a function":   {pgconn.PgError{Code: "42P01", Message: `relation "anna" does not exist`, Where: "PL/pgSQL function f(integer) line 3 at EXECUTE\nSQL statement \"SELECT f(7)\""}, `relation "(value withheld)" does not exist in function f(integer), line 3`, ""},
		"data":                       {pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type integer: "x "y" z"`, Hint: `see "x"`}, `invalid input syntax for type integer: "(value withheld)"`, `see "(value withheld)"`},
		"data without quotes":        {pgconn.PgError{Code: "22003", Message: "integer out of range"}, "integer out of range", ""},
		"bytes":                      {pgconn.PgError{Code: "22021", Message: `invalid byte sequence: 0xc3 0x28`}, "invalid byte sequence: (bytes withheld)", ""},
		"a setting":                  {pgconn.PgError{Code: "22023", Message: `invalid value for parameter "work_mem": "anna"`}, `invalid value for parameter "work_mem": "(value withheld)"`, ""},
		"raised":                     {pgconn.PgError{Code: "P0001", Message: "no anna of otto, 100%"}, "no (value withheld) of (value withheld), 100%", ""},
		"raised with a code":         {pgconn.PgError{Code: "23514", Routine: "exec_stmt_raise", Message: "it's over", Hint: "anna"}, "it's over", ""},
		"raised with nothing but it": {pgconn.PgError{Code: "P0001", Message: "anna", Where: "PL/pgSQL function inline_code_block line 1 at RAISE"}, "what was raised in DO, line 1 is withheld, since it can hold values of rows; with MIGRATE_SHOW_DETAIL=true or --show-detail it is told", ""},
		"an extension":               {pgconn.PgError{Code: "XX000", Message: "parse error - invalid geometry", Hint: `"POINT(ann" <-- parse error at position 9`}, "parse error - invalid geometry", `"(value withheld)" <-- parse error at position 9`},
		"a password":                 {pgconn.PgError{Code: "42710", Message: "near PASSWORD 'x'", Hint: "password=x"}, "near PASSWORD '***'", "password=***"},
	} {
		t.Run(name, func(t *testing.T) {
			message, hint := words(&c.pg, file)
			if message != c.message || hint != c.hint {
				t.Errorf("%q, %q\nwant %q, %q", message, hint, c.message, c.hint)
			}
		})
	}
}
