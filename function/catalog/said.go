package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// compare pairs the lines that should be there with those that are, by what they
// speak of, and says in words what is not as it should be, which privileges are
// not there, and which there are beyond those that should be.
func compare(should, is []string, ownerShould, ownerIs string) (wrong, lost, beyond []string) {
	rest := make([]fact, len(is))
	for i, line := range is {
		rest[i] = parse(line)
	}
	body := false
	for _, line := range should {
		s := parse(line)
		i := slices.IndexFunc(rest, func(f fact) bool { return f.same(s) })
		if i < 0 {
			if said := s.missing(); said != "" {
				wrong = append(wrong, said)
			} else {
				body = true
			}
			continue
		}
		w, l, b := s.against(rest[i], ownerShould, ownerIs)
		wrong, lost, beyond = append(wrong, w...), append(lost, l...), append(beyond, b...)
		rest = slices.Delete(rest, i, i+1)
	}
	for _, f := range rest {
		if said := f.extra(); said != "" {
			wrong = append(wrong, said)
		} else {
			body = true
		}
	}
	if body {
		wrong = append(wrong, "its text is not the one that the migrations give it")
	}
	return wrong, lost, beyond
}

// isText says that f is a line of a text, such as the body of a function.
func (f fact) isText() bool { return f.word == "" && f.topic() == "" }

// same says that two facts speak of the same thing.
func (f fact) same(g fact) bool {
	if f.word != g.word || f.name != g.name {
		return false
	}
	if f.word != "" {
		return true
	}
	return f.topic() != "" && f.topic() == g.topic()
}

// topics are the first words of the lines that an object has one of at most.
var topics = []string{"relation", "type", "sequence", "domain", "comment", "server", "partition", "range", "aggregate", "schema", "function"}

// topic says what about the object itself a line tells; "" for a line of its text.
func (f fact) topic() string {
	if len(f.values) == 0 {
		return ""
	}
	if len(f.values) > 1 && f.values[0].text == "" {
		return "namespace"
	}
	line := f.values[0].text
	if routineLine.MatchString(line) && len(f.values) > 1 {
		return "routine"
	}
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "partition":
		return word + " " + strings.SplitN(rest, " ", 2)[0]
	case word == "owned":
		return word
	case slices.Contains(topics, word):
		return word
	}
	return ""
}

// subject is "column n", as a sentence has it.
func (f fact) subject() string {
	if f.name == "" {
		return f.word
	}
	return strings.TrimSpace(f.word + " " + f.name)
}

func (f fact) said() string {
	if len(f.values) == 0 || f.values[0].text == "" {
		return ""
	}
	return " (" + f.values[0].text + ")"
}

// missing says that the fact should be one and is none; "" for a line of a text.
func (f fact) missing() string {
	switch {
	case f.word == "inherits":
		return "it does not belong to " + f.name + ", and the migrations say it does"
	case f.word != "":
		return f.subject() + f.said() + " is not there, and the migrations make it"
	}
	switch f.topic() {
	case "":
		return ""
	case "comment":
		return "it has no comment, and the migrations give it one"
	case "partition of":
		return "it is no partition, and the migrations make it one " + strings.TrimPrefix(f.values[0].text, "partition of ")
	}
	return "it has not what the migrations give it: " + f.values[0].text
}

// extra says that the fact is one and should be none; "" for a line of a text.
func (f fact) extra() string {
	switch {
	case f.word == "inherits":
		return "it belongs to " + f.name + f.said() + ", and the migrations do not say so"
	case f.word == "index" && f.invalid():
		return f.subject() + " is there, and no migration makes it; it is INVALID: never used, and still written to"
	case f.word != "":
		return f.subject() + f.said() + " is there, and no migration makes it"
	}
	switch f.topic() {
	case "":
		return ""
	case "comment":
		return "it has a comment that no migration gives it"
	case "partition of":
		return "it is a partition " + strings.TrimPrefix(f.values[0].text, "partition of ") + ", and no migration makes it one"
	}
	return "it has what no migration gives it: " + f.values[0].text
}

func (f fact) invalid() bool {
	return f.word == "index" && len(f.values) > 0 && strings.Contains(" "+f.flags()+" ", " invalid ")
}

// flags are the words behind the definition of an index.
func (f fact) flags() string {
	text := f.values[0].text
	return text[len(bareIndex(text)):]
}

var indexFlags = []string{" deferrable", " clustered", " replica identity", " invalid"}

// bareIndex is the definition of an index without what is said behind it.
func bareIndex(text string) string {
	for _, flag := range indexFlags {
		text = strings.TrimSuffix(text, flag)
	}
	return text
}

