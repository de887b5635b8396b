package migration

// Facts are what a server says of itself and of us.
type Facts struct {
	Target Target
	// Reader: the server is in recovery, so nothing can be written through it.
	Reader bool
	// ReadOnly: transactions of this role or database are read-only by default.
	ReadOnly bool
	// Pooled: another backend answered than the one we connected to, so locks
	// and settings of a session mean nothing.
	Pooled bool
	// RoleMissing, RoleForbidden: the configured role is not there, or the
	// login user may not SET it.
	RoleMissing, RoleForbidden bool
	// Histories are the schemas that hold a table of Atlas's shape.
	Histories []string
	// Misshapen is what stands where the history belongs, has its name and not
	// its columns; nothing, or one.
	Misshapen []string
	// Others are history tables of other tools.
	Others []OtherTool
	// Objects are the first few things that live in the database, histories
	// left out; none for an empty database.
	Objects []string
}

// An OtherTool is a history table that another migration tool left.
type OtherTool struct {
	Tool  string
	Table string // qualified
}
