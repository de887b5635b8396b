package migration

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

// The text is a contract: who signs with other tools writes it themselves.
func TestApprovalText(t *testing.T) {
	digest, err := ParseDigest("p1_" + strings.Repeat("0", 64) + "_" + strings.Repeat("1", 24))
	if err != nil {
		t.Fatal(err)
	}
	head := "aurora-migrate approval v1\n" + digest.String() + "\n2026-11-25T18:00:00+01:00\n"
	for want, accept := range map[string][]string{
		head:                                    nil,
		head + "DS102@1.sql:2\nPG303@1.sql:1\n": {"PG303@1.sql:1", "DS102@1.sql:2", "PG303@1.sql:1"},
	} {
		got, err := ApprovalText(digest, "2026-11-25T18:00:00+01:00", accept)
		if string(got) != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	for _, id := range []string{"", "A\nB", "A\r"} {
		if text, err := ApprovalText(digest, "x", []string{"A", id}); err == nil {
			t.Errorf("%q is signed as %q", id, text)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	for _, text := range []string{"2026-11-25T18:00:00Z", "2026-11-25T18:00:00+01:00", "2026-11-25T18:00:00.5-03:30"} {
		e, err := ParseExpiry(text)
		if string(e) != text || err != nil {
			t.Errorf("%s: %q, %v", text, e, err)
		}
	}
	for _, text := range []string{"", "2026-11-25", "2026-11-25T18:00:00", "2026-11-25 18:00:00Z", "2026-11-25t18:00:00z", "2026-11-25T18:00:00,5Z", "2026-11-25T8:00:00Z",
		"2026-11-25T18:00:00+25:00", "2026-11-25T24:00:00Z", "2026-02-30T18:00:00Z", " 2026-11-25T18:00:00Z", "2026-11-25T18:00:00Z\n", "1764093600"} {
		if e, err := ParseExpiry(text); err != ErrMalformedExpiry || e != "" {
			t.Errorf("%q is read as %q, %v", text, e, err)
		}
	}
	if e := ExpiryAt(time.Date(2026, 11, 25, 18, 0, 0, 999, time.FixedZone("", 3600))); e != "2026-11-25T17:00:00Z" {
		t.Errorf("written as %s", e)
	}
}

func spki(t *testing.T, curve elliptic.Curve) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParsePublicKeys(t *testing.T) {
	one, two, large := spki(t, elliptic.P256()), spki(t, elliptic.P256()), spki(t, elliptic.P384())
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, err := x509.MarshalPKIXPublicKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	block := func(der []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})) }
	text := base64.StdEncoding.EncodeToString
	for name, given := range map[string]string{
		"PEM": block(one) + block(two), "PEM in one line": strings.ReplaceAll(block(one)+block(two), "\n", " "), "PEM with empty lines": "\n" + block(one) + "\n\n" + block(two) + "\n",
		"PEM with CRLF": strings.ReplaceAll(block(one)+block(two), "\n", "\r\n"), "base64": text(one) + "," + text(two), "base64 in lines": " " + text(one) + "\n" + text(two) + "\n",
	} {
		keys, err := ParsePublicKeys(given)
		if err != nil || len(keys) != 2 || string(keys[0].DER()) != string(one) || string(keys[1].DER()) != string(two) || keys[0].ID == keys[1].ID || len(keys[0].ID) != 16 {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
	const want = "want public keys of ECDSA on P-256: PEM blocks one after another, or the DER of each in base64, with commas between"
	id := func(der []byte) string { k, _ := ParsePublicKey(der); return k.ID }
	for given, says := range map[string]string{
		"":                       want,
		" ,":                     want,
		"abc":                    "key 1 of 1 is not base64: " + want,
		text(one) + "," + "AAAA": "key 2 of 2 is no public key (SubjectPublicKeyInfo)",
		text(append(one, 0)):     "key 1 of 1 is no public key (SubjectPublicKeyInfo)",
		text(large):              "key 1 of 1 is on the curve P-384: want P-256",
		text(edwards):            "key 1 of 1 is of the kind ed25519.PublicKey: want ECDSA on P-256",
		block(one) + block(one):  "key 2 of 2, " + id(one) + ", stands there twice",
		block(one) + "x":         "block 2 does not begin with -----BEGIN PUBLIC KEY-----: " + want,
		block(one)[:100]:         "block 1 does not end with -----END PUBLIC KEY-----",
		strings.ReplaceAll(block(one), "PUBLIC", "EC PRIVATE"):      "block 1 does not begin with -----BEGIN PUBLIC KEY-----: " + want,
		"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n": "block 1 holds no base64 between its lines",
	} {
		if keys, err := ParsePublicKeys(given); err == nil || err.Error() != says || keys != nil {
			t.Errorf("%q: %v, %v\nwant %s", given, keys, err, says)
		}
	}
}

// Half of what a signer makes has the high S; all of it is in the form that
// counts afterwards, and still verifies.
func TestLowS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash := ApprovalHash([]byte("x"))
	high := 0
	for range 64 {
		der, err := ecdsa.SignASN1(rand.Reader, key, hash)
		if err != nil {
			t.Fatal(err)
		}
		if CheckSignature(der) == ErrMalleableSignature {
			high++
		}
		low, err := LowS(der)
		if err != nil || CheckSignature(low) != nil || !ecdsa.VerifyASN1(&key.PublicKey, hash, low) {
			t.Fatalf("%x is made %x, %v", der, low, err)
		}
	}
	if high == 0 || high == 64 {
		t.Errorf("%d of 64 were high", high)
	}
	if _, err := LowS([]byte{0x30}); err != ErrMalformedSignature {
		t.Error(err)
	}
}

// A planner and a runner with other policies make other digests, and the order
// in which keys and codes are listed makes no difference.
func TestSettings_policyIsPartOfTheDigest(t *testing.T) {
	a, err := ParsePublicKey(spki(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParsePublicKey(spki(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	part := func(s Settings) string { return s.Defaults().part() }
	sign := func(needed int, keys ...PublicKey) Settings {
		return Settings{Approval: BySignature, ApprovalKeys: keys, ApprovalsNeeded: needed}
	}
	seen := map[string]int{}
	for i, s := range []Settings{{}, {Approval: NoApproval}, sign(1, a), sign(1, b), sign(1, a, b), sign(2, a, b), {NeverAccept: []string{"DS102"}}, {NeverAccept: []string{"DS102", "DS103"}}} {
		if other, ok := seen[part(s)]; ok {
			t.Errorf("settings %d and %d have one part", other, i)
		}
		seen[part(s)] = i
	}
	if part(sign(1, a, b)) != part(sign(0, b, a)) || part(Settings{NeverAccept: []string{"B1", "A1", "B1"}}) != part(Settings{NeverAccept: []string{"A1", "B1"}}) {
		t.Error("the order makes a difference")
	}
}
