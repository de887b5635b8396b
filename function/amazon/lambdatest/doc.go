// Package lambdatest stands in for AWS Lambda on one machine: it runs real bootstrap executables (custom runtime
// provided.al2023, for instance built with aws-lambda-go) behind a Lambda Runtime API, and answers the Invoke API, so
// that the AWS SDKs, the AWS CLI and SAM work against it with nothing but AWS_ENDPOINT_URL_LAMBDA set.
//
// What a caller or a function can notice is as on Lambda: one sandbox (a process with a Runtime API of its own) handles
// one invocation at a time, a second one at the same time starts another sandbox, an idle one is used again and is
// stopped (SIGSTOP) until then; at the deadline a sandbox is killed without a word; a caller that goes away stops
// nothing; answers, errors, limits of size and log lines have Lambda's form.
//
// What differs: every qualifier means $LATEST; an Event invocation that fails is not repeated; there is no throttling;
// memory is measured, not limited; all sandboxes share the machine's file system and network; idle sandboxes live until
// Kill or Close; an initialization that fails is not tried a second time, and may take as long as the function's timeout;
// there is no extensions API, so a function that asks for SIGTERM logs a warning and goes on without.
//
// Linux and other Unix systems. Only on Linux do sandboxes die with this process, and only there is memory measured.
package lambdatest
