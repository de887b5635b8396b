package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// relationsTime bounds what is read of relations; giveWay is how long one who only
// reads waits for a lock at a time.
const (
	relationsTime = 5 * time.Second
	giveWay       = 100 * time.Millisecond
)

// Relations reads what the database says of the relations with these names,
// which are qualified and quoted where need be. One that is not there is not in
// the map. It takes one round trip, and any role can read all of it.
//
// To ask for a size takes ACCESS SHARE, which would queue behind ACCESS
// EXCLUSIVE: what somebody holds that lock on, or waits for it, has the size that
// the last VACUUM or ANALYZE saw, or an unknown one. The error is a
// *migration.Failure.
func (s *Session) Relations(ctx context.Context, names []string) (map[string]migration.RelationFacts, error) {
	if len(names) == 0 {
		return nil, nil
	}
	facts, err := s.readRelations(ctx, names, true)
	if isCode(err, lockNotAvailable) || isCode(err, internalError) { // it was locked, or dropped, in between
		facts, err = s.readRelations(ctx, names, false)
	}
	if err != nil {
		return nil, s.failure(fmt.Errorf("read the sizes of what the plan touches: %w", err))
	}
	return facts, nil
}

func (s *Session) readRelations(ctx context.Context, names []string, sizes bool) (map[string]migration.RelationFacts, error) {
	facts := map[string]migration.RelationFacts{}
	args := append(qualifiedArgs(names), sizes)
	wait := []any{milliseconds(min(s.settings.LockTimeout, giveWay))}
	err := s.lookFor(ctx, relationsTime, []query{
		{"SELECT pg_catalog.set_config('lock_timeout', $1, true)", wait, one(new(string))},
		{relationsSQL, args, func(rows pgx.Rows) error { return scanRelations(rows, facts) }},
		{indexesSQL, args, func(rows pgx.Rows) error { return scanIndexes(rows, facts) }},
	})
	return facts, err
}

// qualifiedArgs are names, and the schema and name of each, for the queries of
// this package that begin with asked.
func qualifiedArgs(names []string) []any {
	schemas, relations := make([]string, len(names)), make([]string, len(names))
	for i, n := range names {
		schemas[i], relations[i] = migration.SplitQualified(n)
	}
	return []any{names, schemas, relations}
}

func scanRelations(rows pgx.Rows, facts map[string]migration.RelationFacts) error {
	defer rows.Close()
	for rows.Next() {
		var name string
		var f migration.RelationFacts
		if err := rows.Scan(&name, &f.Kind, &f.Rows, &f.Bytes, &f.IndexBytes, &f.Writes, &f.Reads, &f.NotValid, &f.Leaves, &f.Published); err != nil {
			return err
		}
		f.Indexes = map[string]migration.IndexFacts{}
		facts[name] = f
	}
	return rows.Err()
}

func scanIndexes(rows pgx.Rows, facts map[string]migration.RelationFacts) error {
	defer rows.Close()
	for rows.Next() {
		var of, name string
		var f migration.IndexFacts
		if err := rows.Scan(&of, &name, &f.Bytes, &f.Scans, &f.Invalid); err != nil {
			return err
		}
		facts[of].Indexes[name] = f
	}
	return rows.Err()
}
