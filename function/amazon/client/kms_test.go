package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const keyARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"

// A keyring is a KMS that has one key, over its JSON protocol. Where an
// operation has a refusal, it answers with that.
type keyring struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	spec    string
	usage   string
	refuses map[string]refusal // by operation
	lies    bool               // it signs something else
	high    atomic.Int32       // signatures with the high S that it gave
}

func (k *keyring) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	if no, ok := k.refuses[operation]; ok {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(no.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": no.code, "message": no.words})
		return
	}
	var asked struct {
		KeyID            string `json:"KeyId"`
		Message          []byte
		MessageType      string
		SigningAlgorithm string
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.KeyID != keyARN {
		k.t.Errorf("%s of %q, %v", operation, asked.KeyID, err)
	}
	answer := map[string]any{"KeyId": keyARN}
	switch operation {
	case "GetPublicKey":
		der, err := x509.MarshalPKIXPublicKey(&k.key.PublicKey)
		if err != nil {
			k.t.Error(err)
		}
		answer["PublicKey"], answer["KeySpec"], answer["KeyUsage"] = der, k.spec, k.usage
	case "Sign":
		if asked.MessageType != "DIGEST" || asked.SigningAlgorithm != "ECDSA_SHA_256" || len(asked.Message) != 32 {
			k.t.Errorf("it is to sign %d bytes, %s, by %s", len(asked.Message), asked.MessageType, asked.SigningAlgorithm)
		}
		if k.lies {
			asked.Message[0]++
		}
		der, err := ecdsa.SignASN1(rand.Reader, k.key, asked.Message)
		if err != nil {
			k.t.Error(err)
		}
		if migration.CheckSignature(der) != nil {
			k.high.Add(1)
		}
		answer["Signature"] = der
	default:
		k.t.Errorf("asked for %q", operation)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer)
}

func newKeyring(t *testing.T, curve elliptic.Curve) *keyring {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &keyring{t: t, key: key, spec: "ECC_NIST_P256", usage: "SIGN_VERIFY"}
}

func (k *keyring) client() *Client {
	s := httptest.NewServer(k)
	k.t.Cleanup(s.Close)
	return on(k.t, s.URL)
}

// KMS gives either of the two values of S; what comes out is the low one.
func TestSigner(t *testing.T) {
	k := newKeyring(t, elliptic.P256())
	s, err := k.client().Signer(t.Context(), keyARN)
	if err != nil {
		t.Fatal(err)
	}
	if !s.PublicKey().Key.Equal(&k.key.PublicKey) || len(s.PublicKey().ID) != 16 {
		t.Errorf("the key is %+v", s.PublicKey())
	}
	hash := migration.ApprovalHash([]byte("text"))
	for n := int32(0); n < 64 && (n == k.high.Load() || k.high.Load() == 0); n++ {
		der, err := s.Sign(t.Context(), hash)
		if err != nil || migration.CheckSignature(der) != nil || !ecdsa.VerifyASN1(&k.key.PublicKey, hash, der) {
			t.Fatalf("%x, %v", der, err)
		}
	}
	if k.high.Load() == 0 {
		t.Error("not one signature had the high S")
	}
}

func TestSigner_refused(t *testing.T) {
	denied := func(permission string) refusal {
		return refusal{400, "AccessDeniedException", "User: arn:aws:iam::1:user/anna is not authorized to perform: " + permission + " on resource: " + keyARN + " because no resource-based policy allows the " + permission + " action"}
	}
	const checkAddress = "Check AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL: what answers may not be KMS."
	for name, c := range map[string]struct {
		alter         func(*keyring)
		message, next string
	}{
		"may not read it": {func(k *keyring) { k.refuses["GetPublicKey"] = denied("kms:GetPublicKey") }, "KMS may not be asked for " + keyARN + ": AccessDeniedException", "Allow kms:GetPublicKey on " + keyARN + " for whoever runs this"},
		"may not sign":    {func(k *keyring) { k.refuses["Sign"] = denied("kms:Sign") }, "KMS may not be asked for " + keyARN + ": AccessDeniedException", "Allow kms:Sign on " + keyARN + " for whoever runs this"},
		"not there":       {func(k *keyring) { k.refuses["GetPublicKey"] = refusal{400, "NotFoundException", "Key does not exist"} }, "there is no key " + keyARN + " of KMS in eu-west-1: Key does not exist", "Check the ARN, the region (AWS_REGION) and the account (AWS_PROFILE)"},
		"no name":         {func(k *keyring) { k.refuses["GetPublicKey"] = refusal{400, "InvalidArnException", "Invalid arn"} }, `"` + keyARN + `" is not the name of a key of KMS: InvalidArnException: Invalid arn`, "Give an ARN, an id, or alias/NAME."},
		"disabled":        {func(k *keyring) { k.refuses["Sign"] = refusal{400, "DisabledException", "is disabled."} }, "the key " + keyARN + " of KMS does not sign now: DisabledException: is disabled.", "Enable it (aws kms enable-key)"},
		"to be deleted":   {func(k *keyring) { k.refuses["Sign"] = refusal{400, "KMSInvalidStateException", "is pending deletion."} }, "the key " + keyARN + " of KMS does not sign now: KMSInvalidStateException", "Enable it"},
		"symmetric": {func(k *keyring) {
			k.refuses["GetPublicKey"] = refusal{400, "UnsupportedOperationException", "symmetric"}
		}, "the key " + keyARN + " of KMS does not sign: UnsupportedOperationException: symmetric", makeKey},
		"of another spec":     {func(k *keyring) { k.spec = "ECC_NIST_P384" }, "the key " + keyARN + " of KMS is ECC_NIST_P384 for SIGN_VERIFY: want ECC_NIST_P256 for SIGN_VERIFY", makeKey},
		"for another use":     {func(k *keyring) { k.usage = "KEY_AGREEMENT" }, "the key " + keyARN + " of KMS is ECC_NIST_P256 for KEY_AGREEMENT", makeKey},
		"says what it is not": {func(k *keyring) { k.key = newKeyring(k.t, elliptic.P384()).key }, "what KMS gives as the public key of " + keyARN + " is on the curve P-384: want P-256", checkAddress},
		"signs another":       {func(k *keyring) { k.lies = true }, "what KMS gives as a signature of the key " + keyARN + " is not one", checkAddress},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeyring(t, elliptic.P256())
			k.refuses = map[string]refusal{}
			c.alter(k)
			s, err := k.client().Signer(t.Context(), keyARN)
			if err == nil {
				_, err = s.Sign(t.Context(), migration.ApprovalHash([]byte("text")))
			}
			wants(t, err, migration.Refused, c.message, c.next)
		})
	}
}
