package authoring

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// write puts a new file and its atlas.sum into the directory, unless somebody
// else has written there since it was read: then nothing is written. Both texts
// stand on the disk before either gets its name.
func write(d *directory, name, text, sum string) (err error) {
	unlock, err := lock(d.path)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := texts(d.path)
	if err != nil {
		return err
	}
	if !maps.Equal(now, d.texts) {
		return fmt.Errorf("%s was changed by somebody else while this ran: nothing was written", d.path)
	}
	path := filepath.Join(d.path, name)
	temporary, err := store(path, []byte(text))
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already: nothing was written", path)
		}
		// Some file systems have no links; the lock keeps others of us away.
		if err := os.Rename(temporary, path); err != nil {
			return err
		}
	}
	if err := Replace(filepath.Join(d.path, sumName), []byte(sum)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Replace gives a file another text in one step: whoever reads it gets the old
// one or the new one, whole. It keeps the mode, and a link stays a link.
func Replace(path string, text []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	temporary, err := store(path, text)
	if err != nil {
		return err
	}
	if info, there := os.Stat(path); there == nil {
		err = os.Chmod(temporary, info.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// store writes text beside path, to the disk, and returns under which name.
func store(path string, text []byte) (temporary string, err error) {
	temporary = filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(temporary)
		return "", err
	}
	return temporary, nil
}

// patience is how long one writer waits for another.
const patience = 10 * time.Second

// lock keeps other writers of this program out of a directory, by a lock on the
// directory itself: nothing of it stays. Where the system locks no directories
// (Windows, NFS) it is on a file elsewhere.
func lock(dir string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	locked, err := l.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) {
		l = flock.New(lockFile(dir))
		locked, err = l.TryLockContext(ctx, 20*time.Millisecond)
	}
	switch {
	case locked:
		return func() { _ = l.Close() }, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("another aurora-migrate writes to %s: nothing was written: %w", dir, err)
	}
	return nil, fmt.Errorf("lock %s: nothing was written: %w", dir, err)
}

// lockFile is the same path for each way to write dir. The file is never taken
// away: somebody may be waiting for it, who would then lock what has no name.
func lockFile(dir string) string {
	path, err := filepath.Abs(dir)
	if err != nil {
		path = dir
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(os.TempDir(), fmt.Sprintf("aurora-migrate-%d-%s.lock", os.Getuid(), hex.EncodeToString(sum[:8])))
}
