package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// acceptable is up to how many errors a command accepts by their names; more
// nobody has read.
const acceptable = 10

// command is a request as a person types it.
type command struct {
	Action   migration.Action `json:"action"`
	Version  string           `json:"version,omitempty"`
	Plan     string           `json:"plan,omitempty"`
	To       string           `json:"to,omitempty"`
	Approval *approval        `json:"approval,omitempty"`
}

type approval struct {
	Accept []string `json:"accept"`
}

// digest shows the digest of a plan on a line of its own, for a double click.
func (p *page) digest(r migration.Result) {
	if r.Outcome != migration.Planned || r.Plan == nil {
		return
	}
	p.gap()
	p.put(0, plain, "The digest of this plan:")
	p.put(2, title, r.Plan.Digest.String())
}

// commands shows what to type next, exactly.
func (p *page) commands(r migration.Result, o ScreenOptions) {
	switch {
	case r.Plan == nil && r.Outcome == migration.Unfinished:
		p.offer("To learn how it ended:", command{Action: r.Action, Plan: r.Asked, To: r.To}, o)
	case r.Outcome == migration.Unhealthy:
		p.offer("To look again:", command{Action: migration.ActionDoctor}, o)
	case r.Plan == nil && r.Outcome != migration.Blocked:
	case r.Outcome == migration.Planned:
		p.approve(r, o)
	case r.Outcome == migration.Unfinished:
		p.offer("To go on where it stopped:", again(r), o)
	case r.Outcome == migration.Failed && retryAfter(r) > 0:
		p.offer("To try again:", again(r), o)
	case r.Outcome == migration.Blocked && r.Refusal != nil && r.Refusal.Reason == migration.DigestDiffers:
		p.offer("To plan again:", plan(r), o)
	case r.Outcome == migration.Blocked && r.Refusal != nil && r.Refusal.Reason == migration.NotApproved:
		p.offer("To plan:", plan(r), o)
	}
}

// plan is the request that plans anew what r was to run.
func plan(r migration.Result) command {
	switch {
	case r.Adoption != nil:
		return command{Action: migration.ActionBaseline, Version: r.Adoption.Version}
	}
	return command{Action: migration.ActionPlan, To: r.To}
}

// approve shows how to run a plan, which takes accepting the errors in it.
func (p *page) approve(r migration.Result, o ScreenOptions) {
	c := again(r)
	errors := bySeverity(r.Findings, migration.Error)
	switch {
	case errors == 0:
		p.offer("To run exactly this plan:", c, o)
		return
	case errors > acceptable:
		p.gap()
		p.say(0, 0, bad, fmt.Sprintf("%s block the plan until they are mended, or accepted one by one, by their ids, in the approval.", count(errors, "error")))
		return
	}
	c.Approval = &approval{}
	for _, f := range r.Findings {
		if f.Severity == migration.Error {
			c.Approval.Accept = append(c.Approval.Accept, f.ID)
		}
	}
	p.offer(fmt.Sprintf("The plan is blocked by %s. To apply it all the same, accepting what was found:", count(errors, "error")), c, o)
}

// again is the request that runs the plan of r.
func again(r migration.Result) command {
	if r.Adoption != nil {
		return command{Action: migration.ActionBaseline, Version: r.Adoption.Version, Plan: r.Plan.Digest.String()}
	}
	return command{Action: migration.ActionApply, Plan: r.Plan.Digest.String(), To: r.To}
}

func (p *page) offer(heading string, c command, o ScreenOptions) {
	p.gap()
	p.say(0, 0, plain, heading)
	p.put(2, plain, c.terminal(o))
	p.put(2, plain, c.sam(o))
}

// terminal is the command line of aurora-migrate.
func (c command) terminal(o ScreenOptions) string {
	words := append([]string{"aurora-migrate", string(c.Action)}, o.Flags...)
	if c.Version != "" {
		words = append(words, c.Version)
	}
	if c.Plan != "" {
		words = append(words, "--plan", c.Plan)
	}
	if c.To != "" {
		words = append(words, "--to", c.To)
	}
	if c.Approval != nil {
		for _, id := range c.Approval.Accept {
			words = append(words, "--accept", id)
		}
	}
	for i, w := range words {
		words[i] = quoted(w)
	}
	return strings.Join(words, " ")
}

// sam is the command line of SAM's client.
func (c command) sam(o ScreenOptions) string {
	stack := "<stack>"
	if o.Stack != "" {
		stack = quoted(o.Stack)
	}
	var event bytes.Buffer
	e := json.NewEncoder(&event)
	e.SetEscapeHTML(false)
	_ = e.Encode(c) // strings only, into memory
	// JSON has another way to write what would end the quotes of the shell.
	text := strings.ReplaceAll(strings.TrimSpace(event.String()), "'", `\u0027`)
	return "sam remote invoke RunnerFunction --stack-name " + stack + " --event '" + text + "'"
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted is a word as a shell takes it.
func quoted(w string) string {
	if harmless.MatchString(w) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
