// Package report tells what happened: a migration.Result as JSON for machines
// (JSON), as a screen for people (Screen), and as that screen for a terminal
// (Text). The screen is part of the JSON too, as its first key and an array of
// lines, because that is how a person meets it who invokes the function.
//
// What is told is the same whoever asks: of an apply, everything but times
// comes from the history, so a request that ran the plan and one that found it
// done get the same report.
//
// Nothing in here reads a clock, and nothing reaches a reader as it came from
// outside: SQL and words of the server are masked (migration.Mask), and
// characters that a terminal would obey are made visible.
package report
