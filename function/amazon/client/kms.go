package client

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A Signer signs with a key of KMS, which never leaves it.
type Signer struct {
	client *Client
	name   string
	public migration.PublicKey
}

// Signer sees that a key of KMS, by ARN, alias or id, is one that approvals are
// signed with: ECDSA on P-256, for signing. It takes kms:GetPublicKey.
func (c *Client) Signer(ctx context.Context, key string) (*Signer, error) {
	out, err := c.keys.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &key})
	if err != nil {
		return nil, c.keyFault(ctx, "kms:GetPublicKey", key, err)
	}
	// A stand-in for KMS may leave out what the key itself says too.
	if s := out.KeySpec; s != "" && s != types.KeySpecEccNistP256 || out.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, refused(fmt.Sprintf("the key %s of KMS is %s for %s: want %s for %s", key, out.KeySpec, out.KeyUsage, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify), makeKey, nil)
	}
	public, err := migration.ParsePublicKey(out.PublicKey)
	if err != nil {
		return nil, refused(fmt.Sprintf("what KMS gives as the public key of %s %v", key, err), "Check AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL: what answers may not be KMS.", err)
	}
	return &Signer{client: c, name: key, public: public}, nil
}

const makeKey = "Make one that signs: aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY."

// PublicKey is what its signatures are checked with.
func (s *Signer) PublicKey() migration.PublicKey { return s.public }

// Sign signs a hash of SHA-256. It takes kms:Sign. The signature is in the form
// that counts, whichever KMS made, and has been checked.
func (s *Signer) Sign(ctx context.Context, hash []byte) ([]byte, error) {
	out, err := s.client.keys.Sign(ctx, &kms.SignInput{
		KeyId: &s.name, Message: hash, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, s.client.keyFault(ctx, "kms:Sign", s.name, err)
	}
	der, err := migration.LowS(out.Signature)
	if err != nil || !ecdsa.VerifyASN1(s.public.Key, hash, der) {
		return nil, refused(fmt.Sprintf("what KMS gives as a signature of the key %s is not one", s.name), "Check AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL: what answers may not be KMS.", err)
	}
	return der, nil
}

// keyFault says why KMS did not do what it was asked for.
func (c *Client) keyFault(ctx context.Context, permission, key string, err error) *migration.Failure {
	var api smithy.APIError
	if ctx.Err() == nil && errors.As(err, &api) {
		said := fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage())
		switch api.ErrorCode() {
		case "NotFoundException":
			return refused(fmt.Sprintf("there is no key %s of KMS in %s: %s", key, c.region, api.ErrorMessage()),
				"Check the ARN, the region (AWS_REGION) and the account (AWS_PROFILE): aws kms list-keys shows what there is. An alias is alias/NAME.", err)
		case "InvalidArnException", "ValidationException":
			return refused(fmt.Sprintf("%q is not the name of a key of KMS: %s", key, said), "Give an ARN, an id, or alias/NAME.", err)
		case "DisabledException", "KMSInvalidStateException":
			return refused(fmt.Sprintf("the key %s of KMS does not sign now: %s", key, said), "Enable it (aws kms enable-key), or approve with another one that the database lists.", err)
		case "InvalidKeyUsageException", "UnsupportedOperationException":
			return refused(fmt.Sprintf("the key %s of KMS does not sign: %s", key, said), makeKey, err)
		}
	}
	return c.fault(ctx, call{service: "KMS", endpoint: "AWS_ENDPOINT_URL_KMS", permission: permission, resource: c.keyARN(key), harmless: true}, err)
}

// keyARN is that of a key as far as it is known here.
func (c *Client) keyARN(key string) string {
	switch {
	case strings.HasPrefix(key, "arn:"):
		return key
	case strings.HasPrefix(key, "alias/"):
		return fmt.Sprintf("the key behind %s in %s", key, c.region)
	}
	return fmt.Sprintf("arn:aws:kms:%s:ACCOUNT:key/%s", c.region, key)
}
