package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// questionTime bounds each question, questionsTime all of them together.
const (
	questionTime  = 5 * time.Second
	questionsTime = 40 * time.Second
)

// keysShown is how many keys of rows that fail are told.
const keysShown = 5

// Answer asks the data, as the role that files run as where we may be it. Each
// question has a READ ONLY transaction of its own with an empty search_path and
// row_security off, so that rows which this role may not see are an error and not
// a lie. It always returns, with an answer for every question, or one for each
// column of a domain; what could not be asked says why. For no question it asks
// nothing.
func (s *Session) Answer(ctx context.Context, questions []migration.Question) []migration.Answered {
	ctx, cancel := context.WithTimeout(ctx, questionsTime)
	defer cancel()
	asked := make([]migration.Answered, len(questions))
	for i, q := range questions {
		asked[i] = migration.Answered{Question: q, Unchecked: q.Unasked}
	}
	if len(asked) == 0 {
		return nil
	}
	tables, err := s.readKeyed(ctx, &asked)
	if err != nil {
		return unchecked(asked, "the tables could not be looked at: "+s.why(err))
	}
	for i := range asked {
		a := &asked[i]
		if a.Unchecked == "" {
			s.ask(ctx, a, tables[a.Table])
		}
	}
	return asked
}

func unchecked(all []migration.Answered, why string) []migration.Answered {
	for i := range all {
		if all[i].Unchecked == "" {
			all[i].Unchecked = why
		}
	}
	return all
}

// ask puts one question: first for a few of the rows that fail, which ends early
// where there are many, then for their number where there are more than that.
func (s *Session) ask(ctx context.Context, a *migration.Answered, t keyed) {
	switch {
	case !t.there:
		a.Unchecked = a.Table + " is not in this database"
	case t.foreignOperator(a.Question) != "":
		a.Unchecked = t.foreignOperator(a.Question) + " is of a type whose values are compared by an operator of an extension"
	case timeLeft(ctx, questionTime) < 100*time.Millisecond:
		a.Unchecked = "there was no time left to ask"
	}
	if a.Empty = t.empty; a.Unchecked != "" {
		return
	}
	limit := keysShown + 1
	if a.Any {
		limit = 1
	}
	var found []string
	longest, began := timeLeft(ctx, questionTime), time.Now()
	err := s.askOnce(ctx, longest, query{fmt.Sprintf("SELECT %s %s LIMIT %d", t.key(a.Any), a.Rows, limit), nil, column(&found)})
	if err != nil {
		a.Unchecked = s.unanswered(err, longest)
		return
	}
	a.Fail, a.AtLeast = int64(len(found)), len(found) == limit
	a.Keys = shown(found[:min(len(found), keysShown)])
	if longest -= time.Since(began); !a.AtLeast || a.Any || longest <= 0 {
		return
	}
	var count int64
	if err := s.askOnce(ctx, longest, query{"SELECT pg_catalog.count(*) " + a.Rows, nil, one(&count)}); err == nil {
		a.Fail, a.AtLeast = count, false
	}
}

// shown leaves out the keys that are not told, which are empty.
func shown(keys []string) (told []string) {
	for _, k := range keys {
		if k != "" {
			told = append(told, k)
		}
	}
	return told
}

// askOnce runs one query in a transaction that can neither change anything nor
// last longer.
func (s *Session) askOnce(ctx context.Context, longest time.Duration, q query) error {
	before := []query{{"SELECT pg_catalog.set_config('row_security', 'off', true)", nil, one(new(string))}}
	if role := s.settings.Role; role != "" && !s.facts.RoleMissing && !s.facts.RoleForbidden {
		before = append(before, query{"SELECT pg_catalog.set_config('role', $1, true)", []any{role}, one(new(string))})
	}
	return s.lookFor(ctx, longest, append(before, q))
}

// unanswered says in a few words why a question has no answer.
func (s *Session) unanswered(err error, longest time.Duration) string {
	var pg *pgconn.PgError
	switch {
	case !errors.As(err, &pg):
		return s.why(err)
	case pg.Code == queryCanceled && longest < questionTime:
		return "there was no time left to ask"
	case pg.Code == queryCanceled:
		return fmt.Sprintf("it took longer than %s", questionTime)
	case pg.Code == lockNotAvailable:
		return "somebody holds the table in ACCESS EXCLUSIVE"
	case pg.Code == insufficientPrivilege && strings.Contains(pg.Message, "row-level security"):
		return "row level security hides rows from this role"
	}
	return s.why(err)
}

// keyed is what has to be known of a table to tell which of its rows fail.
type keyed struct {
	there, empty bool
	keys         []string // SQL of "name = value" for each column of a primary key that may be told
	foreign      []string // columns whose type has its "=" outside pg_catalog
}

// key is SQL that yields which row it is, as text; "" for one that is not told.
func (t keyed) key(any bool) string {
	if any || len(t.keys) == 0 {
		return "''::pg_catalog.text"
	}
	return "coalesce(" + strings.Join(t.keys, " || ', ' || ") + ", '')"
}

// foreignOperator is the first of the columns that q compares for which "=" with
// an empty search_path is not the one that a constraint would use; "" for none.
func (t keyed) foreignOperator(q migration.Question) string {
	for _, c := range q.Compares {
		if slices.Contains(t.foreign, c) {
			return c
		}
	}
	return ""
}

// readKeyed reads the keys of all tables that are asked, and puts in the place
// of a question about a domain one for each of its columns.
func (s *Session) readKeyed(ctx context.Context, asked *[]migration.Answered) (map[string]keyed, error) {
	var tables, domains []string
	for _, a := range *asked {
		if a.Unchecked != "" {
			continue
		}
		if a.Domain != "" {
			domains = append(domains, a.Domain)
		} else {
			tables = append(tables, a.Table)
		}
	}
	if len(tables)+len(domains) == 0 {
		return nil, nil
	}
	of := map[string][]domainColumn{}
	if len(domains) > 0 {
		var columns []domainColumn
		if err := s.lookFor(ctx, questionTime, []query{{domainsSQL, qualifiedArgs(domains), rowsOf(&columns)}}); err != nil {
			return nil, err
		}
		for _, c := range columns {
			of[c.Domain] = append(of[c.Domain], c)
			tables = append(tables, c.Table)
		}
		*asked = spread(*asked, of)
	}
	known := map[string]keyed{}
	err := s.lookFor(ctx, questionTime, []query{{keysOfSQL, append(qualifiedArgs(tables), true), func(rows pgx.Rows) error { return scanKeyed(rows, known) }}})
	return known, err
}

func scanKeyed(rows pgx.Rows, known map[string]keyed) error {
	defer rows.Close()
	for rows.Next() {
		var name string
		t := keyed{there: true}
		if err := rows.Scan(&name, &t.empty, &t.keys, &t.foreign); err != nil {
			return err
		}
		known[name] = t
	}
	return rows.Err()
}

// domainColumn is a column that has a domain.
type domainColumn struct{ Domain, Table, Column string }

// spread replaces questions about domains by those about their columns.
func spread(asked []migration.Answered, of map[string][]domainColumn) (all []migration.Answered) {
	for _, a := range asked {
		if a.Unchecked != "" || a.Domain == "" {
			all = append(all, a)
			continue
		}
		for _, c := range of[a.Domain] {
			b := a
			b.Table, b.Column = c.Table, c.Column
			b.Rows = fmt.Sprintf("FROM ONLY %s AS asked WHERE (SELECT %s FROM (SELECT asked.%s) AS domain (value))", c.Table, a.Rows, c.Column)
			all = append(all, b)
		}
	}
	return all
}
