package amazon

import (
	"context"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// An endpoint in the same VPC answers within a tenth of a second. One that
// swallows packets is to be told of while the caller still waits.
const (
	dialTime    = 3 * time.Second // DNS included
	attemptTime = 3500 * time.Millisecond
	secretTime  = 8 * time.Second // all attempts, and what is waited in between
	attempts    = 2
)

// freshSecret reads the secret if it was not read lately. The wall clock counts:
// the other one stands still while the sandbox is frozen.
func (s *Source) freshSecret(ctx context.Context) error {
	age := s.now().Round(0).Sub(s.read.Round(0))
	if s.secret != nil && age >= 0 && age < secretLife {
		return nil
	}
	return s.readSecret(ctx)
}

// readSecret reads the secret. After an error nothing is remembered of it: a
// permission that was taken away must show.
func (s *Source) readSecret(ctx context.Context) error {
	s.secret = nil
	arn := s.database.SecretARN
	calling, cancel := context.WithTimeout(ctx, secretTime)
	defer cancel()
	sdk, err := s.configure(calling)
	if err != nil {
		return err
	}
	began := s.now()
	client := secretsmanager.NewFromConfig(*sdk, func(o *secretsmanager.Options) {
		if region := arnOfSecret.FindStringSubmatch(arn); region != nil {
			o.Region = region[1]
		}
	})
	answer, err := client.GetSecretValue(calling, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		if ctx.Err() != nil {
			return interrupted("reading the secret "+arn, ctx.Err())
		}
		return s.unread(err, s.now().Sub(began))
	}
	if answer.SecretString == nil {
		return unusable(arn, "holds binary data, not text")
	}
	c, err := parseContent(*answer.SecretString, arn)
	if err != nil {
		return err
	}
	s.secret, s.read = c, began
	return nil
}

// configure reads what the environment says for the SDK, once, and sees that
// there are credentials to sign with.
func (s *Source) configure(ctx context.Context) (*aws.Config, error) {
	if s.sdk == nil {
		sdk, err := config.LoadDefaultConfig(ctx,
			config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTime).WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTime })),
			config.WithRetryer(func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, 500*time.Millisecond })
			}),
			// A function has its credentials in its environment, and no machine to ask for others.
			config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
		if err != nil {
			return nil, failure("the configuration of AWS cannot be read: "+err.Error(), "Correct the variables AWS_* of the environment, or the files that they name.", err)
		}
		s.sdk = &sdk
	}
	if _, err := s.sdk.Credentials.Retrieve(ctx); err != nil {
		return nil, failure("there are no credentials of AWS to sign with (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)",
			"A deployed function has them from its role: check that it has one. Elsewhere set the three variables.", err)
	}
	return s.sdk, nil
}
