package catalog

import (
	"regexp"
	"strings"
)

// A fact is one line of a definition, taken apart: what it speaks of, and what
// it says of that.
type fact struct {
	word   string // "column", "constraint", "index", ...; "" of the object itself
	name   string // of what it speaks of, quoted as it stands; "" where it has none
	values []value
}

// A value is one thing that a fact says. The first one of a fact has no key.
type value struct{ key, text string }

// keys are those of a line by its first word, in their order there. They are
// what the queries of postgres write; a line of another form is one value.
var keys = map[string][]string{
	"relation":    {"owner", "acl", "options", "toast", "rls", "identity", "method", "tablespace", "populated"},
	"column":      {"collation", "storage", "statistics", "acl", "options", "default", "comment"},
	"sequence":    {"start", "by", "max", "min", "cache", "cycle"},
	"constraint":  {"valid", "comment"},
	"index":       {"tablespace", "statistics", "comment"},
	"trigger":     {"enabled", "comment"},
	"policy":      {"to", "using", "check", "comment"},
	"rule":        {"enabled", "comment"},
	"statistics":  {"target", "owner", "comment"},
	"publication": {"columns", "where"},
	"type":        {"owner", "acl", "comment"},
	"domain":      {"collation", "default"},
	"attribute":   {"collation", "comment"},
	"identity":    {"start", "by"},
	"routine":     {"language", "volatile", "strict", "definer", "leakproof", "parallel", "cost", "rows", "support", "config", "owner", "acl", "comment"},
	"namespace":   {"owner", "acl"},
}

// named are the first words behind which the name of a part of the object stands.
var named = map[string]bool{"column": true, "constraint": true, "policy": true, "publication": true, "attribute": true, "identity": true, "inherits": true, "child": true, "label": true}

var (
	routineLine = regexp.MustCompile(`^[fpaw]\(`)
	indexName   = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX (` + identifier + `) ON `)
	triggerName = regexp.MustCompile(`^CREATE (?:CONSTRAINT )?TRIGGER (` + identifier + `) `)
	ruleName    = regexp.MustCompile(`^CREATE RULE (` + identifier + `) AS`)
	statsName   = regexp.MustCompile(`^CREATE STATISTICS (` + identifier + `(?:\.` + identifier + `)?) `)
	firstName   = regexp.MustCompile(`^(` + identifier + `(?:\.` + identifier + `)?)(?: |$)`)
)

// identifier is a name as quote_ident writes it.
const identifier = `(?:"(?:[^"]|"")*"|[^\s".(),]+)`

// parse takes a line apart.
func parse(line string) fact {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case routineLine.MatchString(line):
		return fact{values: split("routine", line)}
	case strings.HasPrefix(line, "owner="):
		return fact{values: split("namespace", " "+line)}
	case word == "relation" || word == "type" || word == "sequence" || word == "domain":
		return fact{values: split(word, line)}
	case word == "index":
		return part(word, indexName, rest)
	case word == "rule":
		return part(word, ruleName, rest)
	case word == "statistics":
		return part(word, statsName, rest)
	case strings.HasPrefix(line, "trigger of constraint "):
		return part("trigger of constraint", firstName, strings.TrimPrefix(line, "trigger of constraint "))
	case word == "trigger":
		return part(word, triggerName, rest)
	case word == "label":
		return fact{word: word, name: rest}
	case named[word]:
		return part(word, firstName, rest)
	}
	return fact{values: []value{{"", line}}}
}

// part is the fact of a line about something that name finds the name of.
func part(word string, name *regexp.Regexp, rest string) fact {
	f := fact{word: word}
	if at := name.FindStringSubmatchIndex(rest); at != nil {
		f.name = rest[at[2]:at[3]]
		if at[2] == 0 { // the name is no part of what is said
			rest = rest[at[3]:]
		}
	}
	if word == "trigger of constraint" {
		word = "rule" // it has the same keys
	}
	f.values = split(word, rest)
	f.values[0].text = strings.TrimPrefix(f.values[0].text, " ")
	return f
}

// split cuts a line at its keys. Only the last value can hold what looks like
// its own key.
func split(word, line string) []value {
	values := []value{{"", line}}
	for i, key := range keys[word] {
		last := &values[len(values)-1]
		mark := " " + key + "="
		at := strings.Index(last.text, mark)
		if i == len(keys[word])-1 {
			at = strings.LastIndex(last.text, mark)
		}
		if at < 0 {
			continue
		}
		text := last.text[at+len(mark):]
		last.text = last.text[:at]
		values = append(values, value{key, text})
	}
	return values
}

// find is what the fact says under a key.
func (f fact) find(key string) (string, bool) {
	for _, v := range f.values {
		if v.key == key {
			return v.text, true
		}
	}
	return "", false
}

// Last is the last part of a qualified name without its quotes, as the catalogue
// has it: of public."T" it is T, and of app.f(integer) it is f.
func Last(name string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '"' && quoted && i+1 < len(name) && name[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			b.Reset()
		case c == '(' && !quoted && b.Len() > 0:
			i = len(name)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
