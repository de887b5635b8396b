package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const address = "DATABASE_URL=postgres://app:s3cr3t-in-here@db.internal:5433/app?sslmode=disable"

func TestReadConfig(t *testing.T) {
	c, err := readConfig([]string{address, "PATH=/bin", "AWS_LAMBDA_LOG_LEVEL=WARN", "MIGRATE_ROLE=owner", "MIGRATE_LOCK_TIMEOUT=750ms", "MIGRATE_LOCK_BUDGET=3s",
		"MIGRATE_STATEMENT_TIMEOUT=1m30s", "MIGRATE_HISTORY_SCHEMA=audit", "MIGRATE_APPROVAL=none", "MIGRATE_CLUSTER_ID=cluster-1",
		"MIGRATE_READ_ONLY=true", "MIGRATE_SHOW_DETAIL=true", "MIGRATE_DEV_URL=x", "MIGRATE_TEST_MAJOR=x"})
	if err != nil {
		t.Fatal(err)
	}
	want := migration.Settings{Role: "owner", LockTimeout: 750 * time.Millisecond, LockBudget: 3 * time.Second,
		StatementTimeout: 90 * time.Second, HistorySchema: "audit", Approval: migration.NoApproval}
	if !reflect.DeepEqual(c.Settings, want) || !c.ReadOnly || !c.ShowDetail || c.logLevel != slog.LevelWarn {
		t.Errorf("config %+v", c)
	}
	if got := c.database.String(); got != "app@db.internal:5433/app" {
		t.Errorf("database %s", got)
	}
	if printed := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(printed, "s3cr3t") {
		t.Errorf("the password can be printed: %s", printed)
	}
}

// A name may be as long as PostgreSQL keeps it.
func TestReadConfig_longestName(t *testing.T) {
	longest := strings.Repeat("n", 63)
	c, err := readConfig([]string{address, "MIGRATE_ROLE=" + longest, "MIGRATE_HISTORY_SCHEMA=" + longest})
	if err != nil || c.Settings.Role != longest || c.Settings.HistorySchema != longest {
		t.Errorf("%+v: %v", c.Settings, err)
	}
}

// What is not set stands for its default, which is not decided here; and a
// variable that is set to nothing is not set.
func TestReadConfig_defaults(t *testing.T) {
	c, err := readConfig([]string{address, "MIGRATE_LOCK_TIMEOUT=", "MIGRATE_READ_ONLY=", "MIGRATE_APPROVAL="})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Settings, migration.Settings{}) || c.ReadOnly || c.ShowDetail || c.logLevel != slog.LevelInfo {
		t.Errorf("config %+v", c)
	}
}

