package authoring

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"ariga.io/atlas/sql/migrate"

	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/repair"
)

// DiffOptions of one diff.
type DiffOptions struct {
	Name         string // of the migration: what it does
	DryRun       bool   // tell, and write nothing
	Concurrently bool   // indexes of tables that are there: built and dropped without stopping writes
}

// Diff writes the next file of the directory: what leads from its end to the
// desired state. Before it is written it is run on a dev database, behind the
// directory, and what it leaves of the difference is told. Where there is no
// difference, or one that cannot be planned, nothing is written.
func (a *Authoring) Diff(ctx context.Context, o DiffOptions) Answer {
	name, err := fileName(o.Name)
	if err != nil {
		return Answer{Outcome: migration.Invalid, Failure: failure(err, ""), Next: "Give the migration another name."}
	}
	o.Name = name
	dir, want, answer := a.read()
	if answer != nil {
		return *answer
	}
	d, err := startDev(ctx, a.Server, append(dir.roles(), want.roles()...)...)
	if err != nil {
		return failed(failure(err, ""))
	}
	defer d.close()
	is, should, f := a.both(ctx, d, dir, want)
	if f != nil {
		return failed(f)
	}
	w := &walk{Authoring: a, options: o, dir: dir, want: want, is: is, should: should}
	w.dev = d
	return w.diff(ctx)
}

// read reads both sides; the answer is not nil where one of them is faulty.
func (a *Authoring) read() (*directory, *desired, *Answer) {
	dir, err := readDirectory(a.Dir)
	if err != nil {
		answer := failed(failure(err, "Check that the directory is there and can be read."))
		return nil, nil, &answer
	}
	want, faults := readDesired(a.Schema)
	if len(dir.findings) > 0 {
		return nil, nil, &Answer{Outcome: migration.Blocked, Summary: "the directory is not in order", Findings: identified(append(dir.findings, faults...)),
			Next: "Mend the findings first: what is wrong with the directory would be built upon."}
	}
	if hasError(faults) {
		return nil, nil, &Answer{Outcome: migration.Failed, Summary: "the desired state cannot be read as it is meant", Findings: identified(faults),
			Next: "Mend the findings, and run the same command again."}
	}
	return dir, want, nil
}

// both builds the two states, side by side.
func (a *Authoring) both(ctx context.Context, d *dev, dir *directory, want *desired) (is, should *state, f *migration.Failure) {
	type built struct {
		state   *state
		failure *migration.Failure
	}
	other := make(chan built, 1)
	go func() {
		s, f := a.wanted(ctx, d, want, dir)
		other <- built{s, f}
	}()
	is, f = a.current(ctx, d, dir)
	b := <-other
	if f == nil {
		f = b.failure
	}
	return is, b.state, f
}

// A walk is one diff on its way.
type walk struct {
	*Authoring
	options    DiffOptions
	dir        *directory
	want       *desired
	is, should *state
	findings   []migration.Finding
	dev        *dev
}

func (w *walk) diff(ctx context.Context) Answer {
	plan, err := w.plan(ctx)
	switch {
	case err != nil:
		answer := failed(failure(err, "Write this change by hand: aurora-migrate new "+w.options.Name+"."))
		answer.Findings = identified(w.findings)
		return answer
	case hasError(w.findings):
		return Answer{Outcome: migration.Blocked, Summary: "there are changes that PostgreSQL cannot make in place", Findings: identified(w.findings),
			Next: "Nothing was written. Write these changes by hand (aurora-migrate new " + w.options.Name + "), or take them back; then run the same command again."}
	case plan == nil:
		w.left(w.is)
		return w.nothing()
	}
	return w.planned(ctx, plan)
}

// nothing is the answer where no file is to be written.
func (w *walk) nothing() Answer {
	answer := Answer{Outcome: migration.NothingToDo, Findings: identified(w.findings),
		Summary: fmt.Sprintf("no difference: %s is what the directory leads to", w.Schema), Next: "Nothing is left to do."}
	if slices.ContainsFunc(w.findings, isLeft) {
		answer.Outcome = migration.Blocked
		answer.Summary = fmt.Sprintf("%s and the directory differ in what cannot be written yet", w.Schema)
		answer.Next = "Nothing was written. Write by hand what the findings say: aurora-migrate new " + w.options.Name + "."
	}
	return answer
}

