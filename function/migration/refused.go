package migration

// RefusedInTransaction says that PostgreSQL refuses the statement inside a
// transaction, so that its file needs "-- atlas:txmode none". It is told by the
// first words; that some ALTER TYPE may not be followed by a use of what it
// made, or that a function commits, words do not tell.
func (s Stmt) RefusedInTransaction() bool {
	return runsOutside(firstTokens(s.Text, 64)) != ""
}
