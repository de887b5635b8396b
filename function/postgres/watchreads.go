package postgres

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A planNode is what EXPLAIN says of one node of a plan, as far as it is looked at.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Schema   string     `json:"Schema"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	Relates  string     `json:"Parent Relationship"`
	Subplan  string     `json:"Subplan Name"`
	Plans    []planNode `json:"Plans"`
}

// An indexRead reads all of an index, of which only the schema and the name are known.
type indexRead struct{ schema, index string }

var explains = regexp.MustCompile(`(?i)^\W*(insert|update|delete|merge|with|select|values|table)\b`)

// readsByIndex are the tables that a statement reads from end to end by way of an index,
// in its order or by the index alone, which no count of scans shows. The planner is
// asked: nothing runs. What a function or a DO block reads is out of its reach; what a
// command of its own reads, CREATE TABLE AS among them, never goes by an index here (see
// planning). It is asked behind the savepoint that it goes back to, and a statement that
// cannot be explained reads nothing.
func (w *Watcher) readsByIndex(ctx context.Context, a *attempt, i int) (map[uint32]bool, error) {
	text := a.file.Stmts[i].Text
	if _, skipped := a.skip[i]; skipped || !explains.MatchString(text) || !reads(migration.Words(text)) {
		return nil, nil
	}
	// Joined otherwise, also what an index could find for each row would be read whole.
	before := "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
	if a.super[i] {
		before += "; " + asSuperuser
	}
	if err := w.script(ctx, before); err != nil {
		return nil, err
	}
	plan := w.conn.PgConn().ExecParams(ctx, "EXPLAIN (FORMAT JSON, COSTS OFF, VERBOSE) "+text, nil, nil, nil, nil).Read()
	if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_watch"); err != nil || plan.Err != nil || len(plan.Rows) != 1 {
		return nil, err
	}
	whole := wholeReads(plan.Rows[0][0])
	if len(whole) == 0 {
		return nil, nil
	}
	return w.tablesOf(ctx, whole)
}

// reads says that a statement with these words may read a table: values alone do not.
func reads(words []string) bool {
	return slices.ContainsFunc([]string{"select", "update", "delete", "merge", "table"}, func(w string) bool { return slices.Contains(words, w) })
}

// tablesOf are the tables of indexes that hold all of their rows.
func (w *Watcher) tablesOf(ctx context.Context, all []indexRead) (map[uint32]bool, error) {
	var schemas, names []string
	for _, r := range all {
		schemas, names = append(schemas, r.schema), append(names, r.index)
	}
	var oids []uint32
	err := w.conn.QueryRow(ctx, `SELECT coalesce(pg_catalog.array_agg(x.indrelid), '{}')
		FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS r (schema, name)
		JOIN pg_catalog.pg_namespace n ON n.nspname = r.schema JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = r.name
		JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid WHERE x.indpred IS NULL`, schemas, names).Scan(&oids)
	tables := map[uint32]bool{}
	for _, oid := range oids {
		tables[oid] = true
	}
	return tables, err
}

// wholeReads are the indexes that a plan, as EXPLAIN writes it, reads from end to end.
func wholeReads(text []byte) (all []indexRead) {
	var plans []struct {
		Plan planNode `json:"Plan"`
	}
	if json.Unmarshal(text, &plans) != nil { // a utility statement of a rule, for example
		return nil
	}
	// Below a Limit a scan may end early, and so it may in a query that is asked for a
	// row or two, unless all of these are taken together first.
	var walk func(n planNode, limited, asked bool)
	walk = func(n planNode, limited, asked bool) {
		limited = limited || n.Type == "Limit"
		asked = (asked || n.asked(text)) && !slices.Contains([]string{"Aggregate", "Sort", "Hash"}, n.Type)
		if index := n.readsAll(); index != "" && !limited && !asked {
			all = append(all, indexRead{n.Schema, index})
		}
		for _, child := range n.Plans {
			walk(child, limited, asked)
		}
	}
	for _, p := range plans {
		walk(p.Plan, false, false)
	}
	return all
}

// readsAll is the index that a scan reads without a condition on it: what it filters it
// has read. "" for any other node.
func (n planNode) readsAll() string {
	switch {
	case (n.Type == "Index Scan" || n.Type == "Index Only Scan") && n.Cond == "":
		return n.Index
	case n.Type == "Bitmap Heap Scan" && len(n.Plans) == 1 && n.Plans[0].Type == "Bitmap Index Scan" && n.Plans[0].Cond == "":
		return n.Plans[0].Index
	}
	return ""
}

// asked says that the node begins a query in an expression which is read until it has
// said enough, as that of EXISTS is by its first row: it is no WITH, and not read into a
// hash table.
func (n planNode) asked(text []byte) bool {
	within := n.Relates == "InitPlan" || n.Relates == "SubPlan"
	return within && !strings.HasPrefix(n.Subplan, "CTE ") && !strings.Contains(string(text), "hashed "+n.Subplan)
}
