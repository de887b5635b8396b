package authoring_test

import "strings"

// A change leads from what SQL makes to a desired state, of HCL or of SQL.
type change struct {
	from string
	to   string
	says string // of the file
	not  string
}

func (c change) language() string {
	if strings.HasPrefix(c.to, "schema \"") || strings.HasPrefix(c.to, "variable \"") {
		return "hcl"
	}
	return "sql"
}

func contains(text, what string) bool { return strings.Contains(text, what) }

const public = "schema \"public\" {}\n"

// table is HCL of a table t that has a column id and more.
func table(more string) string {
	return public + "table \"t\" {\n  schema = schema.public\n  column \"id\" { type = bigint }\n" + more + "\n}\n"
}

// tableOf is that table with another column id.
func tableOf(id string) string {
	return public + "table \"t\" {\n schema = schema.public\n column \"id\" {\n" + id + "\n}\n}\n"
}

const plain = "CREATE TABLE t (id bigint NOT NULL);\n"

// with is SQL of that table and a column, for tables in SQL.
func with(column string) string { return "CREATE TABLE t (id bigint NOT NULL, " + column + ");\n" }

var changes = map[string]change{
	// schemas
	"hcl schema added":            {plain, table("") + "schema \"sales\" {}\n", `CREATE SCHEMA "sales"`, ""},
	"hcl schema with a comment":   {plain, table("") + "schema \"sales\" { comment = \"what was sold\" }\n", `COMMENT ON SCHEMA`, ""},
	"hcl schema and its table":    {plain, table("") + "schema \"sales\" {}\ntable \"orders\" {\n  schema = schema.sales\n  column \"id\" { type = int }\n}\n", `CREATE TABLE "sales"."orders"`, ""},
	"sql schema added":            {plain, plain + "CREATE SCHEMA sales;\nCREATE TABLE sales.orders (id int);\n", `CREATE SCHEMA "sales"`, ""},
	"sql schema comment changed":  {"CREATE SCHEMA s;\nCOMMENT ON SCHEMA s IS 'one';\n", "CREATE SCHEMA s;\nCOMMENT ON SCHEMA s IS 'two';\n", "'two'", ""},
	"hcl one name in two schemas": {"CREATE SCHEMA a;\nCREATE SCHEMA b;\nCREATE TABLE a.x (n int);\n", "schema \"a\" {}\nschema \"b\" {}\ntable \"a\" \"x\" {\n  schema = schema.a\n  column \"n\" {\n    type = int\n    null = true\n  }\n}\ntable \"b\" \"x\" {\n  schema = schema.b\n  column \"n\" { type = int }\n}\n", `"b"."x"`, ""},
	"hcl schema comment gone":     {plain + "CREATE SCHEMA s;\nCOMMENT ON SCHEMA s IS 'one';\n", table("") + "schema \"s\" {}\n", `COMMENT ON SCHEMA "s"`, ""},

	// tables
	"hcl first table":          {"", table(""), `CREATE TABLE "public"."t"`, ""},
	"hcl table dropped":        {plain + "CREATE TABLE old (n int);\n", table(""), `DROP TABLE "public"."old"`, ""},
	"hcl table comment":        {plain, table(`comment = "it's ours"`), `COMMENT ON TABLE "public"."t" IS 'it''s ours'`, ""},
	"hcl table comment gone":   {plain + "COMMENT ON TABLE t IS 'ours';\n", table(""), `COMMENT ON TABLE`, ""},
	"sql first table":          {"", plain, `CREATE TABLE "public"."t"`, ""},
	"sql table dropped":        {plain + "CREATE TABLE old (n int);\n", plain, `DROP TABLE "public"."old"`, ""},
	"sql quoted names":         {plain, plain + "CREATE TABLE \"Order X\" (\"Group\" int, \"a b\" text);\n", `"Group"`, ""},
	"sql two tables in a ring": {"", "CREATE TABLE a (id int PRIMARY KEY, b int);\nCREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);\nALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES b;\n", "FOREIGN KEY", ""},

	// columns
	"hcl column added":               {plain, table("column \"name\" {\n type = text\n null = true\n}"), `ADD COLUMN "name" text NULL`, ""},
	"hcl column added, not null":     {plain, table("column \"n\" {\n type = int\n default = 0\n}"), `ADD COLUMN "n" integer NOT NULL DEFAULT 0`, ""},
	"hcl column dropped":             {with("old text"), table(""), `DROP COLUMN "old"`, ""},
	"hcl column becomes nullable":    {plain, tableOf("type = bigint\n null = true"), "DROP NOT NULL", ""},
	"hcl column becomes not null":    {"CREATE TABLE t (id bigint);\n", table(""), "SET NOT NULL", ""},
	"hcl column retyped":             {"CREATE TABLE t (id int NOT NULL);\n", table(""), `TYPE bigint`, ""},
	"hcl varchar becomes longer":     {with("v varchar(10)"), table("column \"v\" {\n type = varchar(20)\n null = true\n}"), "character varying(20)", ""},
	"hcl numeric":                    {with("v numeric(10,2)"), table("column \"v\" {\n type = numeric(12,4)\n null = true\n}"), "numeric(12,4)", ""},
	"hcl timestamp precision":        {with("v timestamptz"), table("column \"v\" {\n type = timestamptz(3)\n null = true\n}"), "timestamptz(3)", ""},
	"hcl array":                      {plain, table("column \"v\" {\n type = sql(\"text[]\")\n null = true\n}"), "text[]", ""},
	"hcl jsonb, uuid, inet, bytea":   {plain, table("column \"j\" {\n type = jsonb\n null = true\n}\ncolumn \"u\" {\n type = uuid\n null = true\n}\ncolumn \"i\" {\n type = inet\n null = true\n}\ncolumn \"b\" {\n type = bytea\n null = true\n}"), "jsonb", ""},
	"hcl interval, range, tsvector":  {plain, table("column \"i\" {\n type = interval\n null = true\n}\ncolumn \"r\" {\n type = tstzrange\n null = true\n}\ncolumn \"v\" {\n type = tsvector\n null = true\n}"), "tstzrange", ""},
	"hcl default added":              {with("v text"), table("column \"v\" {\n type = text\n null = true\n default = \"it's\"\n}"), `SET DEFAULT 'it''s'`, ""},
	"hcl default is an expression":   {with("v timestamptz"), table("column \"v\" {\n type = timestamptz\n null = true\n default = sql(\"now()\")\n}"), `SET DEFAULT now()`, ""},
	"hcl default changed":            {with("v int DEFAULT 1"), table("column \"v\" {\n type = int\n null = true\n default = 2\n}"), `SET DEFAULT 2`, ""},
	"hcl default gone":               {with("v int DEFAULT 1"), table("column \"v\" {\n type = int\n null = true\n}"), `DROP DEFAULT`, ""},
	"hcl column comment":             {plain, tableOf("type = bigint\n comment = \"which\""), `COMMENT ON COLUMN "public"."t"."id" IS 'which'`, ""},
	"hcl serial":                     {"", public + "table \"t\" {\n schema = schema.public\n column \"id\" { type = bigserial }\n}\n", "bigserial", ""},
	"sql serial becomes bigserial":   {"CREATE TABLE t (id serial);\n", "CREATE TABLE t (id bigserial);\nALTER SEQUENCE t_id_seq AS int;\n", "TYPE bigint", ""},
	"sql column collation":           {with("v text"), with(`v text COLLATE "C"`), `COLLATE "C"`, ""},
	"sql column collation gone":      {with(`v text COLLATE "C"`), with("v text"), `TYPE text`, ""},
	"sql column in the middle":       {with("z int"), "CREATE TABLE t (id bigint NOT NULL, m int, z int);\n", `ADD COLUMN "m"`, ""},
	"sql comment that is quoted":     {with("v text"), with("v text") + "COMMENT ON COLUMN t.v IS 'one; two -- three';\n", "one; two -- three", ""},
	"hcl column added with comment":  {plain, table("column \"v\" {\n type = text\n null = true\n comment = \"c\"\n}"), "COMMENT ON COLUMN", ""},
	"hcl type of an extension":       {"CREATE EXTENSION hstore;\n" + plain, table("column \"v\" {\n type = sql(\"hstore\")\n null = true\n}"), "hstore", ""},
	"hcl default calls our function": {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n" + plain, table("column \"v\" {\n type = int\n null = true\n default = sql(\"f()\")\n}"), "f()", "DROP FUNCTION"},
	"hcl column comment gone":        {plain + "COMMENT ON COLUMN t.id IS 'which';\n", table(""), `COMMENT ON COLUMN "public"."t"."id"`, ""},
	"hcl float, money, point, bit":   {plain, table("column \"f\" {\n type = double_precision\n null = true\n}\ncolumn \"m\" {\n type = money\n null = true\n}\ncolumn \"p\" {\n type = point\n null = true\n}\ncolumn \"b\" {\n type = bit_varying(8)\n null = true\n}\ncolumn \"c\" {\n type = char(3)\n null = true\n}"), "double precision", ""},
	"hcl enum becomes text":          {"CREATE TYPE mood AS ENUM ('sad');\n" + with("m mood"), table("column \"m\" {\n type = text\n null = true\n}") + "enum \"mood\" {\n schema = schema.public\n values = [\"sad\"]\n}\n", "TYPE text", ""},
	"sql column retyped and default": {with("v int DEFAULT 1"), with("v bigint DEFAULT 2"), "TYPE bigint", ""},
	"sql column dropped and added":   {with("a int"), with("b text DEFAULT 'it''s'"), `DROP COLUMN "a"`, ""},
	"sql array default":              {with("v text[]"), with("v text[] NOT NULL DEFAULT ARRAY['a', 'b']::text[]"), "ARRAY", ""},

	// identities
	"hcl identity column":            {plain, table("column \"n\" {\n type = int\n identity {\n  generated = ALWAYS\n }\n}"), "GENERATED ALWAYS AS IDENTITY", ""},
	"hcl identity changed":           {"CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY);\n", public + "table \"t\" {\n schema = schema.public\n column \"id\" {\n  type = bigint\n  identity {\n   generated = ALWAYS\n   start = 100\n   increment = 5\n  }\n }\n}\n", "SET GENERATED ALWAYS SET START WITH 100 SET INCREMENT BY 5", "RESTART"},
	"hcl column becomes identity":    {plain, public + "table \"t\" {\n schema = schema.public\n column \"id\" {\n  type = bigint\n  identity {\n   generated = BY_DEFAULT\n  }\n }\n}\n", "ADD GENERATED BY DEFAULT AS IDENTITY", "RESTART"},
	"hcl identity gone":              {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", table(""), "DROP IDENTITY", ""},
	"sql serial becomes identity":    {"CREATE TABLE t (id bigserial);\n", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", "DROP SEQUENCE", "RESTART"},
	"hcl identity that starts at 50": {plain, table("column \"n\" {\n type = int\n identity {\n  generated = BY_DEFAULT\n  start = 50\n  increment = 10\n }\n}"), "START WITH 50 INCREMENT BY 10", "RESTART"},
	"sql identity changed":           {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY);\n", "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY);\n", "SET GENERATED BY DEFAULT", "RESTART"},

	// generated columns
	"hcl generated column":          {with("a int"), table("column \"a\" {\n type = int\n null = true\n}\ncolumn \"b\" {\n type = int\n null = true\n as {\n  expr = \"a * 2\"\n  type = STORED\n }\n}"), "GENERATED ALWAYS AS", ""},
	"hcl generated column, short":   {with("a int"), table("column \"a\" {\n type = int\n null = true\n}\ncolumn \"b\" {\n type = int\n null = true\n as = \"a + 1\"\n}"), "GENERATED ALWAYS AS", ""},
	"hcl generated becomes a plain": {with("a int, b int GENERATED ALWAYS AS (a * 2) STORED"), table("column \"a\" {\n type = int\n null = true\n}\ncolumn \"b\" {\n type = int\n null = true\n}"), "DROP EXPRESSION", ""},
	"hcl generated column gone":     {with("a int, b int GENERATED ALWAYS AS (a * 2) STORED"), table("column \"a\" {\n type = int\n null = true\n}"), `DROP COLUMN "b"`, ""},
	"sql generated column":          {with("a int"), with("a int, b text GENERATED ALWAYS AS ('it''s ' || a::text) STORED"), "GENERATED ALWAYS AS", ""},

	// keys
	"hcl primary key":                  {plain, table("primary_key { columns = [column.id] }"), `ADD PRIMARY KEY ("id")`, ""},
	"hcl primary key gone":             {"CREATE TABLE t (id bigint PRIMARY KEY);\n", table(""), `DROP CONSTRAINT "t_pkey"`, ""},
	"hcl primary key of two":           {"CREATE TABLE t (id bigint PRIMARY KEY, b int NOT NULL);\n", table("column \"b\" { type = int }\nprimary_key { columns = [column.id, column.b] }"), "PRIMARY KEY", ""},
	"hcl primary key includes":         {"CREATE TABLE t (id bigint PRIMARY KEY, b int NOT NULL);\n", table("column \"b\" { type = int }\nprimary_key {\n columns = [column.id]\n include = [column.b]\n}"), "INCLUDE", ""},
	"sql primary key with a name":      {"", "CREATE TABLE t (id bigint CONSTRAINT the_key PRIMARY KEY);\n", "the_key", ""},
	"sql primary key renamed":          {"CREATE TABLE t (id bigint PRIMARY KEY);\n", "CREATE TABLE t (id bigint CONSTRAINT the_key PRIMARY KEY);\n", `RENAME CONSTRAINT "t_pkey" TO "the_key"`, ""},
	"hcl unique constraint":            {plain, table("unique \"t_id_key\" { columns = [column.id] }"), `ADD CONSTRAINT "t_id_key" UNIQUE`, ""},
	"hcl unique constraint gone":       {"CREATE TABLE t (id bigint NOT NULL UNIQUE);\n", table(""), `DROP CONSTRAINT "t_id_key"`, ""},
	"sql unique, nulls not distinct":   {with("v int"), with("v int, CONSTRAINT u UNIQUE NULLS NOT DISTINCT (v)"), "NULLS NOT DISTINCT", ""},
	"sql index becomes a constraint":   {plain + "CREATE UNIQUE INDEX u ON t (id);\n", "CREATE TABLE t (id bigint NOT NULL CONSTRAINT u UNIQUE);\n", `ADD CONSTRAINT "u" UNIQUE`, ""},
	"hcl foreign key":                  {plain + "CREATE TABLE o (id int PRIMARY KEY);\n", table("column \"o\" {\n type = int\n null = true\n}\nforeign_key \"t_o\" {\n columns = [column.o]\n ref_columns = [table.o.column.id]\n on_delete = CASCADE\n on_update = SET_NULL\n}") + "table \"o\" {\n schema = schema.public\n column \"id\" { type = int }\n primary_key { columns = [column.id] }\n}\n", "ON UPDATE SET NULL ON DELETE CASCADE", ""},
	"sql foreign key changed":          {"CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int CONSTRAINT f REFERENCES o);\n", "CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int CONSTRAINT f REFERENCES o ON DELETE CASCADE);\n", "ON DELETE CASCADE", ""},
	"sql foreign key gone":             {"CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int CONSTRAINT f REFERENCES o);\n", "CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (o int);\n", `DROP CONSTRAINT "f"`, ""},
	"sql foreign key to itself":        {"CREATE TABLE t (id int PRIMARY KEY, up int);\n", "CREATE TABLE t (id int PRIMARY KEY, up int CONSTRAINT f REFERENCES t);\n", "FOREIGN KEY", ""},
	"sql foreign key to another place": {"CREATE SCHEMA s;\nCREATE TABLE s.o (id int PRIMARY KEY);\nCREATE TABLE t (o int);\n", "CREATE SCHEMA s;\nCREATE TABLE s.o (id int PRIMARY KEY);\nCREATE TABLE t (o int CONSTRAINT f REFERENCES s.o);\n", `REFERENCES "s"."o"`, ""},
	"hcl foreign key changed":          {"CREATE TABLE o (id int PRIMARY KEY);\n" + with("o int CONSTRAINT f REFERENCES o"), table("column \"o\" {\n type = int\n null = true\n}\nforeign_key \"f\" {\n columns = [column.o]\n ref_columns = [table.o.column.id]\n on_delete = SET_NULL\n}") + "table \"o\" {\n schema = schema.public\n column \"id\" { type = int }\n primary_key { columns = [column.id] }\n}\n", "ON DELETE SET NULL", ""},
	"hcl foreign key gone":             {"CREATE TABLE o (id int PRIMARY KEY);\n" + with("o int CONSTRAINT f REFERENCES o"), table("column \"o\" {\n type = int\n null = true\n}") + "table \"o\" {\n schema = schema.public\n column \"id\" { type = int }\n primary_key { columns = [column.id] }\n}\n", `DROP CONSTRAINT "f"`, ""},
	"sql foreign key of two columns":   {"CREATE TABLE o (a int, b int, UNIQUE (a, b));\nCREATE TABLE t (a int, b int);\n", "CREATE TABLE o (a int, b int, UNIQUE (a, b));\nCREATE TABLE t (a int, b int, CONSTRAINT f FOREIGN KEY (b, a) REFERENCES o (b, a) ON UPDATE RESTRICT);\n", `("b", "a")`, ""},
	"hcl unique includes":              {with("v int"), table("column \"v\" {\n type = int\n null = true\n}\nunique \"u\" {\n columns = [column.id]\n include = [column.v]\n}"), "INCLUDE", ""},
	"sql unique of two columns":        {with("v int"), with("v int, CONSTRAINT u UNIQUE (v, id)"), `UNIQUE ("v", "id")`, ""},

	// indexes
	"hcl index":                       {plain, table("index \"i\" { columns = [column.id] }"), `CREATE INDEX "i" ON "public"."t" ("id")`, "CONCURRENTLY"},
	"hcl index gone":                  {plain + "CREATE INDEX i ON t (id);\n", table(""), `DROP INDEX "public"."i"`, ""},
	"hcl index becomes unique":        {plain + "CREATE INDEX i ON t (id);\n", table("index \"i\" {\n columns = [column.id]\n unique = true\n}"), "CREATE UNIQUE INDEX", ""},
	"hcl index descending":            {plain, table("index \"i\" {\n on {\n  column = column.id\n  desc = true\n  nulls_last = true\n }\n}"), `("id" DESC NULLS LAST)`, ""},
	"hcl index of an expression":      {with("v text"), table("column \"v\" {\n type = text\n null = true\n}\nindex \"i\" {\n on {\n  expr = \"lower(v)\"\n }\n}"), `lower(v)`, ""},
	"hcl partial index":               {plain, table("index \"i\" {\n columns = [column.id]\n where = \"id > 10\"\n}"), "WHERE", ""},
	"hcl partial index changed":       {plain + "CREATE INDEX i ON t (id) WHERE id > 5;\n", table("index \"i\" {\n columns = [column.id]\n where = \"id > 10\"\n}"), "WHERE", ""},
	"hcl index method":                {with("v jsonb"), table("column \"v\" {\n type = jsonb\n null = true\n}\nindex \"i\" {\n columns = [column.v]\n type = GIN\n}"), "USING gin", ""},
	"hcl index operator class":        {with("v jsonb"), table("column \"v\" {\n type = jsonb\n null = true\n}\nindex \"i\" {\n type = GIN\n on {\n  column = column.v\n  ops = jsonb_path_ops\n }\n}"), "jsonb_path_ops", ""},
	"hcl index includes":              {with("v int"), table("column \"v\" {\n type = int\n null = true\n}\nindex \"i\" {\n columns = [column.id]\n include = [column.v]\n}"), "INCLUDE", ""},
	"hcl brin index":                  {plain, table("index \"i\" {\n type = BRIN\n columns = [column.id]\n page_per_range = 32\n}"), "pages_per_range", ""},
	"hcl index, nulls not distinct":   {with("v int"), table("column \"v\" {\n type = int\n null = true\n}\nindex \"i\" {\n columns = [column.v]\n unique = true\n nulls_distinct = false\n}"), "NULLS NOT DISTINCT", ""},
	"hcl index comment":               {plain + "CREATE INDEX i ON t (id);\n", table("index \"i\" {\n columns = [column.id]\n comment = \"fast\"\n}"), "COMMENT ON INDEX", ""},
	"sql exclusion constraint added":  {with("r int4range"), with("r int4range, CONSTRAINT x EXCLUDE USING gist (r WITH &&)"), "EXCLUDE", ""},
	"hcl exclusion constraint stays":  {with("r int4range, CONSTRAINT x EXCLUDE USING gist (r WITH &&)"), table("column \"r\" {\n type = int4range\n null = true\n}\ncolumn \"n\" {\n type = int\n null = true\n}"), `ADD COLUMN "n"`, `"x"`},
	"hcl deferrable key stays":        {"CREATE TABLE o (id int PRIMARY KEY);\nCREATE TABLE t (id bigint NOT NULL, o int CONSTRAINT f REFERENCES o DEFERRABLE INITIALLY DEFERRED);\n", table("column \"o\" {\n type = int\n null = true\n}\nforeign_key \"f\" {\n columns = [column.o]\n ref_columns = [table.o.column.id]\n}\ncomment = \"c\"") + "table \"o\" {\n schema = schema.public\n column \"id\" { type = int }\n primary_key { columns = [column.id] }\n}\n", "COMMENT ON TABLE", "FOREIGN KEY"},
	"hcl view and trigger stay":       {plain + "CREATE VIEW v AS SELECT id FROM t;\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();\n", table("comment = \"c\""), "COMMENT ON TABLE", "DROP"},
	"hcl collation stays when longer": {with(`v varchar(5) COLLATE "C"`), table("column \"v\" {\n type = varchar(9)\n null = true\n}"), `COLLATE "C"`, ""},
	"hcl index of two columns":        {with("v int"), table("column \"v\" {\n type = int\n null = true\n}\nindex \"i\" {\n on { column = column.v }\n on {\n  column = column.id\n  desc = true\n }\n}"), `("v", "id" DESC)`, ""},
	"hcl index, nulls first":          {plain, table("index \"i\" {\n on {\n  column = column.id\n  nulls_first = true\n }\n}"), "NULLS FIRST", ""},
	"hcl index of another column":     {with("v int") + "CREATE INDEX i ON t (id);\n", table("column \"v\" {\n type = int\n null = true\n}\nindex \"i\" { columns = [column.v] }"), `DROP INDEX "public"."i"`, ""},
	"hcl index method changed":        {plain + "CREATE INDEX i ON t (id);\n", table("index \"i\" {\n columns = [column.id]\n type = HASH\n}"), "USING hash", ""},
	"hcl index no longer partial":     {plain + "CREATE INDEX i ON t (id) WHERE id > 5;\n", table("index \"i\" { columns = [column.id] }"), `CREATE INDEX "i"`, "WHERE"},
	"sql index of an expression":      {with("v text"), with("v text") + "CREATE UNIQUE INDEX i ON t (lower(v) text_pattern_ops DESC, id) WHERE v <> 'it''s';\n", "text_pattern_ops", ""},
	"sql index comment gone":          {plain + "CREATE INDEX i ON t (id);\nCOMMENT ON INDEX i IS 'fast';\n", plain + "CREATE INDEX i ON t (id);\n", "COMMENT ON INDEX", ""},

	// checks
	"hcl check":                {plain, table("check \"positive\" { expr = \"id > 0\" }"), `ADD CONSTRAINT "positive" CHECK`, ""},
	"hcl check changed":        {"CREATE TABLE t (id bigint NOT NULL CONSTRAINT positive CHECK (id > 0));\n", table("check \"positive\" { expr = \"id > 1\" }"), `DROP CONSTRAINT "positive"`, ""},
	"hcl check gone":           {"CREATE TABLE t (id bigint NOT NULL CONSTRAINT positive CHECK (id > 0));\n", table(""), `DROP CONSTRAINT "positive"`, ""},
	"sql check, no inherit":    {plain, "CREATE TABLE t (id bigint NOT NULL, CONSTRAINT c CHECK (id > 0) NO INHERIT);\n", "NO INHERIT", ""},
	"hcl check of many":        {with("v text"), table("column \"v\" {\n type = text\n null = true\n}\ncheck \"c\" { expr = \"v ~ '^[a-z]+$' OR v IN ('it''s', 'b') AND id BETWEEN 1 AND 9\" }"), "CHECK", ""},
	"sql check without a name": {plain, "CREATE TABLE t (id bigint NOT NULL CHECK (id > 0));\n", `"t_id_check"`, ""},
	"sql check changed":        {"CREATE TABLE t (id bigint NOT NULL CONSTRAINT c CHECK (id > 0));\n", "CREATE TABLE t (id bigint NOT NULL CONSTRAINT c CHECK (id >= 0));\n", ">= 0", ""},

	// enums
	"hcl enum":                    {plain, table("column \"m\" {\n type = enum.mood\n null = true\n}") + "enum \"mood\" {\n schema = schema.public\n values = [\"sad\", \"it's\"]\n}\n", `CREATE TYPE "public"."mood" AS ENUM ('sad', 'it''s')`, ""},
	"hcl enum value at the end":   {"CREATE TYPE mood AS ENUM ('sad');\n" + plain, table("") + "enum \"mood\" {\n schema = schema.public\n values = [\"sad\", \"happy\"]\n}\n", `ADD VALUE 'happy'`, "txmode"},
	"hcl enum value in front":     {"CREATE TYPE mood AS ENUM ('sad');\n" + plain, table("") + "enum \"mood\" {\n schema = schema.public\n values = [\"happy\", \"sad\"]\n}\n", `BEFORE 'sad'`, ""},
	"hcl enum values between":     {"CREATE TYPE mood AS ENUM ('a', 'd');\n" + plain, table("") + "enum \"mood\" {\n schema = schema.public\n values = [\"a\", \"b\", \"c\", \"d\"]\n}\n", `AFTER 'b'`, ""},
	"hcl enum value used at once": {"CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE t (id bigint NOT NULL, m mood);\n", table("column \"m\" {\n type = enum.mood\n null = true\n default = \"happy\"\n}") + "enum \"mood\" {\n schema = schema.public\n values = [\"sad\", \"happy\"]\n}\n", "-- atlas:txmode none\n\n", ""},
	"hcl enum gone":               {"CREATE TYPE mood AS ENUM ('sad');\n" + plain, table(""), `DROP TYPE "public"."mood"`, ""},
	"sql enum array":              {plain, "CREATE TYPE mood AS ENUM ('sad');\n" + with("m mood[]"), `"mood"[]`, ""},
	"sql enum of another schema":  {"CREATE SCHEMA s;\n" + plain, "CREATE SCHEMA s;\nCREATE TYPE s.mood AS ENUM ('sad');\n" + with("m s.mood"), `"s"."mood"`, ""},
	"hcl enum of another schema":  {"CREATE SCHEMA s;\n" + plain, table("column \"m\" {\n type = enum.mood\n null = true\n}") + "schema \"s\" {}\nenum \"mood\" {\n schema = schema.s\n values = [\"sad\"]\n}\n", `"s"."mood"`, ""},
	"sql enum value added":        {"CREATE TYPE mood AS ENUM ('sad');\n", "CREATE TYPE mood AS ENUM ('so so', 'sad', 'it''s');\n", `'it''s'`, ""},
	"sql enum and its table gone": {"CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE m (m mood);\n" + plain, plain, `DROP TYPE "public"."mood"`, ""},

	// partitions
	"hcl partitioned table":         {plain, table("") + "table \"p\" {\n schema = schema.public\n column \"d\" { type = date }\n partition {\n  type = RANGE\n  columns = [column.d]\n }\n}\n", `PARTITION BY RANGE ("d")`, ""},
	"hcl partitioned by expression": {plain, table("") + "table \"p\" {\n schema = schema.public\n column \"d\" { type = text }\n partition {\n  type = HASH\n  by { expr = \"lower(d)\" }\n }\n}\n", `PARTITION BY HASH`, ""},
	"hcl column of a partitioned":   {"CREATE TABLE t (id bigint NOT NULL) PARTITION BY LIST (id);\nCREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);\n", table("column \"n\" {\n type = int\n null = true\n}\npartition {\n type = LIST\n columns = [column.id]\n}"), `ADD COLUMN "n"`, "t1"},
	"sql index of a partitioned":    {"CREATE TABLE t (id bigint NOT NULL) PARTITION BY LIST (id);\n", "CREATE TABLE t (id bigint NOT NULL) PARTITION BY LIST (id);\nCREATE INDEX i ON t (id);\n", `CREATE INDEX "i"`, ""},
	"sql partitioned table":         {plain, plain + "CREATE TABLE p (d date NOT NULL, r text) PARTITION BY RANGE (d, lower(r));\n", `PARTITION BY RANGE ("d", (lower(r)))`, ""},
	"hcl partitioned table gone":    {plain + "CREATE TABLE p (d date) PARTITION BY RANGE (d);\n", table(""), `DROP TABLE "public"."p"`, ""},

	// the language itself
	"hcl variable and locals": {plain, "variable \"suffix\" {\n type = string\n default = \"x\"\n}\nlocals { c = \"c-${var.suffix}\" }\n" + table("comment = local.c"), "c-x", ""},
	"sql several at once":     {plain, plain + "CREATE TABLE a (n int);\nCREATE INDEX i ON a (n);\nCOMMENT ON TABLE a IS 'a';\nCREATE TABLE b (n int CHECK (n > 0));\n", "", ""},
}
