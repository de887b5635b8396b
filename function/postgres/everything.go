package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alquimistaai/aurora-migrator/function/catalog"
)

// Everything reads the definition of all that a person can have made in the
// database: what Touched reads of the user's schemas, without what extensions
// brought, and beside it schemas, the
// identities of tables, extensions, event triggers, publications,
// collations, casts, operators, text search configurations, foreign servers and
// default privileges. The history is left out.
func (s *Session) Everything(ctx context.Context) (catalog.Snapshot, error) {
	for patience := time.Now().Add(tornPatience); ; {
		snapshot, err := s.Touched(ctx, nil, true)
		if err != nil {
			return nil, err
		}
		snapshot, err = s.readBeside(ctx, snapshot)
		if err == nil {
			return snapshot.Sorted(), nil
		}
		if !isCode(err, internalError) || time.Now().After(patience) { // as in Touched
			return nil, s.failure(fmt.Errorf("read what the database holds: %w", err))
		}
	}
}

// readBeside takes out of snapshot what extensions brought, and adds what is no
// relation, type or function.
func (s *Session) readBeside(ctx context.Context, snapshot catalog.Snapshot) (catalog.Snapshot, error) {
	type key struct{ kind, name string }
	brought := make(map[key]bool)
	add := func(kind, name, definition string) {
		snapshot = append(snapshot, catalog.Object{Kind: kind, Name: name, Definition: definition})
	}
	err := s.look(ctx, []query{
		{broughtSQL, nil, each(func(kind, name, _ string) { brought[key{kind, name}] = true })},
		{besideSQL, nil, each(add)},
		{identitiesSQL, nil, each(add)},
	})
	if err != nil {
		return nil, err
	}
	own := snapshot[:0]
	for _, o := range snapshot {
		if !brought[key{o.Kind, o.Name}] {
			own = append(own, o)
		}
	}
	return own, nil
}

// each reads rows of a kind, a name and a definition.
func each(do func(kind, name, definition string)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var kind, name, definition string
		_, err := pgx.ForEachRow(rows, []any{&kind, &name, &definition}, func() error {
			do(kind, name, definition)
			return nil
		})
		return err
	}
}

// broughtSQL lists members of extensions, called as Touched calls them.
const broughtSQL = `
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       c.oid::pg_catalog.regclass::text, ''
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
UNION ALL
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'composite type' END, pg_catalog.format_type(t.oid, NULL), ''
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_type t ON t.oid = d.objid
WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, p.oid::pg_catalog.regprocedure::text, ''
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid
WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass`

// besideSQL reads what is no relation, type or function. A newer version of an
// extension is not a difference that a schema asks for, its schema is.
const besideSQL = `
WITH mine AS MATERIALIZED (
	SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
	WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND nspname <> '` + HistoryName + `'
), brought AS MATERIALIZED (
	SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
)
SELECT 'schema', pg_catalog.quote_ident(n.nspname),
       pg_catalog.concat_ws(E'\n', pg_catalog.format('owner=%s acl=%s', CASE WHEN n.nspname <> 'public' THEN n.nspowner::pg_catalog.regrole::text END, n.nspacl),
                            'comment ' || pg_catalog.obj_description(n.oid, 'pg_namespace'))
FROM mine n
WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND b.objid = n.oid)
UNION ALL
SELECT 'extension', pg_catalog.quote_ident(e.extname), 'schema ' || e.extnamespace::pg_catalog.regnamespace::text
FROM pg_catalog.pg_extension e WHERE e.extname <> 'plpgsql'
UNION ALL
SELECT 'event trigger', pg_catalog.quote_ident(e.evtname),
       pg_catalog.format('on %s do %s tags=%s enabled=%s', e.evtevent, e.evtfoid::pg_catalog.regprocedure, e.evttags, e.evtenabled)
FROM pg_catalog.pg_event_trigger e WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND b.objid = e.oid)
UNION ALL
SELECT 'publication', pg_catalog.quote_ident(p.pubname), pg_catalog.format('all=%s insert=%s update=%s delete=%s truncate=%s root=%s',
       p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot)
FROM pg_catalog.pg_publication p
UNION ALL
SELECT 'collation', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname),
       pg_catalog.format('provider=%s deterministic=%s collate=%s', c.collprovider, c.collisdeterministic, c.collcollate)
FROM pg_catalog.pg_collation c JOIN mine n ON n.oid = c.collnamespace
UNION ALL
SELECT 'cast', pg_catalog.format('(%s AS %s)', pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)),
       pg_catalog.format('function=%s context=%s method=%s', c.castfunc::pg_catalog.regprocedure, c.castcontext, c.castmethod)
FROM pg_catalog.pg_cast c WHERE c.oid >= 16384 AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND b.objid = c.oid)
UNION ALL
SELECT 'operator', o.oid::pg_catalog.regoperator::text, 'function ' || o.oprcode::pg_catalog.regprocedure::text
FROM pg_catalog.pg_operator o JOIN mine n ON n.oid = o.oprnamespace
WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND b.objid = o.oid)
UNION ALL
SELECT 'text search configuration', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.cfgname), c.cfgparser::text
FROM pg_catalog.pg_ts_config c JOIN mine n ON n.oid = c.cfgnamespace
WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass AND b.objid = c.oid)
UNION ALL
SELECT 'server', pg_catalog.quote_ident(f.srvname), pg_catalog.format('wrapper=%s options=%s', (SELECT fdwname FROM pg_catalog.pg_foreign_data_wrapper WHERE oid = f.srvfdw), f.srvoptions)
FROM pg_catalog.pg_foreign_server f
UNION ALL
SELECT 'default privileges', pg_catalog.format('%s %s %s', a.defaclrole::pg_catalog.regrole, nullif(a.defaclnamespace, 0)::pg_catalog.regnamespace, a.defaclobjtype), a.defaclacl::text
FROM pg_catalog.pg_default_acl a`

// identitiesSQL reads the identity columns of tables.
const identitiesSQL = "SELECT " + identitySQL + " GROUP BY a.attrelid"

// identitySQL is what stands in it between SELECT and GROUP BY.
const identitySQL = `'identity', a.attrelid::pg_catalog.regclass::text,
       pg_catalog.string_agg(pg_catalog.format('identity %s start=%s by=%s', pg_catalog.quote_ident(a.attname), q.seqstart, q.seqincrement), E'\n' ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
     AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
JOIN pg_catalog.pg_sequence q ON q.seqrelid = d.objid
WHERE a.attidentity <> '' AND NOT c.relispartition`
