package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// The links that say in which state the server is: who stands in the way now,
// and what is half done or running out.

func lock(p migration.Probes) found {
	h := p.Live.Holder
	switch {
	case h == nil:
		return ok("free")
	case p.Live.Idle != "":
		return warning(fmt.Sprintf("held by %s, which has done nothing for %s", h, p.Live.Idle),
			fmt.Sprintf("Where that is a run, its session ends by itself within a minute. If it stays: SELECT pg_terminate_backend(%d);", h.PID))
	}
	return warning("a migration is under way: held by "+h.String(), "Wait until it is done; until then no other begins.")
}

func settings(p migration.Probes) found {
	var said, fixes []string
	if p.Live.Unwatched != "" {
		said = append(said, "client_connection_check_interval cannot be set ("+p.Live.Unwatched+")")
		fixes = append(fixes, "Without it a statement of a function that was killed runs on to its end.")
	}
	for _, s := range p.Live.Unusual {
		said = append(said, s.Name+" is "+s.Value)
		if s.Name == "temp_file_limit" {
			fixes = append(fixes, "An index build that sorts more than temp_file_limit fails.")
		} else {
			fixes = append(fixes, "Triggers and foreign keys do not work as usual under session_replication_role: set it to origin.")
		}
	}
	if len(said) > 0 {
		return warning(strings.Join(said, "; "), strings.Join(fixes, " "))
	}
	if len(p.Live.Timeouts) > 0 {
		return ok("%s; a run sets its own", few(each(p.Live.Timeouts, func(s migration.ServerSetting) string { return s.Name + " is " + s.Value })))
	}
	return ok("no timeouts but those that a run sets for itself")
}

// needed is how many connections a run takes: its own, and one that watches it.
const needed = 2

func connections(p migration.Probes) found {
	l := p.Live
	said := fmt.Sprintf("%d of %d are taken", l.Connections, l.Room)
	switch limit := l.Account.Limit; {
	case limit >= 0 && limit < needed:
		return warning(fmt.Sprintf("%s may have %s at a time, and a run takes %d", p.User, count(limit, "connection"), needed), "Raise its limit.",
			fmt.Sprintf("ALTER ROLE %s CONNECTION LIMIT %d;", migration.Identifier(p.User), 2*needed))
	case l.Connections+needed > l.Room:
		return warning(said, fmt.Sprintf("A run takes %d: end what is not needed, or raise max_connections.", needed))
	}
	return ok("%s", said)
}

func transactions(p migration.Probes) found {
	l := p.Live
	var said, fixes, sql []string
	if len(l.Old) > 0 {
		said = append(said, "open for more than a minute: "+few(each(l.Old, migration.Peer.String)))
		fixes = append(fixes, fmt.Sprintf("What needs a lock on something that they have touched waits for them, and CREATE INDEX CONCURRENTLY waits for all of them: end them, or SELECT pg_terminate_backend(%d);", l.Old[0].PID))
	}
	if !l.Account.ReadStats {
		said = append(said, fmt.Sprintf("%s may not see when the transactions of others began (%s of them in this database), nor what holds a lock up", p.User, count(l.Hidden, "session")))
		fixes = append(fixes, "Let it see them; it shows no rows.")
		sql = append(sql, fmt.Sprintf("GRANT pg_read_all_stats TO %s;", migration.Identifier(p.User)))
	}
	if len(said) > 0 {
		return warning(strings.Join(said, "; "), strings.Join(fixes, " "), sql...)
	}
	return ok("none is open for more than a minute")
}

func prepared(p migration.Probes) found {
	all := p.Live.Prepared
	if len(all) == 0 {
		return ok("none waits for its second phase")
	}
	said := few(each(all, func(t migration.PreparedTransaction) string {
		return fmt.Sprintf("%q of %s, for %s", t.ID, t.Owner, t.Age)
	}))
	return warning("waiting for their second phase: "+said, fmt.Sprintf("They keep their locks until somebody ends them, also over a restart: COMMIT PREPARED or ROLLBACK PREPARED %s;", literal(all[0].ID)))
}

func indexes(p migration.Probes) found {
	all := p.Live.Indexes
	if len(all) == 0 {
		return ok("none is INVALID")
	}
	return warning("INVALID, left by a build that did not end: "+few(each(all, leftover)),
		fmt.Sprintf("Each costs every write and serves no read. In a file outside a transaction: DROP INDEX CONCURRENTLY %s; (or REINDEX INDEX CONCURRENTLY, to have it)", all[0].Name))
}

func constraints(p migration.Probes) found {
	all := p.Live.Constraints
	if len(all) == 0 {
		return ok("none is NOT VALID")
	}
	return warning("NOT VALID, so rows from before may break them: "+few(each(all, leftover)),
		fmt.Sprintf("When the rows are right: ALTER TABLE %s VALIDATE CONSTRAINT %s;", all[0].Table, all[0].Name))
}

func leftover(l migration.Leftover) string { return l.Name + " on " + l.Table }

