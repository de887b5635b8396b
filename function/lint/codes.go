package lint

// Codes of Atlas, with Atlas's meaning.
const (
	codeCreateIndex     = "PG101" // an index is built while writes wait
	codeDropIndex       = "PG102" // an index is dropped while reads and writes wait
	codePrimaryKey      = "PG104" // the index of a primary key is built under ACCESS EXCLUSIVE
	codeUnique          = "PG105" // the index of a unique constraint is built under ACCESS EXCLUSIVE
	codeRetyped         = "PG301" // another type of a column rewrites the table
	codeVolatileDefault = "PG302" // a new column with a volatile default rewrites the table
	codeNotNull         = "PG303" // SET NOT NULL scans the whole table under ACCESS EXCLUSIVE
	codeNullableKey     = "PG304" // a primary key over nullable columns scans the whole table
	codeCheck           = "PG305" // a CHECK is verified under ACCESS EXCLUSIVE
	codeForeignKey      = "PG306" // a foreign key is verified while writes to both tables wait
	codeDropSchema      = "DS101" // a schema is dropped
	codeDropTable       = "DS102" // a table is dropped
	codeDropColumn      = "DS103" // a column is dropped
	codeRenameTable     = "BC101" // a table is renamed
	codeRenameColumn    = "BC102" // a column is renamed
	codeNoDefault       = "MF103" // a NOT NULL column without a default fails where there are rows
	codeDropForeignKey  = "CD101" // a foreign key is dropped
)

// Our own, AM5xx: what is observed, locks, work under them, transactions.
const (
	codeUnknown        = "AM501" // what a statement does is not known
	codeNolint         = "AM502" // a directive atlas:nolint that quiets nothing
	codeWorkUnderLock  = "AM510" // work while an earlier statement of the transaction holds a lock
	codeReindex        = "AM511" // REINDEX without CONCURRENTLY
	codeExclusion      = "AM512" // an exclusion constraint is built under ACCESS EXCLUSIVE
	codeValidateSameTx = "AM513" // a constraint is validated in the transaction that added it
	codeDomain         = "AM514" // a constraint of a domain is verified in all tables that use it
	codeDomainColumn   = "AM515" // a new column of a constrained domain rewrites the table
	codeGenerated      = "AM516" // a stored generated column rewrites the table
	codeSerial         = "AM517" // a new serial or identity column rewrites the table
	codeIndexRebuilt   = "AM518" // another type of a column rebuilds indexes
	codeRetypedCheck   = "AM519" // another type of a column verifies its CHECKs again
	codeRetypedKey     = "AM520" // another type of a key locks and reads the tables that refer to it
	codeLogged         = "AM521" // SET LOGGED or UNLOGGED rewrites the table
	codeTablespace     = "AM522" // SET TABLESPACE copies the table
	codeAccessMethod   = "AM523" // SET ACCESS METHOD rewrites the table
	codeVacuumFull     = "AM524" // VACUUM FULL or CLUSTER
	codeLockTable      = "AM525" // LOCK TABLE
	codeManyTables     = "AM526" // locks on several tables in one transaction
	codeWork           = "AM527" // other work under a lock of its own
	codeRefresh        = "AM528" // REFRESH MATERIALIZED VIEW without CONCURRENTLY
	codeMaterialized   = "AM529" // CREATE MATERIALIZED VIEW runs its query in the migration
	codeAttachScan     = "AM530" // ATTACH PARTITION reads the new partition
	codeDefaultScan    = "AM531" // a new partition has the default partition read
	codeAttachBuilds   = "AM532" // ATTACH PARTITION builds indexes or verifies foreign keys
	codePartitionOf    = "AM533" // CREATE TABLE ... PARTITION OF locks the parent
	codeDetach         = "AM534" // DETACH PARTITION without CONCURRENTLY
	codeManyLocks      = "AM538" // one statement locks very many relations
	codeIndexGap       = "AM540" // an index is dropped before the one that replaces it is there
	codeIndexUsed      = "AM541" // the dropped index is in use
	codeIndexInvalid   = "AM542" // an INVALID index
	codeNotValid       = "AM543" // a constraint stays NOT VALID
	codeFailsWithRows  = "AM544" // the statement fails where there are rows
	codeFails          = "AM545" // the statement fails
	codeHotTable       = "AM550" // a short lock on a busy table
	codeLockTimeout    = "AM551" // lock_timeout is taken away, or made long, before a lock that others wait behind
	codeSessionOnly    = "AM552" // what lives in the session alone, in a file that several may run
	codeTakes          = "AM580" // a statement takes long
	codeNeverEnds      = "AM581" // a transaction, or a statement outside one, takes longer than an invocation has
	codeUnfinished     = "AM582" // a file outside a transaction needs several invocations
	codeCutOff         = "AM583" // a statement takes longer than the statement timeout
)

