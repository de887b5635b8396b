// Command bootstrap is the migrator on AWS Lambda: an event comes in, a report
// goes out. It is one binary for two functions, the runner and the planner,
// which is a runner that changes nothing (MIGRATE_READ_ONLY).
//
// Read handler.go for what is an answer and what an error, config.go for what
// can be set, and package pipeline for what happens.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/alquimistaai/aurora-migrator/function/pipeline"
	"github.com/alquimistaai/aurora-migrator/migrations"
)

// release is the version of this program; the build sets it.
var release = "devel"

func main() {
	c, err := environment()
	h := &handler{
		misconfigured: err,
		metrics:       os.Stdout,
		log:           slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: c.logLevel, ReplaceAttr: lambdacontext.ReplaceAttr})),
		pipeline: pipeline.Pipeline{
			Directory:  migrations.FS,
			Settings:   c.Settings,
			Release:    release,
			ReadOnly:   c.ReadOnly,
			ShowDetail: c.ShowDetail,
		},
	}
	credentialsOf(c, &h.pipeline)
	lambda.Start(h)
}
