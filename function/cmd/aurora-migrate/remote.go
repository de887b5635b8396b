package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alquimistaai/aurora-migrator/function/amazon/client"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// remote are the flags that name what is deployed; where one is given, a
// request goes there and not to a database.
type remote struct {
	function string
	stack    string
	workflow string
}

func addRemote(flags *pflag.FlagSet, r *remote) {
	flags.StringVar(&r.function, "function", "", "send the request to this function on AWS: a name or an ARN; with --stack a logical id")
	flags.StringVar(&r.stack, "stack", "", "send it to this stack: status, plan and verify to PlannerFunction, the others to RunnerFunction")
	named(flags, "function", "NAME")
	named(flags, "stack", "NAME")
}

func addWorkflow(flags *pflag.FlagSet, r *remote) {
	flags.StringVar(&r.workflow, "workflow", "", "start this state machine and follow it: a name or an ARN; with --stack a logical id")
	named(flags, "workflow", "NAME")
}

// isRemote says that a command line names something deployed.
func isRemote(flags *pflag.FlagSet) bool {
	return flags.Changed("function") || flags.Changed("stack") || flags.Changed("workflow")
}

// invoke sends a request to what is deployed and tells the answer. Its error is
// one of the command line: nothing was sent anywhere then.
func (t *terminal) invoke(cmd *cobra.Command, o *options, e event) error {
	if err := t.checkRemote(cmd.Flags(), o.remote, e.Action); err != nil {
		return err
	}
	if err := t.remotePlan(cmd, o, &e); err != nil {
		return err
	}
	if err := t.readApproval(cmd.Context(), o, &e); err != nil {
		return err
	}
	if cmd.Flags().Changed("dir") {
		var err error
		if e.Directory, err = filesOf(o.dir); err != nil {
			return err
		}
	}
	e.Brief = o.brief
	if _, err := e.request(); err != nil {
		return err
	}
	if err := e.fit(o.remote.workflow != ""); err != nil {
		return err
	}
	ctx, cancel := cmd.Context(), context.CancelFunc(func() {})
	if cmd.Flags().Changed("timeout") { // else as long as it takes
		ctx, cancel = o.timeout.limit(ctx)
	}
	defer cancel()
	a, err := t.answerOf(ctx, o.remote, e)
	t.tellRemote(o.remote, e, a, err)
	return nil
}

// checkRemote refuses what a function takes from its own deployment.
func (t *terminal) checkRemote(flags *pflag.FlagSet, r remote, action migration.Action) error {
	for _, name := range []string{"function", "stack", "workflow"} {
		if flags.Changed(name) && strings.TrimSpace(flags.Lookup(name).Value.String()) == "" {
			return usage("--%s is empty: want a name", name)
		}
	}
	if r.function != "" && r.workflow != "" {
		return usage("--function and --workflow are both given: want one of them")
	}
	if t.format == atlasFormat {
		return usage("--output atlas tells of a database that is asked from here: a function answers as text or json")
	}
	if flags.Changed("dir") && action != migration.ActionPlan {
		return usage("--dir goes with plan alone: a function runs the files that it was deployed with")
	}
	for _, s := range settings {
		if s.flag != "" && flags.Changed(s.flag) {
			return usage("--%s is a setting of the database that is asked from here: a function has it from its deployment (%s)", s.flag, s.variable)
		}
	}
	return nil
}

// remotePlan puts the plan of --plan into the event.
func (t *terminal) remotePlan(cmd *cobra.Command, o *options, e *event) error {
	if !cmd.Flags().Changed("plan") {
		return nil
	}
	given, err := t.readPlan(cmd.Context(), o.plan)
	if err != nil {
		return err
	}
	e.Plan = given.plan
	if given.nothing { // nothing was approved, so nothing may run: no plan has this name
		e.Plan = digest(string(migration.NothingToDo)).plan
	}
	return nil
}

