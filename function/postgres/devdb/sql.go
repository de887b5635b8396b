package devdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// OpenSQL opens one connection to a dev database as database/sql has it, for
// libraries that want that; close ends it. Statements are sent as they are,
// several at once too, where they have no arguments. Never for a database that
// is not a dev database: database/sql runs things again by itself.
//
// Nested loops are off: the queries with which Atlas looks at a schema of
// thousands of tables take seven times as long with them.
func OpenSQL(ctx context.Context, url string) (conn *sql.Conn, closeConn func(), err error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, errors.New("the URL of the dev database cannot be read") // pgx may quote it, password and all
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.RuntimeParams["enable_nestloop"] = "off"
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(1)
	if conn, err = db.Conn(ctx); err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("connect to the dev database: %w", err)
	}
	return conn, func() {
		_ = conn.Close()
		_ = db.Close()
	}, nil
}
