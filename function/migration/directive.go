package migration

import (
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"github.com/agext/levenshtein"
)

const (
	rerunnable = "rerunnable"
	nolint     = "nolint"
	txmode     = "txmode"
	checkpoint = "checkpoint"
	delim      = "delimiter"
	sumMode    = "sum"
)

var (
	atlasDirectives  = []string{txmode, checkpoint, delim, sumMode, nolint}
	proDirectives    = []string{"txtar", "assert", "import"} // Atlas's library passes over them and runs the SQL
	auroraDirectives = []string{rerunnable}
)

func (d directive) known() bool {
	if d.owner == "aurora" {
		return slices.Contains(auroraDirectives, d.name)
	}
	return slices.Contains(atlasDirectives, d.name) || slices.Contains(proDirectives, d.name)
}

func (d directive) rerunnable() bool {
	return d.owner == "aurora" && d.name == rerunnable && !d.loose
}

// checkDirectives finds directives that do not do what they say.
func checkDirectives(file *migrate.LocalFile, remarks []remark) []Finding {
	var faults []Finding
	text := string(file.Bytes())
	for _, r := range remarks {
		f := r.check(text)
		if f.Code == "" {
			continue
		}
		f.Severity, f.File, f.Line = Error, file.Name(), r.line
		faults = append(faults, f)
	}
	return append(faults, checkTxMode(file)...)
}

// check returns a Finding without a place; one without a code is none.
func (r remark) check(text string) Finding {
	switch {
	case !r.known():
		return Finding{Code: codeUnknown, Summary: fmt.Sprintf("unknown directive %s", r.directive), Fix: r.nearest()}
	case r.loose:
		return Finding{Code: codeDirectiveForm, Summary: fmt.Sprintf("directive %s is not written as it must be and would be ignored", r.directive),
			Fix: fmt.Sprintf("Write it in lower case and without a space behind the colon: -- %s", r.directive)}
	case r.owner == "aurora":
		return r.checkAurora()
	case slices.Contains(proDirectives, r.name):
		return Finding{Code: codeAtlasPro, Summary: fmt.Sprintf("%s would be ignored and the SQL below it run", r.directive),
			Detail: "It is a feature of Atlas Pro; the library that reads this directory passes over it.",
			Fix:    "Take the directive out, and write the file as plain SQL."}
	case r.name == delim, r.name == sumMode:
		return r.checkFirstLine()
	case r.name == txmode, r.name == checkpoint:
		return r.checkHeader(text)
	}
	return Finding{}
}

func (r remark) checkAurora() Finding {
	if r.stmt >= 0 {
		return Finding{}
	}
	return Finding{Code: codeMisplaced, Summary: fmt.Sprintf("%s belongs to no statement", r.directive),
		Fix: "Write it on a line of its own directly above the statement, with no empty line between them."}
}

// checkFirstLine looks at what Atlas reads on the first line of a file only.
func (r remark) checkFirstLine() Finding {
	switch {
	case r.pos > 0 || r.name == delim && !strings.HasPrefix(r.comment, "-- atlas:"):
		return Finding{Code: codeMisplaced, Summary: fmt.Sprintf("%s would be ignored here", r.directive),
			Fix: fmt.Sprintf("Make it the very first line of the file: -- %s %s", r.directive, r.arg)}
	case r.name == delim && r.arg == "":
		return Finding{Code: codeDirectiveForm, Summary: "atlas:delimiter without a delimiter",
			Fix: `Write what ends a statement behind it, such as -- atlas:delimiter \n\n, or take it out.`}
	case r.name == sumMode && r.arg == "ignore":
		return Finding{Code: codeSumIgnore, Summary: "atlas:sum ignore leaves the file without an entry in atlas.sum",
			Detail: "Atlas does not run a file without an entry, and nothing would tell that its bytes changed.",
			Fix:    "Take the directive out and run atlas migrate hash."}
	case r.name == sumMode:
		return Finding{Code: codeDirectiveForm, Summary: fmt.Sprintf("atlas:sum %s means nothing", r.arg),
			Fix: "Take the directive out."}
	}
	return Finding{}
}

// checkHeader looks at what Atlas reads in the comments at the top of a file,
// if an empty line sets them apart from the first statement.
func (r remark) checkHeader(text string) Finding {
	top, apart := header(text)
	f := Finding{Code: codeMisplaced, Summary: fmt.Sprintf("%s would be ignored here", r.directive),
		Fix: fmt.Sprintf("Write it at the very top of the file as -- %s, with an empty line below: the file then runs as it says.",
			strings.TrimSpace(r.String()+" "+r.arg))}
	switch {
	case strings.HasPrefix(r.comment, "/*"):
		f.Detail = "Atlas reads it in a -- comment only."
	case r.pos >= top:
		f.Detail = "Atlas reads it in the comments that begin the file only, with nothing above them, no empty line either."
	case !apart:
		f.Detail = "There is no empty line between the comments at the top and what follows them."
	case len(migrate.NewLocalFile("", []byte(r.comment+"\n\n")).Directive(r.name)) == 0:
		f.Detail = "There is a sign in front of it, a tab perhaps, that Atlas does not read over."
	default:
		return Finding{}
	}
	return f
}

// header returns where the comments that begin a file end, and whether an empty
// line, or the end of the file, sets them apart from what follows.
func header(text string) (end int, apart bool) {
	rest := text
	for strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "#") {
		_, after, found := strings.Cut(rest, "\n")
		if !found {
			return len(text), true
		}
		rest = after
	}
	apart = rest == "" || strings.HasPrefix(strings.TrimLeft(rest, " \t"), "\n")
	return len(text) - len(rest), apart
}

// checkTxMode looks at the values that Atlas would read.
func checkTxMode(file *migrate.LocalFile) []Finding {
	values := file.Directive(txmode)
	f := Finding{Code: codeTxMode, Severity: Error, File: file.Name(), Line: 1 + strings.Count(before(string(file.Bytes()), "atlas:txmode"), "\n"),
		Fix: "Write -- atlas:txmode none to commit each statement alone, and nothing for one transaction."}
	switch {
	case len(values) > 1:
		f.Summary = fmt.Sprintf("atlas:txmode stands here %d times", len(values))
		f.Fix = "Leave one."
	case len(values) == 1 && values[0] != string(TxNone) && values[0] != string(TxFile):
		f.Summary = fmt.Sprintf("atlas:txmode is %q and can only be none or file", values[0])
	default:
		return nil
	}
	return []Finding{f}
}

func before(text, sub string) string {
	text, _, _ = strings.Cut(text, sub)
	return text
}

// nearest says what may have been meant.
func (d directive) nearest() string {
	known := auroraDirectives
	if d.owner == "atlas" {
		known = atlasDirectives
	}
	best := slices.MinFunc(known, func(a, b string) int {
		return levenshtein.Distance(d.name, a, nil) - levenshtein.Distance(d.name, b, nil)
	})
	if levenshtein.Distance(d.name, best, nil) <= 3 {
		return fmt.Sprintf("Did you mean %s:%s?", d.owner, best)
	}
	list := strings.Join(known, ", "+d.owner+":")
	return fmt.Sprintf("It would be ignored: take it out. Known are %s:%s.", d.owner, list)
}
