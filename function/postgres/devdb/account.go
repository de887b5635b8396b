package devdb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is the operating system user that a server runs as. The zero value is the
// user of this process.
type account struct {
	other    bool // uid and gid differ from this process's
	uid, gid int
}

// serverAccount returns the user of this process, unless that is root, which PostgreSQL
// refuses: then the user postgres, if there is one, else nobody.
func serverAccount() account {
	if os.Geteuid() != 0 {
		return account{}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid > 0 {
			return account{true, uid, gid}
		}
	}
	return account{true, 65534, 65534}
}

// command prepares a program to run as a, in dir, which a must be able to enter. It
// inherits nothing of this process's environment: there may be secrets in it.
func (a account) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C", "HOME=" + dir}
	c.SysProcAttr = a.attributes()
	return c
}

// enter returns an error if a cannot enter dir. It is asked of the system, because modes
// alone do not tell: a parent may be closed, a container may forbid it.
func (a account) enter(ctx context.Context, dir string) error {
	if !a.other {
		return nil
	}
	if err := a.command(ctx, "/", "/bin/sh", "-c", `test -x "$1"`, "sh", dir).Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: uid %d, as which PostgreSQL runs where this program is root, cannot enter it", dir, a.uid)
	}
	return nil
}

// own gives path, not what is below it, to a.
func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// tempDir makes a new directory that belongs to a, in the first of parents where a can
// use it.
func (a account) tempDir(ctx context.Context, pattern string, parents ...string) (string, error) {
	var first error
	for _, parent := range parents {
		dir, err := os.MkdirTemp(parent, pattern)
		if err == nil {
			if err = a.own(dir); err == nil {
				err = a.enter(ctx, dir)
			}
			if err == nil {
				return filepath.EvalSymlinks(dir)
			}
			os.Remove(dir)
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("no place for a temporary server: %w", first)
}
