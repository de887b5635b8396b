package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

// Resource is the name of what a stack has under a logical id: the name of a
// function, the ARN of a state machine.
func (c *Client) Resource(ctx context.Context, stack, logical string) (string, error) {
	out, err := c.stacks.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
	if err != nil {
		return "", c.notFoundIn(ctx, stack, logical, err)
	}
	if out.StackResourceDetail == nil || out.StackResourceDetail.PhysicalResourceId == nil || *out.StackResourceDetail.PhysicalResourceId == "" {
		return "", refused(fmt.Sprintf("the stack %s has not made its resource %s yet", stack, logical),
			"Wait until the deployment is through (aws cloudformation wait stack-create-complete --stack-name "+stack+"), then run the same command again.", nil)
	}
	return *out.StackResourceDetail.PhysicalResourceId, nil
}

func (c *Client) notFoundIn(ctx context.Context, stack, logical string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationError" {
		switch {
		case strings.Contains(api.ErrorMessage(), "Resource "):
			return refused(fmt.Sprintf("the stack %s has no resource %s", stack, logical),
				"Name one of those that it has (aws cloudformation list-stack-resources --stack-name "+stack+"): RunnerFunction, PlannerFunction or MigrationWorkflow where it was made by this template.", err)
		case strings.Contains(api.ErrorMessage(), "does not exist"):
			return refused(fmt.Sprintf("there is no stack %s in %s", stack, c.region),
				"Check the name, the region (AWS_REGION) and the account (AWS_PROFILE): aws cloudformation list-stacks shows what there is.", err)
		}
	}
	return c.fault(ctx, call{
		service: "CloudFormation", endpoint: "AWS_ENDPOINT_URL_CLOUDFORMATION", permission: "cloudformation:DescribeStackResource",
		resource: "the stack " + stack, harmless: true,
	}, err)
}
