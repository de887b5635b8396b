package migration

import "strings"

// Remedy is what is to be changed in a file whose statement failed so, for the failures
// whose message does not say it: "" for all others. alone says that the statement was to
// run outside a transaction.
func (f *Failure) Remedy(alone bool) string {
	says := func(words string) bool { return strings.Contains(f.Message, words) }
	switch {
	case f.SQLState == "23502" && says("contains null values"):
		return "Rows that are there have no value in it: give a new column a constant DEFAULT, which costs nothing; or add it without NOT NULL, fill it in batches, and make it NOT NULL in a later file, when all running code sends a value."
	case f.SQLState == "23505" && says("could not create unique index"):
		return "Rows that are there have the same values: mend them in a file before. A new column without a DEFAULT has NULL in each of them."
	case (f.SQLState == "23514" || f.SQLState == "23503") && f.Statement > 0:
		return "Rows that are there break the rule: mend them before; or add the rule NOT VALID, mend them in batches, and VALIDATE it in a later file."
	case f.SQLState == "55P04":
		return "A new label can be used when the transaction that added it has ended: use it in a file that comes behind."
	case f.SQLState == "2D000" && !alone:
		return "It calls something that commits or rolls back, and the file runs in one transaction: call it from a file of its own that begins with -- atlas:txmode none, or take the COMMIT out of what it calls."
	case f.SQLState == "25001":
		return "Write it as a statement of its own, in no DO block and no function, in a file that begins with -- atlas:txmode none and an empty line."
	case f.SQLState == "42809" && says("NOT VALID foreign key on partitioned table"):
		return "Add it NOT VALID to each partition and VALIDATE it there, in files of their own; then add it to the partitioned table, which takes over those of its partitions."
	case f.SQLState == "0A000" && says("on partitioned table") && says("concurrently"):
		return "Create the index ON ONLY the partitioned table; then, outside a transaction, one CONCURRENTLY on each partition; then ALTER INDEX ... ATTACH PARTITION each of them."
	case f.SQLState == "0A000" && says("used by a view or rule"):
		return "Drop the view before, and make it again behind, with its grants, in the same file; or add a column of the new type beside it."
	}
	return ""
}
