package migration

// RelationFacts is what a database in use says of one of its relations. A map
// of them is keyed by names as Effects has them: qualified, and quoted where need
// be. Estimates are the server's own; -1 stands for what it does not know.
type RelationFacts struct {
	Kind string // "table", "partitioned table", "materialized view", ...
	// Rows is the server's estimate; of a partitioned table the sum over its
	// leaves. 0 is said of a relation that was seen to be empty, never guessed.
	Rows int64
	// Bytes of the relation with its TOAST and without its indexes, IndexBytes of
	// these; of a partitioned table the sums over its leaves.
	Bytes      int64
	IndexBytes int64
	// Writes are rows inserted, updated and deleted a second, and Reads scans of
	// it and of its indexes a second, both since the statistics were reset.
	Writes float64
	Reads  float64
	// Indexes of it by qualified name.
	Indexes map[string]IndexFacts
	// NotValid are its constraints that are NOT VALID, though they are enforced.
	NotValid []string
	// Leaves is how many partitions hold the rows of a partitioned table; 0 for
	// any other.
	Leaves int
	// Published: a publication replicates it, or one of its partitions.
	Published bool
}

// IndexFacts is what a database in use says of an index.
type IndexFacts struct {
	Bytes   int64
	Scans   int64 // since the statistics were reset, on the server asked; -1 unknown
	Invalid bool
}

// Empty says that the relation is known to have no rows.
func (f RelationFacts) Empty() bool { return f.Rows == 0 }
