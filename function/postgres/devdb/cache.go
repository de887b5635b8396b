package devdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// cache is a directory of things that are made once and then only read. Each stands
// under its final name when it is complete, never before. Several processes may use one.
type cache struct {
	dir string
	who account // must be able to read what is in it
}

// openCache returns the cache in dir, or in the default place if dir is "". For root
// that is not below its home directory, which nobody else may enter.
func openCache(ctx context.Context, dir string, who account) (cache, error) {
	places := []string{dir}
	if dir == "" {
		places = defaultCaches(who)
	}
	var first error
	for _, p := range places {
		p, err := filepath.Abs(p)
		if err == nil {
			err = mkdirOpen(p)
		}
		if err == nil {
			err = who.enter(ctx, p)
		}
		if err == nil {
			return cache{p, who}, nil
		}
		if first == nil {
			first = err
		}
	}
	return cache{}, fmt.Errorf("no cache directory for dev servers: %w", first)
}

func defaultCaches(who account) []string {
	name := filepath.Join("aurora-migrate", "postgres")
	if who.other {
		return []string{filepath.Join("/var/cache", name), filepath.Join("/var/lib", name)}
	}
	var places []string
	if user, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(user, name))
	}
	// A user without a home, as in many containers.
	return append(places, filepath.Join("/var/tmp", "aurora-migrate-"+strconv.Itoa(os.Getuid())))
}

// mkdirOpen is os.MkdirAll whose new directories everybody may enter, whatever the umask,
// and that refuses one that others may write to: binaries are run from it.
func mkdirOpen(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		if info.Mode().Perm()&0o022 != 0 {
			return fmt.Errorf("%s may be written by others (%v)", path, info.Mode().Perm())
		}
		return usable(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if parent := filepath.Dir(path); filepath.Base(parent) == "aurora-migrate" {
		if err := os.Chmod(parent, 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	return os.Chmod(path, 0o755)
}

// usable reports why files cannot be made in an existing directory.
func usable(dir string) error {
	f, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// once returns the path of name in the cache. If it is not there, create fills a new
// directory, which then takes that name in one step; other processes that want it wait
// meanwhile, and what was left unfinished by a dead one is removed.
func (c cache) once(ctx context.Context, name string, create func(dir string) error) (string, error) {
	path := filepath.Join(c.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for another process that prepares %s: %w", path, err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	partial := path + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", err
	}
	if err := mkdirOpen(partial); err != nil {
		return "", err
	}
	if err := create(partial); err != nil {
		os.RemoveAll(partial)
		return "", err
	}
	return path, os.Rename(partial, path)
}
