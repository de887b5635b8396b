package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A statement is one that is judged.
type statement struct {
	*sheet
	stmt      migration.Stmt
	e         migration.Effects
	tokens    []migration.Token // those of the bodies of DO blocks too
	partition string            // of before, that it attaches
	worksOn   bool              // a finding tells of its work under a lock
	foretold  bool              // a finding tells how long it takes
	rule      int               // which of rules speaks
	toldBy    map[string]int    // the rule that told of work, by code
	findings  []migration.Finding
}

// transactions are the effects of the transactions that the statement commits, one
// for most statements: what it reads in one, nobody waits for by a lock of another.
func (s *statement) transactions() []migration.Effects {
	if len(s.e.Pieces) == 0 {
		return []migration.Effects{s.e}
	}
	pieces := slices.Clone(s.e.Pieces)
	for i := range pieces {
		pieces[i].Statement, pieces[i].Alone = s.e.Statement, s.e.Alone // its place decides, whatever was written there
	}
	return pieces
}

// apart says that the statement commits by itself.
func (s *statement) apart() bool { return s.e.Alone || s.file.TxMode == migration.TxNone }

// tell adds a finding. A second one of the same code is left out: a rule says all
// in one.
func (s *statement) tell(code string, severity migration.Severity, summary, detail, fix string) {
	if slices.ContainsFunc(s.findings, func(f migration.Finding) bool { return f.Code == code }) {
		return
	}
	s.findings = append(s.findings, migration.Finding{Code: code, Severity: severity, File: s.file.Name, Line: s.stmt.Line,
		Statement: s.e.Statement, Summary: summary, Detail: detail, Fix: fix})
}

// work tells of work that is done on relations while others wait. Where a rule tells
// the same of other relations, its first finding says so.
func (s *statement) work(code string, relations []string, summary, fix string) {
	relations = unique(relations)
	if s.begins("do") || s.begins("call") || s.begins("select") {
		fix = "What else the statement does stays. " + fix
	}
	if at := slices.IndexFunc(s.findings, func(f migration.Finding) bool { return f.Code == code }); at >= 0 && s.findings[at].Summary != summary && s.toldBy[code] == s.rule {
		f := &s.findings[at]
		f.Detail = sentences(f.Detail, "Likewise: "+summary+".", s.sizes(relations))
		if w := s.weigh(relations); w == migration.Error || f.Severity == migration.Info {
			f.Severity = w
		}
	}
	s.tell(code, s.weigh(relations), summary, sentences(s.waiting(), s.sizes(relations), s.givesUp()), fix)
	s.worksOn = true
	if s.toldBy == nil {
		s.toldBy = make(map[string]int)
	}
	if _, told := s.toldBy[code]; !told {
		s.toldBy[code] = s.rule
	}
}

func sentences(said ...string) string {
	return strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), " ")
}

// deepTokens are the tokens of a text, of what stands in its dollar quotes, and of the
// literals that a body executes.
func deepTokens(text string) []migration.Token {
	var all []migration.Token
	executes := false // the statement of a body that we are in
	for _, t := range migration.Tokens(text) {
		switch {
		case t.Is("execute"):
			executes = true
		case t.Text == ";", t.Is("function"), t.Is("procedure"):
			executes = false
		case executes && t.Kind == migration.Literal && strings.HasPrefix(t.Text, "'"):
			all = append(all, t)
			all = append(all, migration.Tokens(strings.ReplaceAll(strings.Trim(t.Text, "'"), "''", "'"))...)
			continue
		}
		if t.Kind == migration.Literal && strings.HasPrefix(t.Text, "$") {
			if mark := strings.IndexByte(t.Text[1:], '$'); mark >= 0 {
				body := strings.TrimSuffix(t.Text[mark+2:], t.Text[:mark+2])
				all = append(all, deepTokens(body)...)
				continue
			}
		}
		all = append(all, t)
	}
	return all
}

// says reports whether the key words follow each other somewhere in it.
func (s *statement) says(words string) bool { return says(s.tokens, words) }

func says(tokens []migration.Token, words string) bool {
	keywords := strings.Fields(words)
	for i := range tokens {
		if i+len(keywords) > len(tokens) {
			return false
		}
		match := true
		for k, w := range keywords {
			if t := tokens[i+k]; !t.Is(w) && (t.Kind != migration.Symbol && t.Kind != migration.Number || t.Text != w) {
				match = false
				break
			}
		}
		if match {
			return true
		}
	}
	return false
}

