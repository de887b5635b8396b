package postgres

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A milestone is what the session had done when an event trigger, or a COMMIT in front
// of which we stand, reported. Counts run on over a COMMIT: the server takes them
// only when a statement of the client has ended.
type milestone struct {
	Event       string `json:"event"` // "start" and "end" of a command, "commit"
	Transaction string `json:"transaction"`
	report
}

// watchMarks are made beside watchInstall. They are off but while a statement runs
// that commits as it goes.
var watchMarks = []string{
	`CREATE FUNCTION ` + watchSchema + `.mark(event text) RETURNS boolean LANGUAGE plpgsql SET search_path = '' ` + watchPlans + ` AS $f$ BEGIN
	RAISE INFO USING MESSAGE = '` + watchMessage + `' || pg_catalog.json_build_object('mark', pg_catalog.json_build_object('event', event,
		'transaction', pg_catalog.pg_current_xact_id()::text, 'locks', ` + locksSQL + `,
		'counts', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::bigint, pg_catalog.pg_stat_get_xact_numscans(c.oid),
				pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))), '[]'::json)
			FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384
			AND pg_catalog.pg_stat_get_xact_numscans(c.oid) + pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
				+ pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) > 0),
		'relations', CASE event WHEN 'end' THEN ` + watchSchema + `.state(VARIADIC (SELECT coalesce(pg_catalog.array_agg(DISTINCT l.relation), '{}') FROM pg_catalog.pg_locks l
			WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384)) END))::text;
	RETURN false;
	END $f$`,
	`CREATE FUNCTION ` + watchSchema + `.on_start() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM ` + watchSchema + `.mark('start'); END $f$`,
	`CREATE FUNCTION ` + watchSchema + `.on_end() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM ` + watchSchema + `.mark('end'); END $f$`,
	`CREATE EVENT TRIGGER ` + watchSchema + `_start ON ddl_command_start EXECUTE FUNCTION ` + watchSchema + `.on_start()`,
	`CREATE EVENT TRIGGER ` + watchSchema + `_end ON ddl_command_end EXECUTE FUNCTION ` + watchSchema + `.on_end()`, // behind _command
	`ALTER EVENT TRIGGER ` + watchSchema + `_start DISABLE`,
	`ALTER EVENT TRIGGER ` + watchSchema + `_end DISABLE`,
}