// Our own, AM6xx: what is lost, what running code meets, what stays behind.
const (
	codeWholeTable      = "AM601" // rows of a whole table are written in one transaction
	codeTruncate        = "AM602" // TRUNCATE
	codeDeleteAll       = "AM603" // DELETE of all rows
	codeCascade         = "AM604" // objects that the statement does not name are dropped
	codeDropConstraint  = "AM605" // a CHECK, a unique constraint or index, or a primary key is dropped
	codeDropType        = "AM606" // a type is dropped or gets another name
	codeMoved           = "AM607" // a relation moves to another schema, or a schema gets another name
	codeDropCode        = "AM608" // a view, a function or a procedure is dropped, or is not what it was
	codeOrphaned        = "AM609" // a table inherits no more, and its parent's queries lose its rows
	codeNullsAllowed    = "AM610" // NOT NULL is dropped
	codeDefaultDropped  = "AM611" // a NOT NULL column has no default, or loses it, and running code does not send a value
	codeDefaultChanged  = "AM612" // a column gets another default
	codeJSON            = "AM613" // a column of type json
	codeIntegerKey      = "AM614" // a key that counts in 32 bits or fewer, or refers to one of more
	codeSequenceType    = "AM615" // the sequence of a widened column stays narrow
	codeUnlogged        = "AM616" // an unlogged table
	codeAutovacuum      = "AM617" // autovacuum is switched off
	codeReplicaIdentity = "AM618" // REPLICA IDENTITY FULL or NOTHING
	codeIdentityLost    = "AM619" // a published table has no replica identity, or one that the publication does not fit
	codeRowSecurity     = "AM620" // row level security without a policy, with others, or switched off, if only between two statements
	codePublic          = "AM621" // a privilege for PUBLIC
	codeDefiner         = "AM622" // SECURITY DEFINER without a search_path
	codeNoGrant         = "AM623" // a new table lacks the grants that its neighbours have
	codeTriggersOff     = "AM624" // triggers that keep foreign keys are switched off
	codeExtension       = "AM625" // an extension is dropped or changed
	codeTrigger         = "AM626" // a trigger on a table in use
	codeTriggerGone     = "AM627" // a trigger is dropped, or left switched off, if only between two statements
	codeInstead         = "AM628" // a rule puts something else in the place of a write
	codeSequence        = "AM630" // a sequence is dropped, set back, bounded or gets another name
	codeDropDatabase    = "AM631" // DROP DATABASE
	codeVolatileCheck   = "AM632" // a CHECK that depends on the clock or on chance
	codeNotEnforced     = "AM633" // a constraint NOT ENFORCED
	codeCascadingKey    = "AM634" // a foreign key that deletes or changes rows by itself
	codeKeyWithoutIndex = "AM635" // a foreign key without an index
	codeUnpublished     = "AM636" // a publication loses a table, or is dropped
	codeAmbiguous       = "AM637" // calls may mean two functions, and fail
	codeStaleIndex      = "AM638" // an index, a CHECK or a generated column is over what a function returned before
	codeGrantLost       = "AM639" // a role loses a privilege, or what stands anew under a name does not grant it
	codePrivileged      = "AM640" // only a superuser may
	codeOwner           = "AM641" // an object gets another owner
	codeValueRefused    = "AM642" // a column takes no value from running code any more
	codeWritesFail      = "AM643" // what runs at each write of a table in use fails
	codeFrozenDefault   = "AM644" // a default is the moment at which the migration runs
	codeViewOption      = "AM645" // a view loses security_invoker, security_barrier or its CHECK OPTION, or reads past row level security
	codeCopied          = "AM646" // all rows of a table are copied by one statement
	codeRole            = "AM647" // what a role may do, or sessions begin with, changes
	codePassedOver      = "AM648" // IF NOT EXISTS passes over something else that has the name
	codeSpareIndex      = "AM649" // an index does nothing that another does not do
	codeLabelGone       = "AM650" // a label of an enum is renamed
	codeKeyless         = "AM651" // a new table has no primary key
	codeConstraintName  = "AM652" // a constraint that ON CONFLICT may name gets another name
	codePolicySetting   = "AM653" // a policy asks for a setting that sessions need not have
	codeWritesDiscarded = "AM654" // a trigger has the writes to a table in use do nothing
	codeNotAgain        = "AM655" // what commits as it goes changes rows by what they were, and cannot run again
	codeEndsSessions    = "AM656" // other sessions are cut off
	codeAdvisoryLock    = "AM657" // an advisory lock outlives its transaction
)
