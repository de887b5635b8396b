package main

import (
	"context"
	"fmt"
	"io"
)

// stay prints how to reach everything and leaves it running until ctx ends.
// What the functions log goes to standard error meanwhile.
func (s *stage) stay(ctx context.Context, out io.Writer) error {
	s.introduce(out)
	endpoint := s.lambda.Endpoint()
	fmt.Fprintf(out, `
  endpoint      %[1]s
  DATABASE_URL  %[2]s

Any credentials do:
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1

Invoke with the AWS CLI (version 1 goes without --cli-binary-format):
  aws lambda invoke --endpoint-url %[1]s --function-name %[3]s --cli-binary-format raw-in-base64-out --payload '{"action":"plan"}' /dev/stdout

Or with SAM, which shows the answer as it comes:
  export AWS_ENDPOINT_URL_LAMBDA=%[1]s
  sam remote invoke arn:aws:lambda:us-east-1:000000000000:function:%[3]s --event '{"action":"status"}'
  sam remote invoke arn:aws:lambda:us-east-1:000000000000:function:%[4]s --event '{"action":"apply","plan":"<digest>"}'

Or go to the database itself (make build makes bin/aurora-migrate):
  psql '%[2]s'
  DATABASE_URL='%[2]s' bin/aurora-migrate status

Left running until Ctrl-C. The database is new and goes at the end.
`, endpoint, s.database, planner, runner)
	<-ctx.Done()
	fmt.Fprintln(out, "\nStopped.")
	return nil
}
