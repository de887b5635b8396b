package migration

// Codes of what can be wrong with a directory before any database is asked.
const (
	codeSumMissing       = "AM101"
	codeSumMalformed     = "AM102"
	codeEdited           = "AM103"
	codeAdded            = "AM104"
	codeRemoved          = "AM105"
	codeSumLine          = "AM106" // a line too many, or in the wrong place
	codeSameVersion      = "AM110"
	codeOrder            = "AM111"
	codeName             = "AM112"
	codeCRLF             = "AM120"
	codeBOM              = "AM121"
	codeUTF8             = "AM122"
	codeNUL              = "AM123"
	codeEmpty            = "AM124"
	codeTooLarge         = "AM125"
	codeUnterminated     = "AM126"
	codeMetaCommand      = "AM130"
	codeCopy             = "AM131"
	codeTransaction      = "AM132"
	codeSession          = "AM133"
	codeOutside          = "AM134" // cannot run in a transaction
	codeUnnamedIndex     = "AM135"
	codeAtlasPro         = "AM140"
	codeMisplaced        = "AM141"
	codeUnknown          = "AM142"
	codeTxMode           = "AM143"
	codeSumIgnore        = "AM144"
	codeDirectiveForm    = "AM145"
	codeReplayStale      = "AM150"
	codeReplayUnreadable = "AM151"
)
