package migration

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// In each text stands "hunter2", which is what must not be seen.
func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE ROLE app LOGIN PASSWORD 'hunter2' VALID UNTIL '2030-01-01';":                                 "CREATE ROLE app LOGIN PASSWORD '***' VALID UNTIL '2030-01-01';",
		"alter user app with encrypted password E'hunter2\\'x';":                                             "alter user app with encrypted password E'***';",
		"ALTER ROLE app PASSWORD /* new */ U&'hunter2'":                                                      "ALTER ROLE app PASSWORD /* new */ U&'***'",
		"ALTER ROLE app PASSWORD -- it's new\n $p$hunter2;$p$;":                                              "ALTER ROLE app PASSWORD -- it's new\n $p$***$p$;",
		"ALTER ROLE app PASSWORD 'hunter''s2\nhunter2';":                                                     "ALTER ROLE app PASSWORD '***\n';",
		"ALTER ROLE app PASSWORD 'x'\n  'hunter2';":                                                          "ALTER ROLE app PASSWORD '***\n';",
		"CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'hunter2')":                          "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password '***')",
		"ALTER USER MAPPING FOR a SERVER s OPTIONS (SET \"password\" 'hunter2')":                             "ALTER USER MAPPING FOR a SERVER s OPTIONS (SET \"password\" '***')",
		"CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2;&x user=u' PUBLICATION p":                 "CREATE SUBSCRIPTION s CONNECTION 'host=h password=*** user=u' PUBLICATION p",
		"SELECT dblink('host=h password=''hunter2 or so'' user=u', 'SELECT 1')":                              "SELECT dblink('host=h password=''***'' user=u', 'SELECT 1')",
		"SELECT dblink('host=h password = hunter2 user=u')":                                                  "SELECT dblink('host=h password = *** user=u')",
		"SELECT dblink($$host=h password = hunter2$$)":                                                       "SELECT dblink($$host=h password = ***$$)",
		"SELECT dblink('postgres://u:hunter2@h/db?sslmode=require')":                                         "SELECT dblink('postgres://u:***@h/db?sslmode=require')",
		"cannot connect to postgresql://u:hunter2@x@h:5432/db: refused":                                      "cannot connect to postgresql://u:***@h:5432/db: refused",
		"postgres://u:hun/hunter2@h/db":                                                                      "postgres://u:***@h/db",
		"postgres://h/db?user=u&password=hunter2&sslmode=require":                                            "postgres://h/db?user=u&password=***&sslmode=require",
		"failed to connect to `user=u password=hunter2 host=h`":                                              "failed to connect to `user=u password=*** host=h`",
		"can't parse: ALTER ROLE a PASSWORD 'hunter2' won't do":                                              "can't parse: ALTER ROLE a PASSWORD '***' won't do",
		"LINE 1: ALTER ROLE a PASSWORD 'hunter2...\n                    ^":                                   "LINE 1: ALTER ROLE a PASSWORD '***\n",
		"DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''; END $$;":                                   "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''***'''; END $$;",
		"DO 'BEGIN EXECUTE ''ALTER ROLE a PASSWORD ''''hunter2''''''; END';":                                 "DO 'BEGIN EXECUTE ''ALTER ROLE a PASSWORD ''''***''''''; END';",
		"DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', 'app', 'hunter2'); PERFORM f('x'); END $$;": "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', '***', '***'); PERFORM f('x'); END $$;",
		"EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('hunter2'); SELECT 'x';":                          "EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('***'); SELECT 'x';",
		"EXECUTE 'ALTER ROLE a PASSWORD ''hun''''hunter2'' VALID UNTIL NULL'":                                "EXECUTE 'ALTER ROLE a PASSWORD ''***'' VALID UNTIL NULL'",
		"UPDATE users SET password = 'hunter2' WHERE id = 1":                                                 "UPDATE users SET password = '***' WHERE id = 1",
		"SET app.api_key TO 'hunter2'":                                                                       "SET app.api_key TO '***'",
		"SELECT set_config('app.secret', 'hunter2', false)":                                                  "SELECT set_config('app.secret', '***', false)",
		"SELECT f(password => 'hunter2', senha := 'hunter2')":                                                "SELECT f(password => '***', senha := '***')",
		`INSERT INTO c VALUES ('{"password": "hunter2", "user": "u"}')`:                                      `INSERT INTO c VALUES ('{"password": "***", "user": "u"}')`,
		`{"password":"hunter\"hunter2","user":"u"}`:                                                          `{"password":"***","user":"u"}`,
		"SELECT aws_s3.table_import_from_s3('t', '', '', aws_commons.create_aws_uri('b', 'k', 'r'), aws_commons.create_aws_credentials('id', 'hunter2', ''))": "SELECT aws_s3.table_import_from_s3('t', '', '', aws_commons.create_aws_uri('b', 'k', 'r'), aws_commons.create_aws_credentials('***', '***', ''))",
		"COPY t FROM 's3://b' CREDENTIALS 'aws_access_key_id=AKIAIOSFODNN7EXAMPLE;aws_secret_access_key=hunter2'":                                             "COPY t FROM 's3://b' CREDENTIALS 'aws_access_key_id=***;aws_secret_access_key=***'",
		"aws_secret_access_key 'hunter2'":                              "aws_secret_access_key '***'",
		"INSERT INTO u VALUES (crypt('hunter2', gen_salt('bf')), 'x')": "INSERT INTO u VALUES (crypt('***', gen_salt('***')), 'x')",
		"-- was: ALTER ROLE a PASSWORD 'hunter2'\nSELECT 1;":           "-- was: ALTER ROLE a PASSWORD '***'\nSELECT 1;",
		"role a has SCRAM-SHA-256$4096:hunter2$x:y now":                "role a has SCRAM-SHA-256$*** now",
	} {
		got := Mask(text)
		if got != want {
			t.Errorf("%s\nis masked as\n%s\nwant\n%s", text, got, want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s leaks", text)
		}
	}
}

