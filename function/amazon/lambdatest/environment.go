package lambdatest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const environmentLimit = 4096

// reserved names cannot be set on Lambda either.
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// checkEnvironment refuses what Lambda would refuse when the function is deployed.
func checkEnvironment(env []string) error {
	size := 0
	for _, e := range env {
		name, _, ok := strings.Cut(e, "=")
		switch {
		case !ok || name == "":
			return fmt.Errorf("environment: want NAME=value, have an entry %q without a name or value", name)
		case slices.Contains(reserved, name):
			return fmt.Errorf("environment: %s is reserved by Lambda, which sets it itself", name)
		}
		size += len(e)
	}
	if size > environmentLimit {
		return fmt.Errorf("environment: %d bytes, Lambda takes %d at most", size, environmentLimit)
	}
	return nil
}

// environment is what the process of a sandbox starts with. Of two entries with one name the later counts, so the
// function's own come last.
func (p *pool) environment(runtimeAPI, logStream string) []string {
	return append([]string{
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"AWS_REGION=" + p.region,
		"AWS_DEFAULT_REGION=" + p.region,
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_SESSION_TOKEN=local",
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME=" + p.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + latest,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(p.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=" + p.logGroup(),
		"AWS_LAMBDA_LOG_STREAM_NAME=" + logStream,
		"LAMBDA_TASK_ROOT=" + filepath.Dir(p.Bootstrap),
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=" + handlerName,
	}, p.Env...)
}

// lookup finds a variable of the function's own environment; the last entry counts.
func (f Function) lookup(name string) string {
	for _, e := range slices.Backward(f.Env) {
		if n, value, _ := strings.Cut(e, "="); n == name {
			return value
		}
	}
	return ""
}