// watchTotalSQL is what has been done to all relations since the server began.
const watchTotalSQL = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::bigint, pg_catalog.pg_stat_get_numscans(c.oid),
	pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid))), '[]'::json)
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384`

// total asks for it after all that is still to be added was.
func (w *Watcher) total(ctx context.Context) (map[uint32]counted, error) {
	if err := w.script(ctx, "SELECT pg_catalog.pg_stat_force_next_flush()"); err != nil {
		return nil, err
	}
	var text string
	if err := w.conn.QueryRow(ctx, watchTotalSQL).Scan(&text); err != nil {
		return nil, err
	}
	var r report
	err := json.Unmarshal([]byte(text), &r.Counts)
	return r.counts(), err
}

// more is what was counted since before.
func more(now, before map[uint32]counted) map[uint32]counted {
	since := map[uint32]counted{}
	for oid, c := range now {
		b := before[oid]
		if d := (counted{c.scans - b.scans, c.inserted - b.inserted, c.updated - b.updated, c.deleted - b.deleted}); d != (counted{}) {
			since[oid] = d
		}
	}
	return since
}

// marking has the marks made while do runs, and plans chosen as for what runs in a
// transaction. It returns what was counted meanwhile.
func (w *Watcher) marking(ctx context.Context, text string, do func() error) (map[uint32]counted, error) {
	before, err := w.total(ctx)
	if err != nil {
		return nil, err
	}
	planned := strings.ReplaceAll(planning(text), ", true)", ", false)")
	err = w.exec(ctx, planned)
	for _, event := range []string{"start", "end"} {
		if err == nil {
			_, err = w.side.Exec(ctx, "ALTER EVENT TRIGGER "+watchSchema+"_"+event+" ENABLE")
		}
	}
	if err == nil {
		err = do()
	}
	after := context.WithoutCancel(ctx)
	for _, event := range []string{"start", "end"} {
		if _, off := w.side.Exec(after, "ALTER EVENT TRIGGER "+watchSchema+"_"+event+" DISABLE"); err == nil {
			err = off
		}
	}
	if back := w.script(after, "RESET enable_seqscan; RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan"); err == nil {
		err = back
	}
	if err != nil {
		return nil, err
	}
	now, err := w.total(ctx)
	return more(now, before), err
}

// marked is the text of a statement with a mark of ours in front of each COMMIT or
// ROLLBACK of its body, and at its end; the same text where it is no DO block that
// PL/pgSQL runs.
func marked(text string) string {
	outer := migration.Tokens(text)
	language := slices.IndexFunc(outer, func(t migration.Token) bool { return t.Is("language") })
	if len(outer) < 2 || !outer[0].Is("do") || language >= 0 && !(language+1 < len(outer) && outer[language+1].Is("plpgsql")) {
		return text
	}
	at := slices.IndexFunc(outer, func(t migration.Token) bool { return t.Kind == migration.Literal && strings.HasPrefix(t.Text, "$") })
	if at < 0 {
		return text
	}
	quote := strings.IndexByte(outer[at].Text[1:], '$') + 2
	body := outer[at].Text[quote : len(outer[at].Text)-quote]
	const call = "IF " + watchSchema + ".mark('commit') THEN END IF; " // unlike PERFORM it leaves FOUND and ROW_COUNT as they are
	var out strings.Builder
	from := 0
	put := func(t migration.Token) {
		out.WriteString(body[from:t.Pos])
		out.WriteString(call)
		from = t.Pos
	}
	tokens := migration.Tokens(body)
	final := -1
	for i, t := range tokens {
		if t.Is("end") && i > 0 && tokens[i-1].Text == ";" {
			final = i
		}
	}
	for i, t := range tokens {
		begins := i > 0 && (tokens[i-1].Text == ";" || slices.ContainsFunc([]string{"begin", "then", "else", "loop"}, tokens[i-1].Is))
		ends := i+1 < len(tokens) && (tokens[i+1].Text == ";" || tokens[i+1].Is("and") || tokens[i+1].Is("work") || tokens[i+1].Is("transaction"))
		if begins && ends && (t.Is("commit") || t.Is("rollback")) || i == final {
			put(t)
		}
	}
	out.WriteString(body[from:])
	begin := outer[at].Pos + quote
	return text[:begin] + out.String() + text[begin+len(body):]
}

// A parting parts what a statement did by the transactions that it committed.
type parting struct {
	found []seen
	open  string             // the transaction of the last of them
	last  map[uint32]counted // up to the last milestone
	said  []notice           // since then
}

// pieces are those transactions. all is what was counted from the first to the end.
func (w *Watcher) pieces(a *attempt, notices []notice, all map[uint32]counted) []seen {
	p := &parting{last: map[uint32]counted{}}
	for _, n := range notices {
		if n.Mark == nil {
			p.said = append(p.said, n)
			continue
		}
		held := locks{}
		held.add(n.Mark.Locks)
		one := p.reached(n.Mark, held)
		if n.Mark.Event == "end" {
			now := seen{changes: map[uint32]change{}}
			w.note(a, &now, n.Mark.Relations, slices.Concat(slices.Collect(maps.Keys(held)), besides(p.said)))
			follow(one.changes, now.changes)
		}
		one.released = append(one.released, n.Mark.Locks...)
		for _, s := range p.said {
			one.released = append(one.released, s.Locks...)
		}
		one.notices = append(one.notices, p.said...)
		p.said = nil
	}
	p.unknown(more(all, p.last))
	return p.found
}

// reached returns the transaction of a milestone, with what was counted up to
// there. What was counted since the one before, in another transaction, belongs to
// this one where it holds a lock on the relation.
func (p *parting) reached(m *milestone, held locks) *seen {
	now := m.counts()
	since := more(now, p.last)
	p.last = now
	if m.Transaction != p.open {
		other := maps.Clone(since)
		maps.DeleteFunc(other, func(oid uint32, _ counted) bool { return held[oid] != nil })
		maps.DeleteFunc(since, func(oid uint32, _ counted) bool { return held[oid] == nil })
		p.unknown(other)
		p.begin()
		p.open = m.Transaction
	}
	one := &p.found[len(p.found)-1]
	add(one.counts, since)
	return one
}

// unknown adds a transaction of which nothing is known but what was counted: no
// milestone told of its locks.
func (p *parting) unknown(counts map[uint32]counted) {
	if len(counts) > 0 {
		p.begin()
		p.open = ""
		add(p.found[len(p.found)-1].counts, counts)
	}
}

func (p *parting) begin() {
	p.found = append(p.found, seen{counts: map[uint32]counted{}, changes: map[uint32]change{}})
}

func add(counts, since map[uint32]counted) {
	for oid, c := range since {
		b := counts[oid]
		counts[oid] = counted{b.scans + c.scans, b.inserted + c.inserted, b.updated + c.updated, b.deleted + c.deleted}
	}
}

// follow adds changes that came after others.
func follow(changes, later map[uint32]change) {
	for oid, c := range later {
		if earlier, ok := changes[oid]; ok {
			c.was = earlier.was
		}
		if same(c.was, c.is) || c.was == nil && c.is == nil {
			delete(changes, oid)
			continue
		}
		changes[oid] = c
	}
}

// together is what pieces did, as if it were one transaction.
func together(pieces []seen, s *seen) {
	changes := map[uint32]change{}
	for _, p := range pieces {
		add(s.counts, p.counts)
		s.released = append(s.released, p.released...)
		follow(changes, p.changes)
	}
	follow(changes, s.changes)
	s.changes = changes
	if len(pieces) > 1 {
		s.pieces = pieces
	}
}