func TestMask_leavesTheRest(t *testing.T) {
	for _, text := range []string{
		"", "SELECT 1;", ordinary,
		"CREATE TABLE users (id int, password text NOT NULL DEFAULT '', password_hash bytea);",
		"COMMENT ON COLUMN users.password IS 'a senha do usuário';",
		"ALTER ROLE app PASSWORD NULL;", "ALTER ROLE app PASSWORD '';",
		"SELECT password::text, u.password FROM users u WHERE password IS NULL OR password IN ('a', 'b');",
		"SELECT NEW.password = OLD.password; UPDATE u SET password = md5(x);",
		"ALTER TABLE t ADD CHECK (kind IN ('password', 'oauth'));",
		`FATAL: password authentication failed for user "app" (SQLSTATE 28P01)`,
		"see https://example.com:8080/a@b and http://user@host/x, or mail a:b@c",
		"SELECT 'a' AS secret, '***' AS token;",
	} {
		if got := Mask(text); got != text {
			t.Errorf("%s\nbecame\n%s", text, got)
		}
	}
}

// FuzzMask: a masked text has the lines of the text and is not masked further,
// and a password where SQL has one is gone whatever stands around it.
func FuzzMask(f *testing.F) {
	for _, s := range append(seeds, "password=a b", "'password=''a'' x'", "x://a:b@c", "PASSWORD 'a\nb", `"password": "a`, "crypt('a'", "'PASSWORD '||'a'", "$$password = a$$", "/* password=a") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		masked := Mask(text)
		if again := Mask(masked); again != masked {
			t.Errorf("%q is masked as %q and that as %q", text, masked, again)
		}
		if strings.Count(masked, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q and %q differ in lines", text, masked)
		}
		const secret = "Hunter2Hunter2"
		around := "ALTER ROLE a PASSWORD '" + secret + "' VALID UNTIL 'x';"
		if s := scan(text); len(s.errs) == 0 {
			if got := Mask(text + "\n;" + around + text); strings.Contains(got, secret) {
				t.Errorf("%q around it and it is seen: %q", text, got)
			}
		}
	})
}

// The same over texts put together from what Mask looks for.
func TestMask_twiceIsOnce(t *testing.T) {
	parts := []string{"password", "PASSWORD ", "secret", "=", " = ", " ", "'", "''", "''''", `"`, `\`, `\"`, "$$", "$a$", ":", "://", "@", "/", "u", "x", "***", ";", ",", "(", ")", "||",
		"crypt(", "set_config(", "%L", "\n", "\r", "--", "/*", "*/", "AKIAIOSFODNN7EXAMPLE", "E'", "U&'", "?", "&", " to ", ":=", "SCRAM-SHA-256$", "1", "é"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		var b strings.Builder
		for range 1 + random.IntN(12) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		text := b.String()
		masked := Mask(text)
		if again := Mask(masked); again != masked {
			t.Fatalf("%q is masked as %q and that as %q", text, masked, again)
		}
		if strings.Count(masked, "\n") != strings.Count(text, "\n") {
			t.Fatalf("%q and %q differ in lines", text, masked)
		}
	}
}
