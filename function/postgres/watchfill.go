package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// watchRows is how many rows a table is filled with: enough to tell all of them
// from some.
const watchRows = 60

// fill puts rows into tables, as the superuser that the session is at its beginning and
// no more at its end, and returns how many each got. Values follow from
// their number and their type, so that a key and what refers to it agree. A table
// that does not take them so gets them without triggers and foreign keys; one whose
// constraints none of the ways of making values satisfies gets none, and is not
// among them unless a file has put rows there.
func (w *Watcher) fill(ctx context.Context, tables []*relation) (map[uint32]int64, error) {
	filled := map[uint32]int64{}
	var failed []*relation
	for _, r := range referredFirst(tables) {
		rows, err := w.fillOne(ctx, r)
		if err != nil {
			return nil, err
		}
		if rows == 0 {
			failed = append(failed, r)
			continue
		}
		filled[r.OID] = rows
	}
	if len(failed) == 0 {
		return filled, w.exec(ctx, asRunner)
	}
	return filled, w.unchecked(ctx, func() error {
		for _, r := range failed {
			rows, err := w.fillOne(ctx, r)
			if err == nil && rows == 0 {
				err = w.conn.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM ONLY "+pgx.Identifier{r.Schema, r.Name}.Sanitize()).Scan(&rows)
			}
			if err != nil {
				return err
			}
			if rows > 0 {
				filled[r.OID] = rows
			}
		}
		return nil
	})
}

// countOn has the sequences of filled tables go on behind the keys that rows were given:
// what a trigger inserts would have one of them. No rollback takes that back.
func (w *Watcher) countOn(ctx context.Context, tables []uint32) error {
	return w.unchecked(ctx, func() error {
		_, err := w.conn.Exec(ctx, `SELECT pg_catalog.setval(q.seqrelid::pg_catalog.regclass, $2::bigint) FROM pg_catalog.pg_sequence q
			JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = q.seqrelid AND d.refclassid = d.classid AND d.deptype IN ('a', 'i')
			WHERE d.refobjid = ANY ($1) AND q.seqincrement > 0 AND $2 BETWEEN q.seqmin AND q.seqmax AND coalesce(pg_catalog.pg_sequence_last_value(q.seqrelid), 0) < $2`, tables, watchRows)
		return err
	})
}

