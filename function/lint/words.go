package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// enums tells of labels that are no longer there.
func (s *statement) enums() {
	if !s.says("rename value") {
		return
	}
	for _, o := range s.e.Objects {
		if (o.Kind == "type" || o.Kind == "enum") && o.Change == migration.Altered && s.before.get("enum", o.Name) != "" && !s.newInRun(objectKey("type", o.Name)) && !s.labelsNew(o.Name) {
			s.tell(codeLabelGone, migration.Warning, "renames a label of "+o.Name, "Running code that writes or compares the old label fails (22P02).",
				"Add the new label, let the code write it, change the rows in batches, and leave the old label where it is.")
		}
	}
}

// labelsNew says that the labels of an enum that the file renames came by the run itself.
func (s *statement) labelsNew(name string) bool {
	if s.in.Facts == nil && s.in.fromTheBeginning() {
		return false
	}
	was, is, start := lines(s.before.get("enum", name)), lines(s.after.get("enum", name)), lines(s.start.get("enum", name))
	return !slices.ContainsFunc(was, func(label string) bool { return !slices.Contains(is, label) && slices.Contains(start, label) })
}

func lines(definition string) []string { return strings.Split(definition, "\n") }

// words tells of what leaves no trace in effects but in the words themselves.
func (s *statement) words() {
	switch {
	case s.begins("drop database"):
		s.tell(codeDropDatabase, migration.Error, "drops a database", "", "A migration changes the database that it runs in. Do this by hand, with a snapshot kept.")
	case s.replicates():
		s.tell(codeTriggersOff, migration.Warning, "switches off the triggers that keep foreign keys", "Rows that refer to nothing get in, and stay.", "Insert the rows in an order that the foreign keys allow, or make these deferrable.")
	case s.says("disable trigger all"):
		s.tell(codeTriggersOff, migration.Warning, "switches off all triggers of a table, those that keep foreign keys too", "Rows that refer to nothing get in, and stay. It takes a superuser.", "Name the trigger, and switch it on again in the same file: ALTER TABLE ... DISABLE TRIGGER name; ... ENABLE TRIGGER name;")
	case s.begins("alter extension") && s.says("update"):
		s.tell(codeExtension, migration.Info, "brings an extension to another version", "Its script may run long, and versions differ between servers.", "Name the version, and see in pg_available_extension_versions that the server has it.")
	case s.begins("create trigger"), s.begins("create constraint trigger"), s.begins("create or replace trigger"):
		s.newTrigger()
	}
	s.timeout()
	s.roles()
	s.passedOver()
	s.invalid()
}

// newTrigger tells of triggers on tables in use.
func (s *statement) newTrigger() {
	for _, l := range s.own() {
		if isTable(l.Kind) {
			s.tell(codeTrigger, migration.Info, fmt.Sprintf("puts a trigger on %s: every write to it pays from then on", l.Relation), s.waiting(), "Where many rows are written at once, a trigger FOR EACH STATEMENT costs less.")
			return
		}
	}
}

// invalid tells of indexes that are left INVALID.
func (s *statement) invalid() {
	for _, i := range s.e.Indexes {
		if i.Invalid && !s.before.partitioned(i.Table) {
			s.tell(codeIndexInvalid, migration.Warning, fmt.Sprintf("leaves %s INVALID: it costs at each write and helps no query", i.Index), "", "Drop it CONCURRENTLY and build it again.")
		}
		if f, ok := s.in.Facts[i.Table].Indexes[i.Index]; ok && f.Invalid {
			s.tell(codeIndexInvalid, migration.Warning, fmt.Sprintf("%s is there already and INVALID", i.Index), "It is what a build that failed left behind.", fix("Drop it first:", alone("DROP INDEX CONCURRENTLY "+i.Index)))
		}
	}
}

// busy tells of short locks on tables that are much used.
func (s *statement) busy() {
	if len(s.findings) > 0 {
		return
	}
	for _, l := range s.own() {
		f, ok := s.in.Facts[l.Relation]
		if ok && isTable(l.Kind) && f.Reads+f.Writes >= s.in.Policy.Busy {
			s.tell(codeHotTable, migration.Info, fmt.Sprintf("takes %s on %s for an instant, a busy table: %.0f scans and %.0f written rows a second", l.Mode, l.Relation, f.Reads, f.Writes),
				s.waiting(), "It waits for a short lock_timeout only, and tries again. A quiet hour needs fewer tries.")
			return
		}
	}
}