// filesOf are the files of a branch, as an event holds them.
func filesOf(given string) (map[string]string, error) {
	path, err := dirPath(given)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(os.DirFS(path), ".")
	if err != nil {
		return nil, usage("read the directory of migrations, %s: %w", shown(path), err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.EqualFold(filepath.Ext(name), ".sql") && name != sumName && name != migration.ReplayName && name != migration.RatesName {
			continue
		}
		text, err := os.ReadFile(filepath.Join(path, name))
		if err != nil {
			return nil, usage("read %s: %w", shown(filepath.Join(path, name)), err)
		}
		if !utf8.Valid(text) {
			return nil, usage("%s is not UTF-8, which an event has to be: convert it, then run aurora-migrate hash", shown(filepath.Join(path, name)))
		}
		files[name] = string(text)
	}
	if len(files) == 0 {
		return nil, usage("the directory of migrations, %s, is empty: want files of SQL, and %s", shown(path), sumName)
	}
	return files, nil
}

// fit sees that the event is not larger than what it is sent to takes. The
// report of a plan is cut down to what apply reads of it, and then to its digest.
func (e *event) fit(workflow bool) error {
	limit, what := client.EventLimit, "a function"
	if workflow {
		limit, what = client.InputLimit, "a workflow"
	}
	if len(e.Plan) > 0 && e.Plan[0] == '{' {
		e.cutPlan(limit)
	}
	size := len(e.text())
	if size <= limit {
		return nil
	}
	if e.Directory != nil {
		return usage("the files of --dir are %d bytes as an event, and %s takes %d: plan fewer of them, or from where the database can be reached (--url)", size, what, limit)
	}
	return usage("the request is %d bytes, and %s takes %d", size, what, limit)
}

func (e *event) cutPlan(limit int) {
	var report struct {
		Plan struct {
			Digest  string          `json:"digest"`
			To      string          `json:"to,omitempty"`
			Touched json.RawMessage `json:"touched,omitempty"`
		} `json:"plan"`
	}
	if json.Unmarshal(e.Plan, &report) != nil {
		return // it has been read before, so it can be
	}
	e.Plan, _ = json.Marshal(report)
	if len(e.text()) > limit {
		report.Plan.Touched = nil
		e.Plan, _ = json.Marshal(report)
	}
}

// text is the event as it is sent.
func (e event) text() []byte {
	text, _ := json.Marshal(e) // strings, and a plan that has been read
	return text
}

// digest is that of the plan in the event; "" where there is none.
func (e event) digest() string {
	var text string
	if json.Unmarshal(e.Plan, &text) == nil {
		return text
	}
	var report struct {
		Plan struct {
			Digest string `json:"digest"`
		} `json:"plan"`
	}
	_ = json.Unmarshal(e.Plan, &report)
	return report.Plan.Digest
}

// answerOf finds what is named and returns its answer. The error is a
// *migration.Failure; an answer may come with it, the last that there was.
func (t *terminal) answerOf(ctx context.Context, r remote, e event) (*answered, error) {
	c, err := client.New(ctx, cmp.Or(client.RegionOf(r.stack), client.RegionOf(r.function), client.RegionOf(r.workflow)))
	if err != nil {
		return nil, err
	}
	name, err := r.find(ctx, c, e.Action)
	if err != nil {
		return nil, err
	}
	if r.workflow != "" {
		return t.execute(ctx, c, name, e)
	}
	f := &following{t: t, client: c, function: name, event: e, seen: map[string]int{}}
	return f.follow(ctx)
}

// find is the name or ARN of what a request goes to.
func (r remote) find(ctx context.Context, c *client.Client, action migration.Action) (string, error) {
	name := r.function + r.workflow
	if r.stack == "" {
		return name, nil
	}
	if name == "" {
		name = "RunnerFunction"
		if action == migration.ActionStatus || action == migration.ActionPlan || action == migration.ActionVerify {
			name = "PlannerFunction"
		}
	}
	return c.Resource(ctx, r.stack, name)
}

// flags are those of the command that comes next. Who plans with the planner
// applies with the runner.
func (r remote) flags(action string) []string {
	function := r.function
	writes := action == string(migration.ActionApply) || action == string(migration.ActionBaseline)
	if writes {
		function = strings.Replace(function, "aurora-migrations-planner-", "aurora-migrations-runner-", 1)
	}
	var words []string
	if r.stack != "" {
		words = append(words, "--stack", r.stack)
		if writes && function == "PlannerFunction" {
			function = ""
		}
	}
	switch {
	case function != "":
		words = append(words, "--function", function)
	case r.workflow != "" && action == string(migration.ActionApply):
		words = append(words, "--workflow", r.workflow)
	}
	return words
}

// failureOf is err as the failure that it is.
func failureOf(err error) *migration.Failure {
	var f *migration.Failure
	if !errors.As(err, &f) {
		f = &migration.Failure{Message: migration.Mask(fmt.Sprint(err)), State: "Nothing was sent to the database.", Cause: err}
	}
	return f
}
