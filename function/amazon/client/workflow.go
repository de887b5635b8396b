package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// InputLimit is how many bytes the input of a workflow may have.
const InputLimit = 256 * 1024

// An Execution is where one run of a workflow stands.
type Execution struct {
	Running bool
	Output  []byte // of one that succeeded
	Error   string // of one that did not: what it names it
	Cause   string
}

// Start begins an execution of a workflow, by name or ARN, and returns its ARN.
// However often the request is sent on the way, one execution begins: it has a
// name of its own.
func (c *Client) Start(ctx context.Context, workflow string, input []byte) (string, error) {
	machine, err := c.machine(ctx, workflow)
	if err != nil {
		return "", err
	}
	out, err := c.states.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &machine, Name: aws.String("aurora-migrate-" + rand.Text()), Input: aws.String(string(input)),
	})
	if err != nil {
		return "", c.workflowFault(ctx, "states:StartExecution", machine, err)
	}
	return aws.ToString(out.ExecutionArn), nil
}

// Look tells where an execution stands. It changes nothing.
func (c *Client) Look(ctx context.Context, execution string) (Execution, error) {
	out, err := c.states.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &execution})
	if err != nil {
		return Execution{}, c.workflowFault(ctx, "states:DescribeExecution", execution, err)
	}
	switch out.Status {
	case types.ExecutionStatusSucceeded:
		return Execution{Output: []byte(aws.ToString(out.Output))}, nil
	case types.ExecutionStatusFailed, types.ExecutionStatusTimedOut, types.ExecutionStatusAborted:
		e := Execution{Error: aws.ToString(out.Error), Cause: aws.ToString(out.Cause)}
		if e.Error == "" {
			e.Error = strings.ToLower(string(out.Status))
		}
		return e, nil
	}
	return Execution{Running: true}, nil // or waiting to be begun anew by somebody
}

// machine is the ARN of a state machine, which has to be asked by it.
func (c *Client) machine(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	me, err := c.caller.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", c.fault(ctx, call{service: "STS", endpoint: "AWS_ENDPOINT_URL_STS", permission: "sts:GetCallerIdentity", resource: "the account of the workflow " + name, harmless: true}, err)
	}
	partition := "aws"
	if mine, err := arn.Parse(aws.ToString(me.Arn)); err == nil {
		partition = mine.Partition
	}
	return fmt.Sprintf("arn:%s:states:%s:%s:stateMachine:%s", partition, c.region, aws.ToString(me.Account), name), nil
}

func (c *Client) workflowFault(ctx context.Context, permission, resource string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "StateMachineDoesNotExist", "StateMachineDeleting":
			return refused("there is no workflow "+resource, "Check the name, the region (AWS_REGION) and the account (AWS_PROFILE): aws stepfunctions list-state-machines shows what there is.", err)
		case "ExecutionDoesNotExist":
			return refused("there is no execution "+resource, "Ask for status: it tells how far the database is.", err)
		}
	}
	return c.fault(ctx, call{service: "Step Functions", endpoint: "AWS_ENDPOINT_URL_SFN", permission: permission, resource: resource, harmless: permission == "states:DescribeExecution"}, err)
}