// fillOne fills one table, in the first way that it takes, and returns how many
// rows it has then; 0 for none. Where rows of a file have some of the keys already,
// it gets the others.
func (w *Watcher) fillOne(ctx context.Context, r *relation) (int64, error) {
	for _, try := range []struct {
		way, rows int
		others    bool
	}{{0, watchRows, false}, {1, watchRows, false}, {2, watchRows, false}, {3, watchRows, false},
		{0, watchRows, true}, {1, watchRows, true}, {2, watchRows, true}, {3, watchRows, true},
		{1, 1, false}, {2, 1, false}, {3, 1, false}} {
		sql := insertSQL(r, try.way, try.rows, w.bound(ctx, r, try.way))
		if try.others {
			sql += " ON CONFLICT DO NOTHING"
		}
		if w.script(ctx, "SAVEPOINT aurora_migrate_fill; "+sql) == nil {
			rows := int64(try.rows)
			if !try.others {
				return rows, nil
			}
			err := w.conn.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM ONLY "+quotedName(r)).Scan(&rows)
			return rows, err
		}
		if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT aurora_migrate_fill"); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// referredFirst orders tables so that one comes behind those that its foreign
// keys refer to, as far as there is such an order.
func referredFirst(tables []*relation) (ordered []*relation) {
	waiting := map[uint32]*relation{}
	for _, r := range tables {
		waiting[r.OID] = r
	}
	var visit func(r *relation)
	visit = func(r *relation) {
		delete(waiting, r.OID)
		for _, k := range r.Constraints {
			if next := waiting[k.References]; next != nil {
				visit(next)
			}
		}
		ordered = append(ordered, r)
	}
	for _, r := range tables {
		if waiting[r.OID] != nil {
			visit(r)
		}
	}
	return ordered
}

// bound is the condition that keeps rows of other partitions out of one, in SQL,
// where a way of filling looks at literals.
func (w *Watcher) bound(ctx context.Context, r *relation, way int) string {
	if !r.Partition || way == 0 {
		return ""
	}
	var condition *string
	if w.conn.QueryRow(ctx, "SELECT pg_catalog.pg_get_partition_constraintdef($1::pg_catalog.oid)", r.OID).Scan(&condition) != nil || condition == nil {
		return ""
	}
	return *condition
}

// insertSQL inserts rows into r. Way 0 takes the type alone; 1 takes literals of
// the constraints in turn; 2 takes what lies just beyond them; 3 takes NULL
// wherever it may.
func insertSQL(r *relation, way, rows int, bound string) string {
	var names, values []string
	for _, c := range r.Columns {
		if c.Generated != "" {
			continue
		}
		names = append(names, pgx.Identifier{c.Name}.Sanitize())
		values = append(values, value(r, c, way, bound))
	}
	table := pgx.Identifier{r.Schema, r.Name}.Sanitize()
	if len(names) == 0 {
		return "INSERT INTO " + table + " DEFAULT VALUES"
	}
	return fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM pg_catalog.generate_series(1, %d) AS g (i)",
		table, strings.Join(names, ", "), strings.Join(values, ", "), rows)
}

// value is an expression over i for one column.
func value(r *relation, c columnState, way int, bound string) string {
	literals := literalsOf(r, c, bound)
	if way == 3 && !c.NotNull && len(literals) == 0 {
		return "NULL"
	}
	if way > 0 && len(literals) > 0 {
		list := make([]string, len(literals))
		for i, l := range literals {
			list[i] = "'" + strings.ReplaceAll(l, "'", "''") + "'::" + c.Base
		}
		first := list[0]
		switch {
		case c.Category == "S" || c.Labels != nil || way == 1 && bound == "":
			return fmt.Sprintf("(ARRAY[%s])[1 + i %% %d]", strings.Join(list, ", "), len(list))
		case c.Category == "N" && way == 2:
			return first + " + 1"
		case c.Category == "D" && way == 2 && c.Base != "date":
			return first + " + interval '1 second'"
		}
		return first
	}
	return typed(c, c.Base, c.Mod, c.Labels)
}

var literal = regexp.MustCompile(`'((?:[^']|'')*)'|\b(\d+(?:\.\d+)?)\b`)

// literalsOf are the literals of checks, and of the bound of a partition, that
// name the column.
func literalsOf(r *relation, c columnState, bound string) (all []string) {
	quoted := regexp.MustCompile(`(^|[^\w"])"?` + regexp.QuoteMeta(c.Name) + `"?($|[^\w"])`)
	texts := []string{bound}
	for _, k := range r.Constraints {
		if k.Kind == "c" {
			texts = append(texts, k.Definition)
		}
	}
	for _, text := range texts {
		if !quoted.MatchString(text) {
			continue
		}
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			l := strings.ReplaceAll(m[1], "''", "'")
			if m[2] != "" {
				l = m[2]
			}
			if c.Category == "N" {
				if _, err := strconv.ParseFloat(l, 64); err != nil {
					continue
				}
			}
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
}

// typed is an expression over i of a type.
func typed(c columnState, base string, mod int32, labels []string) string {
	name, _, _ := strings.Cut(base, "(")
	length := int32(0)
	if mod > 4 {
		length = mod - 4
	}
	switch name {
	case "smallint", "integer", "bigint", "real", "double precision", "oid", "money":
		return "i::text::" + name
	case "numeric":
		if length > 0 { // precision in the upper half, scale in the lower
			switch whole := int(length>>16) - int(length&0xffff); {
			case whole < 2:
				return "0::numeric"
			case whole < 10:
				return fmt.Sprintf("(i %% 1%s)::numeric", strings.Repeat("0", whole))
			}
		}
		return "i::numeric"
	case "text", "character varying", "character", "name", `"char"`, "citext", "public.citext":
		if length > 0 {
			return fmt.Sprintf("pg_catalog.left(i::text, %d)", length)
		}
		return "i::text"
	case "boolean":
		return "i % 2 = 0"
	case "date":
		return "date '2000-01-01' + i"
	case "timestamp without time zone", "timestamp with time zone":
		return "(timestamp '2000-01-01' + i * interval '1 hour')::" + name
	case "time without time zone", "time with time zone":
		return "(time '00:00' + i * interval '1 minute')::" + name
	case "interval":
		return "i * interval '1 minute'"
	case "uuid":
		return "pg_catalog.md5(i::text)::pg_catalog.uuid"
	case "bytea":
		return "pg_catalog.decode(pg_catalog.md5(i::text), 'hex')"
	case "json", "jsonb":
		return "('{\"i\": ' || i || '}')::" + name
	case "inet", "cidr":
		return "('10.' || i / 65536 % 256 || '.' || i / 256 % 256 || '.' || i % 256)::" + name
	case "macaddr":
		return "('08:00:2b:00:00:' || pg_catalog.lpad(pg_catalog.to_hex(i % 256), 2, '0'))::macaddr"
	case "bit", "bit varying":
		return fmt.Sprintf("i::bit(%d)", max(mod, 1))
	case "xml":
		return "('<i>' || i || '</i>')::xml"
	case "tsvector":
		return "pg_catalog.to_tsvector('simple', i::text)"
	case "point":
		return "pg_catalog.point(i, i)"
	case "int4range", "int8range", "numrange":
		return "pg_catalog." + name + "(i * 10, i * 10 + 5)"
	case "daterange":
		return "pg_catalog.daterange(date '2000-01-01' + i * 10, date '2000-01-01' + i * 10 + 5)"
	case "tsrange", "tstzrange":
		kind := map[string]string{"tsrange": "timestamp", "tstzrange": "timestamptz"}[name]
		return fmt.Sprintf("pg_catalog.%s((timestamp '2000-01-01' + i * interval '1 day')::%s, (timestamp '2000-01-01' + i * interval '1 day' + interval '1 hour')::%s)", name, kind, kind)
	}
	return untyped(c, base, labels)
}

// untyped is one of a type that is made of others.
func untyped(c columnState, base string, labels []string) string {
	if len(labels) > 0 {
		list := make([]string, len(labels))
		for i, l := range labels {
			list[i] = "'" + strings.ReplaceAll(l, "'", "''") + "'"
		}
		return fmt.Sprintf("((ARRAY[%s])[1 + i %% %d])::text::%s", strings.Join(list, ", "), len(list), base)
	}
	if c.Element != nil && c.Category == "A" {
		return fmt.Sprintf("ARRAY[%s]::%s", typed(columnState{Base: *c.Element}, *c.Element, -1, nil), base)
	}
	if !c.NotNull {
		return "NULL"
	}
	return "i::text::" + base
}