func isLeft(f migration.Finding) bool {
	return f.Code == repair.NotCompared || f.Code == repair.NotReached
}

// plan asks for the SQL, of the tables that differ where there are many.
func (w *walk) plan(ctx context.Context) (*migrate.Plan, error) {
	for _, name := range ignored(w.is, w.should, w.want) {
		w.findings = append(w.findings, repair.Ignored(name))
	}
	left := differences(w.is, w.should, w.want)
	if len(left) == 0 {
		return nil, nil
	}
	schemas := w.want.spokenOf(w.should)
	tables, whole := differing(left), len(w.is.snapshot)+len(w.should.snapshot) <= 2*few
	from, err := realm(ctx, w.is.url, schemas, tables, whole)
	if err != nil {
		return nil, err
	}
	to, err := realm(ctx, w.should.url, schemas, tables, whole)
	if err != nil {
		return nil, err
	}
	plan, findings, err := repair.Tables(from, to, repair.Options{
		Name: w.options.Name, Silent: w.want.isHCL, Concurrently: w.options.Concurrently, Place: w.want.place,
	})
	w.findings = append(w.findings, findings...)
	return plan, err
}

// differing are the tables, by schema, that Atlas has to look at.
func differing(left []repair.Difference) map[string][]string {
	named := make(map[string][]string)
	for _, d := range left {
		if d.Kind == "table" || d.Kind == "identity" {
			s := repair.SchemaOf(d.Name)
			named[s] = append(named[s], repair.NameOf(d.Name))
		}
	}
	return named
}

// planned tries the plan, and writes it.
func (w *walk) planned(ctx context.Context, plan *migrate.Plan) Answer {
	version := nextVersion(w.dir.last(), w.Now)
	name, text, files, f := w.try(ctx, plan, version)
	path := filepath.Join(w.Dir, name)
	if f != nil {
		f.Next = "Nothing was written. The change that was planned does not run, so write it by hand (aurora-migrate new " + w.options.Name + "), or change the desired state."
		answer := failed(f)
		answer.File, answer.Text, answer.Findings = path, text, identified(w.findings)
		return answer
	}
	after, f := looked(ctx, w.is.url)
	if f != nil {
		return failed(f)
	}
	w.left(after)
	answer := Answer{Outcome: migration.Planned, Summary: "would write " + path, File: path, Text: text, Findings: identified(w.findings),
		Next: "Run it without --dry-run to write the file and atlas.sum."}
	if w.options.DryRun {
		return answer
	}
	if err := write(w.dir, name, text, files[sumName]); err != nil {
		return failed(failure(err, "Run the same command again."))
	}
	answer.Written, answer.Summary = true, "wrote "+path+" and atlas.sum"
	w.judged(ctx, &answer)
	answer.Next = "Read the file; then run aurora-migrate check."
	if slices.ContainsFunc(w.findings, isLeft) {
		answer.Next = "Read the file, and add by hand what the findings say, then aurora-migrate hash and aurora-migrate check."
	}
	return answer
}

// try runs the file on the first state, behind the directory. A value that was
// added to an enum cannot be used in the same transaction: where the file does
// that, it has to run outside one.
func (w *walk) try(ctx context.Context, plan *migrate.Plan, version string) (name, text string, files migration.MemoryDir, f *migration.Failure) {
	for {
		var err error
		if name, text, err = repair.File(plan, version); err != nil {
			return name, text, nil, failure(err, "")
		}
		if files, err = w.dir.with(name, text); err != nil {
			return name, text, nil, failure(err, "")
		}
		f = unapplied(w.Apply(ctx, w.is.url, files))
		if f == nil || f.SQLState != unsafeNewEnumValue || slices.Contains(plan.Directives, repair.TxNone) {
			return name, text, files, f
		}
		plan.AddDirectiveOnce(repair.TxNone)
	}
}

const unsafeNewEnumValue = "55P04"
