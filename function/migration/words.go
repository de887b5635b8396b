package migration

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Words returns every word of the text that could name an object: as PostgreSQL
// folds it and as it is written, and what stands between double quotes. Strings,
// bodies of functions and comments count: rather a word too many than one too
// few. They come sorted, each once, cut as PostgreSQL cuts a long name.
func Words(text string) []string {
	found := map[string]struct{}{}
	for i := 0; i < len(text); i++ {
		switch {
		case wordParts[text[i]]:
			end := skip(text, i+1, wordParts)
			escaped := i > 0 && text[i-1] == '\\'
			addWord(found, text[i:end], escaped)
			i = end - 1
		case text[i] == '"':
			addQuoted(found, text, i)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// addWord adds a run of letters, digits and dollars. A dollar may be part of a
// name or of the quote beside it, and behind a backslash the first letter may be
// part of the escape.
func addWord(found map[string]struct{}, run string, escaped bool) {
	addName(found, run)
	if escaped && len(run) > 1 {
		addName(found, run[1:])
	}
	if strings.IndexByte(run, '$') < 0 {
		return
	}
	for part := range strings.SplitSeq(run, "$") {
		addName(found, part)
	}
}

func addName(found map[string]struct{}, name string) {
	if name == "" || digits[name[0]] {
		return
	}
	name = clip(name)
	found[name] = struct{}{}
	if folded := fold(name); folded != name {
		found[folded] = struct{}{}
	}
}

// addQuoted adds the name whose opening quote may stand at at.
func addQuoted(found map[string]struct{}, text string, at int) {
	const window = 4 * MaxIdentifier // beyond it a name is cut anyway
	rest := text[at+1 : min(at+1+window, len(text))]
	end, closed := quoteEnd(rest, 0, '"', false)
	name := strings.ReplaceAll(rest[:end], `""`, `"`)
	if closed {
		name = strings.ReplaceAll(rest[:end-1], `""`, `"`)
	}
	if name == "" || !closed && len(text) <= at+1+window {
		return
	}
	found[clip(name)] = struct{}{}
	if at > 1 && text[at-1] == '&' && text[at-2]|0x20 == 'u' {
		found[clip(unescape(name))] = struct{}{}
	}
}

// clip cuts a name where PostgreSQL does, between two characters.
func clip(name string) string {
	if len(name) <= MaxIdentifier {
		return name
	}
	end := MaxIdentifier
	for end > MaxIdentifier-utf8.UTFMax && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// Dynamic reports whether the statements may build names at run time, so that
// Words does not see them: DO, CALL, or EXECUTE anywhere but in the definition of
// a trigger and in a grant.
func Dynamic(stmts []Stmt) bool {
	return slices.ContainsFunc(stmts, func(s Stmt) bool {
		keyword := s.Keyword()
		return keyword == "do" || keyword == "call" || executes(s.Text)
	})
}

func executes(sql string) bool {
	for i := 0; i < len(sql); i++ {
		if !wordParts[sql[i]] {
			continue
		}
		end := skip(sql, i+1, wordParts)
		for part := range strings.SplitSeq(sql[i:end], "$") {
			if strings.EqualFold(part, "execute") && !grantsOrTriggers(sql[end:]) {
				return true
			}
		}
		i = end - 1
	}
	return false
}

// grantsOrTriggers reports whether what follows EXECUTE is ON, or FUNCTION or
// PROCEDURE with a name.
func grantsOrTriggers(rest string) bool {
	next := firstTokens(rest, 2)
	switch {
	case len(next) == 2 && next[0].Is("on"):
		return true
	case len(next) == 2 && (next[0].Is("function") || next[0].Is("procedure")):
		return next[1].Name() && !next[1].Is("using") && !next[1].Is("into")
	}
	return false
}
