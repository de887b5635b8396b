package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/function/report"
)

// approving are the flags of approve.
type approving struct {
	plan, signed string
	accept       []string
	expires      string
	key, kms     string
	yes, public  bool
}

func (t *terminal) approveCommand() *cobra.Command {
	o := &approving{}
	cmd := &cobra.Command{
		Use:   "approve",
		Short: "Sign a plan, so that a database that asks for signatures runs it",
		Long: `Approve shows what the report of a plan says, asks whether to go on, and signs: the
digest of the plan, until when that holds, and the ids of the findings of severity
error that are accepted. Stdout gets the approval, for apply --signed or as
"approval" in an event. Nobody is to sign what they cannot read, so it takes the
report and not a bare digest; plan yourself, for the report is believed.

The key is ECDSA on P-256: a file with the private key as PEM, or one of AWS KMS,
which takes kms:GetPublicKey and kms:Sign. With --public its public key is printed
instead, for MIGRATE_APPROVAL_KEYS. Where two have to sign, the second one adds
a signature to the approval of the first, which --signed names.`,
		Example: `  aurora-migrate approve --plan plan.json --key approver.pem > approval.json
  aurora-migrate approve --plan plan.json --accept DS102@018.sql:3 --kms alias/approvals > approval.json
  aurora-migrate approve --plan plan.json --signed approval.json --key second.pem > both.json
  aurora-migrate approve --public --key approver.pem`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := t.approve(cmd.Context(), o)
			var f *migration.Failure
			if errors.As(err, &f) {
				t.tellUnsigned(f)
				return nil
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.plan, "plan", "", "the report of the plan, as plan --output json prints it: a file, or - for stdin")
	named(flags, "plan", "FILE")
	addAccept(flags, &o.accept)
	flags.StringVar(&o.expires, "expires", "24h", "until when it may be applied: a duration from now on, or a moment (RFC 3339); at most 7 days ahead")
	named(flags, "expires", "WHEN")
	flags.StringVar(&o.key, "key", "", "sign with the private key in this file (PEM)")
	named(flags, "key", "FILE")
	flags.StringVar(&o.kms, "kms", "", "sign with this key of AWS KMS: an ARN, an id, or alias/NAME")
	named(flags, "kms", "KEY")
	addSigned(flags, &o.signed, "add a signature to this approval, which another key signed")
	flags.BoolVar(&o.yes, "yes", false, "do not ask")
	flags.BoolVar(&o.public, "public", false, "print the public key and sign nothing")
	flags.SortFlags = false
	return cmd
}

// A signer signs a hash of SHA-256. It returns strict DER with the low S.
type signer interface {
	PublicKey() migration.PublicKey
	Sign(ctx context.Context, hash []byte) ([]byte, error)
}

// approve signs and prints. An error that is no *migration.Failure is one of the
// command line.
func (t *terminal) approve(ctx context.Context, o *approving) error {
	if (o.key == "") == (o.kms == "") {
		return usage("approve needs one key: --key FILE, or --kms KEY of AWS")
	}
	if o.public {
		s, err := t.signer(ctx, o)
		if err != nil {
			return err
		}
		return t.tellKey(s.PublicKey())
	}
	plan, err := t.readPlanReport(ctx, o)
	if err != nil {
		return err
	}
	approval, err := t.toSign(ctx, o, plan)
	if err != nil {
		return err
	}
	s, err := t.signer(ctx, o)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(approval.Signatures, func(d migration.Signature) bool { return d.Key == s.PublicKey().ID }) {
		return usage("the key %s has signed %s already: a second one has to be another key", s.PublicKey().ID, shown(o.signed))
	}
	_, _ = io.WriteString(t.err, strings.Join(plan.lines(approval, s.PublicKey()), "\n")+"\n")
	if err := t.confirm(ctx, o); err != nil {
		return err
	}
	return t.sign(ctx, s, plan, approval)
}

func (t *terminal) sign(ctx context.Context, s signer, plan *planReport, approval migration.Approval) error {
	text, err := migration.ApprovalText(plan.digest, approval.Expires, approval.Accept)
	if err != nil {
		return usage("%w", err)
	}
	der, err := s.Sign(ctx, migration.ApprovalHash(text))
	if err != nil {
		return err
	}
	approval.Signatures = append(approval.Signatures, migration.Signature{Key: s.PublicKey().ID, DER: der})
	_, _ = t.out.Write(pipeline.FormatApproval(approval)) // lastError knows
	return nil
}

// toSign is the approval without the signature that is to come.
func (t *terminal) toSign(ctx context.Context, o *approving, plan *planReport) (migration.Approval, error) {
	if o.signed != "" {
		if o.signed == "-" && o.plan == "-" {
			return migration.Approval{}, usage("--plan and --signed are both to be read from stdin: give one of them as a file")
		}
		first, _, err := t.readSigned(ctx, o.signed)
		if err != nil {
			return first, err
		}
		return first, o.fits(first, plan)
	}
	expires, err := expiry(o.expires, time.Now())
	if err != nil {
		return migration.Approval{}, err
	}
	accept := slices.Clone(o.accept)
	slices.Sort(accept)
	return migration.Approval{For: plan.digest.String(), Accept: slices.Compact(accept), Expires: expires}, plan.acceptable(accept)
}

// fits says in what the first approval is not the one that is to be signed: two
// signatures are over one text.
func (o *approving) fits(first migration.Approval, plan *planReport) error {
	from := shown(o.signed)
	switch {
	case first.For == "":
		return usage("%s does not say which plan it is for: want an approval as approve prints it", from)
	case first.For != plan.digest.String():
		return usage("%s is for another plan, %s: both are to sign one", from, shown(first.For))
	case len(first.Signatures) == 0:
		return usage("%s has no signature that another one could be added to", from)
	case len(o.accept) > 0 && !sameIDs(o.accept, first.Accept):
		return usage("%s accepts %s, and --accept says otherwise: both are to sign the same", from, idsOrNothing(first.Accept))
	}
	at, err := first.Expires.Time()
	if err != nil {
		return usage("%s does not say when it expires: want an approval as approve prints it", from)
	}
	if !time.Now().Before(at) {
		return usage("%s expired at %s: approve the plan anew", from, first.Expires)
	}
	if wanted, err := expiry(o.expires, time.Now()); o.expires != "24h" && (err != nil || wanted != first.Expires) {
		return usage("%s expires at %s, and --expires says otherwise: both are to sign the same", from, first.Expires)
	}
	return plan.acceptable(first.Accept)
}

func sameIDs(a, b []string) bool {
	x, y := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}

func idsOrNothing(ids []string) string {
	if len(ids) == 0 {
		return "nothing"
	}
	return printable(strings.Join(ids, ", "))
}

// expiry reads a duration from now on, or a moment.
func expiry(given string, now time.Time) (migration.Expiry, error) {
	latest := now.Add(gate.LongestApproval)
	expires, err := migration.ParseExpiry(given)
	if err != nil {
		d, err := time.ParseDuration(given)
		if err != nil || d < time.Minute {
			return "", usage("--expires is %s: want a duration of at least 1m, such as 24h, or a moment such as 2026-11-25T18:00:00Z", shown(given))
		}
		expires = migration.ExpiryAt(now.Add(d))
	}
	at, _ := expires.Time() // it has been read
	switch {
	case !now.Before(at):
		return "", usage("--expires is %s, which is over", shown(given))
	case at.After(latest):
		return "", usage("--expires is %s: at most 7 days ahead are taken, since by then the database is not the one that was looked at", shown(given))
	}
	return expires, nil
}

// confirm asks the one at the terminal.
func (t *terminal) confirm(ctx context.Context, o *approving) error {
	if o.yes {
		return nil
	}
	if !isTerminal(t.in) || o.plan == "-" || o.signed == "-" {
		return usage("there is no terminal to ask at: give --yes to sign without being asked")
	}
	_, _ = io.WriteString(t.err, "Sign this? [y/N] ")
	answer, err := readLine(ctx, t.in)
	if err != nil {
		return usage("nothing was signed: %w", err)
	}
	if said := strings.ToLower(strings.TrimSpace(answer)); said != "y" && said != "yes" {
		return usage("nothing was signed: the answer was not y")
	}
	return nil
}

// tellUnsigned tells why there is no approval; as text on stderr, since stdout
// is where an approval would be.
func (t *terminal) tellUnsigned(f *migration.Failure) {
	r := migration.Result{Action: migration.ActionApprove, Outcome: migration.Failed, Failure: f, Next: f.Next}
	if t.format == jsonFormat {
		t.tell(r, answer{})
		return
	}
	t.outcome = r.Outcome
	_, _ = io.WriteString(t.err, report.Text(r, report.ScreenOptions{}, t.color(t.err)))
}

// tellKey prints a public key as the settings take it.
func (t *terminal) tellKey(k migration.PublicKey) error {
	line := base64.StdEncoding.EncodeToString(k.DER())
	if t.format == jsonFormat {
		t.writeJSON(struct {
			Key string `json:"key"`
			PEM string `json:"pem"`
			DER string `json:"der"`
		}{k.ID, k.PEM(), line})
		return nil
	}
	t.say("key %s; in one line, for MIGRATE_APPROVAL_KEYS: %s", k.ID, line)
	_, _ = fmt.Fprint(t.out, k.PEM()) // lastError knows
	return nil
}
