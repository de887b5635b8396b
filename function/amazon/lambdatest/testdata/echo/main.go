// Command echo is a Lambda function that does what its event says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	Text string
	N    int
}

type answer struct {
	PID   int
	Text  string   `json:",omitempty"`
	Env   []string `json:",omitempty"`
	Count int      // of events that this process has had
	// What the invocation brought along.
	RequestID, ARN, Client string
	Deadline               time.Time
	Dir                    string
}

type namedError struct{ text string }

func (e *namedError) Error() string { return e.text }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, &namedError{"the answer broke off"} }

var count int

func main() {
	switch os.Getenv("ECHO_INIT") {
	case "exit":
		fmt.Println("leaving at once")
		os.Exit(3)
	case "hang":
		fmt.Println("hanging")
		time.Sleep(time.Hour)
	case "report":
		api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		response, err := http.Post(api, "application/json", strings.NewReader(`{"errorType":"Echo.Init","errorMessage":"no start"}`))
		if err != nil || response.StatusCode != http.StatusAccepted {
			panic(fmt.Sprint(response, err))
		}
		time.Sleep(time.Hour)
	case "panic":
		panic("no start")
	}
	fmt.Println("initialized")
	lambda.Start(handle)
}

// misuse calls the Runtime API at the wrong time, and returns what it is answered.
func misuse() string {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	var answers []string
	for _, path := range []string{"invocation/next", "invocation/another/response", "invocation/another/error", "init/error"} {
		method := http.MethodPost
		if path == "invocation/next" {
			method = http.MethodGet
		}
		request, err := http.NewRequest(method, api+path, strings.NewReader("{}"))
		if err != nil {
			return err.Error()
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err.Error()
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		answers = append(answers, fmt.Sprint(response.StatusCode, " ", string(body)))
	}
	return strings.Join(answers, "\n")
}

func handle(ctx context.Context, e event) (any, error) {
	count++
	switch e.Do {
	case "error":
		return nil, errors.New(e.Text)
	case "named":
		return nil, &namedError{e.Text}
	case "public":
		return nil, messages.InvokeResponse_Error{Type: "Public.Name", Message: e.Text}
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(e.N)
	case "hang":
		fmt.Println("hanging")
		<-make(chan struct{})
	case "wait": // for a file
		fmt.Println("waiting")
		for {
			if _, err := os.Stat(e.Text); err == nil {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
	case "large": // N bytes of JSON, quotes included
		return strings.Repeat("x", e.N-2), nil
	case "broken":
		return io.Reader(brokenReader{}), nil
	case "log":
		fmt.Print(e.Text)
	case "misuse":
		e.Text = misuse()
	case "child": // that outlives this process, unless its group is killed
		child := exec.Command("sleep", "1000")
		if err := child.Start(); err != nil {
			return nil, err
		}
		e.Text = fmt.Sprint(child.Process.Pid)
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	dir, _ := os.Getwd()
	a := answer{PID: os.Getpid(), Text: e.Text, Count: count, RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn,
		Client: lc.ClientContext.Custom["who"], Deadline: deadline, Dir: dir}
	if e.Do == "env" {
		a.Env = os.Environ()
	}
	return a, nil
}
