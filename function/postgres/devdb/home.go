package devdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// home is the directory of one server: data, password, log and socket.
type home struct {
	dir  string
	keep bool
	who  account
}

func (h home) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

// newHome makes the directory of a server, filled from an initialised cluster. A kept
// directory that is filled already is taken as it is, if it is of the major of b.
func newHome(ctx context.Context, o Options, c cache, b binaries) (h home, err error) {
	if o.Dir == "" {
		h = home{who: c.who}
		h.dir, err = c.who.tempDir(ctx, "aurora-migrate-", append(memory(), os.TempDir(), "/tmp", "/var/tmp", c.dir)...)
	} else {
		h, err = keptHome(ctx, o.Dir, c.who)
	}
	if err != nil {
		return home{}, err
	}
	version, err := os.ReadFile(h.path(dataDir, "PG_VERSION"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = h.fill(ctx, c, b)
	case err == nil && strings.TrimSpace(string(version)) != fmt.Sprint(b.major):
		err = fmt.Errorf("%s holds databases of PostgreSQL %s, and %d was asked for: ask for that major, or name another directory",
			h.dir, bytes.TrimSpace(version), b.major)
	}
	if err != nil && !h.keep {
		os.RemoveAll(h.dir)
	}
	return h, err
}

func keptHome(ctx context.Context, dir string, who account) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return home{}, err
	}
	h := home{dir, true, who}
	// It is about to get another owner and new files: not someone's own directory.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return home{}, err
	}
	if _, err := os.Stat(h.path(passwordFile)); err != nil && len(entries) > 0 {
		return home{}, fmt.Errorf("%s is not empty and not of a dev server: name a directory that is either", dir)
	}
	if err := who.own(dir); err != nil {
		return home{}, err
	}
	return h, who.enter(ctx, dir)
}

// fill copies an initialised cluster into h. The data directory comes last and in one
// step: where it is, everything is.
func (h home) fill(ctx context.Context, c cache, b binaries) error {
	from, err := c.cluster(ctx, b)
	if err != nil {
		return err
	}
	partial := h.path(dataDir + ".partial")
	for _, path := range []string{partial, h.path(passwordFile)} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(from, passwordFile), h.path(passwordFile)); err != nil {
		return err
	}
	if err := copyTree(ctx, filepath.Join(from, dataDir), partial, h.who); err != nil {
		return fmt.Errorf("copy the initialised cluster: %w", err)
	}
	return os.Rename(partial, h.path(dataDir))
}

// configure writes the settings of a server and, for a standby, the file that says so.
func (h home) configure(o Options, port int, socketDir string) error {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    fmt.Sprint(port),
		"unix_socket_directories": socketDir,
		"max_connections":         "200",
		"shared_buffers":          "32MB",
		"wal_level":               "logical",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"lc_messages":             "C",
	}
	if !h.keep {
		// What is written outlives the server's processes, though not a power cut. So a
		// commit still counts in a test that kills the server, which would not be so
		// with synchronous_commit off.
		settings["fsync"], settings["full_page_writes"] = "off", "off"
		settings["max_wal_size"] = "256MB" // it may be memory that the log takes
	}
	maps.Copy(settings, o.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	if err := h.write(conf.String(), dataDir, settingsFile); err != nil {
		return err
	}
	if o.Standby {
		return h.write("", dataDir, "standby.signal")
	}
	err := os.Remove(h.path(dataDir, "standby.signal"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// write makes or replaces a file of h that only the server's user may read.
func (h home) write(content string, names ...string) error {
	path := h.path(names...)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return err
	}
	return h.who.own(path)
}

// logTail returns the last lines of the server's log after offset.
func (h home) logTail(offset int64, lines int) string {
	log, err := os.ReadFile(h.path(logFile))
	if err != nil || int64(len(log)) < offset {
		return ""
	}
	all := strings.Split(strings.TrimSpace(string(log[offset:])), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
