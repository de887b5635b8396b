package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// HistoryName is what Atlas calls its table, and the schema that it makes for it.
const HistoryName = "atlas_schema_revisions"

// historySchema is where the history is or will be, and whether it is there.
func (s *Session) historySchema() (schema string, there bool, err error) {
	found := s.facts.Histories
	switch want := s.settings.HistorySchema; {
	case want != "":
		return want, slices.Contains(found, want), nil
	case len(found) > 1:
		return "", false, &migration.Failure{
			Message: fmt.Sprintf("there are %d history tables, in the schemas %q: it cannot be told which one counts", len(found), found),
			State:   "Nothing was changed.",
			Next:    "Name the schema of the one that counts (MIGRATE_HISTORY_SCHEMA or --history-schema), or drop the other table.",
			Kind:    migration.Refused,
		}
	case len(found) == 1:
		return found[0], true, nil
	}
	return HistoryName, false, nil
}

// historyTable is the history's name, qualified and quoted.
func (s *Session) historyTable() (string, error) {
	schema, _, err := s.historySchema()
	return pgx.Identifier{schema, HistoryName}.Sanitize(), err
}

// History reads all rows, in order of version. Without a table there are none:
// it is not made. The row that belongs to Atlas's cloud is skipped.
func (s *Session) History(ctx context.Context) (migration.History, error) {
	_, there, err := s.historySchema()
	if err != nil {
		return nil, err
	}
	if !there {
		// Who waited for the lock may find what the holder has made meanwhile.
		if err := s.look(ctx, s.contentQueries()); err != nil {
			return nil, s.failure(fmt.Errorf("look for the history again: %w", err))
		}
		if _, there, err = s.historySchema(); err != nil || !there {
			return nil, err
		}
	}
	h, _, err := s.read(ctx, false)
	return h, err
}

// HistoryAndHolder is History and Holder in one round trip and one moment.
func (s *Session) HistoryAndHolder(ctx context.Context) (migration.History, *migration.Peer, error) {
	if _, _, err := s.historySchema(); err != nil {
		return nil, nil, err
	}
	return s.read(ctx, true)
}

func (s *Session) read(ctx context.Context, holderToo bool) (h migration.History, holder *migration.Peer, err error) {
	var queries []query
	if _, there, _ := s.historySchema(); there {
		table, _ := s.historyTable()
		queries = append(queries, query{`SELECT version, description, type, applied, total, executed_at, execution_time,
			coalesce(error, ''), coalesce(error_stmt, ''), hash, coalesce(partial_hashes::text, 'null'), operator_version
			FROM ` + table + ` WHERE version <> '.atlas_cloud_identifier' ORDER BY version COLLATE "C"`, nil,
			func(rows pgx.Rows) (err error) {
				h, err = pgx.CollectRows(rows, scanRevision)
				return err
			}})
	}
	if holderToo {
		queries = append(queries, query{holderSQL, nil, func(rows pgx.Rows) error {
			peers, err := pgx.CollectRows(rows, scanPeer)
			if len(peers) > 0 {
				holder = &peers[0]
			}
			return err
		}})
	}
	if err := s.look(ctx, queries); err != nil {
		f := s.failure(err)
		f.State = "Nothing was changed."
		if f.SQLState == insufficientPrivilege {
			f.Next = s.grantReading()
		}
		return nil, nil, f
	}
	return h, holder, nil
}

func scanRevision(row pgx.CollectableRow) (r migration.Revision, err error) {
	var (
		kind   int64
		took   int64
		hashes string
	)
	err = row.Scan(&r.Version, &r.Description, &kind, &r.Applied, &r.Total, &r.ExecutedAt, &took,
		&r.Error, &r.ErrorStmt, &r.Hash, &hashes, &r.OperatorVersion)
	if err != nil {
		return r, err
	}
	r.Type, r.ExecutionTime, r.ExecutedAt = migration.RevisionType(kind), time.Duration(took), r.ExecutedAt.UTC()
	if err := json.Unmarshal([]byte(hashes), &r.PartialHashes); err != nil {
		return r, fmt.Errorf("version %s: partial_hashes: %w", r.Version, err)
	}
	if !r.Partial() {
		r.PartialHashes = nil // older Atlas leaves ["h1:..."]; the meaning is none
	}
	return r, nil
}

// historyDDL makes the table as Atlas's CLI makes it, column for column. The
// schema is made only where it is not there: CREATE SCHEMA IF NOT EXISTS asks
// for a privilege that a role may well lack once somebody has made it for it.
func (s *Session) historyDDL() []string {
	schema, _, _ := s.historySchema()
	var ddl []string
	if !s.schemaThere {
		ddl = append(ddl, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize())
	}
	return append(ddl, "CREATE TABLE IF NOT EXISTS "+pgx.Identifier{schema, HistoryName}.Sanitize()+` (
	"version" character varying NOT NULL,
	"description" character varying NOT NULL,
	"type" bigint NOT NULL DEFAULT 2,
	"applied" bigint NOT NULL DEFAULT 0,
	"total" bigint NOT NULL DEFAULT 0,
	"executed_at" timestamptz NOT NULL,
	"execution_time" bigint NOT NULL,
	"error" text NULL,
	"error_stmt" text NULL,
	"hash" character varying NOT NULL,
	"partial_hashes" jsonb NULL,
	"operator_version" character varying NOT NULL,
	PRIMARY KEY ("version")
)`)
}

// grantReading is what lets the login role read the history.
func (s *Session) grantReading() string {
	schema, _, _ := s.historySchema()
	user := pgx.Identifier{s.facts.Target.User}.Sanitize()
	return fmt.Sprintf("Let the login role read the history: GRANT USAGE ON SCHEMA %s TO %s; GRANT SELECT ON %s TO %s;",
		pgx.Identifier{schema}.Sanitize(), user, pgx.Identifier{schema, HistoryName}.Sanitize(), user)
}

// placeOurs says of an error in a statement that is not the file's which one it
// was: COMMIT, where deferred constraints fail, or one about the history.
func (s *Session) placeOurs(f *migration.Failure, e *statementError) {
	switch {
	case e.index >= 0 || f.SQLState == "":
	case e.sent == "COMMIT" || e.sent == checkDeferred:
		f.Message = "at COMMIT: " + f.Message
	case strings.Contains(e.sent, HistoryName):
		f.Message = "the history could not be written: " + f.Message
		f.Next = "The table is not as Atlas makes it, or something guards it: see what PostgreSQL says of it, then run the same command again."
		if f.SQLState == insufficientPrivilege {
			f.Next = s.grantHistory(f.Message)
		}
	}
}

// grantHistory is what lets the login role write the history, given what
// PostgreSQL said is missing.
func (s *Session) grantHistory(said string) string {
	schema, _, _ := s.historySchema()
	user, database := pgx.Identifier{s.facts.Target.User}.Sanitize(), pgx.Identifier{s.facts.Target.Database}.Sanitize()
	named := pgx.Identifier{schema}.Sanitize()
	switch {
	case strings.Contains(said, "denied for database"):
		return fmt.Sprintf("Let the login role make the schema of the history: GRANT CREATE ON DATABASE %s TO %s; or make it once for it: CREATE SCHEMA %s AUTHORIZATION %s; then run the same command again.", database, user, named, user)
	case strings.Contains(said, "denied for schema"):
		return fmt.Sprintf("Let the login role make the history: GRANT USAGE, CREATE ON SCHEMA %s TO %s; then run the same command again.", named, user)
	}
	return fmt.Sprintf("Let the login role write the history: GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s; then run the same command again.", pgx.Identifier{schema, HistoryName}.Sanitize(), user)
}
