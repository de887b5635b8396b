package catalog

import (
	"regexp"
	"strings"
)

// Lines returns s with each line of each definition put through keep, which
// returns what to write for it, and false to leave it out.
func (s Snapshot) Lines(keep func(o Object, line string) (string, bool)) Snapshot {
	changed := make(Snapshot, len(s))
	for i, o := range s {
		var kept []string
		for _, line := range lines(o.Definition) {
			if text, ok := keep(o, line); ok {
				kept = append(kept, text)
			}
		}
		changed[i] = Object{Kind: o.Kind, Name: o.Name, Definition: strings.Join(kept, "\n")}
	}
	return changed
}

// Partitioned says that o is a table with partitions, or made for them.
func Partitioned(o Object) bool {
	_, ok := behind(o, "partition by ")
	return ok
}

// PartitionOf is the table that o is a partition of; false where it is of none.
func PartitionOf(o Object) (parent string, ok bool) {
	if _, ok = behind(o, "partition of "); !ok {
		return "", false
	}
	parent, ok = behind(o, "inherits ")
	return strings.TrimSuffix(parent, " detach pending"), ok
}

// OwnedBy is the table that a sequence belongs to; false where it belongs to none.
func OwnedBy(o Object) (table string, ok bool) {
	table, ok = behind(o, "owned by ")
	if at := strings.LastIndexByte(table, ' '); ok && o.Kind == "sequence" && at > 0 {
		return table[:at], true
	}
	return "", false
}

// References is the table that a foreign key refers to, of a line that is one.
func References(line string) (table string, ok bool) {
	at := referring.FindStringSubmatch(line)
	if at == nil {
		return "", false
	}
	return at[1], true
}

var referring = regexp.MustCompile(`^constraint ` + identifier + ` FOREIGN KEY \(.*?\) REFERENCES (` + identifier + `(?:\.` + identifier + `)?)\(`)

// Invalid says what an object has that was begun and not ended: indexes that are
// INVALID, and a partition that is half detached.
func Invalid(o Object) (said []string) {
	for _, line := range lines(o.Definition) {
		f := parse(line)
		switch {
		case f.invalid():
			said = append(said, f.subject()+" is INVALID: it is never used, and still written to")
		case f.word == "inherits" && len(f.values) > 0 && f.values[0].text == "detach pending":
			said = append(said, "it is half detached from "+f.name)
		}
	}
	return said
}

// behind is what the first line that begins with a mark says behind it.
func behind(o Object, mark string) (string, bool) {
	for _, line := range lines(o.Definition) {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return rest, true
		}
	}
	return "", false
}
