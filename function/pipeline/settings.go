package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Config is what can be set of a pipeline, by name, at any front door.
type Config struct {
	Settings   migration.Settings
	Cluster    string // the cluster's resource id; "": what the server says
	ReadOnly   bool   // a planner
	ShowDetail bool   // PostgreSQL's DETAIL, which can hold values of rows
}

// A Setting is one thing that can be set. The front doors say where it is read
// from; what it means, and what it may be, is said here once for all.
type Setting struct {
	Name  string // as the environment has it
	Value string // what a help calls the value; "" for one that is on or off
	Usage string
	Read  func(*Config, string) error // the error says what is wanted
}

// Settings are all there are. Beside them stand what says where the database
// is and who we are there, which differs from door to door.
var Settings = []Setting{
	{"MIGRATE_ROLE", "ROLE", "SET ROLE to this after login: it owns what is created",
		func(c *Config, v string) error { return identifier(v, &c.Settings.Role) }},
	{"MIGRATE_LOCK_TIMEOUT", "DURATION", "how long a statement may wait for a lock before its file is rolled back and tried again (default 2s)",
		func(c *Config, v string) error { return Duration(v, time.Millisecond, &c.Settings.LockTimeout) }},
	{"MIGRATE_LOCK_BUDGET", "DURATION", "how long a file may wait in all while it holds locks that stop others (default twice the lock timeout)",
		func(c *Config, v string) error { return Duration(v, time.Millisecond, &c.Settings.LockBudget) }},
	{"MIGRATE_STATEMENT_TIMEOUT", "DURATION", "how long a statement may run (default: as long as there is time)",
		func(c *Config, v string) error { return Duration(v, 0, &c.Settings.StatementTimeout) }},
	{"MIGRATE_HISTORY_SCHEMA", "SCHEMA", "where atlas_schema_revisions is (default: where it is found)",
		func(c *Config, v string) error { return identifier(v, &c.Settings.HistorySchema) }},
	{"MIGRATE_APPROVAL", "MODE", "what apply asks for: digest; signature, for a digest that was signed; or none, for a database of your own (default digest)",
		func(c *Config, v string) error { return approvalMode(v, &c.Settings.Approval) }},
	{"MIGRATE_APPROVAL_KEYS", "KEYS", "public keys whose signatures count: PEM, or DER in base64 with commas between; ECDSA on P-256",
		func(c *Config, v string) (err error) {
			c.Settings.ApprovalKeys, err = migration.ParsePublicKeys(v)
			return err
		}},
	{"MIGRATE_APPROVALS_NEEDED", "NUMBER", "how many different ones of these keys have to sign (default 1)",
		func(c *Config, v string) error { return number(v, &c.Settings.ApprovalsNeeded) }},
	{"MIGRATE_NEVER_ACCEPT", "CODES", "codes of findings that no approval can accept, with commas between",
		func(c *Config, v string) error { return codes(v, &c.Settings.NeverAccept) }},
	{"MIGRATE_CLUSTER_ID", "ID", "resource id of the cluster, which the digest names (default: what the server says)",
		func(c *Config, v string) error { c.Cluster = v; return nil }},
	{"MIGRATE_SHOW_DETAIL", "", "show PostgreSQL's DETAIL, which can hold values of rows",
		func(c *Config, v string) error { return yesOrNo(v, &c.ShowDetail) }},
	{"MIGRATE_READ_ONLY", "", "plan only: refuse to change anything",
		func(c *Config, v string) error { return yesOrNo(v, &c.ReadOnly) }},
}

// UnknownSettings finds, among NAME=value pairs, those that look like settings
// and are none: a setting with a typo must not be a setting left out. Those of
// tests and of a dev database may be set where both run.
func UnknownSettings(environ []string) (wrong []error) {
	names := make([]string, len(Settings))
	for i, s := range Settings {
		names[i] = s.Name
	}
	slices.Sort(names)
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "MIGRATE_") || slices.Contains(names, name) || name == "MIGRATE_DEV_URL" || strings.HasPrefix(name, "MIGRATE_TEST_") {
			continue
		}
		wrong = append(wrong, fmt.Errorf("%q is an unknown setting%s: there are %s", name, nearest(name, names), strings.Join(names, ", ")))
	}
	return wrong
}

