package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

var errInterrupted = errors.New("interrupted")

// A planReport is what approve reads of the report of a plan.
type planReport struct {
	Outcome migration.Outcome `json:"outcome"`
	Action  migration.Action  `json:"action"`
	Target  *migration.Target `json:"target"`
	Plan    *struct {
		Digest   string                 `json:"digest"`
		To       string                 `json:"to"`
		Approval migration.ApprovalMode `json:"approval"`
		Adopts   []string               `json:"adopts"`
		Files    []struct {
			Name       string           `json:"name"`
			TxMode     migration.TxMode `json:"tx_mode"`
			Statements int              `json:"statements"`
		} `json:"files"`
	} `json:"plan"`
	Findings []migration.Finding `json:"findings"`
	Unseen   []string            `json:"unseen"`
	Cut      map[string]int      `json:"cut"`

	digest migration.Digest
}

func (t *terminal) readPlanReport(ctx context.Context, o *approving) (*planReport, error) {
	if o.plan == "" {
		return nil, usage("approve needs the report of the plan: --plan FILE, as plan --output json prints it")
	}
	from, text := "stdin", []byte(nil)
	var err error
	if o.plan == "-" {
		text, err = readAll(ctx, t.in)
	} else {
		from = shown(o.plan)
		text, err = os.ReadFile(o.plan)
	}
	const why = "nobody is to sign what they cannot read: give the report, as plan --output json prints it"
	if _, malformed := migration.ParseDigest(o.plan); malformed == nil {
		return nil, usage("--plan is a digest alone, and %s", why)
	}
	if err != nil {
		return nil, usage("read the plan from %s: %w", from, reason(err))
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if !bytes.HasPrefix(text, []byte("{")) {
		return nil, usage("%s holds no report, and %s", from, why)
	}
	if _, err := parseReport(from, text); err != nil {
		return nil, err
	}
	return newPlanReport(from, text)
}

func newPlanReport(from string, text []byte) (*planReport, error) {
	r := &planReport{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, usage("%s is not a report as plan --output json prints it: %w", from, err)
	}
	if r.Plan == nil || r.Outcome != migration.Planned {
		return nil, usage("%s is not the report of a plan that is to run: its outcome is %s", from, shown(string(r.Outcome)))
	}
	for _, list := range []string{"findings", "plan_files"} {
		if n := r.Cut[list]; n > 0 {
			return nil, usage("%s leaves out %d of its %s: plan without --brief", from, n, strings.TrimPrefix(list, "plan_"))
		}
	}
	digest, err := migration.ParseDigest(r.Plan.Digest)
	if err != nil {
		return nil, usage("the digest in %s is %w", from, err)
	}
	r.digest = digest
	return r, nil
}

// acceptable says what is wrong with what is accepted: an approval that the
// gate would refuse is not to be signed.
func (r *planReport) acceptable(accept []string) error {
	var ids, open []string
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
		if f.Severity == migration.Error && !slices.Contains(accept, f.ID) {
			open = append(open, "--accept", f.ID)
		}
	}
	for _, id := range accept {
		if !slices.Contains(ids, id) {
			return usage("%s is not found in this plan, so it cannot be accepted; found is %s", shown(id), idsOrNothing(ids))
		}
	}
	if len(open) > 0 {
		return usage("the plan has errors that are not accepted, with which it would be blocked; to accept them: %s", quotedWords(open))
	}
	return nil
}

// lines are what is about to be signed, as a person reads it.
func (r *planReport) lines(a migration.Approval, k migration.PublicKey) []string {
	said := []string{"To be signed by the key " + k.ID, "", "Plan:     " + r.digest.String()}
	if t := r.Target; t != nil {
		said = append(said, printable(fmt.Sprintf("Target:   %s on %s (%s, %s), as role %s", t.Database, t.Cluster, t.Host, t.Engine, t.Role)))
	}
	if r.Plan.To != "" {
		said = append(said, "Up to:    "+printable(r.Plan.To))
	}
	said = append(said, "Expires:  "+string(a.Expires))
	if r.Plan.Approval != migration.BySignature {
		said = append(said, printable(fmt.Sprintf("          (this database asks for no signature: MIGRATE_APPROVAL is %s there)", r.Plan.Approval)))
	}
	said = append(said, "Files:")
	for _, f := range r.Plan.Files {
		said = append(said, "  "+printable(fmt.Sprintf("%s (%s, txmode %s)", f.Name, statements(f.Statements), f.TxMode)))
	}
	for _, sentence := range r.Plan.Adopts {
		said = append(said, "  "+printable(sentence))
	}
	said = append(said, r.findingLines(a.Accept)...)
	for _, what := range r.Unseen {
		said = append(said, "Not looked at: "+printable(what))
	}
	if n := len(a.Signatures); n > 0 {
		said = append(said, fmt.Sprintf("Signed already by: %s", printable(signers(a))))
	}
	return append(said, "")
}

func (r *planReport) findingLines(accept []string) []string {
	if len(r.Findings) == 0 {
		return []string{"Findings: none"}
	}
	said := []string{"Findings:"}
	for _, f := range r.Findings {
		accepted := ""
		if slices.Contains(accept, f.ID) {
			accepted = "accepted: "
		}
		said = append(said, "  "+printable(fmt.Sprintf("%s%s %s: %s", accepted, strings.ToUpper(string(f.Severity)), f.ID, migration.Mask(f.Summary))))
	}
	return said
}

func signers(a migration.Approval) string {
	ids := make([]string, len(a.Signatures))
	for i, s := range a.Signatures {
		ids[i] = s.Key
	}
	return strings.Join(ids, ", ")
}

func statements(n int) string {
	if n == 1 {
		return "1 statement"
	}
	return fmt.Sprintf("%d statements", n)
}

// readLine reads up to the end of a line, or until ctx ends. It takes no byte
// behind it.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	read := make(chan string, 1)
	go func() {
		var line []byte
		var b [1]byte
		for {
			n, err := in.Read(b[:])
			if n == 1 {
				line = append(line, b[0])
			}
			if err != nil || n == 1 && b[0] == '\n' {
				read <- string(line)
				return
			}
		}
	}()
	select {
	case line := <-read:
		return line, nil
	case <-ctx.Done():
		return "", errInterrupted
	}
}
