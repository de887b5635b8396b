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
	Signed   string           `json:"-"` // the file that a terminal has the approval in; "": its flags say it
}

// approval is what came with a request, as an event has it.
type approval struct {
	Accept     []string         `json:"accept,omitempty"`
	Expires    migration.Expiry `json:"expires,omitempty"`
	Signatures []signature      `json:"signatures,omitempty"`
}

type signature struct {
	Key string `json:"key"`
	DER []byte `json:"signature"`
}

// given is nil where nothing came.
func given(a migration.Approval) *approval {
	if len(a.Accept) == 0 && a.Expires == "" && len(a.Signatures) == 0 {
		return nil
	}
	g := &approval{Accept: a.Accept, Expires: a.Expires}
	for _, s := range a.Signatures {
		g.Signatures = append(g.Signatures, signature(s))
	}
	return g
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
	case r.Outcome == migration.Drifted:
		p.offer("To verify again:", command{Action: migration.ActionVerify}, o)
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
	case r.Outcome == migration.Blocked && r.Refusal != nil && r.Plan != nil && unapproved[r.Refusal.Reason]:
		p.approve(r, o)
	}
}

// unapproved are the refusals of a plan that is the right one and lacks an
// approval that fits.
var unapproved = map[migration.Reason]bool{
	migration.NotSigned: true, migration.OtherApproval: true, migration.ExpiryTooFar: true, migration.KeyUnlisted: true,
	migration.SignatureFaulty: true, migration.AcceptsUnknown: true, migration.FindingsBlock: true,
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
	c.Approval = nil
	errors := bySeverity(r.Findings, migration.Error)
	switch {
	case errors <= acceptable && r.Approval == migration.BySignature:
		p.sign(r, c, o)
		return
	case errors == 0:
		p.offer("To run exactly this plan:", c, o)
		return
	case errors > acceptable:
		p.gap()
		p.say(0, 0, bad, fmt.Sprintf("%s block the plan until they are mended, or accepted one by one, by their ids, in the approval.", count(errors, "error")))
		return
	}
	c.Approval = &approval{Accept: erring(r.Findings)}
	p.offer(fmt.Sprintf("The plan is blocked by %s. To apply it all the same, accepting what was found:", count(errors, "error")), c, o)
}

// erring are the IDs of the errors.
func erring(findings []migration.Finding) (ids []string) {
	for _, f := range findings {
		if f.Severity == migration.Error {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// sign shows how to have a plan signed, and then run: for that the report is
// needed, since nobody is to sign what they cannot read.
func (p *page) sign(r migration.Result, c command, o ScreenOptions) {
	words := []string{"aurora-migrate", "approve", "--plan", "plan.json", "--key", "FILE"}
	for _, id := range erring(r.Findings) {
		words = append(words, "--accept", id)
	}
	c.Plan, c.Signed = "plan.json", "approval.json"
	p.gap()
	heading := "To run exactly this plan, have it signed (plan.json is the report of the plan, by --output json):"
	if n := len(erring(r.Findings)); n > 0 {
		heading = fmt.Sprintf("The plan is blocked by %s. To apply it all the same, have it signed, accepting what was found (plan.json is the report of the plan, by --output json):", count(n, "error"))
	}
	p.say(0, 0, plain, heading)
	p.put(2, plain, typed(words)+" > approval.json")
	p.put(2, plain, c.terminal(o))
}

// again is the request that runs the plan of r, with what came with it.
func again(r migration.Result) command {
	c := command{Action: migration.ActionApply, Plan: r.Plan.Digest.String(), To: r.To, Approval: given(r.Given)}
	if r.Adoption != nil {
		c = command{Action: migration.ActionBaseline, Version: r.Adoption.Version, Plan: c.Plan, Approval: c.Approval}
	}
	if len(r.Given.Signatures) > 0 {
		c.Signed = "approval.json"
	}
	return c
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
	switch {
	case c.Signed != "":
		words = append(words, "--signed", c.Signed)
	case c.Approval != nil:
		for _, id := range c.Approval.Accept {
			words = append(words, "--accept", id)
		}
	}
	return typed(words)
}

// typed is a command line as a shell takes it.
func typed(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = quoted(w)
	}
	return strings.Join(all, " ")
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
