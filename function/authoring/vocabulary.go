package authoring

// A word is a block that Atlas's library reads in HCL of PostgreSQL: the
// attributes and the blocks that it knows in it. All others it reads over.
type word struct {
	labels     int // at most
	attributes []string
	blocks     map[string]*word
}

var part = &word{attributes: []string{"column", "expr", "desc", "ops", "nulls_first", "nulls_last"}}

// vocabulary is what sql/postgres and its specutil read, version 1.3.0. A name
// of a primary key and an expression in one are not here: they would be read
// over. What is known and refused by the library stands in refused.
var vocabulary = &word{blocks: map[string]*word{
	"schema": {labels: 1, attributes: []string{"name", "comment", "for_each"}},
	"enum":   {labels: 2, attributes: []string{"schema", "values", "for_each"}},
	"table": {labels: 2, attributes: []string{"schema", "comment", "depends_on", "for_each"}, blocks: map[string]*word{
		"column": {labels: 1, attributes: []string{"type", "null", "default", "as", "comment"}, blocks: map[string]*word{
			"identity": {attributes: []string{"generated", "start", "increment"}},
			"as":       {attributes: []string{"expr", "type"}},
		}},
		"primary_key": {attributes: []string{"columns", "include", "comment"}},
		"index": {labels: 1, attributes: []string{"columns", "unique", "type", "where", "include", "nulls_distinct", "page_per_range", "comment"},
			blocks: map[string]*word{"on": part}},
		"unique":      {labels: 1, attributes: []string{"columns", "include", "nulls_distinct", "comment"}, blocks: map[string]*word{"on": part}},
		"foreign_key": {labels: 1, attributes: []string{"columns", "ref_columns", "on_update", "on_delete"}},
		"check":       {labels: 1, attributes: []string{"expr"}},
		"partition": {attributes: []string{"type", "columns"}, blocks: map[string]*word{
			"by": {attributes: []string{"column", "expr"}},
		}},
	}},
	"variable": {labels: 1, attributes: []string{"type", "default", "description"}},
	"locals":   nil, // of any names
}}

// refused are blocks that Atlas has words for, and not in the library that is
// here: with it, they would be read over or fail.
var refused = map[string]string{
	"view": "CREATE VIEW", "materialized": "CREATE MATERIALIZED VIEW", "function": "CREATE FUNCTION", "procedure": "CREATE PROCEDURE",
	"trigger": "CREATE TRIGGER", "event_trigger": "CREATE EVENT TRIGGER", "policy": "CREATE POLICY", "row_security": "ALTER TABLE ... ENABLE ROW LEVEL SECURITY",
	"domain": "CREATE DOMAIN", "composite": "CREATE TYPE", "range": "CREATE TYPE ... AS RANGE", "sequence": "CREATE SEQUENCE", "aggregate": "CREATE AGGREGATE",
	"extension": "CREATE EXTENSION", "role": "CREATE ROLE", "user": "CREATE USER", "permission": "GRANT", "cast": "CREATE CAST", "operator": "CREATE OPERATOR",
	"collation": "CREATE COLLATION", "server": "CREATE SERVER", "foreign_table": "CREATE FOREIGN TABLE", "exclude": "ALTER TABLE ... ADD CONSTRAINT ... EXCLUDE",
	"rule": "CREATE RULE", "publication": "CREATE PUBLICATION", "statistics": "CREATE STATISTICS",
}
