// Package migration holds the nouns of the trade as plain values: a directory
// of versioned files and the statements in them, the history of what ran, the
// draft of what is pending, the plan that a draft becomes when it is sealed
// against a live database, and the result of having run it.
//
// Nothing in here talks to a database, reads a clock or knows a global: values
// from values. Verbs (apply, gate, report) and worlds (postgres, amazon)
// import it; it imports catalog and, at its rim, Atlas's sql/migrate, so that
// a directory means here what it means to Atlas.
package migration
