package report

import (
	"fmt"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// Markdown shows findings as a comment of a pull request shows them best: the
// gravest first, each with its fix folded away. A failure, where there is one,
// stands before them.
func Markdown(title string, findings []migration.Finding, failure *migration.Failure, next string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n", inline(title))
	if failure != nil {
		fmt.Fprintf(&b, "\n**Failed:** %s\n", inline(migration.Mask(failure.Error())))
		if failure.Excerpt != "" {
			fenced(&b, "sql", failure.Excerpt)
		}
	}
	for _, f := range gravest(findings) {
		place := f.Place()
		if f.Statement > 0 {
			place += fmt.Sprintf(", statement %d", f.Statement)
		}
		fmt.Fprintf(&b, "\n**%s %s** %s\n\n%s\n", strings.ToUpper(string(f.Severity)), f.Code, inline(place), inline(migration.Mask(f.Summary)))
		if f.Detail != "" {
			fmt.Fprintf(&b, "\n%s\n", inline(migration.Mask(f.Detail)))
		}
		if f.Fix != "" {
			b.WriteString("\n<details><summary>Fix</summary>\n")
			fenced(&b, "sql", migration.Mask(f.Fix))
			b.WriteString("\n</details>\n")
		}
	}
	if next != "" {
		fmt.Fprintf(&b, "\n%s\n", inline(next))
	}
	return b.String()
}

// fenced writes a block of code, with a fence that is longer than any in it.
func fenced(b *strings.Builder, language, text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n%s%s\n%s\n%s\n", fence, language, strings.TrimRight(visibleLines(text), "\n"), fence)
}

// inline escapes what Markdown would read in running text.
func inline(text string) string {
	return markdownEscapes.Replace(visibleLines(text))
}

// visibleLines is visible for each line.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = visible(l)
	}
	return strings.Join(lines, "\n")
}

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", "[", `\[`, "|", `\|`, "#", `\#`)
