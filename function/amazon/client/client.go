// Package client calls what is deployed, for a terminal: a function, the
// workflow, the stack that knows their names, and the keys that sign approvals. It sends an event once. Only
// where the service surely has not got it, it sends it again; where that cannot
// be told it says so, and whoever calls decides.
//
// Every error is a *migration.Failure, whose kind says what is known:
//
//   - Unreachable: it was not begun, nobody got it. RetryAfter is set where only
//     time is missing.
//   - Refused: the service, or the function by an error of its own, said no.
//   - Disconnected: it was sent and no answer came, so it may be under way.
//   - Stopped: the context ended, and what was sent may be under way.
//
// A call that changes nothing, whether or not it arrived, is Unreachable where
// it was not answered.
package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

const (
	// answerTime is more than a function can take, 900 s, and the beginning of a
	// sandbox with it.
	answerTime = 16 * time.Minute
	dialTime   = 10 * time.Second
	// credentialsTime leaves room for a program of the profile's that asks somebody.
	credentialsTime = time.Minute
)

// A Client calls with one set of credentials in one region. It may be used by
// several goroutines at once.
type Client struct {
	region string
	lambda *lambda.Client
	stacks *cloudformation.Client
	states *sfn.Client
	caller *sts.Client
	keys   *kms.Client
}

// New reads the configuration of AWS as its own tools do (AWS_PROFILE,
// AWS_REGION, AWS_ENDPOINT_URL and its kin, the files in ~/.aws) and sees that
// there are credentials. region wins over what is configured; "" for none.
func New(ctx context.Context, region string) (*Client, error) {
	sdk, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}), config.WithHTTPClient(awshttp.NewBuildableClient().
		WithTimeout(answerTime).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTime }).
		// Calls are minutes apart: a connection that was kept may be dead by then,
		// and a call that it swallows looks like one that was sent.
		WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })))
	if err != nil {
		return nil, unconfigured(err)
	}
	if region != "" {
		sdk.Region = region
	}
	if sdk.Region == "" {
		return nil, unreachable("no region of AWS is set", "Set AWS_REGION, or a region in the profile, or name the function by its ARN.", nil)
	}
	if err := hasCredentials(ctx, sdk); err != nil {
		return nil, err
	}
	return &Client{
		region: sdk.Region,
		// Invoke is not to be repeated by somebody who does not know what it does.
		lambda: lambda.NewFromConfig(sdk, func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }),
		stacks: cloudformation.NewFromConfig(sdk),
		states: sfn.NewFromConfig(sdk),
		caller: sts.NewFromConfig(sdk),
		keys:   kms.NewFromConfig(sdk),
	}, nil
}

func hasCredentials(ctx context.Context, sdk aws.Config) error {
	asking, cancel := context.WithTimeout(ctx, credentialsTime)
	defer cancel()
	_, err := sdk.Credentials.Retrieve(asking)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return stopped("asking for credentials", ctx.Err(), true)
	}
	return withoutCredentials(err)
}

func unconfigured(err error) *migration.Failure {
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return unreachable("there is no profile "+missing.Profile+" in the configuration of AWS",
			"Correct AWS_PROFILE (aws configure list-profiles shows what there is), or make it: aws configure --profile "+missing.Profile+".", err)
	}
	return unreachable("the configuration of AWS cannot be read: "+err.Error(), "Correct the variables AWS_* of the environment, or the files that they name.", err)
}

// RegionOf is the region in an ARN; "" where name is none.
func RegionOf(name string) string {
	if parts := strings.Split(name, ":"); len(parts) > 5 && parts[0] == "arn" {
		return parts[3]
	}
	return ""
}
