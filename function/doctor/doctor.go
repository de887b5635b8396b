// Package doctor tells the first broken link of the chain from the function to
// a database that can be migrated, and how to mend it. It decides from values
// alone; the corridor makes the probes and hands them in.
//
// Read chain for the links and their order. Each has one function, which says
// what it found.
package doctor

import (
	"fmt"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Diagnose returns one check for each link, in the order of the chain, and the
// SQL that an administrator may need: what is lacking, if anything, and how the
// users of a runner and of a planner are made.
func Diagnose(p migration.Probes) migration.Diagnosis {
	var d migration.Diagnosis
	var missing []string
	var end migration.Link // the broken link beyond which nothing could be seen
	for _, link := range chain {
		f := notSeen(end)
		if end == "" {
			f = link.look(p)
		}
		if f.state == migration.CheckBroken && link.ends {
			end = link.name
		}
		missing = append(missing, f.sql...)
		d.Checks = append(d.Checks, migration.Check{Name: link.name, State: f.state, Said: f.said, Fix: f.mend()})
	}
	d.Scripts = scripts(p, missing)
	return d
}

// chain is every link in its order. Where one that ends the chain is broken,
// nothing behind it can be seen; others are looked at each by itself.
var chain = []struct {
	name migration.Link
	look func(migration.Probes) found
	ends bool
}{
	{migration.LinkConfiguration, configuration, true},
	{migration.LinkDirectory, directory, false},
	{migration.LinkName, name, true},
	{migration.LinkPort, port, true},
	{migration.LinkTLS, encryption, true},
	{migration.LinkCredentials, credentials, true},
	{migration.LinkLogin, login, true},
	{migration.LinkWriter, writer, false},
	{migration.LinkReadOnly, readOnly, false},
	{migration.LinkPooler, pooler, false},
	{migration.LinkVersion, version, false},
	{migration.LinkRole, role, false},
	{migration.LinkHistory, history, false},
	{migration.LinkPrivileges, seen(migration.LinkPrivileges, privileges), false},
	{migration.LinkLock, seen(migration.LinkLock, lock), false},
	{migration.LinkSettings, seen(migration.LinkSettings, settings), false},
	{migration.LinkConnections, seen(migration.LinkConnections, connections), false},
	{migration.LinkTransactions, seen(migration.LinkTransactions, transactions), false},
	{migration.LinkPrepared, seen(migration.LinkPrepared, prepared), false},
	{migration.LinkIndexes, seen(migration.LinkIndexes, indexes), false},
	{migration.LinkConstraints, seen(migration.LinkConstraints, constraints), false},
	{migration.LinkReplication, seen(migration.LinkReplication, replication), false},
	{migration.LinkReplicas, seen(migration.LinkReplicas, replicas), false},
	{migration.LinkKeys, seen(migration.LinkKeys, keys), false},
	{migration.LinkWraparound, seen(migration.LinkWraparound, wraparound), false},
	{migration.LinkRoom, seen(migration.LinkRoom, room), false},
	{migration.LinkClock, seen(migration.LinkClock, clock), false},
}

// found is what one link is told as, with the SQL that it lacks.
type found struct {
	state     migration.CheckState
	said, fix string
	sql       []string
}

// mend is the fix with its SQL, unless that is much: then the script has it.
func (f found) mend() string {
	const most = 3
	if n := len(f.sql); n == 0 || n > most {
		return f.fix
	}
	return strings.TrimSuffix(f.fix, ".") + ": " + strings.Join(f.sql, " ")
}

func ok(format string, args ...any) found {
	return found{state: migration.CheckOK, said: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) found {
	return found{state: migration.CheckSkipped, said: fmt.Sprintf(format, args...)}
}

// broken and warning say what is wrong and what to do; sql is what an
// administrator has to run for that.
func broken(said, fix string, sql ...string) found {
	return found{migration.CheckBroken, said, fix, sql}
}

func warning(said, fix string, sql ...string) found {
	return found{migration.CheckWarning, said, fix, sql}
}

func notSeen(end migration.Link) found { return skipped("not looked at, since %s is broken", end) }

// seen wraps the look at a link whose probe may have failed by itself.
func seen(link migration.Link, look func(migration.Probes) found) func(migration.Probes) found {
	return func(p migration.Probes) found {
		if why, missed := p.Live.Missed[link]; missed {
			return skipped("not looked at: %s", why)
		}
		return look(p)
	}
}

// few joins names, the first five of them.
func few(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// count is "1 file" or "3 files".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// each makes a name of every item.
func each[T any](items []T, name func(T) string) []string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = name(item)
	}
	return names
}
