package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// uninvoked says why a function gave no answer.
func (c *Client) uninvoked(ctx context.Context, function string, err error) *migration.Failure {
	var api smithy.APIError
	if ctx.Err() == nil && errors.As(err, &api) {
		if f := c.functionState(function, api); f != nil {
			return f
		}
	}
	return c.fault(ctx, call{service: "Lambda", endpoint: "AWS_ENDPOINT_URL_LAMBDA", permission: "lambda:InvokeFunction", resource: c.functionARN(function)}, err)
}

// functionState is what Lambda says of functions that it did not run; nil for
// what any service may say.
func (c *Client) functionState(function string, api smithy.APIError) *migration.Failure {
	code, said := api.ErrorCode(), fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	switch code {
	case "ResourceNotFoundException":
		return refused(fmt.Sprintf("there is no function %s in %s: %s", functionName(function), c.region, api.ErrorMessage()),
			"Check the name, the region (AWS_REGION) and the account (AWS_PROFILE): aws lambda list-functions shows what there is. Of a stack give --stack.", api)
	case "ResourceConflictException", "ResourceNotReadyException", "CodeArtifactUserPendingException", "SnapStartNotReadyException", "ENINotReadyException":
		f := unreachable(fmt.Sprintf("the function %s is not ready: %s", functionName(function), said),
			"Wait a minute: a function that was just deployed, or idle for weeks, makes its way into the VPC first (aws lambda wait function-active-v2 --function-name "+functionName(function)+"). Then run the same command again.", api)
		f.RetryAfter = waking
		return f
	case "RequestTooLargeException", "RequestEntityTooLargeException":
		return refused("the event is larger than Lambda takes: "+said, "Give the digest instead of the report of the plan, or fewer files.", api)
	case "InvalidParameterValueException", "ValidationException":
		return refused(fmt.Sprintf("%q is not the name of a function: %s", function, said), "Give a name or an ARN.", api)
	case "RecursiveInvocationException", "UnsupportedMediaTypeException", "InvalidRequestContentException", "InvalidRuntimeException", "InvalidZipFileException",
		"CodeArtifactUserDeletedException", "CodeArtifactUserFailedException", "EC2AccessDeniedException", "EC2ThrottledException", "EC2UnexpectedException",
		"ENILimitReachedException", "InvalidSecurityGroupIDException", "InvalidSubnetIDException", "KMSAccessDeniedException", "KMSDisabledException",
		"KMSInvalidStateException", "KMSNotFoundException", "SubnetIPAddressLimitReachedException":
		return refused(fmt.Sprintf("Lambda cannot run the function %s: %s", functionName(function), said),
			"Mend what it names (the subnets, security groups and key of the stack), deploy, then run the same command again.", api)
	}
	return nil
}

// functionARN is that of a function as far as it is known here.
func (c *Client) functionARN(function string) string {
	if strings.HasPrefix(function, "arn:") {
		return function
	}
	return fmt.Sprintf("arn:aws:lambda:%s:ACCOUNT:function:%s", c.region, function)
}

// functionName is the name in an ARN or in a part of one, such as name:alias.
func functionName(function string) string {
	if _, after, ok := strings.Cut(function, "function:"); ok {
		function = after
	}
	name, _, _ := strings.Cut(function, ":")
	return name
}

func untrusted(err error) bool {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
		host   x509.HostnameError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &host)
}
