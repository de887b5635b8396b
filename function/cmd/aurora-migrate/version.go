package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what the version command tells, as JSON has it.
type build struct {
	Screen   []string `json:"screen"`
	OK       bool     `json:"ok"`
	Action   string   `json:"action"`
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"` // of the source, where the build knew it
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
}

func (t *terminal) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Tell which version this is",
		Example: "  aurora-migrate version",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if t.format == jsonFormat {
				t.writeJSON(b)
				return nil
			}
			_, _ = io.WriteString(t.out, b.Screen[0]+"\n")
			return nil
		},
	}
}

func thisBuild() build {
	b := build{OK: true, Action: "version", Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	line := fmt.Sprintf("aurora-migrate %s (%s, %s)", b.Version, b.Go, b.Platform)
	if b.Revision != "" {
		line += " from " + b.Revision
	}
	b.Screen = []string{line}
	return b
}
