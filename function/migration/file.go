package migration

// TxMode says how the statements of a file are committed.
type TxMode string

// TxFile commits a file and its row in the history as one transaction, which
// is what a file gets that does not say otherwise. TxNone, which a file asks
// for with the directive "-- atlas:txmode none", commits each statement alone.
const (
	TxFile TxMode = "file"
	TxNone TxMode = "none"
)

// A File is one versioned migration: what stands in it, cut into statements.
type File struct {
	Name        string // base name, "017_create_users.sql"
	Version     string // the name up to the first "_": "017"
	Description string // the rest without ".sql": "create_users"
	Text        string
	Hash        string // the file's entry in atlas.sum, without "h1:"; cumulative over the directory
	TxMode      TxMode
	Checkpoint  bool // "-- atlas:checkpoint": stands for all files before it on an empty database
	Stmts       []Stmt
}

// A Stmt is one statement as the server would receive it.
type Stmt struct {
	Text       string // from its first word to its semicolon (included where there is one); leading comments left out
	Pos        int    // byte offset of Text in the file
	Line       int    // line of Pos, from 1
	Rerunnable bool   // "-- aurora:rerunnable" stands in the comment directly above: running it twice does no harm
}
