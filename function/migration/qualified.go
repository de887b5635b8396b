package migration

// SplitQualified takes a qualified name apart as Effects have it, quoted where
// need be: schema and name are as the catalogue has them. The schema is "" where
// there is none, both are "" for what is no name.
func SplitQualified(qualified string) (schema, name string) {
	w := &cursor{tokens: Tokens(qualified)}
	schema, name = w.qualified()
	if w.at != len(w.tokens) {
		return "", ""
	}
	return schema, name
}