func replication(p migration.Probes) found {
	l := p.Live
	slots := each(l.Slots, func(s migration.Slot) string { return s.Name })
	for _, name := range slices.Concat(l.Publications, l.Subscriptions, slots) {
		if migration.BlueGreen(name) {
			return broken(fmt.Sprintf("by the name of %s a Blue/Green deployment replicates this database: changes of the schema break it", name),
				"Wait until it has switched over, or delete the deployment; then migrate.")
		}
	}
	var said []string
	say := func(what string, names []string) {
		if len(names) > 0 {
			said = append(said, what+" "+few(names))
		}
	}
	say("published by", l.Publications)
	say("subscribed by", l.Subscriptions)
	var logical, idle []string
	for _, s := range l.Slots {
		if s.Logical {
			logical = append(logical, s.Name)
		}
		if !s.Active {
			idle = append(idle, s.Name+keeps(s))
		}
	}
	say("read through the logical slots", logical)
	say("nobody reads the slots", idle)
	if len(said) == 0 {
		return ok("no publication, no subscription, no slot")
	}
	return warning(strings.Join(said, "; "), "Changes of the schema are not replicated: what is added goes to the subscriber first, what is dropped to the publisher first. A slot that nobody reads keeps WAL for ever: drop it if it is not needed.")
}

func keeps(s migration.Slot) string {
	if s.Retained == "" {
		return ""
	}
	return " (which keeps " + s.Retained + " of WAL)"
}

const muchLag = 10 * time.Second

func replicas(p migration.Probes) found {
	l := p.Live
	late := slices.DeleteFunc(slices.Clone(l.Replicas), func(r migration.Replica) bool { return r.Lag < muchLag })
	switch {
	case len(late) > 0:
		return warning("behind: "+few(each(late, func(r migration.Replica) string {
			return fmt.Sprintf("%s by %s", r.Name, r.Lag.Round(100*time.Millisecond))
		})),
			"What writes much makes it worse: wait until they have caught up.")
	case l.HiddenReplicas > 0:
		return skipped("%s, whose lag %s may not see", count(l.HiddenReplicas, "replica"), p.User)
	case len(l.Replicas) == 0:
		return ok("none follows this server, as far as it says")
	}
	return ok("%s, none behind by more than %s", count(len(l.Replicas), "replica"), muchLag)
}

func keys(p migration.Probes) found {
	l := p.Live
	if len(l.Keys) == 0 {
		if l.HiddenKeys > 0 {
			return ok("no sequence is near its end (%d more may not be read)", l.HiddenKeys)
		}
		return ok("no sequence is near its end")
	}
	said := few(each(l.Keys, func(k migration.Key) string {
		into := ""
		if k.Column != "" {
			into = " for " + k.Column
		}
		return fmt.Sprintf("%s%s at %d %% (%d of %d)", k.Sequence, into, int(float64(k.Last)*100/float64(k.Limit)), k.Last, k.Limit)
	}))
	return warning("running out: "+said, "At its end no row can be inserted. Move the key to bigint before: a new column, filled in steps, then swapped; the sequence AS bigint too.")
}

// PostgreSQL stops taking writes three million transactions before 2^31.
const agedAt, worn = 1_000_000_000, 2_000_000_000

func wraparound(p migration.Probes) found {
	a := p.Live.Age
	oldest := max(a.Transactions, a.Multixacts)
	said := fmt.Sprintf("the oldest transaction that is not frozen is %d million back (in %s)", oldest/1_000_000, a.Database)
	const fix = "Find what keeps vacuum from freezing (an old transaction, a slot, a prepared transaction), and VACUUM the oldest tables. While an anti-wraparound vacuum runs on a table, what wants to alter it waits."
	switch {
	case oldest >= worn:
		return broken(said+": the server is about to refuse every write", fix)
	case oldest >= agedAt:
		return warning(said, fix)
	}
	return ok("%s", said)
}

func room(p migration.Probes) found {
	if p.Facts.Target.Aurora() {
		return skipped("the database has %s; how much room is left, SQL does not tell. The volume of Aurora grows by itself, but an index build sorts on the local storage of the instance: see FreeLocalStorage in CloudWatch", p.Live.Size)
	}
	return skipped("the database has %s; how much room is left, SQL does not tell (on RDS: FreeStorageSpace in CloudWatch). A table that is rewritten or an index that is built stands there twice for a time", p.Live.Size)
}

func clock(p migration.Probes) found {
	off := p.Live.Ahead.Abs()
	exactly := p.Live.Within.Round(time.Millisecond) + time.Millisecond
	if off-p.Live.Within < time.Minute {
		return ok("the server's and ours agree to %s", max(off, p.Live.Within).Round(time.Millisecond)+time.Millisecond)
	}
	side := "ahead of"
	if p.Live.Ahead < 0 {
		side = "behind"
	}
	return warning(fmt.Sprintf("the server's is %s %s ours (to within %s)", off.Round(time.Second), side, exactly),
		"Set the clock that is wrong: tokens of IAM and certificates are valid by it, and the history says when each version ran.")
}
