package catalog

import (
	"maps"
	"slices"
	"strings"
)

// A grants is who may do what, by grantee ("" is everybody), as letters.
type grants map[string]string

// granted reads an acl. One that is not there means what PostgreSQL gives to
// an owner and to everybody by itself, which is not among it: nor is what an
// owner has of its own, or the owner of the database of a schema.
func granted(acl, owner string) grants {
	g := grants{}
	for _, item := range items(acl) {
		at := strings.LastIndex(item, "/")
		if at < 0 {
			continue
		}
		equal := strings.LastIndex(item[:at], "=")
		if equal < 0 {
			continue
		}
		grantee := item[:equal]
		if grantee == owner || grantee == "pg_database_owner" {
			continue
		}
		g[grantee] += strings.ReplaceAll(item[equal+1:at], "*", "")
	}
	return g
}

// items are those of an array of aclitem as PostgreSQL prints it.
func items(acl string) []string {
	acl = strings.TrimSuffix(strings.TrimPrefix(acl, "{"), "}")
	var all []string
	var b strings.Builder
	quoted := false
	for i := 0; i < len(acl); i++ {
		switch c := acl[i]; {
		case c == '\\' && i+1 < len(acl):
			i++
			b.WriteByte(acl[i])
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			all = append(all, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	if b.Len() > 0 {
		all = append(all, b.String())
	}
	return all
}

// everybody has these privileges where there is no acl.
var everybody = map[string]string{"routine": "X", "type": "U"}

// compared says what of should is not in is, and what is in is beyond it.
func (should grants) compared(is grants) (lost, beyond []string) {
	for _, who := range slices.Sorted(maps.Keys(merged(should, is))) {
		if l := less(should[who], is[who]); l != "" {
			lost = append(lost, inWords(l)+" is not granted to "+grantee(who)+", and the migrations grant it")
		}
		if b := less(is[who], should[who]); b != "" {
			beyond = append(beyond, inWords(b)+" is granted to "+grantee(who)+", and not by the migrations")
		}
	}
	return lost, beyond
}

func merged(a, b grants) grants {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

// less returns the letters of a that are not in b.
func less(a, b string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(b, r) {
			return -1
		}
		return r
	}, a)
}

func grantee(who string) string {
	if who == "" {
		return "PUBLIC"
	}
	return who
}

var privileges = map[rune]string{
	'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER", 'm': "MAINTAIN",
	'U': "USAGE", 'C': "CREATE", 'X': "EXECUTE", 'c': "CONNECT", 'T': "TEMPORARY", 's': "SET", 'A': "ALTER SYSTEM",
}

func inWords(letters string) string {
	var said []string
	for _, r := range letters {
		word, known := privileges[r]
		if !known {
			word = string(r)
		}
		said = append(said, word)
	}
	return strings.Join(said, ", ")
}