// begins reports whether the statement begins with the key words.
func (s *statement) begins(words string) bool {
	keywords := strings.Fields(words)
	return len(keywords) <= len(s.tokens) && says(s.tokens[:len(keywords)], words)
}

// text is the statement without its semicolon.
func (s *statement) text() string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s.stmt.Text), ";"))
}

// rewrites says that it rewrote the file of a table.
func (s *statement) rewrites(name string) bool { return slices.Contains(s.e.Rewrites, name) }

// scans says that it read a relation, or the tree of partitions below or above
// it, from end to end.
func (s *statement) scans(name string) bool {
	root := s.before.root(name)
	return slices.ContainsFunc(s.e.Scans, func(seen migration.ScanSeen) bool {
		return seen.Relation == name || s.before.partitioned(name) && s.before.root(seen.Relation) == root
	})
}

// scanned are all relations that it read from end to end.
func (s *statement) scanned() []string {
	var names []string
	for _, seen := range s.e.Scans {
		names = append(names, seen.Relation)
	}
	return unique(names)
}

// observed tells where nothing, or not enough, was seen.
func (s *statement) observed() {
	const fix = "Look at it by hand: which locks it takes, and whether it reads or writes whole tables under them."
	if s.e.Unobserved != "" && !s.e.Privileged {
		s.tell(codeUnknown, migration.Warning, "what the statement does is not known: "+s.e.Unobserved, "", fix)
		return
	}
	if s.e.Privileged {
		severity, detail := migration.Info, "A role that merely owns the objects was refused. Aurora lets members of rds_superuser do some of what a superuser may, not all."
		if s.writesCatalogue() || s.says("trigger all") || s.e.Unobserved != "" {
			severity, detail = migration.Warning, "A role that merely owns the objects was refused. On Aurora nobody but AWS is a superuser, and rds_superuser does not stand for one here."
		}
		advice := "Try it on a copy of the cluster with the role that runs the migrations. What that may not do, somebody who may has to do beforehand, or it has to be done another way."
		switch {
		case s.begins("alter system"):
			advice = "On Aurora set it in the parameter group of the cluster or the instance; for one database or role, with ALTER DATABASE ... SET or ALTER ROLE ... SET."
		case s.copiesOnServer():
			advice = "On Aurora read from S3 with the extension aws_s3; or send the rows from the client, in batches."
		}
		summary := "only a superuser may do this, on Aurora perhaps a member of rds_superuser"
		if s.aboutRoles() {
			summary, detail = "a role that merely owns the objects may not do this", "It takes a member of the role that it is about, or one with ADMIN OPTION on it and, for ALTER ROLE, CREATEROLE."
		}
		s.tell(codePrivileged, severity, summary, detail, advice)
	}
}

// copiesOnServer says that a COPY reads or writes a file of the server, or runs a
// program there.
func (s *statement) copiesOnServer() bool {
	if !s.begins("copy") {
		return false
	}
	for i, t := range s.tokens[:len(s.tokens)-1] {
		if next := s.tokens[i+1]; (t.Is("from") || t.Is("to")) && (next.Kind == migration.Literal || next.Is("program")) {
			return true
		}
	}
	return false
}

// writesCatalogue says that it writes rows of PostgreSQL's own tables.
func (s *statement) writesCatalogue() bool {
	for i, t := range s.tokens[:max(0, len(s.tokens)-1)] {
		if !t.Is("update") && !t.Is("into") && !(t.Is("from") && i > 0 && s.tokens[i-1].Is("delete")) {
			continue
		}
		if strings.HasPrefix(s.tokens[i+1].Text, "pg_") {
			return true
		}
	}
	return false
}

// unfilled tells of relations that it may have read without being seen to.
func (s *statement) unfilled() {
	if s.worksOn || slices.ContainsFunc(s.findings, func(f migration.Finding) bool { return f.Code == codeNoDefault }) {
		return // it fails, or what it works on is told
	}
	var names []string
	for _, name := range s.e.Unfilled {
		checks := slices.ContainsFunc(s.e.Constraints, func(k migration.ConstraintSeen) bool {
			return (k.Valid || k.Validated) && k.Kind != "unique" && k.Kind != "primary key" // these take an index, or build one
		})
		if l, ok := s.lockOn(name); ok && blocks(l) && (checks || len(s.e.Rewrites)+len(s.e.Indexes) > 0) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		s.tell(codeUnknown, s.lesser(migration.Warning, names...),
			fmt.Sprintf("whether it reads %s from end to end is not known: no rows could be put there on the dev database", list(unique(names))),
			s.waiting(), "Look at it by hand, or make the checks on the table ones that plain values pass.")
	}
}
