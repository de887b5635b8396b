package lambdatest

import (
	"encoding/json"
	"net/http"
	"os"
	"runtime"
	"time"
)

// configuration is Lambda's FunctionConfiguration, without the environment: that may hold a password.
type configuration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string
	Role             string
	Handler          string
	CodeSize         int64
	Description      string
	Timeout          int
	MemorySize       int
	LastModified     string
	Version          string
	State            string
	LastUpdateStatus string
	PackageType      string
	Architectures    []string
	EphemeralStorage map[string]int
	LoggingConfig    map[string]string
	TracingConfig    map[string]string
}

func (l *Lambda) serveConfiguration(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-RequestId", newRequestID())
	p, arn, fault := l.find(r)
	if fault != nil {
		fault.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(p.configuration(arn)) // fails only if the caller has gone
}

func (p *pool) configuration(arn string) configuration {
	c := configuration{
		FunctionName:     p.Name,
		FunctionArn:      arn,
		Runtime:          "provided.al2023",
		Role:             "arn:aws:iam::" + account + ":role/" + p.Name,
		Handler:          handlerName,
		Timeout:          int((p.Timeout + time.Second - 1) / time.Second),
		MemorySize:       p.MemoryMB,
		LastModified:     "1970-01-01T00:00:00.000+0000",
		Version:          latest,
		State:            "Active",
		LastUpdateStatus: "Successful",
		PackageType:      "Zip",
		Architectures:    []string{architecture()},
		EphemeralStorage: map[string]int{"Size": 512},
		LoggingConfig:    map[string]string{"LogFormat": "Text", "LogGroup": p.logGroup()},
		TracingConfig:    map[string]string{"Mode": "PassThrough"},
	}
	if p.jsonLogs() {
		c.LoggingConfig["LogFormat"] = "JSON"
	}
	if file, err := os.Stat(p.Bootstrap); err == nil { // missing: the first invocation tells
		c.CodeSize = file.Size()
		c.LastModified = file.ModTime().UTC().Format("2006-01-02T15:04:05.000-0700")
	}
	return c
}

func architecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}
