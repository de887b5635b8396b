package repair

// Codes of what is found between two states of a database.
const (
	SchemaIgnored    = "AM410" // a schema that the desired state does not speak of
	ExclusionKept    = "AM411" // HCL cannot say exclusion constraints
	EnumValueGone    = "AM412"
	EnumReordered    = "AM413"
	PossibleRename   = "AM414"
	IdentityStart    = "AM415"
	GeneratedChanged = "AM416"
	PartitionChanged = "AM417"
	NotCompared      = "AM420" // what only a person can write yet
	NotReached       = "AM421" // what the plan should have reached and did not
)
