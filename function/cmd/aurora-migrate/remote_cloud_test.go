package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
)

// A cloud stands in for what is asked beside Lambda: the stack that knows the
// functions, whose account it is, and the workflow, which does what that of the
// template does: it applies until it is no longer unfinished.
type cloud struct {
	t               testing.TB
	lambda          *lambdatest.Lambda
	runner, planner string

	mu   sync.Mutex
	ends map[string]ending // of executions, by their ARN; the zero ending while they run
}

type ending struct {
	Status string `json:"status"`
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
	Cause  string `json:"cause,omitempty"`
}

const machineARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:migrations"

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	switch target := r.Header.Get("X-Amz-Target"); {
	case target == "AWSStepFunctions.StartExecution":
		c.start(w, body)
	case target == "AWSStepFunctions.DescribeExecution":
		c.describe(w, body)
	case strings.Contains(string(body), "Action=DescribeStackResource"):
		c.resource(w, body)
	case strings.Contains(string(body), "Action=GetCallerIdentity"):
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/anna</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	default:
		c.t.Errorf("asked for %s %s %s %s", r.Method, r.URL, target, body)
		w.WriteHeader(http.StatusNotFound)
	}
}

func (c *cloud) resource(w http.ResponseWriter, body []byte) {
	form, _ := url.ParseQuery(string(body))
	stack, logical := form.Get("StackName"), form.Get("LogicalResourceId")
	names := map[string]string{"RunnerFunction": c.runner, "PlannerFunction": c.planner, "MigrationWorkflow": machineARN}
	switch {
	case stack != "migrations-test":
		refuseXML(w, fmt.Sprintf("Stack '%s' does not exist", stack))
	case names[logical] == "":
		refuseXML(w, fmt.Sprintf("Resource %s does not exist for stack %s", logical, stack))
	default:
		fmt.Fprintf(w, `<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail><PhysicalResourceId>%s</PhysicalResourceId></StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>`, names[logical])
	}
}

func refuseXML(w http.ResponseWriter, message string) {
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>%s</Message></Error></ErrorResponse>`, message)
}

func refuseJSON(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

func (c *cloud) start(w http.ResponseWriter, body []byte) {
	var in struct{ StateMachineArn, Name, Input string }
	_ = json.Unmarshal(body, &in)
	if in.StateMachineArn != machineARN {
		refuseJSON(w, "StateMachineDoesNotExist", "State Machine Does Not Exist: '"+in.StateMachineArn+"'")
		return
	}
	arn := strings.Replace(machineARN, "stateMachine", "execution", 1) + ":" + in.Name
	c.mu.Lock()
	_, begun := c.ends[arn]
	c.ends[arn] = ending{Status: "RUNNING"}
	c.mu.Unlock()
	if !begun {
		go c.run(arn, []byte(in.Input))
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	fmt.Fprintf(w, `{"executionArn":%q,"startDate":1}`, arn)
}

// run applies until it is no longer unfinished.
func (c *cloud) run(arn string, event []byte) {
	for {
		payload, failed, err := c.lambda.Invoke(context.Background(), c.runner, event)
		var report struct {
			Outcome, Next string
			Refusal       struct{ Summary string }
		}
		if err != nil || failed != "" || json.Unmarshal(payload, &report) != nil {
			c.end(arn, ending{Status: "FAILED", Error: "Lambda.Unknown", Cause: fmt.Sprint(failed, err)})
			return
		}
		switch report.Outcome {
		case "unfinished":
			continue
		case "applied", "nothing_to_do":
			c.end(arn, ending{Status: "SUCCEEDED", Output: string(payload)})
		default:
			c.end(arn, ending{Status: "FAILED", Error: report.Outcome, Cause: report.Outcome + " - " + report.Refusal.Summary + " Next - " + report.Next})
		}
		return
	}
}

func (c *cloud) end(arn string, e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends[arn] = e
}

func (c *cloud) describe(w http.ResponseWriter, body []byte) {
	var in struct{ ExecutionArn string }
	_ = json.Unmarshal(body, &in)
	c.mu.Lock()
	e, ok := c.ends[in.ExecutionArn]
	c.mu.Unlock()
	if !ok {
		refuseJSON(w, "ExecutionDoesNotExist", "Execution Does Not Exist: '"+in.ExecutionArn+"'")
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(e)
}
