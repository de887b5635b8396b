package amazon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

func failure(message, next string, cause error) *migration.Failure {
	return &migration.Failure{Kind: migration.Unreachable, Message: message, State: "Nothing was sent to the database.", Next: next, Cause: cause}
}

func interrupted(doing string, cause error) *migration.Failure {
	f := failure("interrupted while "+doing, "Run the same command again.", cause)
	f.Kind = migration.Stopped
	if errors.Is(cause, context.DeadlineExceeded) {
		f.Message = "the time was over while " + doing
	}
	return f
}

// spoken is a failure of this package in one line, with what to do.
func spoken(err error) string {
	var f *migration.Failure
	if errors.As(err, &f) {
		return f.Error() + ". " + f.Next
	}
	return err.Error()
}

// unread says why the secret could not be read, after so long. What came as an
// answer is not in it, whatever it was, but for the code and the words of an
// error of AWS.
func (s *Source) unread(err error, took time.Duration) *migration.Failure {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "UnknownError" {
		return s.denied(api)
	}
	if f := s.unanswered(err, took); f != nil {
		return f
	}
	// The error of a decoder holds what it could not decode.
	return failure(fmt.Sprintf("what answers at %s for the secret %s is not Secrets Manager", s.endpoint(err), s.database.SecretARN),
		"Check AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL, the proxy (HTTPS_PROXY), and the name service of the VPC.", nil)
}

// denied is what Secrets Manager said no with.
func (s *Source) denied(api smithy.APIError) *migration.Failure {
	arn, code, words := s.database.SecretARN, api.ErrorCode(), api.ErrorMessage()
	var said, next string
	var wait time.Duration
	switch {
	case code == "ResourceNotFoundException" && strings.Contains(words, "staging label"):
		said = "has no value that is current (AWSCURRENT)"
		next = "Put one into it (aws secretsmanager put-secret-value), or bring the rotation that stopped half way to its end (aws secretsmanager rotate-secret)."
	case code == "ResourceNotFoundException":
		said = "does not exist"
		next = "Check DB_SECRET_ARN (RunnerSecretArn, PlannerSecretArn): account, region, name and the six characters at its end, which change when a secret is made anew (aws secretsmanager describe-secret --secret-id NAME)."
	case code == "AccessDeniedException":
		said, next = forbidden(words)
	case code == "InvalidRequestException" && strings.Contains(words, "deletion"):
		said = "is marked for deletion"
		next = "Restore it (aws secretsmanager restore-secret --secret-id " + arn + "), or name another one in DB_SECRET_ARN."
	case strings.Contains(code, "Decryption"), strings.Contains(code, "KMS"), strings.Contains(words, "KMS"):
		said, next = "cannot be decrypted: its KMS key is disabled, is to be deleted, or is not to be had", keyNext
	case unsigned[code]:
		said, next = "is not to be had with these credentials", "A deployed function has its credentials from its role, and they renew themselves. Elsewhere renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and check the clock."
		if strings.Contains(words, "region") {
			said, next = "is in another region than the endpoint", regionNext
		}
	case code == "ThrottlingException", code == "Throttling", code == "TooManyRequestsException", code == "LimitExceededException":
		said, next, wait = "was asked for too often (throttled)", "Try again in a minute; see what else reads secrets in this account.", 30*time.Second
	case api.ErrorFault() == smithy.FaultServer, strings.HasPrefix(code, "Internal"), strings.HasPrefix(code, "ServiceUnavailable"):
		said, next, wait = "could not be read: Secrets Manager has a trouble of its own", "Try again in a minute; if it lasts, see the AWS Health Dashboard.", 30*time.Second
	default:
		said, next = "could not be read", "See what Secrets Manager says, and check DB_SECRET_ARN."
	}
	f := failure(fmt.Sprintf("the secret %s %s (%s)", arn, said, strings.TrimSuffix(code+": "+words, ": ")), next, api)
	f.RetryAfter = wait
	return f
}

// unsigned are the answers to a signature that is not valid.
var unsigned = map[string]bool{
	"UnrecognizedClientException": true, "InvalidClientTokenId": true, "ExpiredTokenException": true, "ExpiredToken": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true, "IncompleteSignatureException": true, "IncompleteSignature": true,
	"MissingAuthenticationTokenException": true, "MissingAuthenticationToken": true, "RequestExpired": true, "OptInRequired": true,
}

const (
	keyNext    = "Enable the key that encrypts it (aws kms describe-key, aws kms enable-key, aws kms cancel-key-deletion), or encrypt the secret with another one."
	regionNext = "The endpoint of a VPC serves its own region alone. Name a secret of that region in DB_SECRET_ARN (aws secretsmanager replicate-secret-to-regions makes one), or leave AWS_ENDPOINT_URL_SECRETS_MANAGER out."
)

// forbidden tells apart who does not allow it. AWS names the kind of policy.
func forbidden(words string) (said, next string) {
	has := func(part string) bool { return strings.Contains(strings.ToLower(words), part) }
	switch {
	case has("kms"):
		return "cannot be decrypted: the function's role may not use its KMS key",
			"Allow kms:Decrypt on that key in the role's policy (SecretsKmsKeyArn of the stack) and in the key's own policy."
	case has("vpc endpoint policy"):
		return "may not be read through this VPC endpoint",
			"Allow secretsmanager:GetSecretValue on this ARN for the function's role in the policy of the Secrets Manager endpoint."
	case has("resource-based policy"):
		return "may not be read: its own policy (resource policy) forbids it",
			"Allow secretsmanager:GetSecretValue for the function's role in the secret's policy (aws secretsmanager get-resource-policy)."
	case has("service control policy"), has("permissions boundary"), has("session policy"):
		return "may not be read: a policy above the role's own forbids it",
			"Allow secretsmanager:GetSecretValue on this ARN in the policy that is named there."
	}
	return "may not be read by the function's role",
		"Allow secretsmanager:GetSecretValue on exactly this ARN in the role's policy (RunnerSecretArn, PlannerSecretArn of the stack). AWS says the same of an ARN that does not exist and is not in that policy: check DB_SECRET_ARN, too."
}

// endpoint is where the call went, as far as the error tells.
func (s *Source) endpoint(err error) string {
	return cmp.Or(calledHost(err), "the endpoint of Secrets Manager")
}
