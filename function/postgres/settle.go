package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// settle looks whether a statement that was left in doubt took effect, and
// takes away what it left half done. healed says what was taken away.
func (s *Session) settle(ctx context.Context, step migration.Step) (done bool, healed string, err error) {
	o := step.File.Stmts[step.From].Outside()
	switch o.Kind {
	case migration.CreateIndex:
		return s.settleCreateIndex(ctx, o)
	case migration.DropIndex:
		there, err := s.exists(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", identifier(o.Schema, o.Name))
		return !there, "", err
	case migration.DetachPartition:
		return s.settleDetach(ctx, o)
	case migration.Reindex:
		healed, err = s.dropRebuilt(ctx, o)
		return false, healed, err
	case migration.CreateDatabase, migration.DropDatabase:
		there, err := s.exists(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)", o.Name)
		return there == (o.Kind == migration.CreateDatabase), "", err
	case migration.Repeatable:
		return false, "", nil
	}
	return false, "", &migration.Failure{Kind: migration.Unsettled,
		Message: "an earlier run was cut off while this statement ran outside a transaction, and whether it took effect cannot be told by looking",
		Next:    "Look for yourself. If it has to run (again), write \"-- aurora:rerunnable\" above it; if it is done, take it out of the file. Then run atlas migrate hash and plan again."}
}

func (s *Session) settleCreateIndex(ctx context.Context, o migration.Outside) (done bool, healed string, err error) {
	index, valid, err := s.index(ctx, o)
	switch {
	case err != nil || index == "":
		return false, "", err
	case valid:
		return true, "", nil
	}
	return false, "dropped the INVALID index " + index + " of the run that was cut off", s.dropIndex(ctx, index)
}

// index finds the index that the statement creates: by its name, on its table,
// in the table's schema. "" where there is none.
func (s *Session) index(ctx context.Context, o migration.Outside) (name string, valid bool, err error) {
	err = s.conn.QueryRow(ctx, `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), i.indisvalid
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE i.indrelid = pg_catalog.to_regclass($1) AND c.relname = $2`, identifier(o.TableSchema, o.Table), o.Name).Scan(&name, &valid)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	return name, valid, err
}

// refuseLeftover refuses to build an index whose name an INVALID one has that
// is not known to be ours: with IF NOT EXISTS PostgreSQL would skip it silently
// and leave it INVALID. It says whether a valid one is there.
func (s *Session) refuseLeftover(ctx context.Context, o migration.Outside) (there bool, err error) {
	index, valid, err := s.index(ctx, o)
	if err != nil || index == "" || valid {
		return valid, err
	}
	return false, &migration.Failure{Kind: migration.Refused,
		Message: fmt.Sprintf("the index %s is there already and INVALID: somebody's build of it failed or is still running", index),
		Next:    fmt.Sprintf("If nobody is building it now, run DROP INDEX CONCURRENTLY %s, then the same command again.", index)}
}

// cleanPatience bounds the cleaning up: dropping an index waits for every old
// snapshot, and the answer must not wait with it.
const cleanPatience = 20 * time.Second

// cleanUp takes away what a statement of ours left half done when it failed.
// Where there is no time for it, the session is given up.
func (s *Session) cleanUp(ctx context.Context, step migration.Step) error {
	ctx, cancel := context.WithTimeout(ctx, cleanPatience)
	defer cancel()
	o := step.File.Stmts[step.From].Outside()
	switch o.Kind {
	case migration.CreateIndex:
		_, _, err := s.settleCreateIndex(ctx, o)
		return err
	case migration.Reindex:
		_, err := s.dropRebuilt(ctx, o)
		return err
	}
	return nil
}

func (s *Session) settleDetach(ctx context.Context, o migration.Outside) (done bool, healed string, err error) {
	var pending bool
	partition, table := identifier(o.Schema, o.Name), identifier(o.TableSchema, o.Table)
	err = s.conn.QueryRow(ctx, `SELECT inhdetachpending FROM pg_catalog.pg_inherits
		WHERE inhrelid = pg_catalog.to_regclass($1) AND inhparent = pg_catalog.to_regclass($2)`, partition, table).Scan(&pending)
	if errors.Is(err, pgx.ErrNoRows) {
		return true, "", nil
	}
	if err != nil || !pending {
		return false, "", err
	}
	_, err = s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s FINALIZE", table, partition))
	return err == nil, "finalized the detach that was cut off", err
}

// dropRebuilt drops the INVALID copies (_ccnew, _ccold) that a REINDEX
// CONCURRENTLY of one index or one table, its TOAST table included, left behind. After one of a schema or
// a database they stay: they could be somebody else's.
func (s *Session) dropRebuilt(ctx context.Context, o migration.Outside) (healed string, err error) {
	if o.Name == "" && o.Table == "" {
		return "", nil
	}
	rows, err := s.conn.Query(ctx, `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
		  AND CASE WHEN $1 <> '' THEN i.indrelid = pg_catalog.to_regclass($1)
				OR i.indrelid = (SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1))
			ELSE i.indrelid = (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($2)) END
		  AND ($1 <> '' OR pg_catalog.starts_with(c.relname, $3))`, identifier(o.TableSchema, o.Table), identifier(o.Schema, o.Name), clip(o.Name))
	if err != nil {
		return "", err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	for _, index := range left {
		if err := s.dropIndex(ctx, index); err != nil {
			return "", err
		}
		healed = "dropped what the rebuild left INVALID"
	}
	return healed, nil
}

// clip leaves of an index's name what is left in front of a suffix: PostgreSQL
// cuts the name, between two characters, to make room for it.
func clip(name string) string {
	end := min(len(name), 50)
	for end < len(name) && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

func (s *Session) dropIndex(ctx context.Context, index string) error {
	were, err := s.liftTimeouts(ctx)
	if err != nil {
		return err
	}
	_, err = s.conn.PgConn().ExecParams(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+index, nil, nil, nil, nil).Close()
	if restored := s.setTimeouts(ctx, were); err == nil {
		err = restored
	}
	return err
}

func (s *Session) exists(ctx context.Context, sql, arg string) (there bool, err error) {
	err = s.conn.QueryRow(ctx, sql, arg).Scan(&there)
	return there, err
}

// identifier quotes a name, qualified where it has a schema; "" for no name.
func identifier(schema, name string) string {
	switch {
	case name == "":
		return ""
	case schema == "":
		return pgx.Identifier{name}.Sanitize()
	}
	return pgx.Identifier{schema, name}.Sanitize()
}
