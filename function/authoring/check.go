package authoring

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

// Check finds every fault that it can, not only the first: atlas.sum, names and
// directives; that the directory runs from empty, and that it is over then; that
// the desired state can be read and runs; that both agree. It writes nothing.
func (a *Authoring) Check(ctx context.Context) Answer {
	dir, err := readDirectory(a.Dir)
	if err != nil {
		return failed(failure(err, "Check that the directory is there and can be read."))
	}
	want, faults := readDesired(a.Schema)
	findings := append(dir.findings, faults...)
	c := &checking{Authoring: a, dir: dir, want: want, runnable: want != nil && !hasError(faults)}
	if len(dir.findings) == 0 || c.runnable {
		if f := c.run(ctx); f != nil {
			answer := failed(f)
			answer.Findings = identified(append(findings, c.findings...))
			return answer
		}
	}
	findings = identified(append(findings, c.findings...))
	if hasError(findings) {
		return Answer{Outcome: migration.Failed, Summary: fmt.Sprintf("%s with %s and %s", faultsIn(findings), a.Dir, a.Schema), Findings: findings,
			Next: "Mend the findings, and run the same command again."}
	}
	return Answer{Outcome: migration.Current, Findings: findings, Next: "Nothing is left to do.",
		Summary: fmt.Sprintf("no fault: %s runs from empty and leads to %s", a.Dir, a.Schema)}
}

func faultsIn(findings []migration.Finding) string {
	n := 0
	for _, f := range findings {
		if f.Severity == migration.Error {
			n++
		}
	}
	if n == 1 {
		return "1 fault"
	}
	return fmt.Sprintf("%d faults", n)
}

// A checking is the part of a check that needs databases.
type checking struct {
	*Authoring
	dir      *directory
	want     *desired
	runnable bool // the desired state
	findings []migration.Finding
}

// run builds what can be built and compares it. The failure is one that is
// nobody's fault here: no dev database.
func (c *checking) run(ctx context.Context) *migration.Failure {
	d, err := startDev(ctx, c.Server, append(c.dir.roles(), c.want.roles()...)...)
	if err != nil {
		return failure(err, "")
	}
	defer d.close()
	var is, should *state
	if len(c.dir.findings) == 0 {
		var f *migration.Failure
		if is, f = c.current(ctx, d, c.dir); f != nil {
			c.fault(codeReplay, "the directory does not run from empty", c.dir.path, f)
		} else {
			c.again(ctx, is)
			c.replayed(ctx, d)
		}
	}
	if c.runnable {
		var f *migration.Failure
		if should, f = c.wanted(ctx, d, c.want, c.dir); f != nil {
			c.fault(codeNotRunning, "the desired state does not run", c.want.sources[0].path, f)
		}
	}
	if is != nil && should != nil {
		c.compare(is, should)
	}
	return ctxFailure(ctx)
}

func ctxFailure(ctx context.Context) *migration.Failure {
	if err := ctx.Err(); err != nil {
		return failure(fmt.Errorf("stopped before all was checked: %w", err), "Run the same command again.")
	}
	return nil
}

// fault makes a finding of a failure on a dev database.
func (c *checking) fault(code, what, file string, f *migration.Failure) {
	finding := migration.Finding{Code: code, Severity: migration.Error, File: f.File, Line: f.Line, Statement: f.Statement,
		Summary: what + ": " + f.Message, Detail: f.Excerpt, Fix: f.Next}
	if f.Statement > 0 {
		finding.Summary = fmt.Sprintf("%s: statement %d of %d: %s", what, f.Statement, f.Of, f.Message)
	}
	if f.SQLState != "" {
		finding.Summary += " (SQLSTATE " + f.SQLState + ")"
	}
	if finding.File == "" {
		finding.File = file
	}
	if f.Hint != "" {
		finding.Detail += "\n" + f.Hint
	}
	if finding.Fix == "" {
		finding.Fix = "Mend it, unless the file was applied anywhere: then write a new one, and mend what it stands on."
	}
	c.findings = append(c.findings, finding)
}

// again runs the directory a second time: nothing may happen then.
func (c *checking) again(ctx context.Context, is *state) {
	if len(c.dir.dir.Files) == 0 {
		return
	}
	r := c.Apply(ctx, is.url, c.dir.files())
	if r.Outcome == migration.NothingToDo {
		return
	}
	f := &migration.Failure{Message: fmt.Sprintf("it ended as %s", r.Outcome)}
	if u := unapplied(r); u != nil {
		f = u
	}
	c.fault(codeRunsAgain, "after the directory has run, something is still to do", c.dir.path, f)
}

// replayed runs the directory once more, watched, where a replay.json stands beside
// it, and compares: what plan and verify tell must be what the files do.
func (c *checking) replayed(ctx context.Context, d *dev) {
	_, text := c.dir.readReplay()
	if text == "" {
		return
	}
	if _, stale := migration.ReadReplay(os.DirFS(c.dir.path), c.dir.dir); len(stale) > 0 {
		c.findings = append(c.findings, stale...)
		return
	}
	r, f := replayed(ctx, d, c.dir.dir, nil, 0)
	if f != nil {
		c.fault(codeReplay, "the directory cannot be watched", c.dir.path, f)
		return
	}
	now, err := migration.MarshalReplay(r)
	if err != nil || string(now) != text {
		c.findings = append(c.findings, migration.Finding{Code: codeReplayDiffers, Severity: migration.Error, File: filepath.Join(c.dir.path, migration.ReplayName),
			Summary: migration.ReplayName + " tells something else than what the files do",
			Detail:  "It was edited, or written by another release, or on another major version of PostgreSQL.",
			Fix:     "Run aurora-migrate replay --anew, and commit what it writes."})
	}
}

// compare makes an error of everything in which directory and desired state
// differ.
func (c *checking) compare(is, should *state) {
	for _, d := range differences(is, should, c.want) {
		f := c.want.told(d)
		f.Code, f.Severity = codeDisagree, migration.Error
		switch {
		case d.Come:
			f.Summary = fmt.Sprintf("the %s %s is in %s, and the directory does not make it", d.Kind, d.Name, c.Schema)
		case d.Gone:
			f.Summary = fmt.Sprintf("the directory makes the %s %s, and it is not in %s", d.Kind, d.Name, c.Schema)
		default:
			f.Summary = fmt.Sprintf("the %s %s is one thing in the directory and another in %s", d.Kind, d.Name, c.Schema)
		}
		if d.Kind == "table" || d.Kind == "enum" || d.Kind == "schema" {
			f.Fix = "Run aurora-migrate diff NAME: it writes the file, or says what to write by hand."
		}
		c.findings = append(c.findings, f)
	}
	for _, name := range ignored(is, should, c.want) {
		c.findings = append(c.findings, repair.Ignored(name))
	}
}
