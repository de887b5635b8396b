package gate

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const approveAnew = "Approve the plan anew (aurora-migrate approve), and hand in what that prints."

// Signed checks what an approval says beside the digest: that it is for this
// plan, has not expired, and, where the settings ask for it, that enough of
// their keys have signed it. It returns nil where all of that holds. Every
// signature that came has to hold, also one more than are needed. s has its
// defaults; now is the time.
func Signed(p migration.Plan, a migration.Approval, s migration.Settings, now time.Time) *migration.Refusal {
	if refusal := forThis(p, a); refusal != nil {
		return refusal
	}
	signed := s.Approval == migration.BySignature
	if signed && len(a.Signatures) == 0 {
		return &migration.Refusal{Reason: migration.NotSigned,
			Summary: "this plan has not been signed: what it may do here, " + keysOf(s.ApprovalsNeeded) + " of those configured approves with a signature",
			Next:    "Have it approved: aurora-migrate approve signs a plan; hand in what that prints (--signed, or \"approval\" in an event)."}
	}
	if signed || a.Expires != "" {
		if refusal := inTime(p, a.Expires, now); refusal != nil {
			return refusal
		}
	}
	if !signed {
		return nil
	}
	return signatures(p, a, s)
}

// forThis is nil where the approval says nothing of which plan it is for: then
// the signatures tell.
func forThis(p migration.Plan, a migration.Approval) *migration.Refusal {
	if a.For == "" {
		return nil
	}
	if digest, err := migration.ParseDigest(a.For); err == nil && digest.Names(p.Parts) {
		return nil
	}
	return &migration.Refusal{Reason: migration.OtherApproval,
		Summary: "the approval is for another plan, " + strconv.Quote(clipped(a.For)),
		Next:    "Hand in the approval of this plan. " + approveAnew}
}

func inTime(p migration.Plan, expires migration.Expiry, now time.Time) *migration.Refusal {
	at, err := expires.Time()
	switch {
	case expires == "":
		return &migration.Refusal{Reason: migration.ExpiryTooFar, Summary: "the approval does not say when it expires", Next: approveAnew}
	case err != nil:
		return &migration.Refusal{Reason: migration.ExpiryTooFar, Summary: fmt.Sprintf("the approval expires at %q: %v", clipped(string(expires)), err), Next: approveAnew}
	case at.After(now.Add(LongestApproval)):
		return &migration.Refusal{Reason: migration.ExpiryTooFar,
			Summary: fmt.Sprintf("the approval expires at %s, which is more than %d days ahead: by then the database is not the one that was looked at", expires, int(LongestApproval.Hours()/24)),
			Next:    approveAnew}
	case !now.Before(at) && len(p.Own) == 0: // see policy.go
		return &migration.Refusal{Reason: migration.ApprovalExpired,
			Summary: fmt.Sprintf("the approval expired at %s, and it is %s", expires, now.UTC().Format(time.RFC3339)),
			Next:    "Plan again, read what is found now, and have that approved."}
	}
	return nil
}

func signatures(p migration.Plan, a migration.Approval, s migration.Settings) *migration.Refusal {
	text, err := migration.ApprovalText(p.Digest, a.Expires, a.Accept)
	if err != nil {
		return &migration.Refusal{Reason: migration.AcceptsUnknown, Summary: err.Error(), Next: approveAnew}
	}
	signers := map[string]bool{}
	for _, signature := range a.Signatures {
		if refusal := verified(signature, text, s.ApprovalKeys); refusal != nil {
			return refusal
		}
		signers[signature.Key] = true
	}
	if len(signers) < s.ApprovalsNeeded {
		return &migration.Refusal{Reason: migration.NotSigned,
			Summary: fmt.Sprintf("%s signed this plan, and %d have to; a key counts once however often it signs", keysHave(len(signers)), s.ApprovalsNeeded),
			Next:    "Have it approved by another one too: aurora-migrate approve --signed FILE adds a signature to an approval."}
	}
	return nil
}

func verified(signature migration.Signature, text []byte, keys []migration.PublicKey) *migration.Refusal {
	i := slices.IndexFunc(keys, func(k migration.PublicKey) bool { return k.ID == signature.Key })
	if i < 0 {
		return &migration.Refusal{Reason: migration.KeyUnlisted,
			Summary: fmt.Sprintf("the key %q is not one of those that may approve here: %s", clipped(signature.Key), listed(keys)),
			Next:    "Have it approved with one of these keys, or list that one too (MIGRATE_APPROVAL_KEYS) and plan again."}
	}
	if err := migration.CheckSignature(signature.DER); err != nil {
		next := approveAnew
		if errors.Is(err, migration.ErrMalleableSignature) {
			next = "Approve it with aurora-migrate approve, which writes the low one whatever made the signature."
		}
		return &migration.Refusal{Reason: migration.SignatureFaulty, Summary: fmt.Sprintf("the signature of the key %s %v", signature.Key, err), Next: next}
	}
	if !ecdsa.VerifyASN1(keys[i].Key, migration.ApprovalHash(text), signature.DER) {
		return &migration.Refusal{Reason: migration.SignatureFaulty,
			Summary: fmt.Sprintf("the signature of the key %s is not one over this digest, this expiry and these accepted ids: it was made for others, or altered", signature.Key),
			Next:    "Hand in the approval as it was written, with the plan that it is for. " + approveAnew}
	}
	return nil
}

func listed(keys []migration.PublicKey) string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	return strings.Join(ids, ", ")
}

func keysOf(n int) string {
	if n == 1 {
		return "one key"
	}
	return fmt.Sprintf("each of %d keys", n)
}

func keysHave(n int) string {
	if n == 1 {
		return "1 key has"
	}
	return fmt.Sprintf("%d keys have", n)
}

// clipped is the beginning of what somebody sent.
func clipped(text string) string {
	const most = 120
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
