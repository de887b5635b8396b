package amazon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A content is what a secret says. The secret of a master user that RDS keeps
// has user and password alone; one that is made for rotation has all of it.
type content struct {
	host     string
	port     uint16
	database string
	user     string
	password Password
}

func (c content) equal(o content) bool {
	return c.host == o.host && c.port == o.port && c.database == o.database && c.user == o.user && c.password.Reveal() == o.password.Reveal()
}

// parseContent reads the text of the secret arn. No error tells any of it, not
// even what JSON's own errors would quote.
func parseContent(text, arn string) (*content, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil || fields == nil {
		return nil, unusable(arn, "is not a JSON object")
	}
	var c content
	var engine, password string
	for _, f := range []struct {
		name string
		into *string
	}{{"engine", &engine}, {"host", &c.host}, {"dbname", &c.database}, {"username", &c.user}, {"password", &password}} {
		if raw, ok := fields[f.name]; ok && !readText(raw, f.into) {
			return nil, unusable(arn, "has a field %s that is not a string", f.name)
		}
	}
	if raw, ok := fields["port"]; ok && !readPort(raw, &c.port) {
		return nil, unusable(arn, "has a field port that is not a port, 1 to 65535")
	}
	if c.host != "" && !isHost(c.host) {
		return nil, unusable(arn, "has a field host that is not a host name alone")
	}
	if engine != "" && !strings.Contains(engine, "postgres") {
		return nil, unusable(arn, "has a field engine that is not postgres: it is of another kind of database")
	}
	if password == "" {
		return nil, unusable(arn, "has no field password")
	}
	c.password = hidden(password)
	return &c, nil
}

// readText reads a string; null is none.
func readText(raw json.RawMessage, into *string) bool { return json.Unmarshal(raw, into) == nil }

// readPort reads a number, as one or as a string; null and "" are none.
func readPort(raw json.RawMessage, into *uint16) bool {
	text := string(bytes.TrimSpace(raw))
	if text == "null" || text == `""` {
		return true
	}
	if strings.HasPrefix(text, `"`) && !readText(raw, &text) {
		return false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	*into = uint16(n)
	return err == nil && n > 0
}

// fill gives l what it lacks.
func (c *content) fill(l *Login, arn string) error {
	l.Password = c.password
	if l.Port == 0 {
		l.Port = c.port
	}
	for _, f := range []struct {
		into          *string
		from          string
		field, setter string
	}{{&l.Host, c.host, "host", "DB_HOST"}, {&l.Database, c.database, "dbname", "DB_NAME"}, {&l.User, c.user, "username", "DB_USER"}} {
		if *f.into == "" {
			*f.into = f.from
		}
		if *f.into == "" {
			return failure(fmt.Sprintf("the secret %s has no field %s, and %s is not set", arn, f.field, f.setter),
				fmt.Sprintf("Set %s, or put the field %s into the secret.", f.setter, f.field), nil)
		}
	}
	return nil
}

func unusable(arn, format string, args ...any) *migration.Failure {
	return failure("the secret "+arn+" "+fmt.Sprintf(format, args...),
		fmt.Sprintf(`Put a JSON object with the fields username and password into it, and host, port and dbname where the stack does not say them (aws secretsmanager put-secret-value --secret-id %s); or name another secret in DB_SECRET_ARN.`, arn), nil)
}
