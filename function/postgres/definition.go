package postgres

// The three expressions below write the definition of one relation c, type t
// or function p as lines. pg_get_indexdef of an index that vanished while the
// catalogue was read is an empty string (most others of its kind fail): torn
// stands in its place then.
const torn = "\x01torn"

// commented begins the comment on an object, whose catalogue follows, and its oid.
// obj_description says the same, and PostgreSQL makes it ready anew in each query that
// calls it: a third of the time that the definition of one table took.
const commented = `(SELECT said.description FROM pg_catalog.pg_description said WHERE said.classoid = 'pg_catalog.`

const relationSQL = `
	pg_catalog.concat_ws(E'\n',
		pg_catalog.format('relation %s %s owner=%s acl=%s options=%s toast=%s rls=%s,%s identity=%s method=%s tablespace=%s populated=%s',
			c.relkind, c.relpersistence, c.relowner::pg_catalog.regrole, c.relacl, c.reloptions,
			(SELECT o.reloptions FROM pg_catalog.pg_class o WHERE o.oid = c.reltoastrelid), c.relrowsecurity, c.relforcerowsecurity,
			c.relreplident, (SELECT amname FROM pg_catalog.pg_am WHERE oid = c.relam), c.reltablespace, c.relispopulated),
		'comment ' || ` + commented + `pg_class'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = c.oid),
		(SELECT pg_catalog.format('server %s options=%s', pg_catalog.quote_ident(v.srvname), o.ftoptions)
			FROM pg_catalog.pg_foreign_table o JOIN pg_catalog.pg_foreign_server v ON v.oid = o.ftserver WHERE o.ftrelid = c.oid),
		'partition by ' || pg_catalog.pg_get_partkeydef(c.oid),
		'partition of ' || pg_catalog.pg_get_expr(c.relpartbound, c.oid),
		CASE WHEN c.relkind IN ('v', 'm') THEN 'as ' || pg_catalog.pg_get_viewdef(c.oid) END,
		(SELECT pg_catalog.string_agg(pg_catalog.format('inherits %s%s', h.inhparent::pg_catalog.regclass, CASE WHEN h.inhdetachpending THEN ' detach pending' END), E'\n' ORDER BY h.inhseqno)
			FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('child %s', h.inhrelid::pg_catalog.regclass), E'\n' ORDER BY h.inhrelid::pg_catalog.regclass::text COLLATE "C")
			FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class k ON k.oid = h.inhrelid WHERE h.inhparent = c.oid AND c.relkind IN ('r', 'p', 'f')),
		(SELECT pg_catalog.format('sequence %s start=%s by=%s max=%s min=%s cache=%s cycle=%s', q.seqtypid::pg_catalog.regtype, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle)
			FROM pg_catalog.pg_sequence q WHERE q.seqrelid = c.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('owned by %s %s', d.refobjid::pg_catalog.regclass, d.refobjsubid), E'\n' ORDER BY d.refobjid, d.refobjsubid)
			FROM pg_catalog.pg_depend d WHERE c.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
			AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')),
		(SELECT pg_catalog.string_agg(pg_catalog.format('column %s %s%s collation=%s storage=%s%s statistics=%s acl=%s options=%s%s default=%s comment=%s',
				pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' END,
				CASE WHEN a.attcollation <> 0 THEN a.attcollation::pg_catalog.regcollation::text END, a.attstorage, a.attcompression, a.attstattarget, a.attacl, a.attoptions, a.attfdwoptions,
				CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text WHEN a.attgenerated <> '' THEN pg_catalog.format('%s(%s)', a.attgenerated, pg_catalog.pg_get_expr(e.adbin, e.adrelid))
					ELSE pg_catalog.pg_get_expr(e.adbin, e.adrelid) END,
				` + commented + `pg_class'::pg_catalog.regclass AND said.objoid = a.attrelid AND said.objsubid = a.attnum)), E'\n' ORDER BY a.attnum)
			FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
		(SELECT pg_catalog.string_agg(pg_catalog.format('constraint %s %s valid=%s comment=%s', pg_catalog.quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid), k.convalidated,
				` + commented + `pg_constraint'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = k.oid)), E'\n' ORDER BY k.conname COLLATE "C")
			FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('index %s%s%s%s%s tablespace=%s statistics=%s comment=%s', coalesce(nullif(pg_catalog.pg_get_indexdef(i.indexrelid), ''), E'\x01torn'), CASE WHEN NOT i.indisvalid THEN ' invalid' END,
				CASE WHEN i.indisreplident THEN ' replica identity' END, CASE WHEN i.indisclustered THEN ' clustered' END, CASE WHEN NOT i.indimmediate THEN ' deferrable' END, x.reltablespace,
				(SELECT pg_catalog.string_agg(a.attnum || ':' || a.attstattarget, ',' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0),
				` + commented + `pg_class'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = i.indexrelid)), E'\n' ORDER BY x.relname COLLATE "C")
			FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('trigger %s enabled=%s comment=%s', pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled, ` + commented + `pg_trigger'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = t.oid)), E'\n' ORDER BY t.tgname COLLATE "C")
			FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
		-- a foreign key is not kept while its triggers are disabled
		(SELECT pg_catalog.string_agg(pg_catalog.format('trigger of constraint %s enabled=%s', pg_catalog.quote_ident(k.conname), t.tgenabled), E'\n' ORDER BY k.conname COLLATE "C", t.tgtype, t.tgenabled)
			FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint WHERE t.tgrelid = c.oid AND t.tgisinternal AND t.tgenabled <> 'O'),
		(SELECT pg_catalog.string_agg(pg_catalog.format('policy %s %s %s to=%s using=%s check=%s comment=%s', pg_catalog.quote_ident(y.polname), y.polcmd, y.polpermissive,
				ARRAY(SELECT u::pg_catalog.regrole::text FROM pg_catalog.unnest(y.polroles) u ORDER BY 1), pg_catalog.pg_get_expr(y.polqual, y.polrelid), pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid),
				` + commented + `pg_policy'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = y.oid)),
				E'\n' ORDER BY y.polname COLLATE "C")
			FROM pg_catalog.pg_policy y WHERE y.polrelid = c.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('rule %s enabled=%s comment=%s', pg_catalog.pg_get_ruledef(w.oid), w.ev_enabled, ` + commented + `pg_rewrite'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = w.oid)), E'\n' ORDER BY w.rulename COLLATE "C")
			FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN'),
		(SELECT pg_catalog.string_agg(pg_catalog.format('statistics %s target=%s owner=%s comment=%s', pg_catalog.pg_get_statisticsobjdef(z.oid), z.stxstattarget, z.stxowner::pg_catalog.regrole,
				` + commented + `pg_statistic_ext'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = z.oid)), E'\n' ORDER BY z.stxname COLLATE "C")
			FROM pg_catalog.pg_statistic_ext z WHERE z.stxrelid = c.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('publication %s columns=%s where=%s', pg_catalog.quote_ident(b.pubname),
				(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
					WHERE a.attrelid = c.oid AND pg_catalog.to_jsonb(o)->'prattrs' @> pg_catalog.to_jsonb(a.attnum)),
				-- prqual is that of the row; before PostgreSQL 15, which has none, that of nothing
				(SELECT (SELECT pg_catalog.pg_get_expr(prqual, c.oid) FROM pg_catalog.pg_publication_rel x WHERE x.oid = o.oid) FROM (SELECT NULL::pg_catalog.pg_node_tree AS prqual) nothing)),
				E'\n' ORDER BY b.pubname COLLATE "C")
			FROM pg_catalog.pg_publication_rel o JOIN pg_catalog.pg_publication b ON b.oid = o.prpubid WHERE o.prrelid = c.oid)
	)`

