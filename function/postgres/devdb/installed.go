package devdb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// binaries is a directory with initdb and postgres of one version.
type binaries struct {
	dir     string
	version string // "17.11"; also "18beta1"
	major   int
}

// installed looks for a PostgreSQL of major on this machine that who can run: first in
// PATH, then where packages put it.
func installed(ctx context.Context, major int, who account) (binaries, bool) {
	for _, dir := range installedDirs(major) {
		b, err := inspect(ctx, dir, who)
		if err == nil && b.major == major {
			return b, true
		}
	}
	return binaries{}, false
}

func installedDirs(major int) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		// A link in PATH may stand alone, far from the initdb of its version.
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/%d/bin",                          // Debian, Ubuntu
		"/usr/pgsql-%d/bin",                                   // PostgreSQL's own RPMs
		"/usr/libexec/postgresql%d",                           // Alpine
		"/usr/lib/postgresql%d/bin",                           // SUSE
		"/opt/homebrew/opt/postgresql@%d/bin",                 // Homebrew on arm64
		"/usr/local/opt/postgresql@%d/bin",                    // Homebrew on amd64
		"/home/linuxbrew/.linuxbrew/opt/postgresql@%d/bin",    // Homebrew on Linux
		"/Applications/Postgres.app/Contents/Versions/%d/bin", // Postgres.app
		"/opt/local/lib/postgresql%d/bin",                     // MacPorts
		"/Library/PostgreSQL/%d/bin",                          // EDB on macOS
	} {
		dirs = append(dirs, fmt.Sprintf(pattern, major))
	}
	return dirs
}

var versionOutput = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)[.\w]*)`)

// inspect asks the postgres in dir, as who, for its version.
func inspect(ctx context.Context, dir string, who account) (binaries, error) {
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := who.command(ctx, "/", filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("%s/postgres --version: %w", dir, err)
	}
	m := versionOutput.FindSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("%s/postgres --version: %q", dir, out)
	}
	major, err := strconv.Atoi(string(m[2]))
	return binaries{dir, string(m[1]), major}, err
}
