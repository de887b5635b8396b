package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/authoring/atlastest"
	"github.com/alquimistaai/aurora-migrator/function/postgres/pgtest"
)

// An other is a project that another tool has looked after.
type other struct {
	tool  string // as import names it
	named string // as we name it when we find its table
	files map[string]string
	// made is what the tool left in the database; "" where the tool itself is
	// run, because it is written in Go.
	made string
	last string // what its history yields for the last migration
}

const (
	usersTable = "CREATE TABLE users (id bigint PRIMARY KEY);\n"
	emailAdded = "ALTER TABLE users ADD COLUMN email text;\n"
)

var others = []other{
	{tool: "goose", named: "goose", last: "2", files: map[string]string{
		"00001_users.sql": "-- +goose Up\n" + usersTable + "-- +goose Down\nDROP TABLE users;\n",
		"00002_email.sql": "-- +goose Up\n" + emailAdded,
	}},
	{tool: "golang-migrate", named: "golang-migrate", last: "2", files: map[string]string{
		"000001_users.up.sql": usersTable, "000001_users.down.sql": "DROP TABLE users;\n",
		"000002_email.up.sql": emailAdded,
	}},
	{tool: "dbmate", named: "dbmate or Rails", last: "20240106080000", files: map[string]string{
		"20240105120000_users.sql": "-- migrate:up\n" + usersTable + "-- migrate:down\nDROP TABLE users;\n",
		"20240106080000_email.sql": "-- migrate:up\n" + emailAdded + "-- migrate:down\n",
	}},
	{tool: "flyway", named: "Flyway", last: "2", files: map[string]string{
		"V1__users.sql": usersTable, "V2__email.sql": emailAdded,
	}, made: usersTable + emailAdded + `CREATE TABLE flyway_schema_history (installed_rank int NOT NULL, version varchar(50), description varchar(200) NOT NULL,
	type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(),
	execution_time int NOT NULL, success boolean NOT NULL, CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank));
CREATE INDEX flyway_schema_history_s_idx ON flyway_schema_history (success);
INSERT INTO flyway_schema_history VALUES (1, '1', 'users', 'SQL', 'V1__users.sql', 7, 'app', now(), 3, true),
	(2, '2', 'email', 'SQL', 'V2__email.sql', 8, 'app', now(), 3, true), (3, NULL, 'views', 'SQL', 'R__views.sql', 9, 'app', now(), 1, true);`},
	{tool: "liquibase", named: "Liquibase", last: "anna|2|changelog.sql", files: map[string]string{
		"changelog.sql": "--liquibase formatted sql\n--changeset anna:1\n" + usersTable + "--rollback DROP TABLE users;\n--changeset anna:2\n" + emailAdded,
	}, made: usersTable + emailAdded + `CREATE TABLE databasechangeloglock (id int NOT NULL, locked boolean NOT NULL, lockgranted timestamp, lockedby varchar(255),
	CONSTRAINT databasechangeloglock_pkey PRIMARY KEY (id));
CREATE TABLE databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL, dateexecuted timestamp NOT NULL,
	orderexecuted int NOT NULL, exectype varchar(10) NOT NULL, md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar(255),
	liquibase varchar(20), contexts varchar(255), labels varchar(255), deployment_id varchar(10));
INSERT INTO databasechangelog VALUES ('1', 'anna', 'changelog.sql', now(), 1, 'EXECUTED', '9:a', 'sql', '', NULL, '4.29.2', NULL, NULL, '1'),
	('2', 'anna', 'changelog.sql', now(), 2, 'EXECUTED', '9:b', 'sql', '', NULL, '4.29.2', NULL, NULL, '1');`},
}

var asks = regexp.MustCompile(`is told by (SELECT [^;]+); `)

// A project changes over from another tool: its directory is imported; plan is
// blocked and says whose history is there and how it is asked; the version that
// it names is adopted; then nothing is pending, and the next migration runs.
func TestAdopt_aDatabaseOfAnotherTool(t *testing.T) {
	for _, o := range others {
		t.Run(o.tool, func(t *testing.T) {
			db, project := pgtest.New(t), t.TempDir()
			for name, text := range o.files {
				write(t, filepath.Join(project, "old", name), text)
			}
			o.migrate(t, db, filepath.Join(project, "old"))
			m := &meeting{t: t, db: db, dir: filepath.Join(project, "migrations")}
			imported := m.ours(0, "import", "--source", filepath.Join(project, "old"), "--output", "json")

			refused := m.ours(3, "plan", "--output", "json")
			summary, next := valueAt(t, refused, "refusal.summary"), valueAt(t, refused, "next")
			if !strings.Contains(summary, "is the history of "+o.named) {
				t.Errorf("plan does not say whose history is there: %s", summary)
			}
			query := asks.FindStringSubmatch(next)
			if query == nil {
				t.Fatalf("plan does not say how the last version is asked for: %s", next)
			}
			last := db.Query(t, query[1])
			if last != o.last {
				t.Fatalf("%s yields %q, want %q", query[1], last, o.last)
			}

			m.baseline(o.version(t, imported, last))
			if got := m.field("outcome", 0, "plan"); got != "nothing_to_do" {
				t.Errorf("after baseline, plan finds %s", got)
			}
			m.write("20990101000000_phone.sql", "ALTER TABLE users ADD COLUMN phone text;\n")
			m.ours(0, "hash")
			m.oursApply()
			if got := db.Query(t, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'users'"); got != "3" {
				t.Errorf("in the end users has %s columns, want 3", got)
			}
		})
	}
}

// migrate leaves the database as the tool leaves it.
func (o other) migrate(t *testing.T, db *pgtest.DB, dir string) {
	t.Helper()
	if o.made != "" {
		db.Exec(t, o.made)
		return
	}
	if out, err := exec.Command(atlastest.Migrators(t), o.tool, dir, db.URL).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", o.tool, err, out)
	}
}

// version finds the file that import made of what the history names.
func (o other) version(t *testing.T, imported, last string) string {
	t.Helper()
	for i := range len(o.files) + 1 {
		version, from := valueAt(t, imported, fmt.Sprintf("files.%d.version", i)), valueAt(t, imported, fmt.Sprintf("files.%d.from", i))
		author, rest, _ := strings.Cut(last, "|")
		id, file, _ := strings.Cut(rest, "|")
		if strings.TrimLeft(version, "0") == last || from == file+" "+author+":"+id {
			return version
		}
	}
	t.Fatalf("no file for %q in\n%s", last, imported)
	return ""
}

func valueAt(t *testing.T, report, path string) string {
	t.Helper()
	return value(t, []byte(report), path)
}
