package lint_test

import (
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/lint"
)

// Batches are advised with what lets them run again after a cut, and only where
// that changes no row twice.
func TestCheck_batchesRunAgain(t *testing.T) {
	before := []string{"CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, c text);\n"}
	for sql, again := range map[string]bool{
		"UPDATE t SET a = 1;\n":                                 true,
		"UPDATE t SET a = b, c = lower('X');\n":                 true,
		"UPDATE t SET a = 1 WHERE a IS NULL;\n":                 true,
		"UPDATE t SET a = a + 1;\n":                             false,
		"UPDATE t SET b = 0, c = upper(c);\n":                   false,
		"UPDATE t SET a = b, b = a;\n":                          false,
		"UPDATE t SET (a, b) = (1, 2);\n":                       false,
		"UPDATE t AS x SET a = x.a * 2;\n":                      false,
		"UPDATE t SET a = CASE WHEN b > 0 THEN a ELSE 0 END;\n": false,
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			found := judge(t, before, []string{sql}).loud()
			if len(found) == 0 {
				t.Fatal("nothing was found")
			}
			rewrite, ok := lint.ParseRewrite(found[0].Fix)
			if ok != again {
				t.Errorf("a rewrite: %v\n%s", ok, told(found))
			}
			if ok && !strings.HasPrefix(rewrite.Files[0].SQL, "-- aurora:rerunnable\nDO ") {
				t.Errorf("without what lets it run again:\n%s", told(found))
			}
		})
	}
}