const typeSQL = `
	pg_catalog.concat_ws(E'\n',
		pg_catalog.format('type %s owner=%s acl=%s comment=%s', t.typtype, t.typowner::pg_catalog.regrole, t.typacl, ` + commented + `pg_type'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = t.oid)),
		(SELECT pg_catalog.string_agg('label ' || pg_catalog.quote_literal(e.enumlabel), E'\n' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
		CASE WHEN t.typtype = 'd' THEN pg_catalog.format('domain over %s%s collation=%s default=%s', pg_catalog.format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN ' not null' END,
			CASE WHEN t.typcollation <> 0 THEN t.typcollation::pg_catalog.regcollation::text END, t.typdefault) END,
		(SELECT pg_catalog.string_agg(pg_catalog.format('constraint %s %s valid=%s comment=%s', pg_catalog.quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid), k.convalidated,
				` + commented + `pg_constraint'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = k.oid)), E'\n' ORDER BY k.conname COLLATE "C")
			FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid),
		(SELECT pg_catalog.string_agg(pg_catalog.format('attribute %s %s collation=%s comment=%s', pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod),
				CASE WHEN a.attcollation <> 0 THEN a.attcollation::pg_catalog.regcollation::text END, ` + commented + `pg_class'::pg_catalog.regclass AND said.objoid = a.attrelid AND said.objsubid = a.attnum)), E'\n' ORDER BY a.attnum)
			FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
		(SELECT pg_catalog.format('range of %s opclass=%s collation=%s canonical=%s diff=%s', pg_catalog.format_type(g.rngsubtype, NULL), g.rngsubopc,
			CASE WHEN g.rngcollation <> 0 THEN g.rngcollation::pg_catalog.regcollation::text END, g.rngcanonical, g.rngsubdiff) FROM pg_catalog.pg_range g WHERE g.rngtypid = t.oid)
	)`

const functionSQL = `
	pg_catalog.concat_ws(E'\n',
		pg_catalog.format('%s(%s) returns %s language=%s volatile=%s strict=%s definer=%s leakproof=%s parallel=%s cost=%s rows=%s support=%s config=%s owner=%s acl=%s comment=%s',
			p.prokind, pg_catalog.pg_get_function_arguments(p.oid), pg_catalog.pg_get_function_result(p.oid), (SELECT lanname FROM pg_catalog.pg_language WHERE oid = p.prolang),
			p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel, p.procost, p.prorows, p.prosupport, p.proconfig, p.proowner::pg_catalog.regrole, p.proacl,
			` + commented + `pg_proc'::pg_catalog.regclass AND said.objsubid = 0 AND said.objoid = p.oid)),
		'body ' || coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) || coalesce(' ' || p.probin, ''),
		(SELECT pg_catalog.format('aggregate %s', pg_catalog.to_jsonb(g)) FROM pg_catalog.pg_aggregate g WHERE g.aggfnoid = p.oid)
	)`
