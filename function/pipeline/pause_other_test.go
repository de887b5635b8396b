//go:build !linux

package pipeline_test

import "time"

func pause(d time.Duration) { time.Sleep(d) }
