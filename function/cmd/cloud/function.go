package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/amazon/lambdatest"
)

// deployed is a function as it was deployed, its code unpacked.
type deployed struct {
	Name        string            `json:"name"`
	Bootstrap   string            `json:"bootstrap"` // path
	Environment map[string]string `json:"environment"`
	Timeout     int               `json:"timeout"` // seconds
	MemoryMB    int               `json:"memory_mb"`
	Log         string            `json:"log"` // path of the file that its log goes to
}

// served says where the Invoke API of a function is.
type served struct {
	Endpoint string `json:"endpoint"`
}

func function(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	d := json.NewDecoder(in)
	var f deployed
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("which function: %w", err)
	}
	log, err := os.OpenFile(f.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	var env []string
	for name, value := range f.Environment {
		env = append(env, name+"="+value)
	}
	l, err := lambdatest.Start(lambdatest.Function{
		Name: f.Name, Bootstrap: f.Bootstrap, Env: env, MemoryMB: f.MemoryMB,
		Timeout: time.Duration(f.Timeout) * time.Second, Logs: log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return ready(ctx, in, out, served{l.Endpoint()})
}
