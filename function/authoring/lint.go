package authoring

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/lint"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// LintOptions say which files are judged; by default all of them.
type LintOptions struct {
	Latest int    // the last so many files; 0: all
	Base   string // files that are new, or other, than at this revision of git; "": all
}

// Lint judges what the statements of the directory will do to a database in use
// of which nothing is known: every table counts as large and busy. It runs the
// directory on a dev database to see it, and writes nothing. A finding of severity
// error makes the outcome blocked. Where a file fails, that is told, and the files
// before it are judged all the same.
func (a *Authoring) Lint(ctx context.Context, o LintOptions) Answer {
	dir, answer := a.sound()
	if answer != nil {
		return *answer
	}
	files, err := dir.chosen(ctx, o)
	if err != nil {
		return Answer{Outcome: migration.Invalid, Failure: failure(err, ""), Next: "Give --base a revision that git knows, such as origin/main."}
	}
	if len(files) == 0 {
		return Answer{Outcome: migration.Current, Summary: "no file is to be judged", Next: "Nothing is left to do."}
	}
	d, err := startDev(ctx, a.Server, dir.roles()...)
	if err != nil {
		return failed(failure(err, ""))
	}
	defer d.close()
	known, _ := dir.readReplay()
	from := slices.IndexFunc(dir.dir.Files, func(f migration.File) bool { return f.Name == files[0].Name })
	r, f := replayed(ctx, d, dir.dir, known, from)
	seen := slices.DeleteFunc(slices.Clone(files), func(file migration.File) bool { _, ok := r.Find(file.Name); return !ok })
	findings := lint.Check(lint.Input{Files: seen, Replay: &r, Major: r.Major})
	if f != nil {
		answer := failed(f)
		answer.Findings = findings
		if at := slices.IndexFunc(files, func(file migration.File) bool { return file.Name == f.File }); at >= 0 && f.Statement > 0 {
			answer.Findings = append(findings, lint.Failed(files[at], f))
		}
		return answer
	}
	return linted(findings, len(seen))
}

// linted says in a line what was found.
func linted(findings []migration.Finding, files int) Answer {
	answer := Answer{Outcome: migration.Current, Findings: findings, Summary: fmt.Sprintf("judged %s: %s", filesJudged(files), found(findings)), Next: "Nothing is left to do."}
	switch {
	case hasError(findings):
		answer.Outcome = migration.Blocked
		answer.Next = "Write the files as the fixes say; or, where that is not worth it, accept a finding when the plan is applied, or quiet it with a reason: -- atlas:nolint CODE -- why."
	case len(findings) > 0:
		answer.Next = "Nothing of this blocks. Plan tells how long it takes on the database that it is for."
	}
	return answer
}

func filesJudged(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// found counts findings by severity.
func found(findings []migration.Finding) string {
	var said []string
	for _, s := range []struct {
		severity  migration.Severity
		one, more string
	}{{migration.Error, "1 error", "%d errors"}, {migration.Warning, "1 warning", "%d warnings"}, {migration.Info, "1 note", "%d notes"}} {
		n := 0
		for _, f := range findings {
			if f.Severity == s.severity {
				n++
			}
		}
		switch {
		case n == 1:
			said = append(said, s.one)
		case n > 1:
			said = append(said, fmt.Sprintf(s.more, n))
		}
	}
	if len(said) == 0 {
		return "nothing was found"
	}
	return strings.Join(said, ", ")
}

// chosen are the files that are to be judged.
func (d *directory) chosen(ctx context.Context, o LintOptions) ([]migration.File, error) {
	files := slices.Clone(d.dir.Files)
	if o.Latest > 0 && o.Latest < len(files) {
		files = files[len(files)-o.Latest:]
	}
	if o.Base == "" {
		return files, nil
	}
	changed, err := changedSince(ctx, d.path, o.Base)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(f migration.File) bool { return !slices.Contains(changed, f.Name) }), nil
}

// changedSince asks git which files of a directory are other than at a revision,
// those that it does not know yet among them.
func changedSince(ctx context.Context, dir, revision string) ([]string, error) {
	var names []string
	for _, args := range [][]string{
		{"diff", "--name-only", "--diff-filter=ACMR", "-z", "--relative", "--end-of-options", revision, "--", "."},
		{"ls-files", "--others", "--exclude-standard", "-z", "--", "."},
	} {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return nil, fmt.Errorf("git does not tell what is new since %s: %s", revision, strings.TrimSpace(string(exit.Stderr)))
			}
			return nil, fmt.Errorf("git does not tell what is new since %s: %w", revision, err)
		}
		for name := range strings.SplitSeq(string(out), "\x00") {
			names = append(names, filepath.Base(name))
		}
	}
	return names, nil
}
