package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// head returns as much of the beginning of s as n bytes hold, whole characters.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tail returns as much of the end of s as n bytes hold, whole characters.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := len(s) - n
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return s[i:]
}

// clip cuts the middle out of a text longer than n bytes and says so in its place.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	first, last := head(s, n*3/4), tail(s, n/4)
	return fmt.Sprintf("%s ... (%s left out) ... %s", first, count(len(s)-len(first)-len(last), "byte"), last)
}

// longLine is how many bytes of a line of SQL are shown.
const longLine = 300

// excerpt returns the lines of a statement as they are, the middle cut out of
// long ones and, where there are more than first+last+1, the lines between.
func excerpt(sql string, first, last int) []string {
	n := strings.Count(sql, "\n") + 1
	if n <= first+last+1 {
		return shortLines(strings.Split(sql, "\n"))
	}
	lines := make([]string, 0, first+last+1)
	rest := sql
	for range first {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		lines = append(lines, line)
	}
	end := len(sql)
	for range last {
		end = strings.LastIndexByte(sql[:end], '\n')
	}
	lines = append(lines, "... ("+count(n-first-last, "line")+" left out)")
	if last > 0 {
		lines = append(lines, strings.Split(sql[end+1:], "\n")...)
	}
	return shortLines(lines)
}

func shortLines(lines []string) []string {
	for i, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		if len(line) > longLine {
			line = head(line, longLine*2/3) + " ... " + tail(line, longLine/3)
		}
		lines[i] = line
	}
	return lines
}
