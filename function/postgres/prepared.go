package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// prepared are the statements of ours that each file repeats, by their text.
// The server parses and plans each once in a session instead of once for each
// file: of all that a file costs beside its own statements, that was the most.
type prepared struct {
	statements map[string]*pgconn.StatementDescription
	count      int
}

// name is one that no statement of the session has had, so that one that was
// sent and skipped after an error stands in nobody's way.
func (p *prepared) name() string {
	p.count++
	return fmt.Sprintf("aurora_migrate_%d", p.count)
}

func (p *prepared) add(sql string, s *pgconn.StatementDescription) {
	if p.statements == nil {
		p.statements = map[string]*pgconn.StatementDescription{}
	}
	p.statements[sql] = s
}

// deallocated says that an error came from a statement of ours that was
// prepared and is gone: a file can DEALLOCATE ALL, in a function that it calls
// too. All are forgotten then; each is prepared anew where it is used next.
func (p *prepared) deallocated(err error) bool {
	var stmt *statementError
	if !errors.As(err, &stmt) || stmt.index >= 0 || !isCode(err, noSuchStatement) || len(p.statements) == 0 {
		return false
	}
	p.statements = nil
	return true
}
