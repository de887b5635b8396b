package gate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/gate"
	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// An approver has a key.
type approver struct {
	private *ecdsa.PrivateKey
	public  migration.PublicKey
}

func newApprover(t testing.TB) approver {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := migration.NewPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return approver{private, public}
}

// sign is the signature of a over a text, in the form that counts.
func (a approver) sign(t testing.TB, digest migration.Digest, expires migration.Expiry, accept ...string) migration.Signature {
	t.Helper()
	text, err := migration.ApprovalText(digest, expires, accept)
	if err != nil {
		t.Fatal(err)
	}
	der, err := ecdsa.SignASN1(rand.Reader, a.private, migration.ApprovalHash(text))
	if err != nil {
		t.Fatal(err)
	}
	if der, err = migration.LowS(der); err != nil {
		t.Fatal(err)
	}
	return migration.Signature{Key: a.public.ID, DER: der}
}

// highS is the other of the two signatures that fit.
func highS(t testing.TB, s migration.Signature) migration.Signature {
	t.Helper()
	var p struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(s.DER, &p); err != nil {
		t.Fatal(err)
	}
	p.S.Sub(elliptic.P256().Params().N, p.S)
	der, err := asn1.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return migration.Signature{Key: s.Key, DER: der}
}

func bySignature(needed int, keys ...approver) migration.Settings {
	s := migration.Settings{Approval: migration.BySignature, ApprovalsNeeded: needed}
	for _, k := range keys {
		s.ApprovalKeys = append(s.ApprovalKeys, k.public)
	}
	return s.Defaults()
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const evening = migration.Expiry("2026-11-25T18:00:00Z")

func TestSigned(t *testing.T) {
	anna, berta, eve := newApprover(t), newApprover(t), newApprover(t)
	settings := bySignature(1, anna, berta)
	two := bySignature(2, anna, berta)
	plan := sealed("SELECT 1;", "a", migration.Target{Database: "d"}, settings)
	other := sealed("SELECT 2;", "a", migration.Target{Database: "d"}, settings)
	begun := plan
	begun.Own = migration.History{{Version: "1"}}
	d := plan.Digest
	signed := func(expires migration.Expiry, signatures ...migration.Signature) migration.Approval {
		return migration.Approval{Expires: expires, Signatures: signatures}
	}
	annas := anna.sign(t, d, evening)
	cut := func(n int) migration.Signature { return migration.Signature{Key: annas.Key, DER: annas.DER[:n]} }
	const anew = "\nApprove the plan anew (aurora-migrate approve), and hand in what that prints."
	malformed := "signature: the signature of the key " + anna.public.ID + " is not the DER of an ECDSA signature: it was cut short, has something behind it, or is of another kind" + anew
	otherText := "signature: the signature of the key " + anna.public.ID + " is not one over this digest, this expiry and these accepted ids: it was made for others, or altered" +
		"\nHand in the approval as it was written, with the plan that it is for. Approve the plan anew (aurora-migrate approve), and hand in what that prints."
	notSigned := "unsigned: this plan has not been signed: what it may do here, one key of those configured approves with a signature" +
		"\nHave it approved: aurora-migrate approve signs a plan; hand in what that prints (--signed, or \"approval\" in an event)."
	late := migration.Expiry("2026-11-25T11:59:59Z")
	for name, c := range map[string]struct {
		plan     *migration.Plan
		approval migration.Approval
		settings *migration.Settings
		want     string
	}{
		"signed":                        {approval: signed(evening, annas)},
		"by the other key":              {approval: signed(evening, berta.sign(t, d, evening))},
		"by both":                       {approval: signed(evening, annas, berta.sign(t, d, evening))},
		"both asked for, by both":       {approval: signed(evening, annas, berta.sign(t, d, evening)), settings: &two},
		"in another zone":               {approval: signed("2026-11-25T14:00:00+01:00", anna.sign(t, d, "2026-11-25T14:00:00+01:00"))},
		"says for which plan":           {approval: migration.Approval{For: d.String(), Expires: evening, Signatures: []migration.Signature{annas}}},
		"accepting":                     {approval: migration.Approval{Accept: []string{"B", "A", "B"}, Expires: evening, Signatures: []migration.Signature{anna.sign(t, d, evening, "A", "B")}}},
		"expires in seven days":         {approval: signed("2026-12-02T12:00:00Z", anna.sign(t, d, "2026-12-02T12:00:00Z"))},
		"expired, but begun":            {plan: &begun, approval: signed(late, anna.sign(t, d, late))},
		"nothing asked for":             {approval: migration.Approval{}, settings: &migration.Settings{Approval: migration.ByDigest}},
		"not asked for, not looked at":  {approval: signed("", eve.sign(t, d, "")), settings: &migration.Settings{Approval: migration.ByDigest}},
		"not signed":                    {want: notSigned},
		"not signed, begun":             {plan: &begun, want: notSigned},
		"not signed, and two asked for": {settings: &two, want: strings.Replace(notSigned, "one key of those", "each of 2 keys of those", 1)},
		"by one, and two asked for": {approval: signed(evening, annas), settings: &two,
			want: "unsigned: 1 key has signed this plan, and 2 have to; a key counts once however often it signs\nHave it approved by another one too: aurora-migrate approve --signed FILE adds a signature to an approval."},
		"by one twice, and two asked for": {approval: signed(evening, annas, anna.sign(t, d, evening)), settings: &two,
			want: "unsigned: 1 key has signed this plan, and 2 have to; a key counts once however often it signs\nHave it approved by another one too: aurora-migrate approve --signed FILE adds a signature to an approval."},
		"for another plan, it says": {approval: migration.Approval{For: other.Digest.String(), Expires: evening, Signatures: []migration.Signature{annas}},
			want: "other_approval: the approval is for another plan, \"" + other.Digest.String() + "\"\nHand in the approval of this plan." + strings.Replace(anew, "\n", " ", 1)},
		"expired": {approval: signed(late, anna.sign(t, d, late)), want: "expired: the approval expired at 2026-11-25T11:59:59Z, and it is 2026-11-25T12:00:00Z\nPlan again, read what is found now, and have that approved."},
		"expires now": {approval: signed("2026-11-25T12:00:00Z", anna.sign(t, d, "2026-11-25T12:00:00Z")),
			want: "expired: the approval expired at 2026-11-25T12:00:00Z, and it is 2026-11-25T12:00:00Z\nPlan again, read what is found now, and have that approved."},
		"expired, not asked for": {approval: signed(late), settings: &migration.Settings{Approval: migration.ByDigest},
			want: "expired: the approval expired at 2026-11-25T11:59:59Z, and it is 2026-11-25T12:00:00Z\nPlan again, read what is found now, and have that approved."},
		"too far ahead": {approval: signed("2026-12-02T12:00:01Z", anna.sign(t, d, "2026-12-02T12:00:01Z")),
			want: "expiry: the approval expires at 2026-12-02T12:00:01Z, which is more than 7 days ahead: by then the database is not the one that was looked at" + anew},
		"no expiry":                       {approval: signed("", anna.sign(t, d, "")), want: "expiry: the approval does not say when it expires" + anew},
		"no such time":                    {approval: signed("2026-11-25", anna.sign(t, d, "2026-11-25")), want: "expiry: the approval expires at \"2026-11-25\": want a moment as RFC 3339 has it, with its zone, such as 2026-11-25T18:00:00Z" + anew},
		"a stranger":                      {approval: signed(evening, eve.sign(t, d, evening)), want: "key: the key \"" + eve.public.ID + "\" is not one of those that may approve here: " + anna.public.ID + ", " + berta.public.ID + "\nHave it approved with one of these keys, or list that one too (MIGRATE_APPROVAL_KEYS) and plan again."},
		"and a stranger":                  {approval: signed(evening, annas, eve.sign(t, d, evening)), want: "key: the key \"" + eve.public.ID + "\" is not one of those that may approve here: " + anna.public.ID + ", " + berta.public.ID + "\nHave it approved with one of these keys, or list that one too (MIGRATE_APPROVAL_KEYS) and plan again."},
		"a stranger under another's name": {approval: signed(evening, migration.Signature{Key: anna.public.ID, DER: eve.sign(t, d, evening).DER}), want: otherText},
		"empty":                           {approval: signed(evening, cut(0)), want: malformed},
		"cut short":                       {approval: signed(evening, cut(len(annas.DER)-1)), want: malformed},
		"trailing bytes":                  {approval: signed(evening, migration.Signature{Key: annas.Key, DER: append(slices.Clone(annas.DER), 0)}), want: malformed},
		"garbage":                         {approval: signed(evening, migration.Signature{Key: annas.Key, DER: bytes.Repeat([]byte{0x30}, 70)}), want: malformed},
		"the zero signature":              {approval: signed(evening, migration.Signature{Key: annas.Key, DER: []byte{0x30, 6, 2, 1, 0, 2, 1, 0}}), want: malformed},
		"malleable": {approval: signed(evening, highS(t, annas)),
			want: "signature: the signature of the key " + anna.public.ID + " has the high one of the two values of S that fit: anybody can make it from the other without the key, so only the low one counts" +
				"\nApprove it with aurora-migrate approve, which writes the low one whatever made the signature."},
		"over another digest":  {approval: signed(evening, anna.sign(t, other.Digest, evening)), want: otherText},
		"over another expiry":  {approval: signed(evening, anna.sign(t, d, "2026-11-25T17:00:00Z")), want: otherText},
		"the same moment":      {approval: signed("2026-11-25T19:00:00+01:00", annas), want: otherText},
		"over more ids":        {approval: signed(evening, anna.sign(t, d, evening, "A")), want: otherText},
		"over fewer ids":       {approval: migration.Approval{Accept: []string{"A", "B"}, Expires: evening, Signatures: []migration.Signature{anna.sign(t, d, evening, "A")}}, want: otherText},
		"two ids in one":       {approval: migration.Approval{Accept: []string{"A\nB"}, Expires: evening, Signatures: []migration.Signature{anna.sign(t, d, evening, "A", "B")}}, want: "accepts: \"A\\nB\" cannot be accepted: an ID is one line, and not an empty one" + anew},
		"begun, other expiry":  {plan: &begun, approval: signed(late, annas), want: otherText},
		"begun, by a stranger": {plan: &begun, approval: signed(late, eve.sign(t, d, late)), want: "key: the key \"" + eve.public.ID + "\" is not one of those that may approve here: " + anna.public.ID + ", " + berta.public.ID + "\nHave it approved with one of these keys, or list that one too (MIGRATE_APPROVAL_KEYS) and plan again."},
	} {
		if c.plan == nil {
			c.plan = &plan
		}
		if c.settings == nil {
			c.settings = &settings
		}
		if got := says(t, gate.Signed(*c.plan, c.approval, c.settings.Defaults(), noon)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// An approval for one digest, one expiry and one set of findings does not pass
// for another: of all pairs, those pass that say the same.
func TestSigned_forNothingElse(t *testing.T) {
	anna := newApprover(t)
	settings := bySignature(1, anna)
	type subject struct {
		plan    migration.Plan
		expires migration.Expiry
		accept  []string
	}
	var all []subject
	for _, text := range []string{"SELECT 1;", "SELECT 2;"} {
		for _, database := range []string{"dev", "prod"} {
			plan := sealed(text, "a", migration.Target{Database: database}, settings)
			for _, expires := range []migration.Expiry{evening, "2026-11-25T18:00:01Z", "2026-11-25T18:00:00+00:00", "2026-11-25T18:00:00.0Z"} {
				for _, accept := range [][]string{nil, {"A"}, {"A", "B"}, {"AB"}, {string(evening)}, {plan.Digest.String()}, {"A", "A "}, {"a"}} {
					all = append(all, subject{plan, expires, accept})
				}
			}
		}
	}
	passed := 0
	for i, x := range all {
		signature := anna.sign(t, x.plan.Digest, x.expires, x.accept...)
		for j, y := range all {
			refusal := gate.Signed(y.plan, migration.Approval{Accept: y.accept, Expires: y.expires, Signatures: []migration.Signature{signature}}, settings, noon)
			if passes := refusal == nil; passes != (i == j) {
				t.Errorf("signed over %s %s %q, given for %s %s %q: passes %v", x.plan.Digest, x.expires, x.accept, y.plan.Digest, y.expires, y.accept, passes)
			} else if passes {
				passed++
			}
		}
	}
	if passed != len(all) {
		t.Errorf("%d of %d pass for what they were signed over", passed, len(all))
	}
}

// FuzzApproval: whatever is altered in an approval, it passes only where it
// says what was signed, in the one form of the signature that counts.
func FuzzApproval(f *testing.F) {
	anna, berta := newApprover(f), newApprover(f)
	settings := bySignature(1, anna, berta)
	plan := sealed("SELECT 1;", "a", migration.Target{Database: "d"}, settings)
	signature := anna.sign(f, plan.Digest, evening, "A", "B")
	f.Add([]byte{}, uint16(0), byte(0), string(evening), "A", "B", true)
	f.Add([]byte{0}, uint16(0xffff), byte(0), string(evening), "A", "B", true)
	f.Add([]byte{}, uint16(3), byte(1), string(evening), "A", "B", true)
	f.Add([]byte{}, uint16(70), byte(0x80), string(evening), "B", "A", true)
	f.Add([]byte{}, uint16(0), byte(0), "2026-11-25T18:00:00+00:00", "A", "B", true)
	f.Add([]byte{}, uint16(0), byte(0), string(evening), "A\nB", "A", true)
	f.Add([]byte{}, uint16(0), byte(0), string(evening)+"\nA", "B", "B", true)
	f.Add(highS(f, signature).DER, uint16(0), byte(0), string(evening), "A", "B", false)
	f.Add([]byte{}, uint16(0), byte(0), string(evening), "A", "B", false)
	f.Fuzz(func(t *testing.T, added []byte, at uint16, flip byte, expires, first, second string, original bool) {
		var der []byte
		if original {
			der = slices.Clone(signature.DER)
		}
		der = append(der, added...)
		if len(der) > 0 {
			der[int(at)%len(der)] ^= flip
		}
		a := migration.Approval{Accept: []string{first, second}, Expires: migration.Expiry(expires), Signatures: []migration.Signature{{Key: signature.Key, DER: der}}}
		same := bytes.Equal(der, signature.DER) && expires == string(evening) && (first == "A" && second == "B" || first == "B" && second == "A")
		refusal := gate.Signed(plan, a, settings, noon)
		if passes := refusal == nil; passes != same {
			t.Fatalf("signature %x, expires %q, accepts %q and %q: passes %v", der, expires, first, second, passes)
		}
		if refusal != nil && (refusal.Reason == "" || refusal.Summary == "" || refusal.Next == "") {
			t.Fatalf("it does not say why or what to do next: %+v", refusal)
		}
		a.Signatures[0].Key = berta.public.ID
		if gate.Signed(plan, a, settings, noon) == nil {
			t.Fatalf("it passes as the signature of another key")
		}
	})
}
