package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A changeset is one of Liquibase.
type changeset struct {
	path       string
	line       int
	author, id string
	attributes map[string]string // keys in lower case
	sql        []string          // lines
	lines      []int             // where each stands in the file
	rollback   []string
	conditions int  // the line of --preconditions, 0 for none
	foreign    bool // XML, YAML or JSON
	raw        bool // a .sql file without the header of Liquibase
}

func (c changeset) String() string {
	if c.raw {
		return ""
	}
	return c.author + ":" + c.id
}

var (
	liquibaseHeader = regexp.MustCompile(`(?i)^\s*--\s*liquibase\s+formatted\s+sql`)
	changesetLine   = regexp.MustCompile(`(?i)^\s*--\s*changeset\s+("[^"]+"|[^:]+):\s*("[^"]+"|\S+)(.*)$`)
	remarkLine      = regexp.MustCompile(`(?i)^\s*--\s*(rollback|property|preconditions|precondition-sql-check|precondition-table-exists|precondition-view-exists|comment|validCheckSum|ignoreLines)\b:?\s?(.*)$`)
	rollbackBlock   = regexp.MustCompile(`(?i)^\s*/\*\s*liquibase\s+rollback\s*$`)
	attribute       = regexp.MustCompile(`(\w+):("[^"]*"|\S+)`)
)

func formatted(text string) bool { return liquibaseHeader.MatchString(strings.TrimLeft(text, " \t\n")) }

// sqlChangelog reads the changesets of a .sql file.
func (l *liquibase) sqlChangelog(p string) []changeset {
	text := l.src.texts[p]
	if !formatted(text) {
		c := changeset{path: p, line: 1, raw: true, id: "raw", sql: []string{text}}
		return []changeset{c}
	}
	r := changelogReader{l: l, path: p}
	for i, line := range strings.SplitAfter(text, "\n") {
		r.line(i+1, line)
	}
	return r.sets
}

type changelogReader struct {
	l       *liquibase
	path    string
	sets    []changeset
	ignored int  // lines still to pass over, -1 up to ignoreLines:end
	undoing bool // within /* liquibase rollback */
}

func (r *changelogReader) line(number int, line string) {
	text := strings.TrimSuffix(line, "\n")
	m := remarkLine.FindStringSubmatch(text)
	if r.ignored != 0 {
		r.ignored = max(r.ignored-1, -1)
		if m != nil && strings.EqualFold(m[1], "ignoreLines") && strings.EqualFold(strings.TrimSpace(m[2]), "end") {
			r.ignored = 0
		}
		return
	}
	if c := changesetLine.FindStringSubmatch(text); c != nil {
		r.sets = append(r.sets, changeset{path: r.path, line: number, author: unquoted(c[1]), id: unquoted(c[2]), attributes: attributes(c[3])})
		return
	}
	switch {
	case m != nil:
		r.remark(number, strings.ToLower(m[1]), strings.TrimSpace(m[2]))
	case len(r.sets) == 0:
	case rollbackBlock.MatchString(text):
		r.undoing = true
	case r.undoing:
		before, _, ended := strings.Cut(line, "*/")
		r.undo(before)
		if ended {
			r.undoing = false
			r.undo("\n")
		}
	default:
		r.run(number, line)
	}
}

func (r *changelogReader) last() *changeset { return &r.sets[len(r.sets)-1] }

func (r *changelogReader) run(number int, line string) {
	r.last().sql, r.last().lines = append(r.last().sql, line), append(r.last().lines, number)
}

func (r *changelogReader) undo(line string) { r.last().rollback = append(r.last().rollback, line) }

// remark takes up what a comment says to Liquibase.
func (r *changelogReader) remark(number int, word, rest string) {
	switch {
	case word == "property":
		r.l.define(attributes(rest))
	case word == "ignorelines" && strings.EqualFold(rest, "start"):
		r.ignored = -1
	case word == "ignorelines":
		_, _ = fmt.Sscan(rest, &r.ignored)
	case len(r.sets) == 0:
	case word == "comment":
		r.run(number, "-- "+rest+"\n")
	case word == "preconditions":
		r.last().conditions = number
	case word == "rollback":
		r.rollback(number, rest)
	}
}

func (r *changelogReader) rollback(number int, rest string) {
	switch first, _, _ := strings.Cut(strings.ToLower(rest), " "); {
	case rest == "" || first == "empty" || strings.HasPrefix(strings.ToLower(rest), "not required"):
	case strings.HasPrefix(first, "changesetid:") || strings.HasPrefix(first, "changesetpath:"):
		r.l.src.note(r.path, number, codeLeftOut, "a way back that names another changeset", "")
	default:
		r.undo(rest + "\n")
	}
}

// attributes reads name:value pairs; the names come in lower case.
func attributes(text string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(text, -1) {
		all[strings.ToLower(m[1])] = unquoted(m[2])
	}
	return all
}

func unquoted(text string) string { return strings.Trim(strings.TrimSpace(text), `"`) }

