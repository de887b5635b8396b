package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// took says a duration as people do: "12 ms", "3.4 s", "2 min 5 s", "1 h 3 min".
func took(d time.Duration) string {
	switch {
	case d < 0:
		return took(0)
	case d < time.Millisecond:
		return "under 1 ms"
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d.Round(100*time.Millisecond) < time.Minute:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d.Round(time.Second) < time.Hour:
		s := int(d.Round(time.Second).Seconds())
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	m := int(d.Round(time.Minute).Minutes())
	return fmt.Sprintf("%d h %d min", m/60, m%60)
}

// when says a moment to the second, in UTC and without saying so.
func when(t time.Time) string { return t.UTC().Format(time.DateTime) }

// number writes n with a comma before every three digits.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is "1 file" or "1,200 files"; things are counted that take an s.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n) + " " + thing + "s"
}

// isOrAre is the verb that goes with n things.
func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// place says a target in words, without the role: "app on cluster c
// (PostgreSQL 17.10)". The nil Target is "the database".
func place(t *migration.Target) string {
	if t == nil {
		return "the database"
	}
	var b strings.Builder
	b.WriteString(t.Database)
	switch {
	case t.Database == "":
		b.WriteString("the database")
	case t.Cluster == "" && t.Host != "":
		b.WriteString(" at " + t.Host)
	case t.Cluster != "" && t.Cluster == t.Host:
		b.WriteString(" at " + t.Cluster)
	case t.Cluster != "":
		b.WriteString(" on " + clusterWord(t.Cluster) + t.Cluster)
	}
	if t.Engine != "" {
		b.WriteString(" (" + t.Engine + ")")
	}
	return b.String()
}

// clusterWord is "cluster " where the name does not say so itself.
func clusterWord(name string) string {
	if strings.HasPrefix(name, "cluster") {
		return ""
	}
	return "cluster "
}

// asWhom is ", as role r", or "" where no role is known.
func asWhom(t *migration.Target) string {
	switch {
	case t == nil || t.Role == "" && t.User == "":
		return ""
	case t.Role == "":
		return ", as role " + t.User
	}
	return ", as role " + t.Role
}

// waiting says when to come back.
func waiting(d time.Duration) string {
	return "Waiting helps: try again in " + took(time.Duration(seconds(d))*time.Second) + "."
}