// Wrong says that a setting, by the name that it has at a front door, cannot
// have this value. A long one is not repeated: it may be a key, and a private one.
func Wrong(name, value string, err error) error {
	const most = 80
	if len(value) > most {
		return fmt.Errorf("%s, which has %d bytes: %w", name, len(value), err)
	}
	return fmt.Errorf("%s is %q: %w", name, migration.Mask(value), err)
}

// Duration reads a duration that must not be shorter than least.
func Duration(v string, least time.Duration, into *time.Duration) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < least {
		return fmt.Errorf("want a duration of at least %s, such as 500ms, 2s or 1m30s", least)
	}
	*into = d
	return nil
}

// identifier reads the name of something in the database. PostgreSQL would cut a
// longer one without an error, and we would then look for it in vain.
func identifier(v string, into *string) error {
	if len(v) > migration.MaxIdentifier {
		return fmt.Errorf("want a name of at most %d bytes, which is what PostgreSQL keeps of one; this one has %d", migration.MaxIdentifier, len(v))
	}
	*into = v
	return nil
}

func approvalMode(v string, into *migration.ApprovalMode) error {
	mode := migration.ApprovalMode(v)
	if mode != migration.ByDigest && mode != migration.BySignature && mode != migration.NoApproval {
		return fmt.Errorf("want %s, %s or %s", migration.ByDigest, migration.BySignature, migration.NoApproval)
	}
	*into = mode
	return nil
}

func number(v string, into *int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return errors.New("want a number, from 1 on")
	}
	*into = n
	return nil
}

var findingCode = regexp.MustCompile(`^[A-Z]+[0-9]+$`)

// codes reads a list. A code that looks like none would never be met, and what
// it was to forbid could be accepted.
func codes(v string, into *[]string) error {
	list := strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
	for _, code := range list {
		if !findingCode.MatchString(code) {
			return fmt.Errorf("%q is no code of a finding: want codes such as DS102, with commas between", code)
		}
	}
	if len(list) == 0 {
		return errors.New("want codes of findings such as DS102, with commas between")
	}
	*into = list
	return nil
}

// Check says what does not go together among settings of which each is right
// by itself.
func (c Config) Check() error {
	s := c.Settings.Defaults()
	keys := len(s.ApprovalKeys)
	switch {
	case s.Approval == migration.BySignature && keys == 0:
		return errors.New("MIGRATE_APPROVAL is signature and MIGRATE_APPROVAL_KEYS is not set: nobody could approve anything; give the public keys of those who may (aurora-migrate approve --public --key FILE prints one)")
	case s.Approval != migration.BySignature && keys > 0:
		return fmt.Errorf("MIGRATE_APPROVAL_KEYS is set and MIGRATE_APPROVAL is %s, with which no signature is asked for: set MIGRATE_APPROVAL to signature, or leave out the keys", s.Approval)
	case s.Approval != migration.BySignature && c.Settings.ApprovalsNeeded > 0:
		return fmt.Errorf("MIGRATE_APPROVALS_NEEDED is set and MIGRATE_APPROVAL is %s, with which no signature is asked for: set MIGRATE_APPROVAL to signature, or leave out the number", s.Approval)
	case s.Approval == migration.BySignature && s.ApprovalsNeeded > keys:
		return fmt.Errorf("MIGRATE_APPROVALS_NEEDED is %d and MIGRATE_APPROVAL_KEYS has %d of them: nothing could ever be approved", s.ApprovalsNeeded, keys)
	}
	return nil
}

func yesOrNo(v string, into *bool) (err error) {
	if *into, err = strconv.ParseBool(v); err != nil {
		return errors.New("want true or false")
	}
	return nil
}