// forPostgreSQL says that a list of databases admits ours: postgresql, h2 or !oracle.
func forPostgreSQL(dbms string) bool {
	names := strings.Split(strings.ToLower(strings.ReplaceAll(dbms, " ", "")), ",")
	switch {
	case slices.Contains(names, "!postgresql") || slices.Contains(names, "none"):
		return false
	case dbms == "" || slices.Contains(names, "all") || slices.Contains(names, "postgresql"):
		return true
	}
	return !slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, "!") })
}

// judge says what of a changeset gets lost; false where it does not run on
// PostgreSQL at all, or runs nothing.
func (c changeset) judge(src *source) bool {
	a := c.attributes
	if a["contextfilter"] == "" {
		a = withDefault(a, "contextfilter", a["context"])
	}
	switch {
	case c.foreign:
		src.note(c.path, c.line, codeNotSQL, fmt.Sprintf("changeset %s is not SQL", c),
			"Write in SQL what it does into the file that holds its place (liquibase update-sql prints it), then run aurora-migrate hash.")
		return true
	case !forPostgreSQL(a["dbms"]):
		src.note(c.path, c.line, codeLeftOut, fmt.Sprintf("changeset %s is for %s", c, a["dbms"]), "")
		return false
	case bare(strings.Join(c.sql, "")):
		src.note(c.path, c.line, codeLeftOut, fmt.Sprintf("changeset %s runs nothing", c), "")
		return false
	}
	for _, loss := range []struct {
		lost         bool
		summary, fix string
	}{
		{a["contextfilter"] != "", fmt.Sprintf("changeset %s ran where the context was %s: from now on it runs everywhere", c, a["contextfilter"]), "Take the file out if that is not meant, and run aurora-migrate hash."},
		{a["labels"] != "", fmt.Sprintf("changeset %s ran where the labels %s were asked for: from now on it runs everywhere", c, a["labels"]), "Take the file out if that is not meant, and run aurora-migrate hash."},
		{strings.EqualFold(a["runonchange"], "true"), fmt.Sprintf("changeset %s ran again when it was changed: from now on it runs once", c), "A change to what it defines is a new migration from now on."},
		{strings.EqualFold(a["runalways"], "true"), fmt.Sprintf("changeset %s ran each time: from now on it runs once", c), "What has to run each time belongs into whatever calls the migrations."},
		{strings.EqualFold(a["failonerror"], "false"), fmt.Sprintf("changeset %s was allowed to fail: from now on its failure stops the run", c), "Write it so that it does not fail."},
		{c.conditions > 0, fmt.Sprintf("changeset %s had preconditions: from now on it runs without them", c), "Where they matter, say them in SQL: IF NOT EXISTS, or a DO block that raises an exception."},
	} {
		if loss.lost {
			src.note(c.path, c.line, codeRunsOnce, loss.summary, loss.fix)
		}
	}
	return true
}

func withDefault(m map[string]string, key, value string) map[string]string {
	all := map[string]string{key: value}
	for k, v := range m {
		if k != key || v != "" {
			all[k] = v
		}
	}
	return all
}

func (c changeset) script(l *liquibase) script {
	s := script{from: c.path, part: c.String(), line: c.line + 1}
	if c.foreign {
		return s.placeholder(fmt.Sprintf("What changeset %s of %s did", c, c.path))
	}
	s.alone = strings.EqualFold(c.attributes["runintransaction"], "false")
	sql := l.substituted(strings.Join(c.sql, ""))
	l.src.placeholders(c.path, c.lines, sql, "Liquibase")
	if mark := c.attributes["enddelimiter"]; mark != "" && mark != ";" {
		sql = delimited(sql, mark)
	}
	s.up = trimmed(sql)
	if !c.raw {
		s.up = fmt.Sprintf("-- changeset %s of %s\n%s", c, c.path, s.up)
	}
	s.down = terminated(l.substituted(strings.Join(c.rollback, "")))
	return s
}

// substituted puts the properties in.
func (l *liquibase) substituted(sql string) string {
	for name, value := range l.properties {
		sql = strings.ReplaceAll(sql, "${"+name+"}", value)
	}
	return sql
}

// delimited is sql, whose statements end with mark, with semicolons instead.
func delimited(sql, mark string) string {
	if mark == "/" {
		mark = `\n/` // elsewhere it divides
	}
	first := "-- atlas:delimiter " + strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(mark) + "\n"
	cut := first + "\n" + sql
	stmts, err := migration.Split(cut)
	if err != nil {
		return sql // the directory that comes out says what is wrong
	}
	plain := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(mark)
	var b strings.Builder
	at := len(first) + 1
	for _, s := range stmts {
		b.WriteString(strings.ReplaceAll(cut[at:s.Pos], plain, "\n"))
		b.WriteString(terminated(s.Text))
		at = s.Pos + len(s.Text)
	}
	b.WriteString(strings.ReplaceAll(cut[at:], plain, "\n"))
	return b.String()
}
