package migration

import "testing"

func TestIdentifier(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "app_owner": "app_owner", "App": `"App"`, "user": `"user"`, "9a": `"9a"`, `a"b`: `"a""b"`, "my-db": `"my-db"`, "público": `"público"`,
	} {
		if got := Identifier(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
