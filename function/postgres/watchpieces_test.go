package postgres

import "testing"

// What a DO block does is the same with our marks in it: they stand where a
// statement may stand, and nowhere else.
func TestMarked(t *testing.T) {
	const m = "IF aurora_migrate_watch.mark('commit') THEN END IF; "
	for text, want := range map[string]string{
		"DO $$ BEGIN UPDATE t SET n = 1; COMMIT; END $$":                                           "DO $$ BEGIN UPDATE t SET n = 1; " + m + "COMMIT; " + m + "END $$",
		"DO LANGUAGE plpgsql $x$BEGIN COMMIT AND CHAIN; END;$x$;":                                  "DO LANGUAGE plpgsql $x$BEGIN " + m + "COMMIT AND CHAIN; " + m + "END;$x$;",
		"DO $$ BEGIN IF a THEN commit; ELSE ROLLBACK; END IF; END $$ LANGUAGE plpgsql":             "DO $$ BEGIN IF a THEN " + m + "commit; ELSE " + m + "ROLLBACK; END IF; " + m + "END $$ LANGUAGE plpgsql",
		"DO $$ BEGIN CREATE TEMP TABLE x (n int) ON COMMIT DROP; -- ; COMMIT;\nEND $$":             "DO $$ BEGIN CREATE TEMP TABLE x (n int) ON COMMIT DROP; -- ; COMMIT;\n" + m + "END $$",
		"DO $$ BEGIN EXECUTE 'COMMENT ON TABLE t IS ''; COMMIT;'''; LOOP COMMIT; END LOOP; END $$": "DO $$ BEGIN EXECUTE 'COMMENT ON TABLE t IS ''; COMMIT;'''; LOOP " + m + "COMMIT; END LOOP; " + m + "END $$",
		"DO LANGUAGE plperl $$ spi_commit(); $$":                                                   "DO LANGUAGE plperl $$ spi_commit(); $$",
		"DO 'BEGIN COMMIT; END'":                                                                   "DO 'BEGIN COMMIT; END'",
		"CALL p()":                                                                                 "CALL p()",
	} {
		if got := marked(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}
