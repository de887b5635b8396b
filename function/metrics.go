package main

import (
	"cmp"
	"encoding/json"
	"io"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// namespace is where CloudWatch keeps the metrics; the alarms in template.yaml
// name it.
const namespace = "AuroraMigrate"

// measure writes one line in CloudWatch's embedded metric format, from which
// CloudWatch makes metrics without any call of ours: Answers, one for each
// invocation, by function, action and outcome, and Duration in milliseconds by
// function and action. A request that could not be read counts under the action
// "none". CloudWatch takes _aws at the top level of the line only, so this is
// no line of the log. What cannot be written is lost: the answer matters more.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func measure(w io.Writer, r migration.Result, began time.Time, took time.Duration) {
	type metric struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []metric
	}
	line, err := json.Marshal(map[string]any{
		"_aws": map[string]any{
			"Timestamp": began.UnixMilli(),
			"CloudWatchMetrics": []directive{
				{namespace, [][]string{{"Function", "Action", "Outcome"}}, []metric{{"Answers", "Count"}}},
				{namespace, [][]string{{"Function", "Action"}}, []metric{{"Duration", "Milliseconds"}}},
			},
		},
		"Function": cmp.Or(lambdacontext.FunctionName, "none"),
		"Action":   cmp.Or(string(r.Action), "none"),
		"Outcome":  string(r.Outcome),
		"Answers":  1,
		"Duration": float64(took.Microseconds()) / 1000,
	})
	if err != nil {
		return // strings and numbers always marshal
	}
	_, _ = w.Write(append(line, '\n'))
}
