package postgres

import "fmt"

// keysOfSQL says of each table whether it has a page at all, how to write which
// row is which, and which columns have a type of an extension. The value of a key
// is told where it is a whole number, a UUID or a short text; a key with any other
// column is not told.
var keysOfSQL = fmt.Sprintf(`
WITH RECURSIVE %s, %s
SELECT a.name,
       NOT EXISTS (SELECT FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid WHERE t.name = a.name AND c.relkind <> 'p' AND coalesce(%s, 1) > 0),
       CASE WHEN (SELECT pg_catalog.bool_and(k.atttypid IN (20, 21, 23, 25, 1042, 1043, 2950))
                  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
                  WHERE i.indrelid = a.oid AND i.indisprimary)
       THEN ARRAY(SELECT pg_catalog.format(CASE WHEN k.atttypid IN (25, 1042, 1043) THEN 'CASE WHEN pg_catalog.char_length(%%1$I) <= 64 THEN %%2$L || pg_catalog.quote_literal(%%1$I) END'
                    ELSE '%%2$L || %%1$I::pg_catalog.text' END, k.attname, pg_catalog.quote_ident(k.attname) || ' = ')
                  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
                  WHERE i.indrelid = a.oid AND i.indisprimary ORDER BY pg_catalog.array_position(i.indkey::pg_catalog.int2[], k.attnum))
       ELSE '{}' END::pg_catalog.text[],
       ARRAY(SELECT k.attname::pg_catalog.text FROM pg_catalog.pg_attribute k JOIN pg_catalog.pg_type t ON t.oid = k.atttypid JOIN pg_catalog.pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
             WHERE k.attrelid = a.oid AND k.attnum > 0 AND b.typtype = 'b' AND b.typcategory <> 'A' AND b.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace)
FROM asked a`, askedSQL, treeSQL, mainSize)

// domainsSQL are the columns of tables and materialized views that have one of
// the domains, or a domain over it: those that PostgreSQL reads to validate a
// constraint of it.
const domainsSQL = `
WITH RECURSIVE domains (name, oid) AS (
	SELECT q.name, t.oid
	FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[])) AS q (name, schema, type)
	JOIN pg_catalog.pg_namespace n ON n.nspname = q.schema
	JOIN pg_catalog.pg_type t ON t.typnamespace = n.oid AND t.typname = q.type AND t.typtype = 'd'
	UNION
	SELECT d.name, t.oid FROM domains d JOIN pg_catalog.pg_type t ON t.typtype = 'd' AND t.typbasetype = d.oid
)
SELECT d.name, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), pg_catalog.quote_ident(a.attname)
FROM domains d JOIN pg_catalog.pg_attribute a ON a.atttypid = d.oid AND NOT a.attisdropped AND a.attnum > 0
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'm')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2, 3`