func TestReadConfig_saysWhatIsWrong(t *testing.T) {
	const names = "MIGRATE_APPROVAL, MIGRATE_APPROVALS_NEEDED, MIGRATE_APPROVAL_KEYS, MIGRATE_CLUSTER_ID, MIGRATE_HISTORY_SCHEMA, MIGRATE_LOCK_BUDGET, MIGRATE_LOCK_TIMEOUT, " +
		"MIGRATE_NEVER_ACCEPT, MIGRATE_READ_ONLY, MIGRATE_ROLE, MIGRATE_SHOW_DETAIL, MIGRATE_STATEMENT_TIMEOUT"
	for _, c := range []struct{ set, want string }{
		{"DATABASE_URL=", "DATABASE_URL is not set, nor is DB_SECRET_ARN: want one of them, or DB_AUTH=iam (a URL is postgres://user:password@host:5432/database?sslmode=verify-full)"},
		{"DB_HOST=h", "the database is named twice, by DATABASE_URL and by DB_HOST: leave out one or the other"},
		{"DATABASE_URL=postgres://a:s3cr3t-in-here@[b", "DATABASE_URL: the database URL cannot be read: want postgres://user:password@host:5432/database?sslmode=verify-full (percent-encode what is special in the password)"},
		{"MIGRATE_LOCK_TIMEOUT=2", `MIGRATE_LOCK_TIMEOUT is "2": want a duration of at least 1ms, such as 500ms, 2s or 1m30s`},
		{"MIGRATE_LOCK_TIMEOUT=0s", `MIGRATE_LOCK_TIMEOUT is "0s": want a duration of at least 1ms, such as 500ms, 2s or 1m30s`},
		{"MIGRATE_LOCK_BUDGET=-1s", `MIGRATE_LOCK_BUDGET is "-1s": want a duration of at least 1ms, such as 500ms, 2s or 1m30s`},
		{"MIGRATE_STATEMENT_TIMEOUT=-1s", `MIGRATE_STATEMENT_TIMEOUT is "-1s": want a duration of at least 0s, such as 500ms, 2s or 1m30s`},
		{"MIGRATE_HISTORY_SCHEMA=" + strings.Repeat("ç", 32), `MIGRATE_HISTORY_SCHEMA is "` + strings.Repeat("ç", 32) + `": want a name of at most 63 bytes, which is what PostgreSQL keeps of one; this one has 64`},
		{"MIGRATE_ROLE=" + strings.Repeat("r", 81), `MIGRATE_ROLE, which has 81 bytes: want a name of at most 63 bytes, which is what PostgreSQL keeps of one; this one has 81`},
		{"MIGRATE_APPROVAL=digests", `MIGRATE_APPROVAL is "digests": want digest, signature or none`},
		{"MIGRATE_APPROVAL=signature", "MIGRATE_APPROVAL is signature and MIGRATE_APPROVAL_KEYS is not set: nobody could approve anything; give the public keys of those who may (aurora-migrate approve --public --key FILE prints one)"},
		{"MIGRATE_APPROVAL_KEYS=x", `MIGRATE_APPROVAL_KEYS is "x": key 1 of 1 is not base64: want public keys of ECDSA on P-256: PEM blocks one after another, or the DER of each in base64, with commas between`},
		{"MIGRATE_APPROVAL_KEYS=" + strings.Repeat("c3VwZXJzZWNyZXQh", 8), `MIGRATE_APPROVAL_KEYS, which has 128 bytes: key 1 of 1 is no public key (SubjectPublicKeyInfo)`},
		{"MIGRATE_APPROVALS_NEEDED=0", `MIGRATE_APPROVALS_NEEDED is "0": want a number, from 1 on`},
		{"MIGRATE_APPROVALS_NEEDED=2", "MIGRATE_APPROVALS_NEEDED is set and MIGRATE_APPROVAL is digest, with which no signature is asked for: set MIGRATE_APPROVAL to signature, or leave out the number"},
		{"MIGRATE_NEVER_ACCEPT=DS102,drops", `MIGRATE_NEVER_ACCEPT is "DS102,drops": "drops" is no code of a finding: want codes such as DS102, with commas between`},
		{"MIGRATE_NEVER_ACCEPT=,", `MIGRATE_NEVER_ACCEPT is ",": want codes of findings such as DS102, with commas between`},
		{"MIGRATE_READ_ONLY=yes", `MIGRATE_READ_ONLY is "yes": want true or false`},
		{"MIGRATE_SHOW_DETAIL=on", `MIGRATE_SHOW_DETAIL is "on": want true or false`},
		{"MIGRATE_LOCKTIMEOUT=2s", "\"MIGRATE_LOCKTIMEOUT\" is an unknown setting (did you mean \"MIGRATE_LOCK_TIMEOUT\"?): there are " + names},
		{"MIGRATE_COLOUR_OF_THE_SKY=", "\"MIGRATE_COLOUR_OF_THE_SKY\" is an unknown setting: there are " + names},
		{"AWS_LAMBDA_LOG_LEVEL=LOUD", `AWS_LAMBDA_LOG_LEVEL is "LOUD": want TRACE, DEBUG, INFO, WARN, ERROR or FATAL`},
	} {
		_, err := readConfig([]string{address, c.set})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.set, err, c.want)
		}
	}
	_, err := readConfig([]string{"MIGRATE_READ_ONLY=yes", "MIGRATE_APPROVAL=x"})
	if got := strings.Count(fmt.Sprint(err), "\n"); got != 2 {
		t.Errorf("of three things %d were told: %v", got+1, err)
	}
}