// against says in what a fact that is differs from the one that should be.
func (f fact) against(is fact, ownerShould, ownerIs string) (wrong, lost, beyond []string) {
	for i, v := range f.values {
		if i >= len(is.values) || is.values[i].key != v.key || is.values[i].text == v.text {
			continue
		}
		got := is.values[i].text
		if v.key == "acl" {
			l, b := f.grants(v.text, ownerShould).compared(is.grants(got, ownerIs))
			lost, beyond = append(lost, prefixed(f, l)...), append(beyond, prefixed(f, b)...)
			continue
		}
		wrong = append(wrong, f.differs(v, got)...)
	}
	return wrong, lost, beyond
}

// grants reads the acl of a fact, with what everybody has where there is none.
func (f fact) grants(acl, owner string) grants {
	if all := everybody[f.topic()]; acl == "" && all != "" {
		return grants{"": all}
	}
	return granted(acl, owner)
}

func prefixed(f fact, said []string) []string {
	if f.word == "" {
		return said
	}
	for i := range said {
		said[i] = "on " + f.subject() + ", " + said[i]
	}
	return said
}

// differs says how one value is another than should.
func (f fact) differs(should value, got string) []string {
	subject := f.subject()
	if subject == "" {
		subject = "it"
	}
	switch {
	case should.key == "valid" && got == "f":
		return []string{subject + " is NOT VALID, and the migrations validate it"}
	case should.key == "valid":
		return []string{subject + " is validated, and the migrations leave it NOT VALID"}
	case should.key == "" && f.word == "column" || should.key == "" && f.word == "attribute":
		return columnType(subject, should.text, got)
	case should.key == "" && f.word == "index":
		return indexText(subject, should.text, got)
	case should.key == "" && f.topic() == "comment":
		return []string{"it has another comment than the migrations give it"}
	case should.key == "comment":
		return []string{subject + " has another comment than the migrations give it"}
	case should.key == "" && f.word == "inherits" && got != "":
		return []string{"it is half detached from " + f.name + " (" + got + ")"}
	case should.key == "enabled":
		return []string{fmt.Sprintf("%s is %s, and the migrations say %s", subject, enabled(got), enabled(should.text))}
	case should.key == "":
		return []string{fmt.Sprintf("%s is %s, and the migrations say %s", subject, got, should.text)}
	}
	name := cmp.Or(longer[should.key], should.key)
	if f.subject() == "" {
		return []string{fmt.Sprintf("its %s is %s, and the migrations say %s", name, orNone(got), orNone(should.text))}
	}
	return []string{fmt.Sprintf("the %s of %s is %s, and the migrations say %s", name, subject, orNone(got), orNone(should.text))}
}

// longer says a key in words, where it is not one.
var longer = map[string]string{
	"rls": "row level security (enabled, forced)", "identity": "replica identity", "method": "access method", "toast": "TOAST options",
	"definer": "SECURITY DEFINER", "by": "increment", "max": "maximum", "min": "minimum", "where": "row filter", "using": "USING", "check": "WITH CHECK", "to": "roles",
}

func enabled(letter string) string {
	switch letter {
	case "O":
		return "enabled"
	case "D":
		return "DISABLED"
	case "R":
		return "enabled for replicas only"
	case "A":
		return "always enabled"
	}
	return letter
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func columnType(subject, should, got string) (said []string) {
	wasType, wasNot := strings.CutSuffix(should, " not null")
	isType, isNot := strings.CutSuffix(got, " not null")
	if wasType != isType {
		said = append(said, fmt.Sprintf("%s is %s, and the migrations say %s", subject, isType, wasType))
	}
	switch {
	case wasNot && !isNot:
		said = append(said, subject+" may be null, and the migrations say NOT NULL")
	case isNot && !wasNot:
		said = append(said, subject+" is NOT NULL, and the migrations let it be null")
	}
	return said
}

func indexText(subject, should, got string) (said []string) {
	if bareIndex(should) != bareIndex(got) {
		said = append(said, fmt.Sprintf("%s is %s, and the migrations say %s", subject, bareIndex(got), bareIndex(should)))
	}
	was, is := should[len(bareIndex(should)):], got[len(bareIndex(got)):]
	switch {
	case strings.Contains(is, "invalid") && !strings.Contains(was, "invalid"):
		return append(said, subject+" is INVALID: it is never used, and still written to")
	case was != is:
		return append(said, fmt.Sprintf("%s is%s, and the migrations say%s", subject, flagsSaid(is), flagsSaid(was)))
	}
	return said
}

func flagsSaid(flags string) string {
	if flags == "" {
		return " nothing of the kind"
	}
	return flags
}
